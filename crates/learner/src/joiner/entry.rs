//! One impression on its way from shown to learned.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::example::Example;
use crate::features::{VideoFeatures, ViewerFeatures};
use crate::joiner::{JoinerConfig, Watch};
use crate::labels::WatchLabels;
use crate::task::{Labels, Source, TABLE, TASKS, Task};

/// The viewer as a page was made for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub viewer: ViewerFeatures,
    pub at_ms: i64,
}

/// Which window closes next; windows close in order of length, tasks of one window together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stage(u8);

/// The distinct windows of the table's actions, shortest first.
const WINDOWS: ([i64; TASKS], usize) = {
    let (mut windows, mut len) = ([i64::MAX; TASKS], 0);
    let mut at = 0;
    while at < TASKS {
        if let Source::Action { window_ms } = TABLE[at].source {
            // Insertion into a sorted list without repetitions.
            let mut place = 0;
            while place < len && windows[place] < window_ms {
                place += 1;
            }
            if place == len || windows[place] != window_ms {
                let mut from = len;
                while from > place {
                    windows[from] = windows[from - 1];
                    from -= 1;
                }
                windows[place] = window_ms;
                len += 1;
            }
        }
        at += 1;
    }
    (windows, len)
};

impl Stage {
    pub const FIRST: Self = Self(0);
    /// All windows have closed; the entry is only remembered.
    const CLOSED: Self = Self(WINDOWS.1 as u8);
    pub const GONE: Self = Self(WINDOWS.1 as u8 + 1);

    /// When the stage ends for an entry of `at_ms`.
    pub fn due_ms(self, at_ms: i64, config: &JoinerConfig) -> i64 {
        let longest = if WINDOWS.1 == 0 { 0 } else { WINDOWS.0[WINDOWS.1 - 1] };
        let closed_ms = |window_ms: i64| window_ms.min(config.window_max_ms).saturating_add(config.lateness_ms);
        let wait_ms = match WINDOWS.0.get(usize::from(self.0)) {
            Some(window_ms) if self < Self::CLOSED => closed_ms(*window_ms),
            _ => closed_ms(longest).max(config.keep_ms),
        };
        at_ms.saturating_add(wait_ms)
    }

    fn next(self) -> Self {
        Self((self.0 + 1).min(Self::GONE.0))
    }

    fn closes(self, task: usize) -> bool {
        let window = WINDOWS.0.get(usize::from(self.0)).copied();
        self < Self::CLOSED && matches!(TABLE[task].source, Source::Action { window_ms } if Some(window_ms) == window)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub number: u64,
    pub slate: Option<u64>,
    pub shown: Arc<Shown>,
    pub video: Arc<VideoFeatures>,
    /// When it came into view.
    pub at_ms: i64,
    /// Whether the impression itself has arrived, or only a view that implies it.
    pub impressed: bool,
    pub stage: Stage,
    /// Tasks whose positive was given, a bit each.
    pub acted: u16,
    /// The longest view so far: milliseconds watched, length of the clip.
    pub watched: Option<(u32, u32)>,
}

impl Entry {
    pub fn new(
        number: u64,
        slate: Option<u64>,
        shown: Arc<Shown>,
        video: Arc<VideoFeatures>,
        at_ms: i64,
        impressed: bool,
    ) -> Self {
        Self { number, slate, shown, video, at_ms, impressed, stage: Stage::FIRST, acted: 0, watched: None }
    }

    pub fn example(&self, labels: Labels, weight: f32) -> Example {
        Example { viewer: self.shown.viewer.clone(), video: self.video.clone(), labels, weight, at_ms: self.shown.at_ms }
    }

    /// The labels that a view adds: all that it tells when it is the first, those that it raises when it is a longer one;
    /// `None` when it adds nothing.
    pub fn watch(&mut self, watch: &Watch) -> Option<Labels> {
        let duration_ms = if watch.duration_ms == 0 { self.video.duration_ms } else { watch.duration_ms };
        let told = WatchLabels::of(watch.watch_ms, duration_ms).labels(duration_ms);
        let labels = Labels(std::array::from_fn(|task| watch.judged.0[task].or(told.0[task])));
        // What was judged here is not asked of its window again.
        (0..TASKS).filter(|task| watch.judged.0[*task].is_some()).for_each(|task| self.acted |= 1 << task);
        let before = self.watched;
        if before.is_some_and(|(watch_ms, _)| watch.watch_ms <= watch_ms) {
            return None;
        }
        self.watched = Some((watch.watch_ms, duration_ms));
        let Some((before_ms, before_duration_ms)) = before else { return Some(labels) };
        let earlier = WatchLabels::of(before_ms, before_duration_ms).labels(before_duration_ms);
        let mut raised = Labels::none();
        for task in [Task::Finish, Task::LongView, Task::Skip] {
            if let Some(value) = labels.get(task).filter(|_| labels.get(task) != earlier.get(task)) {
                raised = raised.with(task, value);
            }
        }
        Some(raised)
    }

    pub fn closed(&self, task: Task) -> bool {
        (0..self.stage.0).any(|stage| Stage(stage).closes(task.index()))
    }

    /// Notes a positive action; false when it was noted before.
    pub fn mark(&mut self, task: Task) -> bool {
        let bit = 1 << task.index();
        let new = self.acted & bit == 0;
        self.acted |= bit;
        new
    }

    /// Closes the windows that end by `until_ms`, at least the next one: the negatives of their tasks.
    pub fn close_until(&mut self, until_ms: i64, config: &JoinerConfig) -> Labels {
        let mut labels = Labels::none();
        loop {
            for (task, label) in labels.0.iter_mut().enumerate() {
                if self.stage.closes(task) && self.acted & (1 << task) == 0 {
                    *label = Some(0.0);
                }
            }
            self.stage = self.stage.next();
            if self.stage == Stage::GONE || self.stage.due_ms(self.at_ms, config) > until_ms {
                return labels;
            }
        }
    }
}

const _: () = assert!(TASKS <= 16, "a bit each");
