//! Events by chance: every kind, every optional field with and without.

use base::{AccountId, Id, Rng, SlateId, SoundId, Timestamp, VideoId, ViewerId};

use crate::{Body, Choice, Context, Event, EventId, Forecast, Place, Slate, SlateItem, Trial, VideoFacts, Watch};

/// An event of this viewer with what is needed around the body.
pub fn event(rng: &mut Rng, viewer: ViewerId, body: Body) -> Event {
    let at_ms = 1_700_000_000_000 + rng.below(86_400_000) as i64;
    Event {
        id: EventId(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())),
        viewer,
        at: Timestamp::from_millis(at_ms),
        received: Timestamp::from_millis(at_ms + rng.below(5_000) as i64),
        body,
    }
}

/// One body of every kind.
pub fn sample_bodies(rng: &mut Rng) -> Vec<Body> {
    let video = id::<VideoId>(rng);
    let creator = id::<AccountId>(rng);
    let watch = Watch {
        video,
        slate: maybe(rng, id::<SlateId>),
        watch_ms: rng.below(90_000) as u32,
        duration_ms: rng.below(60_000) as u32,
    };
    vec![
        Body::Slate(sample_slate(rng)),
        Body::Impression { video, slate: maybe(rng, id::<SlateId>), position: rng.below(1 << 16) as u16 },
        Body::Watch(watch),
        Body::Like { video },
        Body::Unlike { video },
        Body::Save { video },
        Body::Unsave { video },
        Body::Share { video },
        Body::Comment { video },
        Body::Click { video },
        Body::Follow { creator },
        Body::Unfollow { creator },
        Body::NotInterested { video },
        Body::Report { video },
        Body::HistoryRemoved { video: maybe(rng, id::<VideoId>) },
        Body::LearningPaused { paused: rng.chance(0.5) },
        Body::ViewerErased,
        Body::VideoPublished(sample_facts(rng)),
        Body::VideoRemoved { video },
        Body::Origin { origin: rng.next_u64() },
    ]
}

pub fn sample_slate(rng: &mut Rng) -> Slate {
    let context = Context {
        hour: rng.below(24) as u8,
        weekday: rng.below(7) as u8,
        device: rng.below(5) as u8,
        language: rng.below(4) as u8,
        tab: rng.below(3) as u8,
        depth: rng.below(256) as u8,
    };
    let items: Vec<_> =
        (0..rng.below(12)).map(|_| SlateItem { video: id(rng), propensity: rng.unit(), source: rng.below(6) as u8 }).collect();
    let trial = maybe(rng, |rng| sample_trial(rng, items.len()));
    Slate { slate: id(rng), context, items, trial }
}

pub fn sample_trial(rng: &mut Rng, items: usize) -> Trial {
    fn forecast(rng: &mut Rng) -> Forecast {
        Forecast { finish: rng.unit(), watch_s: 30.0 * rng.unit() }
    }
    fn place(rng: &mut Rng, arms: usize) -> Place {
        let choice = |rng: &mut Rng| Choice { propensity: rng.unit(), expected: forecast(rng) };
        Place {
            open: rng.below(600) as u16,
            predicted: forecast(rng),
            even: forecast(rng),
            arms: (0..arms).map(|_| choice(rng)).collect(),
        }
    }
    let arms = 1 + rng.below(8);
    let judged = rng.chance(0.5);
    Trial {
        experiment: 1 + rng.below(1 << 30) as u32,
        arm: rng.below(arms) as u8,
        share: 1.0 / arms as f32,
        places: (0..if judged { items } else { 0 }).map(|_| place(rng, arms)).collect(),
    }
}

pub fn sample_facts(rng: &mut Rng) -> VideoFacts {
    let text = |rng: &mut Rng| ["fractal", "数学", "été", "a", ""].get(rng.below(5)).copied().unwrap_or("").to_owned();
    VideoFacts {
        video: id(rng),
        creator: id(rng),
        sound: maybe(rng, id::<SoundId>),
        hashtags: (0..rng.below(4)).map(|_| text(rng)).collect(),
        words: (0..rng.below(8)).map(|_| text(rng)).collect(),
        duration_ms: rng.below(60_000) as u32,
        published_at: Timestamp::from_millis(1_700_000_000_000 + rng.below(1 << 30) as i64),
        content: (0..rng.below(32)).map(|_| rng.unit()).collect(),
        duplicate_of: maybe(rng, id::<VideoId>),
    }
}

fn id<T: Id>(rng: &mut Rng) -> T {
    T::from_raw(rng.next_u64() >> rng.below(64))
}

fn maybe<T>(rng: &mut Rng, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    rng.chance(0.5).then(|| make(rng))
}
