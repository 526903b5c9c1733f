//! A clip seen does not come back while unseen ones are left; what is offered for that reason passes.

use super::{Filter, reason, remove_where};
use crate::{Candidate, Query, Removed};

/// See the module.
pub struct Seen;

impl Filter for Seen {
    fn name(&self) -> &'static str {
        reason::SEEN
    }

    fn filter(&self, query: &Query, candidates: &mut Vec<Candidate>) -> Vec<Removed> {
        remove_where(self.name(), candidates, |candidate| {
            (!candidate.rewatch && query.state.seen(candidate.video)).then_some(reason::SEEN)
        })
    }
}
