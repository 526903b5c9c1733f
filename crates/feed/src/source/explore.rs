//! Videos that few have seen, drawn at random: how a new video gets its first views.

use async_trait::async_trait;
use base::{Rng, VideoId};

use super::{Found, SkipFn, Skips, Source, SourceKind};
use crate::{FeedError, Query};

/// Searches by `search(rng, limit, skip)`: videos with few impressions, fewest first, random among equals.
pub struct Explore<F> {
    limit: usize,
    search: F,
}

impl<F> Explore<F>
where
    F: Fn(&mut Rng, usize, &mut SkipFn) -> Vec<VideoId> + Send + Sync + 'static,
{
    pub fn new(limit: usize, search: F) -> Self {
        Self { limit, search }
    }
}

#[async_trait]
impl<F> Source for Explore<F>
where
    F: Fn(&mut Rng, usize, &mut SkipFn) -> Vec<VideoId> + Send + Sync + 'static,
{
    fn kind(&self) -> SourceKind {
        SourceKind::Explore
    }

    async fn find(&self, query: &Query) -> Result<Found, FeedError> {
        let mut skips = Skips::new(query);
        let mut rng = query.rng.child("explore");
        let videos = (self.search)(&mut rng, self.limit, &mut |video| skips.skip(video));
        Ok(skips.found(super::by_rank(videos)))
    }
}
