//! By creators whom the viewer follows, newest first.

use async_trait::async_trait;
use base::{AccountId, VideoId};

use super::{Found, SkipFn, Skips, Source, SourceKind};
use crate::{FeedError, Query};

/// Searches by `search(creators, limit, skip)`: the newest videos of these creators together.
pub struct Followed<F> {
    limit: usize,
    search: F,
}

impl<F> Followed<F>
where
    F: Fn(&[AccountId], usize, &mut SkipFn) -> Vec<VideoId> + Send + Sync + 'static,
{
    pub fn new(limit: usize, search: F) -> Self {
        Self { limit, search }
    }
}

#[async_trait]
impl<F> Source for Followed<F>
where
    F: Fn(&[AccountId], usize, &mut SkipFn) -> Vec<VideoId> + Send + Sync + 'static,
{
    fn kind(&self) -> SourceKind {
        SourceKind::Followed
    }

    /// In every tab: it is all of Following, and a part of For You.
    fn wanted(&self, _query: &Query) -> bool {
        true
    }

    async fn find(&self, query: &Query) -> Result<Found, FeedError> {
        let creators = query.state.followed();
        if creators.is_empty() {
            return Ok(Found::default());
        }
        let mut skips = Skips::new(query);
        let videos = (self.search)(&creators, self.limit, &mut |video| skips.skip(video));
        Ok(skips.found(super::by_rank(videos)))
    }
}
