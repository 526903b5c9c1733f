//! Creators whom the viewer blocked, or who blocked the viewer.

use super::{Filter, reason, remove_where};
use crate::{Candidate, Query, Removed};

/// See the module.
pub struct Blocked;

impl Filter for Blocked {
    fn name(&self) -> &'static str {
        reason::BLOCKED
    }

    fn filter(&self, query: &Query, candidates: &mut Vec<Candidate>) -> Vec<Removed> {
        remove_where(self.name(), candidates, |candidate| {
            (query.state.blocked(candidate.facts.creator)).then_some(reason::BLOCKED)
        })
    }
}
