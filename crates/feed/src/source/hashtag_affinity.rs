//! Videos with the hashtags that the viewer stays for.

use async_trait::async_trait;
use base::{Rng, VideoId};

use super::{Found, SkipFn, Skips, Source, SourceKind};
use crate::{FeedError, Query};

/// The most hashtags that are searched for one page.
const HASHTAGS_MAX: usize = 8;
/// A weaker taste is no reason to search.
const WEIGHT_MIN: f32 = 0.1;

/// Searches by `search(hashtag, rng, limit, skip)`: videos with the hashtag, recent or popular ones first; the generator is
/// there for searches that draw among many.
pub struct HashtagAffinity<F> {
    limit: usize,
    search: F,
}

impl<F> HashtagAffinity<F>
where
    F: Fn(&str, &mut Rng, usize, &mut SkipFn) -> Vec<VideoId> + Send + Sync + 'static,
{
    /// `limit` is shared among the hashtags by their weight.
    pub fn new(limit: usize, search: F) -> Self {
        Self { limit, search }
    }
}

#[async_trait]
impl<F> Source for HashtagAffinity<F>
where
    F: Fn(&str, &mut Rng, usize, &mut SkipFn) -> Vec<VideoId> + Send + Sync + 'static,
{
    fn kind(&self) -> SourceKind {
        SourceKind::HashtagAffinity
    }

    async fn find(&self, query: &Query) -> Result<Found, FeedError> {
        let mut skips = Skips::new(query);
        let mut rng = query.rng.child("hashtag_affinity");
        let tastes = || query.state.hashtag_tastes().iter().filter(|taste| taste.weight >= WEIGHT_MIN).take(HASHTAGS_MAX);
        let sum: f32 = tastes().map(|taste| taste.weight).sum();
        let mut items: Vec<(VideoId, f32)> = Vec::new();
        for taste in tastes() {
            let share = ((self.limit as f32 * taste.weight / sum).ceil() as usize).min(self.limit);
            for video in (self.search)(&taste.hashtag, &mut rng, share, &mut |video| skips.skip(video)) {
                // Found by two hashtags: the stronger came first.
                if !items.iter().any(|(found, _)| *found == video) {
                    items.push((video, taste.weight));
                }
            }
        }
        Ok(skips.found(items))
    }
}
