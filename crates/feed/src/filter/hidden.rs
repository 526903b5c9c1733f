//! What moderation says may not be shown to this viewer. Ranking and visibility are separate: the feed only asks.

use super::{Filter, remove_where};
use crate::{Candidate, Query, Removed};

/// Asks `hidden(query, candidate)`, which gives the reason if the video may not be shown ([`super::reason::REMOVED`] or a
/// policy's own name, from a fixed list).
pub struct Hidden<F> {
    hidden: F,
}

impl<F: Fn(&Query, &Candidate) -> Option<&'static str> + Send + Sync + 'static> Hidden<F> {
    pub fn new(hidden: F) -> Self {
        Self { hidden }
    }
}

impl<F: Fn(&Query, &Candidate) -> Option<&'static str> + Send + Sync + 'static> Filter for Hidden<F> {
    fn name(&self) -> &'static str {
        "hidden"
    }

    fn filter(&self, query: &Query, candidates: &mut Vec<Candidate>) -> Vec<Removed> {
        remove_where(self.name(), candidates, |candidate| (self.hidden)(query, candidate))
    }
}
