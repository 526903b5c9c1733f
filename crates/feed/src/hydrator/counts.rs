//! What happened to each video so far.

use base::VideoId;

use super::Hydrator;
use crate::{Candidate, Counts, Query};

/// Looks up by `counts(video)`.
pub struct CountsHydrator<F> {
    counts: F,
}

impl<F: Fn(VideoId) -> Counts + Send + Sync + 'static> CountsHydrator<F> {
    pub fn new(counts: F) -> Self {
        Self { counts }
    }
}

impl<F: Fn(VideoId) -> Counts + Send + Sync + 'static> Hydrator for CountsHydrator<F> {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn hydrate(&self, _query: &Query, candidates: &mut [Candidate]) {
        for candidate in candidates {
            candidate.counts = (self.counts)(candidate.video);
        }
    }
}
