//! Finds candidates: which videos might be worth a place on a page, out of all that are published.
//!
//! - [`CandidateIndex`] keeps the parts below together: publish, remove, and a video is in all of them or in none.
//! - [`VectorIndex`]: nearest by inner product, by scanning everything.
//! - [`FreshIndex`]: newest first. [`ExploreIndex`]: fewest impressions first. [`CreatorIndex`]: the newest of some creators.
//!   [`HashtagIndex`]: the newest with a hashtag, or some of them by chance.
//!
//! Every search takes a `skip`: true for a video to pass over. A search goes on past those until it has what it was asked
//! for or nothing is left, so that what a viewer has seen does not hide what they have not. Only [`ExploreIndex::sample`]
//! and [`HashtagIndex::sample`] give up after a written number of videos.
//!
//! Invariants:
//! - one writer at a time per index, any number of readers; a reader waits at most for one row or one list entry to be
//!   written, a writer for one chunk or one page of a search to be read;
//! - an answer holds no video twice, and its order depends on the content, the arguments and the seed alone;
//! - everything here can be thrown away: it is rebuilt from the event log.
//!
//! What it must never do: IO, read a clock, know a viewer, decide what may be shown.

mod candidates;
mod creators;
mod dated;
mod error;
mod explore;
mod fresh;
mod hashtags;
mod stride;
mod top;
mod vector;

pub use candidates::{CandidateIndex, Entry};
pub use creators::CreatorIndex;
pub use error::RetrievalError;
pub use explore::ExploreIndex;
pub use fresh::FreshIndex;
pub use hashtags::HashtagIndex;
pub use vector::{TOP_MAX, VectorIndex};

/// A search's parameter: true for a video to pass over.
pub type Skip<'a> = dyn FnMut(base::VideoId) -> bool + 'a;
