//! What goes into the joiner, its limits, and its counters.

use serde::{Deserialize, Serialize};

use crate::task::{Labels, Task};

/// The least [`JoinerConfig::negatives_kept`]: below it, what is kept would weigh more than an example may
/// ([`crate::Config::weight_max`]).
pub const NEGATIVES_KEPT_MIN: f32 = 0.1;

/// The joiner's limits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JoinerConfig {
    /// How long after its time an event may arrive and still be joined.
    pub lateness_ms: i64,
    /// How long a slate, and an entry whose windows have closed, is remembered: views that end so late are still joined and
    /// repetitions still recognised.
    pub keep_ms: i64,
    /// No task waits longer for its action than this, whatever [`crate::TABLE`] says.
    pub window_max_ms: i64,
    pub slates_max: usize,
    pub entries_max: usize,
    /// Events that wait for their slate or impression.
    pub waiting_max: usize,
    /// Share of the examples without any yes that are given, [`NEGATIVES_KEPT_MIN`] to 1; each then weighs 1/share.
    pub negatives_kept: f32,
    /// Decides which ones.
    pub seed: u64,
}

impl Default for JoinerConfig {
    fn default() -> Self {
        Self {
            lateness_ms: 2 * 60_000,
            keep_ms: 60 * 60_000,
            window_max_ms: 60 * 60_000,
            slates_max: 50_000,
            entries_max: 200_000,
            waiting_max: 50_000,
            negatives_kept: 1.0,
            seed: 1,
        }
    }
}

/// A clip came into view.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Impression {
    pub viewer: u64,
    pub video: u64,
    pub slate: Option<u64>,
    pub at_ms: i64,
}

/// A view ended, or went on long enough to be reported.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    pub viewer: u64,
    pub video: u64,
    pub slate: Option<u64>,
    pub at_ms: i64,
    pub watch_ms: u32,
    /// 0 = unknown: then the slate's length of the video counts.
    pub duration_ms: u32,
    /// Labels that the reporter judged by a rule of its own: each stands before what the lengths say. None as a rule.
    #[serde(default)]
    pub judged: Labels,
}

/// What an action was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    Video(u64),
    Creator(u64),
}

/// A positive action.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    pub viewer: u64,
    pub target: Target,
    /// One whose [`crate::Source`] is an action; others are refused and counted.
    pub task: Task,
    pub at_ms: i64,
}

/// What the joiner did with what it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub slates: u64,
    pub impressions: u64,
    pub watches: u64,
    pub actions: u64,
    /// Examples given: from views, from positive actions, from windows that closed.
    pub watch_examples: u64,
    pub positive_examples: u64,
    pub negative_examples: u64,
    /// Examples without any yes that were left out, those that are given standing for them.
    pub negatives_dropped: u64,
    pub duplicates: u64,
    /// Came after their window had closed.
    pub late: u64,
    /// Waited for a slate or impression that never came, or was done to what had not been shown.
    pub unmatched: u64,
    /// Named a slate of another viewer or without that video, named no slate and had no features, or asked for a task that is
    /// not an action's.
    pub refused: u64,
    /// Given up for memory: slates, waiting events.
    pub slates_dropped: u64,
    pub waiting_dropped: u64,
    /// Entries closed before their time for memory.
    pub closed_early: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Event {
    Impression(Impression),
    Watch(Watch),
    Action(Action),
}

impl Event {
    pub(super) fn key(&self) -> (u64, Target) {
        match self {
            Self::Impression(event) => (event.viewer, Target::Video(event.video)),
            Self::Watch(event) => (event.viewer, Target::Video(event.video)),
            Self::Action(event) => (event.viewer, event.target),
        }
    }

    pub(super) fn at_ms(&self) -> i64 {
        match self {
            Self::Impression(event) => event.at_ms,
            Self::Watch(event) => event.at_ms,
            Self::Action(event) => event.at_ms,
        }
    }
}
