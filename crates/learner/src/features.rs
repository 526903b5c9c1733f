//! What the model sees of a viewer, of a video, and of what the viewer did before.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The most items of a history that count; callers pass the newest.
pub const HISTORY_MAX: usize = 50;
/// Hashtags of a video that count, in the order of its caption.
pub const HASHTAGS_MAX: usize = 6;
/// Hashtags that a history item keeps.
pub const HISTORY_HASHTAGS: usize = 4;
/// Words of a caption that count.
pub const WORDS_MAX: usize = 12;
/// Content features that count; further ones are not read.
pub const CONTENT_DIMS: usize = 32;

/// The key of a text feature (a hashtag, a word): FNV-1a, finished by a 64-bit mixer, in 63 bits and never 0.
///
/// Two texts of one field share a key with a chance of 2^-63 a pair.
pub fn feature_hash(text: &str) -> u64 {
    let fnv =
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (crate::math::mix(fnv) >> 1).max(1)
}

/// The viewer at the moment of the request. Nothing in it names a person: `viewer` is the pseudonym's number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ViewerFeatures {
    /// 0 when the viewer is not to be known (learning paused, consent missing): the context alone predicts.
    pub viewer: u64,
    /// Hour of the day, 0 to 23.
    pub hour: u8,
    /// 0 = Monday to 6 = Sunday.
    pub weekday: u8,
    pub device: u8,
    pub language: u8,
    pub tab: u8,
    /// Pages asked for before in this sitting.
    pub depth: u8,
    /// **Most recent first**, each video once, at most [`HISTORY_MAX`] items are read.
    pub history: Arc<[HistoryItem]>,
}

/// A video as it is known before anyone watched it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VideoFeatures {
    pub video: u64,
    pub creator: u64,
    /// 0 = no sound.
    pub sound: u64,
    /// [`feature_hash`] of each hashtag; the first [`HASHTAGS_MAX`] count.
    pub hashtags: Vec<u64>,
    /// [`feature_hash`] of each caption token; the first [`WORDS_MAX`] count.
    pub words: Vec<u64>,
    pub duration_ms: u32,
    pub published_at_ms: i64,
    /// Features of picture, motion and sound, each about 0 to 1; empty when not evaluated yet. The first [`CONTENT_DIMS`] count.
    pub content: Vec<f32>,
}

/// Content features in a byte each: 0 = unknown, 1 to 255 = 0.0 to 1.0. Small enough to travel with each history item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentCode(pub [u8; CONTENT_DIMS]);

impl Default for ContentCode {
    fn default() -> Self {
        Self([0; CONTENT_DIMS])
    }
}

impl ContentCode {
    /// Values outside 0 to 1 are held to it; a value that is no number is unknown.
    pub fn of(content: &[f32]) -> Self {
        let mut code = [0; CONTENT_DIMS];
        for (byte, value) in code.iter_mut().zip(content) {
            if value.is_finite() {
                *byte = 1 + (value.clamp(0.0, 1.0) * 254.0 + 0.5) as u8;
            }
        }
        Self(code)
    }
}

/// How a view ended, weakest to strongest: when several things happened, the strongest stands ([`Signals::judge`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Gone within moments.
    Skipped,
    /// Neither skipped nor finished.
    Watched,
    Finished,
    /// Opened, clicked through, or the like.
    Clicked,
    Liked,
    /// Commented, saved, shared, or followed the creator because of it.
    Engaged,
    NotInterested,
    Reported,
}

impl Outcome {
    /// What the outcome says about the viewer's taste, -1 to 1, at full strength. A prior, not learned: it decides how a
    /// brand-new viewer's second page differs from the first; what follows from it is learned.
    pub fn valence(self) -> f32 {
        match self {
            Self::Skipped => -0.7,
            Self::Watched => 0.2,
            Self::Finished => 0.7,
            Self::Clicked => 0.6,
            Self::Liked => 1.0,
            Self::Engaged => 1.0,
            Self::NotInterested | Self::Reported => -1.0,
        }
    }
}

/// Everything that happened between a viewer and a video, to be judged as one [`Outcome`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signals {
    pub watch_ms: u32,
    /// 0 = unknown.
    pub duration_ms: u32,
    pub finished: bool,
    pub skipped: bool,
    pub clicked: bool,
    pub liked: bool,
    /// Commented, saved, shared, or followed because of it.
    pub engaged: bool,
    pub not_interested: bool,
    pub reported: bool,
}

impl Signals {
    /// The strongest outcome and its strength (0 to 1). A view between skip and finish has the share watched as strength.
    pub fn judge(&self) -> (Outcome, f32) {
        let watch = crate::labels::WatchLabels::of(self.watch_ms, self.duration_ms);
        match self {
            Self { reported: true, .. } => (Outcome::Reported, 1.0),
            Self { not_interested: true, .. } => (Outcome::NotInterested, 1.0),
            Self { engaged: true, .. } => (Outcome::Engaged, 1.0),
            Self { liked: true, .. } => (Outcome::Liked, 1.0),
            Self { finished: true, .. } => (Outcome::Finished, 1.0),
            _ if watch.finish => (Outcome::Finished, 1.0),
            Self { clicked: true, .. } => (Outcome::Clicked, 1.0),
            _ if self.skipped || watch.skip => (Outcome::Skipped, 1.0),
            _ => (Outcome::Watched, watch.ratio.clamp(0.0, 1.0)),
        }
    }
}

/// One clip that the viewer has seen, with what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryItem {
    pub video: u64,
    pub creator: u64,
    /// The first hashtags; 0 = none.
    pub hashtags: [u64; HISTORY_HASHTAGS],
    pub content: ContentCode,
    pub outcome: Outcome,
    /// 0 to 1; scales the outcome's valence.
    pub strength: f32,
    pub at_ms: i64,
}

impl HistoryItem {
    pub fn new(video: &VideoFeatures, outcome: (Outcome, f32), at_ms: i64) -> Self {
        Self::of(video).with(outcome, at_ms)
    }

    /// What an item says of its video, whoever watched it: made once, and completed by [`HistoryItem::with`].
    pub fn of(video: &VideoFeatures) -> Self {
        let mut hashtags = [0; HISTORY_HASHTAGS];
        for (kept, hashtag) in hashtags.iter_mut().zip(&video.hashtags) {
            *kept = *hashtag;
        }
        let content = ContentCode::of(&video.content);
        Self {
            video: video.video,
            creator: video.creator,
            hashtags,
            content,
            outcome: Outcome::Watched,
            strength: 0.0,
            at_ms: 0,
        }
    }

    /// The same video, watched like this and then.
    pub fn with(self, (outcome, strength): (Outcome, f32), at_ms: i64) -> Self {
        Self { outcome, strength, at_ms, ..self }
    }

    /// Valence times strength, -1 to 1; 0 when the strength is no number.
    pub fn valence(&self) -> f32 {
        if self.strength.is_finite() { self.outcome.valence() * self.strength.clamp(0.0, 1.0) } else { 0.0 }
    }
}
