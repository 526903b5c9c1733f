//! Every published video as the feed and the learner see it. A view of the log: made by `VideoPublished`, ended by `VideoRemoved`.

use std::sync::Arc;

use ::feed::Facts;
use base::{AccountId, VideoId};
use eventlog::VideoFacts;
use hashbrown::HashMap;
use learner::{HistoryItem, VideoFeatures, feature_hash};
use parking_lot::RwLock;

/// One video, in the forms that its readers need. Shared and never changed: an edit makes a new one.
#[derive(Debug)]
pub struct KnownVideo {
    pub facts: Arc<Facts>,
    pub features: Arc<VideoFeatures>,
    /// An item of a history that somebody watched it in, but for how and when.
    pub item: HistoryItem,
}

impl KnownVideo {
    pub fn of(facts: &VideoFacts) -> Self {
        let mut for_feed =
            Facts::new(facts.video, facts.creator, facts.published_at).with_hashtags(facts.hashtags.iter().cloned());
        for_feed.sound = facts.sound;
        for_feed.duration_ms = facts.duration_ms;
        for_feed.duplicate_of = facts.duplicate_of;
        let features = VideoFeatures {
            video: facts.video.raw(),
            creator: facts.creator.raw(),
            sound: facts.sound.map_or(0, |s| s.raw()),
            hashtags: facts.hashtags.iter().map(|h| feature_hash(h)).collect(),
            words: facts.words.iter().map(|w| feature_hash(w)).collect(),
            duration_ms: facts.duration_ms,
            published_at_ms: facts.published_at.as_millis(),
            content: facts.content.clone(),
        };
        let item = HistoryItem::of(&features);
        Self { facts: Arc::new(for_feed), features: Arc::new(features), item }
    }
}

/// The table. One writer; readers hold the lock for a look-up of a page's candidates at most.
#[derive(Debug, Default)]
pub struct KnownVideos {
    by_id: RwLock<HashMap<VideoId, Arc<KnownVideo>, foldhash::fast::RandomState>>,
}

impl KnownVideos {
    /// Puts a video in, or replaces what was known of it; says whether it is new.
    pub fn put(&self, video: Arc<KnownVideo>) -> bool {
        self.by_id.write().insert(video.facts.video, video).is_none()
    }
    pub fn remove(&self, video: VideoId) {
        self.by_id.write().remove(&video);
    }
    pub fn get(&self, video: VideoId) -> Option<Arc<KnownVideo>> {
        self.by_id.read().get(&video).cloned()
    }
    pub fn creator(&self, video: VideoId) -> Option<AccountId> {
        self.by_id.read().get(&video).map(|known| known.facts.creator)
    }
    pub fn knows(&self, video: VideoId) -> bool {
        self.by_id.read().contains_key(&video)
    }
    /// A video as the feed sees it.
    pub fn facts(&self, video: VideoId) -> Option<Arc<Facts>> {
        self.by_id.read().get(&video).map(|known| known.facts.clone())
    }
    /// Looks many up under one lock, in their order.
    pub fn with_each_or(&self, ids: impl Iterator<Item = VideoId>, mut each: impl FnMut(Option<&Arc<KnownVideo>>)) {
        let by_id = self.by_id.read();
        for id in ids {
            each(by_id.get(&id));
        }
    }
}
