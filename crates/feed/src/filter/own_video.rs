//! One's own clips: their creator knows them.

use super::{Filter, reason, remove_where};
use crate::{Candidate, Query, Removed};

/// See the module.
pub struct OwnVideo;

impl Filter for OwnVideo {
    fn name(&self) -> &'static str {
        reason::OWN_VIDEO
    }

    fn filter(&self, query: &Query, candidates: &mut Vec<Candidate>) -> Vec<Removed> {
        remove_where(self.name(), candidates, |candidate| {
            (query.account == Some(candidate.facts.creator)).then_some(reason::OWN_VIDEO)
        })
    }
}
