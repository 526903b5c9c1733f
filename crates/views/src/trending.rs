//! What people are taken by just now: videos, hashtags, sounds.

use std::sync::Arc;

use base::{SoundId, Timestamp, VideoId};
use eventlog::VideoFacts;
use parking_lot::RwLock;

use crate::board::Board;

pub(crate) struct Trending {
    pub videos: RwLock<Board<VideoId>>,
    pub hashtags: RwLock<Board<Arc<str>>>,
    pub sounds: RwLock<Board<SoundId>>,
}

impl Trending {
    pub fn new(half_life_ms: i64) -> Self {
        Self {
            videos: RwLock::new(Board::new(half_life_ms)),
            hashtags: RwLock::new(Board::new(half_life_ms)),
            sounds: RwLock::new(Board::new(half_life_ms)),
        }
    }

    pub fn add(&self, facts: &VideoFacts, weight_log2: f64, at: Timestamp) {
        self.videos.write().add(&facts.video, VideoId::clone, weight_log2, at);
        if !facts.hashtags.is_empty() {
            let mut hashtags = self.hashtags.write();
            facts.hashtags.iter().for_each(|hashtag| hashtags.add(hashtag.as_str(), |name| Arc::from(name), weight_log2, at));
        }
        if let Some(sound) = &facts.sound {
            self.sounds.write().add(sound, SoundId::clone, weight_log2, at);
        }
    }

    /// Takes a removed video out. What it brought its hashtags and its sound fades by itself.
    pub fn remove(&self, video: VideoId) {
        self.videos.write().remove(&video);
    }

    pub fn bytes(&self) -> usize {
        let names: usize = self.hashtags.read().heights().map(|(name, _)| name.len() + 2 * size_of::<usize>()).sum();
        self.videos.read().bytes() + self.hashtags.read().bytes() + self.sounds.read().bytes() + names
    }
}
