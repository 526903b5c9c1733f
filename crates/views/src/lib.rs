//! Views of the event log: counters, histories, what was seen, follows, what is fresh and what trends. All of it can be thrown
//! away and made again from the log.
//!
//! - [`Views`] holds them: [`Views::apply`] takes the log's events in, everything else reads.
//! - [`VideoCounts`], [`WatchCurve`], [`CreatorCounts`], [`TopicCounts`]: what is counted.
//! - [`HistoryEntry`], [`Seen`], [`Flags`]: what is known of a viewer.
//! - [`bench`] measures the speed and the memory.
//!
//! Invariants:
//! - the state is a function of the events in their order: no clock, no chance, no order of hashing shows;
//! - a snapshot, restored, with the events after it is the same state, to the same bytes of the next snapshot;
//! - one writer at a time; a reader waits for a writer at most while one event goes into one shard;
//! - what one viewer does over and over to one video moves counts of viewers (likes, saves, reports) and trending once.
//!
//! Memory per viewer: 96 bytes, 11 to 17 bytes per video seen, 24 per place in the history (at most 200, in a buffer that doubles:
//! 6 KiB), 8 per follow. [`Views::memory`] adds up what is really held.
//!
//! Views never write the log, never decide what may be shown, and never log or report whose state it is. An event about a
//! video that was never published makes a row for it: whoever lets events in refuses videos that do not exist.

mod apply;
pub mod bench;
mod board;
mod counts;
mod error;
mod flags;
mod history;
mod index;
mod rates;
mod seen;
mod snapshot;
#[cfg(test)]
mod tests;
mod trending;
mod videos;
mod viewers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{AccountId, SoundId, Timestamp, VideoId, ViewerId};
use eventlog::VideoFacts;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

pub use board::LEADERS_MAX;
pub use counts::{
    CURVE_BUCKETS, CreatorCounts, FINISH_PERCENT_MIN, SKIP_MS_MAX, SKIP_PERCENT_MAX, TopicCounts, VIEW_MS_MIN, VideoCounts,
    WatchCurve,
};
pub use error::{Error, Result};
pub use flags::Flags;
pub use history::{HISTORY_ENTRIES_MAX, HistoryEntry};
pub use rates::{RATE_SECONDS_MAX, Rates};
pub use seen::Seen;

/// How many of a topic's newest videos are looked at for the ones that trend in it.
pub const TOPIC_TRENDING_VIDEOS_MAX: usize = 2_000;

/// What can be chosen about the views. A snapshot fits only views with the same options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long until a deed weighs half in trending, in milliseconds; values below a second are taken as one.
    pub trending_half_life_ms: i64,
}

impl Default for Options {
    /// Six hours: yesterday's evening weighs a sixteenth of this evening's.
    fn default() -> Self {
        Self { trending_half_life_ms: 6 * 3_600_000 }
    }
}

/// How much memory the views take, in bytes, by what they hold. Counted from capacities, without the allocator's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub viewers_bytes: usize,
    pub videos_bytes: usize,
    pub index_bytes: usize,
    pub trending_bytes: usize,
}

/// All views of one log.
pub struct Views {
    options: Options,
    /// Held while an event goes in or a snapshot is taken.
    writer: Mutex<()>,
    viewers: viewers::Viewers,
    videos: videos::Videos,
    index: RwLock<index::Index>,
    followers: RwLock<HashMap<AccountId, u64, FixedState>>,
    trending: trending::Trending,
    rates: Mutex<rates::Ring>,
    applied: AtomicU64,
}

impl Views {
    /// Views of an empty log.
    pub fn new(options: Options) -> Self {
        let options = Options { trending_half_life_ms: options.trending_half_life_ms.max(1_000) };
        Self {
            options,
            writer: Mutex::new(()),
            viewers: viewers::Viewers::new(),
            videos: videos::Videos::new(),
            index: RwLock::default(),
            followers: RwLock::default(),
            trending: trending::Trending::new(options.trending_half_life_ms),
            rates: Mutex::default(),
            applied: AtomicU64::new(0),
        }
    }

    /// How many events went in.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }

    // Videos.

    /// The facts of a published video.
    pub fn facts(&self, video: VideoId) -> Option<Arc<VideoFacts>> {
        self.videos.facts(video)
    }

    /// How many videos are published.
    pub fn video_count(&self) -> usize {
        self.index.read().fresh.len()
    }

    /// The facts of all published videos, oldest first.
    pub fn videos(&self) -> Vec<Arc<VideoFacts>> {
        let order: Vec<VideoId> = self.index.read().fresh.iter().map(|(_, video)| *video).collect();
        order.into_iter().filter_map(|video| self.facts(video)).collect()
    }

    /// The counts of a video, also of one that is removed; zeros for one of which nothing is known.
    pub fn counts(&self, video: VideoId) -> VideoCounts {
        self.videos.read(video, |video| video.counts)
    }

    /// How far the watches of a video got.
    pub fn watch_curve(&self, video: VideoId) -> WatchCurve {
        self.videos.read(video, |video| video.curve)
    }

    /// How many times each source of the feed put the video on a page: the source's index and the count, by index.
    pub fn served_by_source(&self, video: VideoId) -> Vec<(u8, u64)> {
        self.videos.read(video, |video| video.served.clone())
    }

    /// Sums over a creator's published videos. Takes a lock per video: for a page about the creator.
    pub fn creator_counts(&self, creator: AccountId) -> CreatorCounts {
        let videos = self.videos_of_creator(creator, usize::MAX);
        let empty = CreatorCounts { followers: self.followers(creator), videos: videos.len() as u64, ..Default::default() };
        videos.into_iter().map(|video| self.counts(video)).fold(empty, |sums, counts| CreatorCounts {
            views: sums.views + counts.views,
            likes: sums.likes + counts.likes,
            comments: sums.comments + counts.comments,
            saves: sums.saves + counts.saves,
            shares: sums.shares + counts.shares,
            watch_ms: sums.watch_ms + counts.watch_ms,
            ..sums
        })
    }

    /// How many viewers follow a creator.
    pub fn followers(&self, creator: AccountId) -> u64 {
        self.followers.read().get(&creator).copied().unwrap_or(0)
    }

    /// A hashtag's published videos and their views; the hashtag in lower case, without the sign.
    pub fn hashtag_counts(&self, hashtag: &str) -> TopicCounts {
        self.index.read().hashtags.get(hashtag).map(index::Topic::counts).unwrap_or_default()
    }

    /// A sound's published videos and their views.
    pub fn sound_counts(&self, sound: SoundId) -> TopicCounts {
        self.index.read().sounds.get(&sound).map(index::Topic::counts).unwrap_or_default()
    }

    /// A creator's published videos, newest first.
    pub fn videos_of_creator(&self, creator: AccountId, limit: usize) -> Vec<VideoId> {
        index::newest(self.index.read().creators.get(&creator), limit)
    }

    /// Published videos with a hashtag, newest first.
    pub fn videos_with_hashtag(&self, hashtag: &str, limit: usize) -> Vec<VideoId> {
        index::newest(self.index.read().hashtags.get(hashtag).map(|topic| &topic.videos), limit)
    }

    /// Published videos with a sound, newest first.
    pub fn videos_with_sound(&self, sound: SoundId, limit: usize) -> Vec<VideoId> {
        index::newest(self.index.read().sounds.get(&sound).map(|topic| &topic.videos), limit)
    }

    /// The newest published videos, newest first.
    pub fn fresh(&self, limit: usize) -> Vec<VideoId> {
        index::newest(Some(&self.index.read().fresh), limit)
    }

    /// The newest published videos before a place in that order, newest first: the next page.
    pub fn fresh_before(&self, before: (Timestamp, VideoId), limit: usize) -> Vec<VideoId> {
        let index = self.index.read();
        index.fresh.range(..before).rev().take(limit).map(|(_, video)| *video).collect()
    }

    // Trending. At most `LEADERS_MAX`, highest first, with scores as they are at `now`.

    pub fn trending_videos(&self, limit: usize, now: Timestamp) -> Vec<(VideoId, f64)> {
        self.trending.videos.read().top(limit, now)
    }

    pub fn trending_hashtags(&self, limit: usize, now: Timestamp) -> Vec<(Arc<str>, f64)> {
        self.trending.hashtags.read().top(limit, now)
    }

    pub fn trending_sounds(&self, limit: usize, now: Timestamp) -> Vec<(SoundId, f64)> {
        self.trending.sounds.read().top(limit, now)
    }

    /// Those of a hashtag's newest [`TOPIC_TRENDING_VIDEOS_MAX`] videos that score, highest first.
    pub fn trending_with_hashtag(&self, hashtag: &str, limit: usize, now: Timestamp) -> Vec<(VideoId, f64)> {
        self.highest_of(self.videos_with_hashtag(hashtag, TOPIC_TRENDING_VIDEOS_MAX), limit, now)
    }

    /// Those of a sound's newest [`TOPIC_TRENDING_VIDEOS_MAX`] videos that score, highest first.
    pub fn trending_with_sound(&self, sound: SoundId, limit: usize, now: Timestamp) -> Vec<(VideoId, f64)> {
        self.highest_of(self.videos_with_sound(sound, TOPIC_TRENDING_VIDEOS_MAX), limit, now)
    }

    fn highest_of(&self, videos: Vec<VideoId>, limit: usize, now: Timestamp) -> Vec<(VideoId, f64)> {
        let board = self.trending.videos.read();
        let scored = videos.into_iter().map(|video| (video, board.score(&video, now)));
        let mut scored: Vec<_> = scored.filter(|(_, score)| *score > 0.0).collect();
        drop(board);
        scored.sort_by(|(a, a_score), (b, b_score)| b_score.total_cmp(a_score).then(b.cmp(a)));
        scored.truncate(limit);
        scored
    }

    // Viewers.

    /// What a viewer watched and did of late, latest first; at most [`HISTORY_ENTRIES_MAX`].
    pub fn history(&self, viewer: ViewerId, limit: usize) -> Vec<HistoryEntry> {
        self.viewers.read(viewer, |viewer| viewer.history(limit))
    }

    /// Whether the viewer switched learning off: then nothing enters the history.
    pub fn learning_paused(&self, viewer: ViewerId) -> bool {
        self.viewers.read(viewer, |viewer| viewer.paused)
    }

    /// Whether the video came into the viewer's view before.
    pub fn seen(&self, viewer: ViewerId, video: VideoId) -> bool {
        self.flags(viewer, video).seen()
    }

    /// What the viewer has seen by now, to be asked about many candidates without a lock. Let go of it after the request: the
    /// viewer's next event has to copy the table while one is held.
    pub fn seen_snapshot(&self, viewer: ViewerId) -> Seen {
        self.viewers.read(viewer, |viewer| viewer.seen())
    }

    /// All that the viewer did with the video.
    pub fn flags(&self, viewer: ViewerId, video: VideoId) -> Flags {
        self.viewers.read(viewer, |viewer| viewer.seen.get(video))
    }

    /// The creators whom the viewer follows, by id.
    pub fn follows(&self, viewer: ViewerId) -> Vec<AccountId> {
        self.viewers.read(viewer, |viewer| viewer.follows.clone())
    }

    /// How many viewers did anything.
    pub fn viewer_count(&self) -> usize {
        self.viewers.len()
    }

    // The operator's.

    /// Events per second of the last `seconds` (at most [`RATE_SECONDS_MAX`]) whole seconds before `now`.
    pub fn rates(&self, now: Timestamp, seconds: usize) -> Rates {
        self.rates.lock().read(now, seconds)
    }

    /// Adds up the memory held. Looks at everything: for a page of the operator's, not for every request.
    pub fn memory(&self) -> Memory {
        Memory {
            viewers_bytes: self.viewers.bytes(),
            videos_bytes: self.videos.bytes(),
            index_bytes: self.index.read().bytes(),
            trending_bytes: self.trending.bytes(),
        }
    }
}
