//! All views against a plain model that keeps every event and counts anew.

mod model;
mod scenes;

use base::{AccountId, Rng, SlateId, SoundId, Timestamp, VideoId, ViewerId};
use eventlog::{Body, Context, Event, EventId, Slate, SlateItem, VideoFacts, Watch};

pub const START_MS: i64 = 1_700_000_000_000;
const VIEWERS: usize = 12;
const VIDEOS: usize = 260;
const CREATORS: usize = 6;

pub fn video(n: usize) -> VideoId {
    VideoId::from_raw(1_000 + n as u64)
}

pub fn viewer(n: usize) -> ViewerId {
    ViewerId::from_raw(1 + n as u64)
}

pub fn creator(n: usize) -> AccountId {
    AccountId::from_raw(50 + n as u64)
}

pub fn event(n: u64, viewer: ViewerId, at_ms: i64, body: Body) -> Event {
    let at = Timestamp::from_millis(at_ms);
    Event { id: EventId(u128::from(n)), viewer, at, received: at.plus_millis(20), body }
}

pub fn facts(n: usize, rng: &mut Rng) -> VideoFacts {
    let tags = ["fractal", "数学", "night", "tone"];
    VideoFacts {
        video: video(n),
        creator: creator(n % CREATORS),
        sound: (!n.is_multiple_of(3)).then(|| SoundId::from_raw(n as u64 % 4)),
        // One may be given twice.
        hashtags: (0..rng.below(4)).map(|_| tags[rng.below(4)].to_owned()).collect(),
        words: vec![format!("word{n}")],
        duration_ms: 2_000 + 500 * (n as u32 % 20),
        published_at: Timestamp::from_millis(START_MS + rng.below(1_000) as i64),
        content: vec![rng.unit()],
        duplicate_of: None,
    }
}

/// A log by chance, of all kinds, with late, repeated and contradictory events.
pub fn random_log(seed: u64, length: usize) -> Vec<Event> {
    let mut rng = Rng::from_seed(seed);
    let mut now_ms = START_MS;
    (0..length as u64)
        .map(|n| {
            // Often nothing: what happens at one moment keeps the log's order.
            now_ms += if rng.chance(0.4) { 0 } else { rng.below(600) as i64 };
            let at_ms = if rng.chance(0.2) { now_ms - rng.below(300_000) as i64 } else { now_ms };
            let who = viewer(rng.below(VIEWERS));
            let what = video(rng.below(VIDEOS));
            let whom = creator(rng.below(CREATORS));
            let body = match rng.below(100) {
                0..8 => Body::VideoPublished(facts(rng.below(VIDEOS), &mut rng)),
                8..10 => Body::VideoRemoved { video: what },
                10..12 => Body::HistoryRemoved { video: rng.chance(0.8).then_some(what) },
                12 => Body::LearningPaused { paused: rng.chance(0.4) },
                13 => {
                    if rng.chance(0.2) {
                        Body::ViewerErased
                    } else {
                        Body::LearningPaused { paused: false }
                    }
                }
                14..18 => Body::Follow { creator: whom },
                18..20 => Body::Unfollow { creator: whom },
                20..28 => Body::Like { video: what },
                28..31 => Body::Unlike { video: what },
                31..35 => Body::Save { video: what },
                35..37 => Body::Unsave { video: what },
                37..40 => Body::Share { video: what },
                40..43 => Body::Comment { video: what },
                43..45 => Body::Click { video: what },
                45..47 => Body::NotInterested { video: what },
                47..49 => Body::Report { video: what },
                49..52 => Body::Slate(Slate {
                    slate: SlateId::from_raw(n),
                    context: Context::default(),
                    items: (0..3)
                        .map(|i| SlateItem { video: video(rng.below(VIDEOS)), propensity: 0.1, source: i + rng.below(3) as u8 })
                        .collect(),
                    trial: None,
                }),
                52..65 => Body::Impression { video: what, slate: None, position: 0 },
                _ => Body::Watch(Watch {
                    video: what,
                    slate: None,
                    watch_ms: rng.below(12_000) as u32,
                    duration_ms: if rng.chance(0.3) { 0 } else { 1 + rng.below(11_000) as u32 },
                }),
            };
            event(n, who, at_ms, body)
        })
        .collect()
}
