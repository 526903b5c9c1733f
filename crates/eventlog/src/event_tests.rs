//! The stored forms: every body comes back as it went in, every field has a class.

use std::collections::BTreeSet;

use base::{Rng, ViewerId};
use residency::Classified;
use serde::Serialize;

use super::*;
use crate::Kind;
use crate::testing::{event, sample_bodies, sample_facts, sample_slate, sample_trial};

#[test]
fn every_body_comes_back() {
    let mut rng = Rng::from_seed(11);
    let mut kinds = BTreeSet::new();
    for round in 0..500 {
        for body in sample_bodies(&mut rng) {
            kinds.insert(body.kind());
            let viewer = ViewerId::from_raw(rng.next_u64());
            let event = event(&mut rng, viewer, body);
            let bytes = postcard::to_allocvec(&event).unwrap();
            assert_eq!(postcard::from_bytes::<Event>(&bytes).unwrap(), event, "round {round}");
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event, "round {round}");
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), Kind::ALL);
}

/// Old logs are read for ever: a change of these bytes needs a new version of the frame, not a new expectation.
#[test]
fn the_stored_form_does_not_change() {
    fn check(body: Body, expected: &[u8]) {
        let event = Event {
            id: EventId(300),
            viewer: ViewerId::from_raw(1),
            at: base::Timestamp::from_millis(-1),
            received: base::Timestamp::from_millis(2),
            body,
        };
        let bytes = postcard::to_allocvec(&event).unwrap();
        assert_eq!(bytes[..5], [0xac, 0x02, 1, 1, 4]);
        assert_eq!(bytes[5..], *expected, "{:?}", event.body);
    }
    let video = base::VideoId::from_raw(7);
    let item = SlateItem { video, propensity: 0.5, source: 3 };
    let context = Context { hour: 1, weekday: 2, device: 3, language: 4, tab: 0, depth: 5 };
    let plain = Slate { slate: base::SlateId::from_raw(9), context, items: vec![item], trial: None };
    let half = [0, 0, 0, 0x3f];
    let told = [&[0, 9, 1, 2, 3, 4, 0, 5, 1, 7][..], &half, &[3]].concat();
    check(Body::Slate(plain.clone()), &[&told[..], &[0]].concat());
    let forecast = Forecast { finish: 0.5, watch_s: 0.5 };
    let arms = vec![Choice { propensity: 0.5, expected: forecast }];
    let place = Place { open: 300, predicted: forecast, even: forecast, arms };
    let trial = Trial { experiment: 6, arm: 1, share: 0.5, places: vec![place] };
    let trialled = [&told[..], &[1, 6, 1], &half, &[1, 0xac, 0x02], &half.repeat(4), &[1], &half.repeat(3)].concat();
    check(Body::Slate(Slate { trial: Some(trial), ..plain }), &trialled);
    check(Body::Impression { video, slate: Some(base::SlateId::from_raw(9)), position: 2 }, &[1, 7, 1, 9, 2]);
    check(Body::Watch(Watch { video, slate: None, watch_ms: 128, duration_ms: 3 }), &[2, 7, 0, 128, 1, 3]);
    check(Body::Like { video }, &[3, 7]);
    check(Body::Follow { creator: base::AccountId::from_raw(4) }, &[10, 4]);
    check(Body::HistoryRemoved { video: None }, &[14, 0]);
    check(Body::LearningPaused { paused: true }, &[15, 1]);
    check(Body::ViewerErased, &[16]);
    check(Body::VideoRemoved { video }, &[18, 7]);
    check(Body::Origin { origin: 300 }, &[19, 0xac, 0x02]);
}

#[test]
fn every_field_has_a_class() {
    fn check<T: Classified + Serialize>(sample: &T) {
        let json = serde_json::to_value(sample).unwrap();
        let stored: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let classified: BTreeSet<&str> = T::FIELDS.iter().map(|(name, _)| *name).collect();
        assert_eq!(stored, classified, "{}", std::any::type_name::<T>());
        assert_eq!(T::FIELDS.len(), classified.len());
    }
    let mut rng = Rng::from_seed(12);
    check(&sample_slate(&mut rng));
    check(&sample_slate(&mut rng).context);
    let trial = std::iter::repeat_with(|| sample_trial(&mut rng, 1)).find(|trial| !trial.places.is_empty()).unwrap();
    check(&trial);
    check(&trial.places[0]);
    check(&trial.places[0].arms[0]);
    check(&trial.places[0].even);
    check(&sample_facts(&mut rng));
    check(&SlateItem { video: base::VideoId::from_raw(1), propensity: 0.5, source: 1 });
    for body in sample_bodies(&mut rng) {
        // What stands in a body has classes of its own, or is nothing but the ids and numbers of the event.
        if let Body::Watch(watch) = &body {
            check(watch);
        }
        // JSON values hold 64 bits.
        let event = Event { id: EventId(1), ..event(&mut rng, ViewerId::from_raw(1), body) };
        check(&event);
        const { assert!(!Event::MAY_CROSS, "events may not leave their region") };
    }
}
