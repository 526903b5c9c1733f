//! All views as bytes: the same state gives the same bytes.
//!
//! Magic word | version u16 | CRC-32C of what follows u32 | postcard of [`Stored`], every list sorted. Indexes and leaders are not
//! stored: they are made again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::{AccountId, SoundId, VideoId, ViewerId};
use eventlog::VideoFacts;
use serde::{Deserialize, Serialize};

use crate::history::{History, Kept};
use crate::rates::Ring;
use crate::seen::SeenTable;
use crate::viewers::Viewer;
use crate::{Error, Flags, Options, Result, VideoCounts, Views, WatchCurve};

const MAGIC: &[u8; 8] = b"WSVIEWS\0";
/// Raised with every change of [`Stored`] or of what is in it.
const VERSION: u16 = 2;
const HEAD_BYTES: usize = MAGIC.len() + 2 + 4;

#[derive(Serialize, Deserialize)]
struct Stored {
    trending_half_life_ms: i64,
    applied: u64,
    viewers: Vec<StoredViewer>,
    videos: Vec<StoredVideo>,
    followers: Vec<(AccountId, u64)>,
    trending_videos: Vec<(VideoId, f64)>,
    trending_hashtags: Vec<(Arc<str>, f64)>,
    trending_sounds: Vec<(SoundId, f64)>,
    rates: Ring,
}

#[derive(Serialize, Deserialize)]
struct StoredViewer {
    viewer: ViewerId,
    seen: Vec<(VideoId, Flags)>,
    history: Vec<Kept>,
    follows: Vec<AccountId>,
    paused: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredVideo {
    video: VideoId,
    facts: Option<Arc<VideoFacts>>,
    counts: VideoCounts,
    curve: WatchCurve,
    served: Vec<(u8, u64)>,
}

impl Views {
    /// The state between two events: [`Views::apply`] waits meanwhile, readers do not.
    pub fn snapshot(&self) -> Vec<u8> {
        let _writer = self.writer.lock();
        let stored = self.stored();
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        // Writing to memory what serde derives for plain data does not fail; were it to, the checksum would not match.
        let mut out = postcard::to_extend(&stored, out).unwrap_or_default();
        if let Some((head, body)) = out.split_at_mut_checked(HEAD_BYTES) {
            head[HEAD_BYTES - 4..].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
        }
        out
    }

    /// The views as they were when the bytes were made.
    pub fn restore(options: Options, bytes: &[u8]) -> Result<Self> {
        let (head, body) = bytes.split_at_checked(HEAD_BYTES).ok_or(Error::Damaged("too short"))?;
        let rest = head.strip_prefix(MAGIC).ok_or(Error::Damaged("not a snapshot of views"))?;
        let [v0, v1, c0, c1, c2, c3] = *rest else { return Err(Error::Damaged("too short")) };
        let found = u16::from_le_bytes([v0, v1]);
        if found != VERSION {
            return Err(Error::Version { found, expected: VERSION });
        }
        if crc32c::crc32c(body) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(Error::Damaged("wrong checksum"));
        }
        let stored: Stored = postcard::from_bytes(body).map_err(|_| Error::Damaged("not readable"))?;
        if stored.trending_half_life_ms != options.trending_half_life_ms {
            return Err(Error::HalfLife { found: stored.trending_half_life_ms, asked: options.trending_half_life_ms });
        }
        Ok(Self::from_stored(options, stored))
    }

    fn stored(&self) -> Stored {
        let mut viewers = Vec::with_capacity(self.viewers.len());
        self.viewers.for_each(|viewer, state| {
            let mut seen: Vec<_> = state.seen.iter().collect();
            seen.sort_unstable_by_key(|(video, _)| *video);
            viewers.push(StoredViewer {
                viewer,
                seen,
                history: state.history.entries.iter().copied().collect(),
                follows: state.follows.clone(),
                paused: state.paused,
            });
        });
        viewers.sort_unstable_by_key(|viewer| viewer.viewer);
        let mut videos = Vec::new();
        self.videos.for_each(|video, state| {
            videos.push(StoredVideo {
                video,
                facts: state.facts.clone(),
                counts: state.counts,
                curve: state.curve,
                served: state.served.clone(),
            });
        });
        videos.sort_unstable_by_key(|video| video.video);
        Stored {
            trending_half_life_ms: self.options.trending_half_life_ms,
            applied: self.applied.load(Ordering::Relaxed),
            viewers,
            videos,
            followers: sorted(self.followers.read().iter().map(|(creator, count)| (*creator, *count))),
            trending_videos: sorted(self.trending.videos.read().heights().map(|(video, height)| (*video, height))),
            trending_hashtags: sorted(self.trending.hashtags.read().heights().map(|(tag, height)| (Arc::clone(tag), height))),
            trending_sounds: sorted(self.trending.sounds.read().heights().map(|(sound, height)| (*sound, height))),
            rates: self.rates.lock().clone(),
        }
    }

    fn from_stored(options: Options, stored: Stored) -> Self {
        let views = Self::new(options);
        views.viewers.reserve(stored.viewers.len());
        for viewer in stored.viewers {
            let mut seen = SeenTable::with_room(viewer.seen.len());
            for (video, flags) in viewer.seen {
                seen.change(video, |_| flags);
            }
            let history = History { entries: viewer.history.into() };
            let state = Viewer { seen: Arc::new(seen), history, follows: viewer.follows, paused: viewer.paused };
            views.viewers.insert(viewer.viewer, state);
        }
        for stored in stored.videos {
            if let Some(facts) = &stored.facts {
                views.index.write().add(facts, stored.counts.views);
            }
            views.videos.write(stored.video, |video| {
                video.facts = stored.facts;
                video.counts = stored.counts;
                video.curve = stored.curve;
                video.served = stored.served;
            });
        }
        views.followers.write().extend(stored.followers);
        let restore = &views.trending;
        stored.trending_videos.into_iter().for_each(|(video, height)| restore.videos.write().restore(video, height));
        stored.trending_hashtags.into_iter().for_each(|(tag, height)| restore.hashtags.write().restore(tag, height));
        stored.trending_sounds.into_iter().for_each(|(sound, height)| restore.sounds.write().restore(sound, height));
        *views.rates.lock() = stored.rates;
        views.applied.store(stored.applied, Ordering::Relaxed);
        views
    }
}

fn sorted<K: Ord, V>(pairs: impl Iterator<Item = (K, V)>) -> Vec<(K, V)> {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    pairs
}
