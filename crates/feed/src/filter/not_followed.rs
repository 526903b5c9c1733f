//! In the Following tab, whatever its creator is not followed for (a seen clip offered again, for one).

use super::{Filter, reason, remove_where};
use crate::{Candidate, Query, Removed, Tab};

/// See the module.
pub struct NotFollowed;

impl Filter for NotFollowed {
    fn name(&self) -> &'static str {
        reason::NOT_FOLLOWED
    }

    fn filter(&self, query: &Query, candidates: &mut Vec<Candidate>) -> Vec<Removed> {
        remove_where(self.name(), candidates, |candidate| {
            (query.tab == Tab::Following && !query.state.follows(candidate.facts.creator)).then_some(reason::NOT_FOLLOWED)
        })
    }
}
