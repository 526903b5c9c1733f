//! What is looked up for every candidate.

mod counts;
mod taste;

pub use counts::CountsHydrator;
pub use taste::TasteHydrator;

use crate::{Candidate, Query};

/// Adds to the candidates what later stages need. From memory: hydrators have no deadline.
pub trait Hydrator: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn hydrate(&self, query: &Query, candidates: &mut [Candidate]);
}
