//! The page, and everything that can be told of how it came about.

use std::sync::Arc;

use base::{SlateId, VideoId};

use crate::{Candidate, ScoreParts, Scores, SourceKind};

/// A candidate that is not on the page, and what took it out. Names are from fixed lists: they are counted and translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Removed {
    pub filter: &'static str,
    pub reason: &'static str,
    pub video: VideoId,
}

/// Removals of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedGroup {
    pub filter: &'static str,
    pub reason: &'static str,
    pub count: usize,
    /// The first of them.
    pub videos: Vec<VideoId>,
}

/// How a source fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceStatus {
    Ok,
    /// Not back before its deadline.
    Late,
    /// Returned an error, or panicked.
    Failed,
}

impl SourceStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Late => "late",
            Self::Failed => "failed",
        }
    }
}

/// One source's part in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceReport {
    pub source: SourceKind,
    pub status: SourceStatus,
    /// Candidates it returned.
    pub candidates: usize,
    pub elapsed_us: u64,
}

/// One predicted action of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    pub task: String,
    /// 0 to 1.
    pub probability: f32,
    pub weight: f32,
    /// `probability` times `weight`: what it added to the score.
    pub contribution: f32,
}

/// One clip on the page.
#[derive(Clone, Debug)]
pub struct SelectedItem {
    pub candidate: Candidate,
    /// From 0.
    pub position: usize,
    /// The sum of `parts`; comparable within one page only.
    pub score: f32,
    pub parts: ScoreParts,
    /// Probability with which the selector put this clip at this place, given those before it; over 0, at most 1.
    pub propensity: f32,
    /// Came in by a slot for new videos.
    pub explored: bool,
    /// Empty when the fallback scored.
    pub predictions: Vec<Prediction>,
}

impl SelectedItem {
    pub fn video(&self) -> VideoId {
        self.candidate.video
    }
}

/// Microseconds that each stage took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimings {
    pub sources_us: u64,
    pub hydrate_us: u64,
    pub filter_us: u64,
    pub score_us: u64,
    pub select_us: u64,
    pub total_us: u64,
}

/// A page.
#[derive(Clone, Debug)]
pub struct Slate {
    pub id: SlateId,
    pub items: Vec<SelectedItem>,
    /// In the order in which they were taken out.
    pub removed: Vec<Removed>,
    pub sources: Vec<SourceReport>,
    /// The learner was out: scored by popularity and freshness.
    pub fallback: bool,
    /// Candidates that were scored.
    pub scored: usize,
    pub timings: StageTimings,
    /// For a page that every arm is to judge, if the scorer of its own arm and a selector that knows its chances made it.
    pub considered: Option<Arc<Considered>>,
}

/// What a page was chosen from.
#[derive(Debug)]
pub struct Considered {
    pub candidates: Vec<Candidate>,
    pub scores: Scores,
    /// The sum of the parts of each score.
    pub totals: Vec<f32>,
    /// Indexes into the candidates, in the order of the page.
    pub picks: Vec<usize>,
}

impl Slate {
    /// Removals by filter and reason, each group with its first `videos_max` videos, in the order of first removal.
    pub fn removed_groups(&self, videos_max: usize) -> Vec<RemovedGroup> {
        let mut groups: Vec<RemovedGroup> = Vec::new();
        for removed in &self.removed {
            let same = |group: &RemovedGroup| group.filter == removed.filter && group.reason == removed.reason;
            let at = groups.iter().position(same).unwrap_or_else(|| {
                groups.push(RemovedGroup { filter: removed.filter, reason: removed.reason, count: 0, videos: Vec::new() });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(at) {
                group.count += 1;
                if group.videos.len() < videos_max {
                    group.videos.push(removed.video);
                }
            }
        }
        groups
    }
}
