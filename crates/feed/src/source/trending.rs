//! What many watched lately.

use async_trait::async_trait;
use base::{Timestamp, VideoId};

use super::{Found, SkipFn, Skips, Source, SourceKind};
use crate::{FeedError, Query};

/// Searches by `search(now, limit, skip)`: trending videos with their trend score, best first.
pub struct Trending<F> {
    limit: usize,
    search: F,
}

impl<F> Trending<F>
where
    F: Fn(Timestamp, usize, &mut SkipFn) -> Vec<(VideoId, f32)> + Send + Sync + 'static,
{
    pub fn new(limit: usize, search: F) -> Self {
        Self { limit, search }
    }
}

#[async_trait]
impl<F> Source for Trending<F>
where
    F: Fn(Timestamp, usize, &mut SkipFn) -> Vec<(VideoId, f32)> + Send + Sync + 'static,
{
    fn kind(&self) -> SourceKind {
        SourceKind::Trending
    }

    async fn find(&self, query: &Query) -> Result<Found, FeedError> {
        let mut skips = Skips::new(query);
        let items = (self.search)(query.now, self.limit, &mut |video| skips.skip(video));
        Ok(skips.found(items))
    }
}
