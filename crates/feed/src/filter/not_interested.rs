//! Clips that the viewer turned away or reported.

use super::{Filter, reason, remove_where};
use crate::{Candidate, Query, Removed};

/// See the module.
pub struct NotInterested;

impl Filter for NotInterested {
    fn name(&self) -> &'static str {
        reason::NOT_INTERESTED
    }

    fn filter(&self, query: &Query, candidates: &mut Vec<Candidate>) -> Vec<Removed> {
        remove_where(self.name(), candidates, |candidate| {
            (query.state.not_interested(candidate.video)).then_some(reason::NOT_INTERESTED)
        })
    }
}
