//! What may not come onto the page, and why. Every removal is counted by filter and reason.

mod blocked;
mod duplicate;
mod excluded;
mod hidden;
mod not_followed;
mod not_interested;
mod own_video;
mod pool_limit;
mod seen;

pub use blocked::Blocked;
pub use duplicate::Duplicate;
pub use excluded::Excluded;
pub use hidden::Hidden;
pub use not_followed::NotFollowed;
pub use not_interested::NotInterested;
pub use own_video::OwnVideo;
pub use pool_limit::PoolLimit;
pub use seen::Seen;

use std::sync::Arc;

use crate::{Candidate, Query, Removed};

/// The reasons' names; a filter with a single reason has its reason's name.
pub mod reason {
    pub const SEEN: &str = "seen";
    pub const EXCLUDED: &str = "excluded";
    pub const NOT_INTERESTED: &str = "not_interested";
    pub const BLOCKED: &str = "blocked";
    pub const OWN_VIDEO: &str = "own_video";
    pub const NOT_FOLLOWED: &str = "not_followed";
    /// The original is on the same page, or was seen.
    pub const DUPLICATE: &str = "duplicate";
    /// A source brought a video that nothing is known of: it was removed a moment ago.
    pub const NO_FACTS: &str = "no_facts";
    /// Moderation or the owner took it down.
    pub const REMOVED: &str = "removed";
    pub const TOO_MANY_CANDIDATES: &str = "too_many_candidates";
    pub const TOO_MANY_BY_CREATOR: &str = "too_many_by_creator";
}

/// Takes candidates out.
pub trait Filter: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    /// Leaves in `candidates` what may pass, in its order, and returns the rest with reasons.
    fn filter(&self, query: &Query, candidates: &mut Vec<Candidate>) -> Vec<Removed>;
}

/// Every filter that needs nothing but the query and the candidates, cheapest and most telling first. A deployment adds
/// [`Hidden`].
pub fn standard() -> Vec<Arc<dyn Filter>> {
    vec![
        Arc::new(Excluded),
        Arc::new(Seen),
        Arc::new(NotInterested),
        Arc::new(Blocked),
        Arc::new(OwnVideo),
        Arc::new(NotFollowed),
        Arc::new(Duplicate),
        Arc::new(PoolLimit::default()),
    ]
}

/// Removes the candidates for which `reason` has one.
pub(crate) fn remove_where(
    filter: &'static str,
    candidates: &mut Vec<Candidate>,
    mut reason: impl FnMut(&Candidate) -> Option<&'static str>,
) -> Vec<Removed> {
    let mut removed = Vec::new();
    candidates.retain(|candidate| match reason(candidate) {
        Some(reason) => {
            removed.push(Removed { filter, reason, video: candidate.video });
            false
        }
        None => true,
    });
    removed
}

#[cfg(test)]
mod tests {
    use base::AccountId;

    use crate::pipeline::testing::{NOW, candidate, query_of, video, viewer};
    use crate::{Facts, PlainViewer, Tab};

    use super::*;

    fn state() -> PlainViewer {
        PlainViewer {
            seen: [(video(1), NOW)].into_iter().collect(),
            not_interested: [video(2)].into_iter().collect(),
            blocked: [AccountId::from_raw(3)].into_iter().collect(),
            followed: vec![AccountId::from_raw(4)],
            ..viewer()
        }
    }

    fn repeat(number: u64, creator: u64, of: u64) -> Candidate {
        let mut candidate = candidate(number, creator, &[]);
        let mut facts = Facts::clone(&candidate.facts);
        facts.duplicate_of = Some(video(of));
        candidate.facts = Arc::new(facts);
        candidate
    }

    #[test]
    fn each_filter_takes_what_it_is_for() {
        fn check(filter: &dyn Filter, query: &Query, candidates: Vec<Candidate>, kept: &[u64], reason: &str) {
            let all = candidates.len();
            let mut candidates = candidates;
            let removed = filter.filter(query, &mut candidates);
            assert_eq!(candidates.iter().map(|c| c.video.raw()).collect::<Vec<_>>(), kept, "{}", filter.name());
            assert_eq!(removed.len() + kept.len(), all);
            assert!(removed.iter().all(|removed| removed.reason == reason && removed.filter == filter.name()), "{removed:?}");
        }
        let plain =
            |numbers: &[(u64, u64)]| numbers.iter().map(|(n, creator)| candidate(*n, *creator, &[])).collect::<Vec<_>>();
        let query = query_of(state());
        check(&Seen, &query, plain(&[(1, 1), (5, 1)]), &[5], "seen");
        let again = Candidate { rewatch: true, ..candidate(1, 1, &[]) };
        check(&Seen, &query, vec![again], &[1], "seen");
        check(&NotInterested, &query, plain(&[(2, 1), (5, 1)]), &[5], "not_interested");
        check(&Blocked, &query, plain(&[(5, 3), (6, 1)]), &[6], "blocked");
        let held = Query { exclude: [video(5)].into_iter().collect(), ..query.clone() };
        check(&Excluded, &held, plain(&[(5, 1), (6, 1)]), &[6], "excluded");
        let own = Query { account: Some(AccountId::from_raw(1)), ..query.clone() };
        check(&OwnVideo, &own, plain(&[(5, 1), (6, 2)]), &[6], "own_video");
        check(&OwnVideo, &query, plain(&[(5, 0), (6, 2)]), &[5, 6], "own_video");
        check(&NotFollowed, &query, plain(&[(5, 1), (6, 4)]), &[5, 6], "not_followed");
        let following = Query { tab: Tab::Following, ..query.clone() };
        check(&NotFollowed, &following, plain(&[(5, 1), (6, 4)]), &[6], "not_followed");
        check(&PoolLimit { candidates_max: 2 }, &query, plain(&[(5, 1), (6, 1), (7, 1)]), &[5, 6], "too_many_candidates");
        let hidden = Hidden::new(|_: &Query, c: &Candidate| (c.video == video(5)).then_some("removed"));
        check(&hidden, &query, plain(&[(5, 1), (6, 1)]), &[6], "removed");
        // The original stays; of two repetitions without it the first; a repetition of what was seen goes.
        let repeats = vec![repeat(10, 1, 6), candidate(6, 1, &[]), repeat(11, 1, 7), repeat(12, 1, 7), repeat(13, 1, 1)];
        check(&Duplicate, &query, repeats, &[6, 11], "duplicate");
    }
}
