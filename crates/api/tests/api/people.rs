use serde_json::{Value, json};
use store::trace;

use super::support::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_is_seen_and_changed() {
    let test = TestApp::new().await;
    let (ada, _bob) = (test.sign_up("ada").await, test.sign_up("bob").await);
    let patch = async |body: Value| test.call(Some(&ada), "PATCH", "/v1/me", Some(body)).await;
    let changed = patch(json!({ "handle": "ada.l", "display_name": "Ada Lovelace", "bio": "counts", "language": "en",
        "settings": { "surprise": 0.25, "private_likes": true } }))
    .await
    .expect(200)
    .json();
    assert_eq!(
        (&changed["handle"], &changed["settings"]["surprise"], &changed["language"]),
        (&json!("ada.l"), &json!(0.25), &json!("en"))
    );
    assert_eq!(patch(json!({ "language": null })).await.expect(200).json()["language"], Value::Null);
    assert_eq!(patch(json!({})).await.expect(200).json()["display_name"], "Ada Lovelace");
    assert_eq!(patch(json!({ "handle": "bob" })).await.expect(409).code(), "handle_taken");
    patch(json!({ "language": "xx" })).await.expect(422);
    patch(json!({ "settings": { "surprise": 2 } })).await.expect(422);
    patch(json!({ "role": "operator" })).await.expect(400);

    test.get(None, "/v1/people/ada").await.expect(404);
    let seen = test.get(None, "/v1/people/@Ada.L").await.expect(200).json();
    assert_eq!((&seen["display_name"], &seen["mine"]["is_me"]), (&json!("Ada Lovelace"), &json!(false)));
    assert_eq!(test.get(Some(&ada), "/v1/people/ada.l").await.json()["mine"]["is_me"], true);
    let text = seen.to_string();
    assert!(!text.contains(&ada.viewer.to_string()), "a pseudonym is nobody else's business");
    let found = test.app.search_people("lovelace", None, 5).await.unwrap();
    assert_eq!(found.items, [ada.id], "search follows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_taken_served_and_replaced() {
    let test = TestApp::new().await;
    let ada = test.sign_up("ada").await;
    let cookie = format!("watershed_session={}", ada.token);
    let headers = [("cookie", cookie.as_str()), ("content-type", "image/png")];
    // One white pixel.
    let png: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc\xf8\xff\xff?\0\x05\xfe\x02\xfe\r\xefF\xb8\0\0\0\0IEND\xaeB`\x82";
    let first = test.send("PUT", "/v1/me/avatar", &headers, png).await.expect(200).json();
    let url = first["avatar_url"].as_str().unwrap().to_owned();
    let picture = test.get(None, &url).await.expect(200);
    assert_eq!(picture.headers["content-type"], "image/jpeg");
    assert_eq!(test.get(None, "/v1/people/ada").await.json()["avatar_url"], url.as_str());
    let second = test.send("PUT", "/v1/me/avatar", &headers, png).await.expect(200).json();
    assert_ne!(second["avatar_url"], url.as_str());
    test.get(None, &url).await.expect(404);
    test.send("PUT", "/v1/me/avatar", &headers, "not a picture").await.expect(422);
    assert_eq!(test.send("PUT", "/v1/me/avatar", &headers, vec![0; 6 << 20]).await.expect(413).code(), "too_large");
    test.delete(&ada, "/v1/me/avatar").await.expect(204);
    assert_eq!(test.get(None, "/v1/people/ada").await.json()["avatar_url"], Value::Null);
    for odd in ["/avatars/..%2F..%2Fsecrets%2Fviewer.key", "/avatars/.hidden", "/avatars/none.jpg"] {
        test.get(None, odd).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_and_blocking() {
    let test = TestApp::new().await;
    let (ada, bob) = (test.sign_up("ada").await, test.sign_up("bob").await);
    let done = test.put(&ada, "/v1/people/bob/follow").await.expect(200).json();
    assert_eq!(done, json!({ "following": true, "follower_count": 1 }));
    test.settle().await;
    assert_eq!(test.app.brain.views.follows(ada.viewer), [bob.id], "the log was told");
    assert_eq!(test.put(&ada, "/v1/people/ada/follow").await.expect(409).code(), "yourself");
    test.put(&ada, "/v1/people/nobody/follow").await.expect(404);
    let page = test.get(Some(&ada), "/v1/people/bob").await.json();
    assert_eq!((&page["follower_count"], &page["mine"]["following"]), (&json!(1), &json!(true)));
    assert_eq!(test.get(None, "/v1/people/bob/followers").await.json()["items"][0]["handle"], "ada");
    assert_eq!(test.get(None, "/v1/people/ada/following").await.json()["items"][0]["handle"], "bob");
    assert_eq!(test.get(Some(&bob), "/v1/me/inbox").await.json()["items"][0]["kind"], "follow");

    test.put(&bob, "/v1/people/ada/block").await.expect(204);
    test.settle().await;
    assert!(test.app.brain.views.follows(ada.viewer).is_empty(), "the follow ended in the log as well");
    test.get(Some(&ada), "/v1/people/bob").await.expect(404);
    test.put(&ada, "/v1/people/bob/follow").await.expect(404);
    assert_eq!(test.put(&bob, "/v1/people/ada/follow").await.expect(403).code(), "blocked");
    assert_eq!(test.get(Some(&bob), "/v1/people/ada").await.json()["mine"]["blocked"], true);
    assert_eq!(test.get(Some(&bob), "/v1/me/blocked").await.json()["items"][0]["handle"], "ada");
    assert_eq!(test.get(Some(&bob), "/v1/me/inbox").await.json()["items"], json!([]));
    test.delete(&bob, "/v1/people/ada/block").await.expect(204);
    assert_eq!(test.delete(&ada, "/v1/people/bob/follow").await.expect(200).json()["following"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_go_on_by_cursor_and_strange_cursors_are_refused() {
    let test = TestApp::new().await;
    let bob = test.sign_up("bob").await;
    for n in 0..5 {
        let fan = test.sign_up(&format!("fan{n}")).await;
        test.put(&fan, "/v1/people/bob/follow").await.expect(200);
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/people/bob/followers?limit=2".to_owned());
    for _ in 0..3 {
        let page = test.get(Some(&bob), &path).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|p| p["handle"].as_str().unwrap().to_owned()));
        path = format!("/v1/people/bob/followers?limit=2&cursor={}", page["next_cursor"].as_str().unwrap_or("end"));
    }
    seen.sort();
    assert_eq!(seen, ["fan0", "fan1", "fan2", "fan3", "fan4"]);
    assert_eq!(test.get(None, &path).await.expect(400).code(), "bad_cursor");
    assert_eq!(test.get(None, "/v1/people/bob/followers?limit=many").await.expect(400).code(), "bad_page");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_takes_everything_along() {
    let test = TestApp::new().await;
    let (ada, bob) = (test.sign_up("ada.lovelace").await, test.sign_up("bob").await);
    let (hers, his) = (test.video(&ada, "a clip of hers #math").await, test.video(&bob, "a clip of his").await);
    test.put(&ada, &format!("/v1/videos/{his}/like")).await.expect(200);
    test.put(&bob, &format!("/v1/videos/{hers}/like")).await.expect(200);
    test.put(&ada, "/v1/people/bob/follow").await.expect(200);
    test.post(&ada, &format!("/v1/videos/{his}/comments"), json!({ "text": "words of ada" })).await.expect(201);
    test.post(&bob, "/v1/reports", json!({ "subject": "person", "id": "ada.lovelace", "reason": "other" })).await.expect(201);
    test.settle().await;
    let export = test.get(Some(&ada), "/v1/me/export").await.expect(200);
    assert!(export.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let export = export.json();
    assert_eq!((&export["account"]["handle"], export["videos"].as_array().unwrap().len()), (&json!("ada.lovelace"), 1));
    assert_eq!(export["social"]["comments"][0]["text"], "words of ada");

    let leave = async |body: Value| test.call(Some(&ada), "DELETE", "/v1/me", Some(body)).await;
    leave(json!({})).await.expect(422);
    leave(json!({ "handle": "bob" })).await.expect(422);
    assert_eq!(leave(json!({ "password": "not hers at all" })).await.expect(403).code(), "wrong_password");
    leave(json!({ "handle": "@Ada.Lovelace" })).await.expect(204);

    test.get(Some(&ada), "/v1/me").await.expect(401);
    test.get(None, "/v1/people/ada.lovelace").await.expect(404);
    assert_eq!(test.get(None, &format!("/v1/videos/{his}/comments")).await.expect(200).json()["items"], json!([]));
    test.get(None, &format!("/v1/videos/{hers}/comments")).await.expect(404);
    assert!(test.app.search_people("lovelace", None, 5).await.unwrap().items.is_empty());
    test.settle().await;
    assert!(test.app.brain.views.facts(hers).is_none() && test.app.brain.views.history(ada.viewer, 9).is_empty());
    // The log is rewritten by a job; it leaves no trace of itself either.
    let numbers = [ada.id.sql(), ada.viewer.sql()];
    let viewer = ada.viewer.to_string();
    let texts = ["ada.lovelace", "words of ada", "a clip of hers", viewer.as_str()];
    let mut left = vec!["unknown".to_owned()];
    for _ in 0..500 {
        left = trace::mentions(&test.app.store, &numbers, &texts).await.unwrap();
        if left.is_empty() {
            break;
        }
        test.app.jobs.wait(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(left, Vec::<String>::new());
    let mut events = 0;
    for partition in (0..test.app.log.partitions()).map(eventlog::Partition) {
        let mut at = test.app.log.first_offset(partition).unwrap();
        loop {
            let page = test.app.log.read(partition, at, 1_000).await.unwrap();
            let of_ada = |event: &eventlog::Event| event.viewer == ada.viewer && event.body != eventlog::Body::ViewerErased;
            events += page.events.iter().filter(|(_, event)| of_ada(event)).count();
            if page.events.is_empty() {
                break;
            }
            at = page.next;
        }
    }
    assert_eq!(events, 0, "nothing of what she did is left in the log");
}
