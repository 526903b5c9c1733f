//! The Following page: newest first, no chance in it.

use std::cmp::Reverse;

use super::{Pick, Selection, Selector};
use crate::{Candidate, Query, Tab};

/// People who follow expect what they follow, in order: scores are shown by `explain` and not used.
pub struct NewestSelector;

impl Selector for NewestSelector {
    fn name(&self) -> &'static str {
        "newest"
    }

    fn wanted(&self, query: &Query) -> bool {
        query.tab == Tab::Following
    }

    fn select(&self, _query: &Query, candidates: &[Candidate], _scores: &[f32], want: usize) -> Selection {
        let mut order: Vec<_> =
            candidates.iter().enumerate().map(|(index, c)| (Reverse((c.facts.published_at, c.video)), index)).collect();
        order.sort_unstable();
        let picks = order.into_iter().take(want).map(|(_, index)| Pick { index, propensity: 1.0, explored: false });
        Selection { picks: picks.collect(), removed: Vec::new() }
    }
}
