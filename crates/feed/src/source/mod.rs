//! Where candidates come from.

mod explore;
mod followed;
mod fresh;
mod hashtag_affinity;
mod learned;
mod rewatch;
mod similar;
mod trending;

use std::time::Duration;

use async_trait::async_trait;
use base::VideoId;

pub use explore::Explore;
pub use followed::Followed;
pub use fresh::Fresh;
pub use hashtag_affinity::HashtagAffinity;
pub use learned::Learned;
pub use rewatch::Rewatch;
pub use similar::Similar;
pub use trending::Trending;

use crate::{FeedError, Query, Removed, Tab};

/// How long a source may take unless it says otherwise. Generous: a safety valve for a broken source, not a budget. One that
/// answers from memory takes well under a millisecond.
pub const DEADLINE: Duration = Duration::from_millis(50);
/// The most removals that one source reports.
const SKIPS_MAX: usize = 200;

/// The sources by name. The numbers stand in the event log: append only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SourceKind {
    /// Near the viewer's learned vector.
    Learned = 0,
    /// By creators whom the viewer follows.
    Followed = 1,
    /// Newest first.
    Fresh = 2,
    /// Watched a lot lately.
    Trending = 3,
    /// Seen by few so far.
    Explore = 4,
    /// With hashtags that the viewer stays for.
    HashtagAffinity = 5,
    /// Like what the viewer enjoyed.
    Similar = 6,
    /// Seen before, longest ago first; only when nothing unseen is left.
    Rewatch = 7,
    #[default]
    Other = 255,
}

impl SourceKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Learned => "learned",
            Self::Followed => "followed",
            Self::Fresh => "fresh",
            Self::Trending => "trending",
            Self::Explore => "explore",
            Self::HashtagAffinity => "hashtag_affinity",
            Self::Similar => "similar",
            Self::Rewatch => "rewatch",
            Self::Other => "other",
        }
    }

    /// As the event log keeps it.
    pub const fn number(self) -> u8 {
        self as u8
    }

    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Learned,
            1 => Self::Followed,
            2 => Self::Fresh,
            3 => Self::Trending,
            4 => Self::Explore,
            5 => Self::HashtagAffinity,
            6 => Self::Similar,
            7 => Self::Rewatch,
            _ => Self::Other,
        }
    }
}

/// What a source found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Best first, each with the source's own score (comparable within the source only).
    pub items: Vec<(VideoId, f32)>,
    /// What it would have returned but for the viewer's state; at most 200.
    pub removed: Vec<Removed>,
}

/// Finds candidates. Runs on a task of its own, beside the other sources, and is left out if it is late or fails. A search in
/// memory may run straight through; what waits for something waits by `await`, since only there can it be cancelled.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    fn kind(&self) -> SourceKind;
    /// Whether it has anything to say to this query. For You alone unless it says otherwise.
    fn wanted(&self, query: &Query) -> bool {
        query.tab != Tab::Following
    }
    fn deadline(&self) -> Duration {
        DEADLINE
    }
    async fn find(&self, query: &Query) -> Result<Found, FeedError>;
}

/// Tells a search which videos to pass over for this viewer, and remembers the first of them for the page's explanation.
pub struct Skips<'a> {
    query: &'a Query,
    removed: Vec<Removed>,
}

impl<'a> Skips<'a> {
    pub fn new(query: &'a Query) -> Self {
        Self { query, removed: Vec::new() }
    }

    /// True for a video to pass over.
    pub fn skip(&mut self, video: VideoId) -> bool {
        let Some(reason) = self.query.unwanted(video) else { return false };
        if self.removed.len() < SKIPS_MAX {
            self.removed.push(Removed { filter: reason, reason, video });
        }
        true
    }

    pub fn found(self, items: Vec<(VideoId, f32)>) -> Found {
        Found { items, removed: self.removed }
    }
}

/// A search's parameter: true for videos to pass over. An alias, so that the sources' closures stay readable.
pub type SkipFn<'a> = dyn FnMut(VideoId) -> bool + 'a;

/// For searches that return an order and no score: 1, 1/2, 1/3, ...
fn by_rank(videos: Vec<VideoId>) -> Vec<(VideoId, f32)> {
    videos.into_iter().enumerate().map(|(rank, video)| (video, 1.0 / (rank + 1) as f32)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use base::Rng;

    use crate::pipeline::testing::{query_of, video, viewer};
    use crate::{HashtagTaste, PlainViewer};

    use super::*;

    #[tokio::test]
    async fn hashtags_share_the_limit_by_their_weight() {
        let asked: Arc<Mutex<Vec<(String, usize)>>> = Arc::default();
        let noted = asked.clone();
        let source = HashtagAffinity::new(20, move |hashtag: &str, _: &mut Rng, limit, skip: &mut SkipFn| {
            noted.lock().unwrap().push((hashtag.to_owned(), limit));
            [1, 2, 3].map(video).into_iter().filter(|video| !skip(*video)).collect()
        });
        let hashtags = [("cats", 0.6), ("dogs", -0.5), ("cows", 0.2), ("ants", 0.01)];
        let hashtags = hashtags.map(|(hashtag, weight)| HashtagTaste::new(hashtag, weight, 1, 1)).to_vec();
        let state = PlainViewer { hashtags, not_interested: [video(2)].into_iter().collect(), ..viewer() };
        let found = source.find(&query_of(state)).await.unwrap();
        assert_eq!(*asked.lock().unwrap(), [("cats".to_owned(), 15), ("cows".to_owned(), 5)]);
        assert_eq!(found.items, [(video(1), 0.6), (video(3), 0.6)], "each once, with the stronger taste");
        assert_eq!(found.removed[0].reason, "not_interested");
    }

    #[tokio::test]
    async fn similar_looks_from_one_of_the_last_enjoyed_by_turns() {
        let source = Similar::new(20, |anchor: VideoId, _: usize, skip: &mut SkipFn| {
            let near = [anchor, video(anchor.raw() + 100)];
            near.into_iter().filter(|video| !skip(*video)).map(|video| (video, 1.0)).collect()
        });
        let mut anchors = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let state = PlainViewer { enjoyed: (1..=9).map(video).collect(), ..viewer() };
            let query = Query { rng: Rng::from_seed(seed), ..query_of(state) };
            let found = source.find(&query).await.unwrap();
            assert_eq!(found.items.len(), 1, "not itself");
            anchors.insert(found.items[0].0.raw());
        }
        assert_eq!(anchors.into_iter().collect::<Vec<_>>(), [101, 102, 103, 104]);
        assert!(source.find(&query_of(viewer())).await.unwrap().items.is_empty());
    }
}
