//! The newest videos. It passes over seen ones without end, so it finds whatever unseen video is left.

use async_trait::async_trait;
use base::VideoId;

use super::{Found, SkipFn, Skips, Source, SourceKind};
use crate::{FeedError, Query};

/// Searches by `search(limit, skip)`: all published videos, newest first.
pub struct Fresh<F> {
    limit: usize,
    search: F,
}

impl<F> Fresh<F>
where
    F: Fn(usize, &mut SkipFn) -> Vec<VideoId> + Send + Sync + 'static,
{
    pub fn new(limit: usize, search: F) -> Self {
        Self { limit, search }
    }
}

#[async_trait]
impl<F> Source for Fresh<F>
where
    F: Fn(usize, &mut SkipFn) -> Vec<VideoId> + Send + Sync + 'static,
{
    fn kind(&self) -> SourceKind {
        SourceKind::Fresh
    }

    async fn find(&self, query: &Query) -> Result<Found, FeedError> {
        let mut skips = Skips::new(query);
        let videos = (self.search)(self.limit, &mut |video| skips.skip(video));
        Ok(skips.found(super::by_rank(videos)))
    }
}
