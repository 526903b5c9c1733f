//! The best of many, with a rising threshold.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use base::VideoId;

/// A scored video. Higher scores are greater; of equal scores the younger video is, so that order never depends on layout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranked {
    pub(crate) score: f32,
    pub(crate) video: VideoId,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(self.video.cmp(&other.video))
    }
}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Ranked {}

/// Keeps the `k` greatest.
pub(crate) struct Top {
    k: usize,
    /// The least of those kept is on top.
    kept: BinaryHeap<Reverse<Ranked>>,
}

impl Top {
    pub(crate) fn new(k: usize) -> Self {
        Self { k, kept: BinaryHeap::with_capacity(k) }
    }

    /// A score below this cannot get in.
    pub(crate) fn threshold(&self) -> f32 {
        match self.kept.peek() {
            Some(Reverse(least)) if self.kept.len() >= self.k => least.score,
            _ => f32::NEG_INFINITY,
        }
    }

    /// Whether `offer` would keep it.
    pub(crate) fn takes(&self, ranked: Ranked) -> bool {
        match self.kept.peek() {
            Some(Reverse(least)) if self.kept.len() >= self.k => ranked > *least,
            _ => self.k > 0,
        }
    }

    /// Keeps one that [`Top::takes`].
    pub(crate) fn keep(&mut self, ranked: Ranked) {
        if self.kept.len() < self.k {
            self.kept.push(Reverse(ranked));
        } else if let Some(mut least) = self.kept.peek_mut() {
            *least = Reverse(ranked);
        }
    }

    /// Greatest first.
    pub(crate) fn into_sorted(self) -> Vec<Ranked> {
        self.kept.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked).collect()
    }
}
