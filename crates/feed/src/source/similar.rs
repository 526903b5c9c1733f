//! Videos like those that the viewer enjoyed.

use async_trait::async_trait;
use base::VideoId;

use super::{Found, SkipFn, Skips, Source, SourceKind};
use crate::{FeedError, Query};

/// How many enjoyed videos are looked from, newest first.
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
    /// `limit` is shared equally among the enjoyed videos.
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
        let mut skips = Skips::new(query);
        let mut items: Vec<(VideoId, f32)> = Vec::new();
        let share = self.limit.div_ceil(ENJOYED_MAX);
        for anchor in enjoyed.iter().take(ENJOYED_MAX) {
            let near = (self.search)(*anchor, share, &mut |video| video == *anchor || skips.skip(video));
            for (video, score) in near {
                match items.iter_mut().find(|(found, _)| *found == video) {
                    Some(item) => item.1 = item.1.max(score),
                    None => items.push((video, score)),
                }
            }
        }
        Ok(skips.found(items))
    }
}
