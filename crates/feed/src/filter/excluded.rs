//! Clips that the client already holds.

use super::{Filter, reason, remove_where};
use crate::{Candidate, Query, Removed};

/// See the module.
pub struct Excluded;

impl Filter for Excluded {
    fn name(&self) -> &'static str {
        reason::EXCLUDED
    }

    fn filter(&self, query: &Query, candidates: &mut Vec<Candidate>) -> Vec<Removed> {
        remove_where(self.name(), candidates, |candidate| {
            (query.exclude.contains(&candidate.video)).then_some(reason::EXCLUDED)
        })
    }
}
