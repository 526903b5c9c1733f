//! Videos like one that the viewer enjoyed.

use async_trait::async_trait;
use base::VideoId;

use super::{Found, SkipFn, Skips, Source, SourceKind};
use crate::{FeedError, Query};

/// How many enjoyed videos, newest first, can be the one that is looked from. One per page, drawn: a search costs as much as
/// the learner's own, and page after page all of them have their turn.
const ENJOYED_MAX: usize = 4;

/// Searches by `search(video, limit, skip)`: the videos whose features are nearest to this one's, best first.
pub struct Similar<F> {
    limit: usize,
    search: F,
}

impl<F> Similar<F>
where
    F: Fn(VideoId, usize, &mut SkipFn) -> Vec<(VideoId, f32)> + Send + Sync + 'static,
{
    pub fn new(limit: usize, search: F) -> Self {
        Self { limit, search }
    }
}

#[async_trait]
impl<F> Source for Similar<F>
where
    F: Fn(VideoId, usize, &mut SkipFn) -> Vec<(VideoId, f32)> + Send + Sync + 'static,
{
    fn kind(&self) -> SourceKind {
        SourceKind::Similar
    }

    async fn find(&self, query: &Query) -> Result<Found, FeedError> {
        let enjoyed = query.state.enjoyed();
        let drawn = query.rng.child("similar").below(enjoyed.len().min(ENJOYED_MAX));
        let Some(anchor) = enjoyed.get(drawn).copied() else { return Ok(Found::default()) };
        let mut skips = Skips::new(query);
        let items = (self.search)(anchor, self.limit, &mut |video| video == anchor || skips.skip(video));
        Ok(skips.found(items))
    }
}
