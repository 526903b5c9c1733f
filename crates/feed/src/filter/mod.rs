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
