//! One of each clip: a repetition gives way to its original, and to an original that was seen.

use hashbrown::HashSet;

use super::{Filter, reason, remove_where};
use crate::{Candidate, Query, Removed};

/// See the module. Among repetitions without their original the first stays.
pub struct Duplicate;

impl Filter for Duplicate {
    fn name(&self) -> &'static str {
        reason::DUPLICATE
    }

    fn filter(&self, query: &Query, candidates: &mut Vec<Candidate>) -> Vec<Removed> {
        if candidates.iter().all(|candidate| candidate.facts.duplicate_of.is_none()) {
            return Vec::new();
        }
        let mut taken: HashSet<_> =
            candidates.iter().filter(|c| c.facts.duplicate_of.is_none()).map(|candidate| candidate.video).collect();
        remove_where(self.name(), candidates, |candidate| {
            let original = candidate.facts.duplicate_of?;
            let seen = !candidate.rewatch && query.state.seen(original);
            (seen || !taken.insert(original)).then_some(reason::DUPLICATE)
        })
    }
}
