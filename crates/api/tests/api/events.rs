//! What viewers send of what they did, and what becomes of it on their pages.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::support::TestApp;

fn event(kind: &str, n: u32, more: Value) -> Value {
    let mut event = json!({ "id": format!("00000000-0000-4000-8000-{n:012}"), "type": kind, "at_ms": base::Clock::now(&base::SystemClock).as_millis() });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_react_and_people_speak() {
    let test = TestApp::new().await;
    let ada = test.sign_up("ada").await;
    let video = test.video(&ada, "a clip").await.to_string();
    let cookie = format!("watershed_viewer={}", test.get(None, "/v1/session").await.cookie("watershed_viewer").unwrap());
    let events = json!({ "events": [
        event("watch", 1, json!({ "video": video, "watch_ms": 5000, "duration_ms": 5000 })),
        event("comment", 2, json!({ "video": video })),
        event("follow", 3, json!({ "creator": ada.id.to_string() })),
        event("like", 4, json!({ "video": video })),
        event("like", 5, json!({ "video": "0000000000001" })),
    ] });
    let headers = [("cookie", cookie.as_str()), ("content-type", "application/json")];
    let receipt = test.send("POST", "/v1/events", &headers, events.to_string()).await.expect(200).json();
    let refused: Vec<(u64, &str)> = receipt["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["index"].as_u64().unwrap(), r["code"].as_str().unwrap()))
        .collect();
    assert_eq!(refused, [(1, "sign_in_required"), (2, "sign_in_required"), (4, "unknown_video")]);
    let answer = test.post(&ada, "/v1/events", json!([event("comment", 6, json!({ "video": video }))])).await.expect(200);
    assert_eq!(answer.json()["accepted"], 1);
    test.settle().await;
    let counts = test.app.brain.views.counts(video.parse().unwrap());
    assert_eq!((counts.views, counts.likes, counts.comments), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_somebody_blocked_hides_nobody_else() {
    let test = TestApp::new().await;
    let (ada, bob, spammer) = (test.sign_up("ada").await, test.sign_up("bob").await, test.sign_up("spammer").await);
    let old = test.video(&bob, "an old clip").await.to_string();
    for n in 0..250 {
        test.video(&spammer, &format!("buy {n}")).await;
    }
    test.put(&ada, "/v1/people/spammer/block").await.expect(204);
    let page = test.get(Some(&ada), "/v1/feed?limit=8").await.expect(200).json();
    let shown: Vec<&str> = page["items"].as_array().unwrap().iter().map(|i| i["video"]["id"].as_str().unwrap()).collect();
    assert_eq!(shown, [old]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_stream_tells_nothing_once_its_session_has_ended() {
    let test = TestApp::new().await;
    let (ada, bob) = (test.sign_up("ada").await, test.sign_up("bob").await);
    let mut before = test.open(&ada, "/v1/stream").await;
    test.put(&bob, "/v1/people/ada/follow").await.expect(200);
    let told = tokio::time::timeout(Duration::from_secs(20), before.frame()).await.unwrap().unwrap().unwrap();
    assert!(String::from_utf8_lossy(told.data_ref().unwrap()).contains("inbox"));
    let again = test.app.accounts.sign_in("ada", crate::support::PASSWORD, &crate::support::arrival()).await.unwrap();
    let headers = [("authorization", &*format!("Bearer {}", again.token))];
    test.send("DELETE", "/v1/sessions", &headers, "").await.expect(204);
    let video = test.video(&ada, "a clip").await;
    test.put(&bob, &format!("/v1/videos/{video}/like")).await.expect(200);
    let ended = tokio::time::timeout(Duration::from_secs(20), before.frame()).await.unwrap();
    assert!(ended.is_none(), "the stream ends instead of telling");
}

/// The operator sees the arms of an experiment, and who has what model; without one there is nothing to see.
#[tokio::test]
async fn arms_on_the_operators_page() {
    let plain = TestApp::new().await;
    let operator = plain.operator("olive").await;
    let seen = plain.get(Some(&operator), "/v1/ops/overview").await.expect(200).json();
    assert!(seen["experiment"].is_null(), "{seen}");

    let app = TestApp::with(|settings| {
        let arm = |name: &str| app::ArmConfig { name: name.into(), ..app::ArmConfig::default() };
        let own = app::ArmConfig { model: app::ModelOf::Own, parts: 3, ..arm("own") };
        settings.feed.experiment = app::ExperimentConfig { name: "two".into(), arms: vec![arm("now"), own], judged_share: 1.0 };
    })
    .await;
    let operator = app.operator("olive").await;
    let creator = app.sign_up("carla").await;
    app.video(&creator, "one").await;
    app.get(None, "/v1/feed").await.expect(200);
    app.app.feed.drain().await;
    let seen = app.get(Some(&operator), "/v1/ops/overview").await.expect(200).json();
    let arms = seen["experiment"]["arms"].as_array().unwrap();
    let of =
        |arm: usize| (arms[arm]["name"].as_str().unwrap(), arms[arm]["share"].as_f64(), arms[arm]["model"].as_str().unwrap());
    assert_eq!((of(0), of(1)), (("now", Some(0.25), "shared"), ("own", Some(0.75), "two/own")));
    let pages: u64 = arms.iter().map(|arm| arm["pages"].as_u64().unwrap()).sum();
    assert_eq!((pages, &arms[0]["tasks"][0]["task"]), (1, &serde_json::json!("finish")));
}
