//! What the feed needs to know of who watches. The event log's views know it; [`PlainViewer`] holds it in plain collections.

use std::any::Any;
use std::sync::Arc;

use base::{AccountId, Timestamp, VideoId};
use hashbrown::{HashMap, HashSet};

use crate::hashtag_key;

/// What the viewer's behaviour says of one hashtag.
#[derive(Clone, Debug, PartialEq)]
pub struct HashtagTaste {
    /// Lower-case, without the sign.
    pub hashtag: Arc<str>,
    /// [`hashtag_key`] of it.
    pub key: u64,
    /// -1 (turns away) to 1 (stays for it).
    pub weight: f32,
    /// Clips with it that the viewer watched, and those watched to the end.
    pub watched: u32,
    pub finished: u32,
}

impl HashtagTaste {
    pub fn new(hashtag: impl Into<Arc<str>>, weight: f32, watched: u32, finished: u32) -> Self {
        let hashtag = hashtag.into();
        Self { key: hashtag_key(&hashtag), hashtag, weight, watched, finished }
    }
}

/// A viewer's state as of the request. Read many times per page, so implementations answer from memory. Everything but the
/// seen set has a default: knows nothing. Whoever made the query can find their own type again behind it, with what else they know.
pub trait ViewerState: Any + Send + Sync {
    /// The video came into the viewer's view before.
    fn seen(&self, video: VideoId) -> bool;
    /// Seen videos, the one seen longest ago first, at most `limit`.
    fn seen_oldest_first(&self, limit: usize) -> Vec<VideoId>;
    /// The viewer said "not interested" (or reported it).
    fn not_interested(&self, _video: VideoId) -> bool {
        false
    }
    /// Whose it is alone keeps the video from this viewer: somebody blocked, or themselves.
    fn not_for_them(&self, _video: VideoId) -> Option<&'static str> {
        None
    }
    /// One of the two blocked the other.
    fn blocked(&self, _creator: AccountId) -> bool {
        false
    }
    fn follows(&self, _creator: AccountId) -> bool {
        false
    }
    /// Everyone the viewer follows, in a fixed order.
    fn followed(&self) -> Vec<AccountId> {
        Vec::new()
    }
    /// Hashtags that the viewer's behaviour says something of, the largest absolute weight first.
    fn hashtag_tastes(&self) -> &[HashtagTaste] {
        &[]
    }
    /// -1 to 1; 0 for creators that the viewer has no history with.
    fn creator_taste(&self, _creator: AccountId) -> f32 {
        0.0
    }
    /// Creators of the clips served last, newest first; as many as the selector's window, more are ignored.
    fn recent_creators(&self) -> Vec<AccountId> {
        Vec::new()
    }
    /// Videos that the viewer liked or finished last, newest first: what "similar" is similar to.
    fn enjoyed(&self) -> Vec<VideoId> {
        Vec::new()
    }
    /// How many watched clips the tastes were learned from.
    fn learned_from(&self) -> u32 {
        0
    }
}

/// [`ViewerState`] in plain collections: for callers without an index of their own, tests and simulations.
#[derive(Clone, Debug, Default)]
pub struct PlainViewer {
    /// When each was last seen.
    pub seen: HashMap<VideoId, Timestamp>,
    pub not_interested: HashSet<VideoId>,
    pub blocked: HashSet<AccountId>,
    pub followed: Vec<AccountId>,
    pub hashtags: Vec<HashtagTaste>,
    pub creators: HashMap<AccountId, f32>,
    pub recent_creators: Vec<AccountId>,
    pub enjoyed: Vec<VideoId>,
    pub learned_from: u32,
}

impl ViewerState for PlainViewer {
    fn seen(&self, video: VideoId) -> bool {
        self.seen.contains_key(&video)
    }
    fn seen_oldest_first(&self, limit: usize) -> Vec<VideoId> {
        let mut seen: Vec<_> = self.seen.iter().map(|(video, at)| (*at, *video)).collect();
        seen.sort_unstable();
        seen.into_iter().take(limit).map(|(_, video)| video).collect()
    }
    fn not_interested(&self, video: VideoId) -> bool {
        self.not_interested.contains(&video)
    }
    fn blocked(&self, creator: AccountId) -> bool {
        self.blocked.contains(&creator)
    }
    fn follows(&self, creator: AccountId) -> bool {
        self.followed.contains(&creator)
    }
    fn followed(&self) -> Vec<AccountId> {
        self.followed.clone()
    }
    fn hashtag_tastes(&self) -> &[HashtagTaste] {
        &self.hashtags
    }
    fn creator_taste(&self, creator: AccountId) -> f32 {
        self.creators.get(&creator).copied().unwrap_or(0.0)
    }
    fn recent_creators(&self) -> Vec<AccountId> {
        self.recent_creators.clone()
    }
    fn enjoyed(&self) -> Vec<VideoId> {
        self.enjoyed.clone()
    }
    fn learned_from(&self) -> u32 {
        self.learned_from
    }
}
