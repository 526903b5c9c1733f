//! A video on its way to a page.

use std::sync::Arc;

use base::{AccountId, SoundId, Timestamp, VideoId};

use crate::{SOURCES_MAX, SourceKind};

/// A hashtag as a number, so that sets of hashtags compare without touching text: FNV-1a, 64 bits.
pub fn hashtag_key(hashtag: &str) -> u64 {
    hashtag.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// How many hashtags of a video count in ranking.
const KEYS_MAX: usize = 8;

/// What is known of a video since it was published. Shared: a page copies pointers, not text.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub video: VideoId,
    pub creator: AccountId,
    pub sound: Option<SoundId>,
    /// Lower-case, without the sign.
    pub hashtags: Vec<Arc<str>>,
    /// Inline: a page reads the keys of hundreds of videos, and each pointer followed costs more than all the rest.
    keys: [u64; KEYS_MAX],
    keys_len: u8,
    pub published_at: Timestamp,
    pub duration_ms: u32,
    /// The older video that this one repeats.
    pub duplicate_of: Option<VideoId>,
}

impl Facts {
    /// Facts with neither sound nor hashtags, of a video that repeats no other.
    pub fn new(video: VideoId, creator: AccountId, published_at: Timestamp) -> Self {
        Self {
            video,
            creator,
            sound: None,
            hashtags: Vec::new(),
            keys: [0; KEYS_MAX],
            keys_len: 0,
            published_at,
            duration_ms: 0,
            duplicate_of: None,
        }
    }

    pub fn with_hashtags<T: Into<Arc<str>>>(mut self, hashtags: impl IntoIterator<Item = T>) -> Self {
        self.hashtags = hashtags.into_iter().map(Into::into).collect();
        for (key, hashtag) in self.keys.iter_mut().zip(&self.hashtags) {
            *key = hashtag_key(hashtag);
        }
        self.keys_len = self.hashtags.len().min(KEYS_MAX) as u8;
        self
    }

    /// [`hashtag_key`] of each hashtag, in their order; the first eight: further ones do not count in ranking.
    pub fn hashtag_keys(&self) -> &[u64] {
        self.keys.get(..usize::from(self.keys_len)).unwrap_or(&self.keys)
    }

    /// The video that stands for this one and all its repetitions.
    pub fn original(&self) -> VideoId {
        self.duplicate_of.unwrap_or(self.video)
    }
}

/// What happened to a video so far, all viewers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Times it came into view.
    pub impressions: u64,
    /// Times it was watched to the end.
    pub finishes: u64,
    pub likes: u64,
    pub shares: u64,
    pub comments: u64,
}

/// The sources that brought a candidate, each with its own score, at most [`SOURCES_MAX`]; kept inline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Brought {
    len: u8,
    items: [(SourceKind, f32); SOURCES_MAX],
}

impl Brought {
    pub fn by(source: SourceKind, score: f32) -> Self {
        let mut brought = Self::default();
        brought.add(source, score);
        brought
    }

    /// Notes a source; the second time for the same source, and beyond [`SOURCES_MAX`], nothing changes.
    pub fn add(&mut self, source: SourceKind, score: f32) {
        if self.has(source) {
            return;
        }
        if let Some(slot) = self.items.get_mut(usize::from(self.len)) {
            *slot = (source, score);
            self.len += 1;
        }
    }

    pub fn has(&self, source: SourceKind) -> bool {
        self.iter().any(|(kind, _)| kind == source)
    }

    /// In the order of the pipeline's sources.
    pub fn iter(&self) -> impl Iterator<Item = (SourceKind, f32)> + '_ {
        self.items.iter().take(usize::from(self.len)).copied()
    }

    /// The source that the event log names for the item: the first that brought it.
    pub fn first(&self) -> SourceKind {
        self.iter().next().map_or(SourceKind::Other, |(kind, _)| kind)
    }
}

/// What the viewer's tastes say of a candidate, apart from the learner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Taste {
    /// Sum of the tastes for its hashtags over the square root of their number, so that a heap of hashtags buys little.
    pub hashtags: f32,
    /// The hashtag that weighs most for it: index into [`crate::ViewerState::hashtag_tastes`].
    pub best_hashtag: Option<u16>,
    /// Taste for its creator, -1 to 1.
    pub creator: f32,
    /// Whether the viewer follows its creator.
    pub followed: bool,
}

/// A video that may come onto the page.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub video: VideoId,
    pub facts: Arc<Facts>,
    pub brought: Brought,
    pub counts: Counts,
    pub taste: Taste,
    /// Offered although seen, because nothing unseen is left.
    pub rewatch: bool,
}

impl Candidate {
    pub fn new(facts: Arc<Facts>, brought: Brought) -> Self {
        Self { video: facts.video, facts, brought, counts: Counts::default(), taste: Taste::default(), rewatch: false }
    }
}
