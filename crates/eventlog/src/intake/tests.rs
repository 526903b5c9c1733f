use base::{AccountId, SlateId, VideoId};
use proptest::prelude::*;

use super::*;
use crate::{Body, EventId, Watch};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const VIEWER: ViewerId = ViewerId::from_raw(5);
const FIXED: ViewerPolicy = ViewerPolicy::Fixed(VIEWER);

/// An event with these fields after its id.
fn fields(rest: &str) -> String {
    format!(r#"{{"id":"01890a5d-ac96-774b-bcce-b302099a8057",{rest}}}"#)
}

fn at_now(rest: &str) -> String {
    fields(&format!(r#""at_ms":1700000000000,{rest}"#))
}

fn one(event: &str, policy: &ViewerPolicy) -> std::result::Result<Event, Rejected> {
    let mut batch = parse(format!("[{event}]").as_bytes(), Form::Json, policy, NOW).unwrap();
    let lines = parse(event.as_bytes(), Form::Ndjson, policy, NOW).unwrap();
    assert_eq!(batch, lines, "the two forms disagree");
    assert_eq!(batch.events.len() + batch.rejected.len(), 1);
    batch.events.pop().ok_or_else(|| batch.rejected.remove(0))
}

#[test]
fn every_type_that_clients_send() {
    let video = VideoId::from_raw(33);
    fn check(rest: &str, body: Body) {
        let event = one(&at_now(rest), &FIXED).unwrap();
        let id = EventId(0x01890a5d_ac96_774b_bcce_b302099a8057);
        assert_eq!(event, Event { id, viewer: VIEWER, at: NOW, received: NOW, body });
    }
    let v = r#""video":"0000000000011""#;
    let slate = Some(SlateId::from_raw(2));
    check(
        &format!(r#""type":"impression",{v},"slate":"0000000000002","position":3"#),
        Body::Impression { video, slate, position: 3 },
    );
    check(&format!(r#""type":"impression",{v}"#), Body::Impression { video, slate: None, position: 0 });
    check(
        &format!(r#""type":"watch",{v},"slate":"0000000000002","watch_ms":1500.4,"duration_ms":9000"#),
        Body::Watch(Watch { video, slate, watch_ms: 1_500, duration_ms: 9_000 }),
    );
    check(
        &format!(r#""type":"watch",{v},"watch_ms":0,"duration_ms":null"#),
        Body::Watch(Watch { video, slate: None, watch_ms: 0, duration_ms: 0 }),
    );
    check(&format!(r#""type":"like",{v},"slate":"0000000000002""#), Body::Like { video });
    check(&format!(r#""type":"unlike",{v}"#), Body::Unlike { video });
    check(&format!(r#""type":"save",{v}"#), Body::Save { video });
    check(&format!(r#""type":"unsave",{v}"#), Body::Unsave { video });
    check(&format!(r#""type":"share",{v}"#), Body::Share { video });
    check(&format!(r#""type":"comment",{v}"#), Body::Comment { video });
    check(&format!(r#""type":"click",{v}"#), Body::Click { video });
    check(&format!(r#""type":"not_interested",{v}"#), Body::NotInterested { video });
    check(&format!(r#""type":"report",{v}"#), Body::Report { video });
    let creator = AccountId::from_raw(32);
    check(r#""type":"follow","creator":"0000000000010""#, Body::Follow { creator });
    check(r#""type":"unfollow","creator":"0000000000010""#, Body::Unfollow { creator });
    // Escapes in text are read as what they stand for.
    check(r#""type":"l\u0069ke","video":"000000000001\u0031""#, Body::Like { video });
}

#[test]
fn what_is_refused_and_why() {
    fn check(event: &str, policy: &ViewerPolicy, code: &str) {
        let rejected = one(event, policy).expect_err(event);
        assert_eq!((rejected.index, rejected.reason.code()), (0, code), "{event}: {}", rejected.message);
    }
    let v = r#""video":"0000000000011""#;
    let like = format!(r#""type":"like",{v}"#);
    let refused = |rest: &str, code: &str| check(&at_now(rest), &FIXED, code);
    for raw in ["7", "null", "[]", r#""like""#, "true"] {
        check(raw, &FIXED, "malformed");
    }
    refused(&format!(r#"{like},"type":"like""#), "malformed");
    refused(&format!(r#"{like},"Slate":"x""#), "unknown_field");
    refused(&format!(r#""type":"adore",{v}"#), "unknown_type");
    for kind in ["slate", "history_removed", "learning_paused", "viewer_erased", "video_published", "video_removed"] {
        refused(&format!(r#""type":"{kind}",{v}"#), "not_from_clients");
    }
    refused(v, "missing_field");
    refused(r#""type":"like""#, "missing_field");
    refused(&format!(r#""type":"watch",{v}"#), "missing_field");
    refused(&format!(r#""type":"follow",{v}"#), "missing_field");
    check(&fields(&like), &FIXED, "missing_field");
    check(&format!(r#"{{"at_ms":1700000000000,{like}}}"#), &FIXED, "missing_field");
    refused(&format!(r#""type":7,{v}"#), "bad_value");
    refused(&format!(r#""type":"impression",{v},"position":65536"#), "bad_value");
    refused(&format!(r#""type":"impression",{v},"position":-1"#), "bad_value");
    refused(&format!(r#""type":"watch",{v},"watch_ms":"1500""#), "bad_value");
    refused(&format!(r#""type":"watch",{v},"watch_ms":1e300"#), "bad_value");
    refused(r#""type":"like","video":[[{}],{"a":1}]"#, "bad_value");
    for id in ["", "000000000001", "zzzzzzzzzzzzz", "0000000000000", "000000000001I"] {
        refused(&format!(r#""type":"like","video":"{id}""#), "bad_id");
    }
    refused(&format!(r#""type":"impression",{v},"slate":"x""#), "bad_id");
    let ids = [
        "x",
        "00000000-0000-0000-0000-000000000000",
        "01890a5d-ac96-774b-bcceb302099a80571",
        "01890a5dac96774bbcceb302099a805-",
    ];
    for id in ids {
        check(&format!(r#"{{"id":"{id}","at_ms":1700000000000,{like}}}"#), &FIXED, "bad_id");
    }
    let at = |ms: i64| fields(&format!(r#""at_ms":{ms},{like}"#));
    check(&at(1_700_000_000_000 + AHEAD_MS_MAX + 1), &FIXED, "too_far_ahead");
    check(&at(1_700_000_000_000 - AGE_MS_MAX - 1), &FIXED, "too_old");
    check(&at(0), &FIXED, "too_old");
    check(&at(-1), &FIXED, "bad_value");
    refused(&format!(r#""type":"watch",{v},"watch_ms":86400001"#), "absurd_watch");
    refused(&format!(r#""type":"watch",{v},"watch_ms":50001,"duration_ms":1000"#), "absurd_watch");
    refused(&format!(r#""type":"watch",{v},"watch_ms":1,"duration_ms":86400001"#), "absurd_watch");
    refused(&format!(r#"{like},"viewer":"0000000000009""#), "viewer_not_allowed");
    check(&at_now(&like), &ViewerPolicy::FromEvent, "missing_field");
    check(&at_now(&format!(r#"{like},"viewer":"0000000000000""#)), &ViewerPolicy::FromEvent, "bad_id");
    // The message names an unknown field only when it is a plain name.
    let message = |event: &str| one(event, &FIXED).unwrap_err().message;
    assert_eq!(message(&at_now(r#""colour":1"#)), "unknown field 'colour'");
    assert_eq!(message(&at_now(r#""<script>":1"#)), "unknown field");
}

#[test]
fn edges_that_still_count() {
    let like = r#""type":"like","video":"0000000000011""#;
    let at = |ms: i64| one(&fields(&format!(r#""at_ms":{ms},{like}"#)), &FIXED).unwrap().at;
    assert_eq!(at(1_700_000_000_000 - AGE_MS_MAX), Timestamp::from_millis(1_700_000_000_000 - AGE_MS_MAX));
    // A clock that runs ahead is set back.
    assert_eq!(at(1_700_000_000_000 + AHEAD_MS_MAX), NOW);
    let watch = r#""type":"watch","video":"0000000000011","watch_ms":50000,"duration_ms":1000"#;
    assert!(one(&at_now(watch), &FIXED).is_ok());
    let named = one(&at_now(&format!(r#"{like},"viewer":"0000000000009""#)), &ViewerPolicy::FromEvent).unwrap();
    assert_eq!(named.viewer, ViewerId::from_raw(9));
}

#[test]
fn good_events_stand_beside_bad_ones() {
    let (good, bad) = (at_now(r#""type":"like","video":"0000000000011""#), at_now(r#""type":"like","video":"?""#));
    let expected = |batch: Batch| {
        assert_eq!(batch.events.len(), 2);
        let refused: Vec<_> = batch.rejected.iter().map(|rejected| (rejected.index, rejected.reason)).collect();
        assert_eq!(refused, [(1, Reason::BadId), (2, Reason::Malformed)]);
    };
    for text in [format!("[{good}, {bad} ,8,{good}]"), format!(" {{ \"events\" : [{good},{bad},8,{good}] }} ")] {
        expected(parse(text.as_bytes(), Form::Json, &FIXED, NOW).unwrap());
    }
    let lines = format!("{good}\r\n{bad}\n\n{{\"id\":\n  {good}  \n");
    expected(parse(lines.as_bytes(), Form::Ndjson, &FIXED, NOW).unwrap());
    assert_eq!(parse(b"[]", Form::Json, &FIXED, NOW).unwrap(), Batch::default());
    assert_eq!(parse(b"", Form::Ndjson, &FIXED, NOW).unwrap(), Batch::default());
}

#[test]
fn a_batch_that_cannot_be_read_is_refused_as_a_whole() {
    let unreadable = [
        "",
        "7",
        "null",
        "{}",
        "[",
        "[1",
        "[1,]",
        "[1] 2",
        r#"{"events":[1]"#,
        r#"{"events":{}}"#,
        r#"{"events":[],"more":1}"#,
        r#"{"event":[]}"#,
        r#"{"events":[{"id":}]}"#,
        r#""events""#,
    ];
    for text in unreadable {
        let refused = parse(text.as_bytes(), Form::Json, &FIXED, NOW);
        assert!(matches!(refused, Err(Error::BatchMalformed(_))), "{text}: {refused:?}");
    }
    assert!(matches!(parse(b"[\"\xff\"]", Form::Json, &FIXED, NOW), Err(Error::BatchMalformed(_))));
    // What the client sent is not repeated.
    let Err(err) = parse(br#"["secret" "#, Form::Json, &FIXED, NOW) else { panic!("read") };
    assert!(!err.to_string().contains("secret"), "{err}");
}

#[test]
fn a_batch_over_its_limits_is_refused_as_a_whole() {
    let of = |events: usize| format!("[{}]", vec!["1"; events].join(","));
    assert_eq!(
        parse(of(EVENTS_PER_BATCH_MAX).as_bytes(), Form::Json, &FIXED, NOW).unwrap().rejected.len(),
        EVENTS_PER_BATCH_MAX
    );
    let too_large = |body: &[u8], form: Form| matches!(parse(body, form, &FIXED, NOW), Err(Error::BatchTooLarge { .. }));
    assert!(too_large(of(EVENTS_PER_BATCH_MAX + 1).as_bytes(), Form::Json));
    assert!(too_large("1\n".repeat(EVENTS_PER_BATCH_MAX + 1).as_bytes(), Form::Ndjson));
    assert!(too_large(&vec![b' '; BATCH_BYTES_MAX + 1], Form::Json));
    assert!(!too_large(&vec![b' '; BATCH_BYTES_MAX], Form::Json));
}

/// Pieces of what clients send, out of which something nearly right comes together often.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\n",
        " ",
        "\\",
        "\\u00e9",
        "1",
        "-1",
        "1e999",
        "0.5",
        "null",
        "true",
        "\"id\":",
        "\"type\":\"watch\"",
        "\"video\":\"0000000000011\"",
        "\"at_ms\":1700000000000",
        "\"watch_ms\":5",
        "\"id\":\"01890a5dac96774bbcceb302099a8057\"",
        "\"events\":",
        "{\"events\":[",
        "]}",
        "é",
        "\u{0}",
        "\"slate\":\"\\u0030\"",
        "9223372036854775808",
        "\"viewer\":",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in pieces()) {
        for body in [bytes.as_slice(), text.as_bytes()] {
            for form in [Form::Json, Form::Ndjson] {
                for policy in [FIXED, ViewerPolicy::FromEvent] {
                    if let Ok(batch) = parse(body, form, &policy, NOW) {
                        let places: Vec<u32> = batch.rejected.iter().map(|rejected| rejected.index).collect();
                        prop_assert!(places.is_sorted_by(|a, b| a < b));
                        for event in &batch.events {
                            prop_assert!(event.body.kind().from_clients());
                            prop_assert!(event.at <= NOW && NOW.millis_since(event.at) <= AGE_MS_MAX);
                            prop_assert!(event.viewer != ViewerId::default());
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_refused_later_stands_at_its_place() {
    let like = |video: &str| at_now(&format!(r#""type":"like","video":"{video}""#));
    let events =
        [like("0000000000011"), "{}".into(), like("0000000000012"), like("0000000000011"), "7".into(), like("0000000000013")];
    let mut batch = parse(format!("[{}]", events.join(",")).as_bytes(), Form::Json, &FIXED, NOW).unwrap();
    let why = |event: &Event| (event.video() != Some(VideoId::from_raw(33))).then_some((Reason::UnknownVideo, "gone"));
    batch.refuse(why);
    assert_eq!(batch.events.len(), 2);
    assert!(batch.events.iter().all(|event| event.video() == Some(VideoId::from_raw(33))));
    let refused: Vec<_> = batch.rejected.iter().map(|rejected| (rejected.index, rejected.reason.code())).collect();
    assert_eq!(refused, [(1, "missing_field"), (2, "unknown_video"), (4, "malformed"), (5, "unknown_video")]);
}
