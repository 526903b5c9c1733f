//! Seen videos, the one seen longest ago first: asked only when too little unseen is left to fill the page.

use async_trait::async_trait;

use super::{Found, Source, SourceKind};
use crate::{FeedError, PAGE_MAX, Query};

/// Beyond those it needs, so many more are offered, since filters will take some.
const SPARE: usize = 200;

/// Not given to the pipeline as a source: the pipeline has it, and asks it last.
pub struct Rewatch;

#[async_trait]
impl Source for Rewatch {
    fn kind(&self) -> SourceKind {
        SourceKind::Rewatch
    }

    fn wanted(&self, _query: &Query) -> bool {
        true
    }

    async fn find(&self, query: &Query) -> Result<Found, FeedError> {
        let mut seen = query.state.seen_oldest_first(PAGE_MAX + SPARE + query.exclude.len());
        seen.retain(|video| !query.exclude.contains(video));
        Ok(Found { items: super::by_rank(seen), removed: Vec::new() })
    }
}
