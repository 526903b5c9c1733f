//! Speed and memory of the views, for `watershed bench` and for the figures in the documents.

use std::time::Instant;

use base::{AccountId, Rng, SlateId, SoundId, Timestamp, VideoId, ViewerId};
use eventlog::{Body, Event, EventId, VideoFacts, Watch};

use crate::{Options, Views};

/// How large a world is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub videos: usize,
    pub viewers: usize,
    pub events: usize,
}

impl Default for Scale {
    fn default() -> Self {
        Self { videos: 100_000, viewers: 10_000, events: 3_000_000 }
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Events of viewers applied per second, by one writer without readers.
    pub apply_events_per_s: f64,
    pub viewer_bytes: f64,
    /// Bytes of a viewer's state for each video that they have seen, all taken together.
    pub seen_bytes_per_video: f64,
    pub video_bytes: f64,
    /// Asking a viewer's snapshot about 500 candidates, with taking the snapshot, in microseconds.
    pub seen_500_us: f64,
    pub snapshot_ms: f64,
    pub restore_ms: f64,
    pub snapshot_bytes: usize,
}

/// Publishes the videos, applies events as of a feed (an impression and a watch each, every tenth with a like, a save, a share,
/// a comment or a follow; popular videos more often) and measures.
pub fn run(scale: Scale, seed: u64) -> Figures {
    let mut rng = Rng::from_seed(seed).child("views bench");
    let views = Views::new(Options::default());
    (0..scale.videos).for_each(|n| views.apply(&publish(n, &mut rng)));
    let mut busy = std::time::Duration::ZERO;
    let mut done = 0;
    while done < scale.events {
        // Made beforehand, so that only applying is measured.
        let batch: Vec<Event> = (0..10_000.min(scale.events - done)).map(|n| act(done + n, &scale, &mut rng)).collect();
        let started = Instant::now();
        batch.iter().for_each(|event| views.apply(event));
        busy += started.elapsed();
        done += batch.len();
    }
    let memory = views.memory();
    let viewers = views.viewer_count().max(1) as f64;
    let seen: usize = (0..scale.viewers).map(|n| views.seen_snapshot(viewer(n)).len()).sum();
    let started = Instant::now();
    let hits = (0..100).map(|n| {
        let seen = views.seen_snapshot(viewer(n % scale.viewers.max(1)));
        (0..500).filter(|c| seen.contains(video((c * 7 + n) % scale.videos.max(1)))).count()
    });
    // Used, so that it is not optimised away.
    let hits: usize = hits.sum();
    let seen_500_us = started.elapsed().as_secs_f64() * 1e6 / 100.0 + hits as f64 * f64::EPSILON;
    let started = Instant::now();
    let snapshot = views.snapshot();
    let snapshot_ms = started.elapsed().as_secs_f64() * 1e3;
    let started = Instant::now();
    let restored = Views::restore(Options::default(), &snapshot);
    let restore_ms = if restored.is_ok() { started.elapsed().as_secs_f64() * 1e3 } else { f64::NAN };
    Figures {
        apply_events_per_s: done as f64 / busy.as_secs_f64().max(f64::MIN_POSITIVE),
        viewer_bytes: memory.viewers_bytes as f64 / viewers,
        seen_bytes_per_video: memory.viewers_bytes as f64 / seen.max(1) as f64,
        video_bytes: (memory.videos_bytes + memory.index_bytes + memory.trending_bytes) as f64 / scale.videos.max(1) as f64,
        seen_500_us,
        snapshot_ms,
        restore_ms,
        snapshot_bytes: snapshot.len(),
    }
}

/// Ids as they are made: time in the high bits, chance in the low ones.
fn id(n: usize) -> u64 {
    let chance = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 42;
    (200_000_000_000 + n as u64 * 700) << 22 | chance
}

fn video(n: usize) -> VideoId {
    VideoId::from_raw(id(n))
}

fn viewer(n: usize) -> ViewerId {
    ViewerId::from_raw(id(n))
}

fn event(n: usize, viewer: ViewerId, body: Body) -> Event {
    let at = Timestamp::from_millis(1_780_000_000_000 + n as i64 / 20);
    Event { id: EventId(n as u128), viewer, at, received: at.plus_millis(50), body }
}

fn publish(n: usize, rng: &mut Rng) -> Event {
    let facts = VideoFacts {
        video: video(n),
        creator: AccountId::from_raw(id(n % 2_000)),
        sound: Some(SoundId::from_raw(id(rng.below(5_000)))),
        hashtags: (0..3).map(|_| format!("hashtag{}", rng.below(3_000))).collect(),
        words: (0..8).map(|_| format!("word{}", rng.below(20_000))).collect(),
        duration_ms: 5_000 + rng.below(25_000) as u32,
        published_at: Timestamp::from_millis(1_779_000_000_000 + n as i64 * 700),
        content: (0..32).map(|_| rng.unit()).collect(),
        duplicate_of: None,
    };
    event(n, ViewerId::default(), Body::VideoPublished(facts))
}

fn act(n: usize, scale: &Scale, rng: &mut Rng) -> Event {
    let viewer = viewer(rng.below(scale.viewers));
    // Half of what is shown is among the most popular tenth.
    let among = if rng.chance(0.5) { scale.videos.div_ceil(10) } else { scale.videos };
    let video = video(rng.below(among));
    let body = match rng.below(20) {
        0 => Body::Like { video },
        1 => match rng.below(4) {
            0 => Body::Save { video },
            1 => Body::Share { video },
            2 => Body::Comment { video },
            _ => Body::Follow { creator: AccountId::from_raw(id(rng.below(2_000))) },
        },
        2..11 => Body::Impression { video, slate: Some(SlateId::from_raw(n as u64)), position: 1 },
        _ => Body::Watch(Watch { video, slate: None, watch_ms: rng.below(30_000) as u32, duration_ms: 15_000 }),
    };
    event(n, viewer, body)
}
