//! Near the viewer's learned vector.

use async_trait::async_trait;
use base::VideoId;

use super::{Found, SkipFn, Skips, Source, SourceKind};
use crate::{FeedError, Query};

/// Searches by `search(query, limit, skip)`: the videos nearest to the viewer's vector, best first; an error while there is
/// no vector to search with.
pub struct Learned<F> {
    limit: usize,
    search: F,
}

impl<F> Learned<F>
where
    F: Fn(&Query, usize, &mut SkipFn) -> Result<Vec<(VideoId, f32)>, FeedError> + Send + Sync + 'static,
{
    pub fn new(limit: usize, search: F) -> Self {
        Self { limit, search }
    }
}

#[async_trait]
impl<F> Source for Learned<F>
where
    F: Fn(&Query, usize, &mut SkipFn) -> Result<Vec<(VideoId, f32)>, FeedError> + Send + Sync + 'static,
{
    fn kind(&self) -> SourceKind {
        SourceKind::Learned
    }

    async fn find(&self, query: &Query) -> Result<Found, FeedError> {
        let mut skips = Skips::new(query);
        let items = (self.search)(query, self.limit, &mut |video| skips.skip(video))?;
        Ok(skips.found(items))
    }
}
