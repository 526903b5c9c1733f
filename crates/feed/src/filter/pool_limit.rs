//! The most candidates that are scored: last, so that the places go to those that may be shown.

use super::{Filter, reason};
use crate::{CANDIDATES_MAX, Candidate, Query, Removed};

/// Keeps the first `candidates_max`. The pipeline takes candidates from its sources by turns, so the first are the best of
/// each.
pub struct PoolLimit {
    pub candidates_max: usize,
}

impl Default for PoolLimit {
    fn default() -> Self {
        Self { candidates_max: CANDIDATES_MAX }
    }
}

impl Filter for PoolLimit {
    fn name(&self) -> &'static str {
        "pool_limit"
    }

    fn filter(&self, _query: &Query, candidates: &mut Vec<Candidate>) -> Vec<Removed> {
        let from = self.candidates_max.min(candidates.len());
        candidates
            .drain(from..)
            .map(|candidate| Removed { filter: self.name(), reason: reason::TOO_MANY_CANDIDATES, video: candidate.video })
            .collect()
    }
}
