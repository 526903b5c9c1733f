use serde_json::{Value, json};

use super::support::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn likes_and_saves_are_counted_listed_and_told() {
    let test = TestApp::new().await;
    let (ada, bob) = (test.sign_up("ada").await, test.sign_up("bob").await);
    let video = test.video(&bob, "a clip").await;
    let like = format!("/v1/videos/{video}/like");
    for _ in 0..2 {
        assert_eq!(test.put(&ada, &like).await.expect(200).json(), json!({ "liked": true, "likes": 1 }));
        test.settle().await;
    }
    assert_eq!(test.app.brain.views.counts(video).likes, 1);
    let inbox = test.get(Some(&bob), "/v1/me/inbox").await.json();
    assert_eq!((&inbox["items"][0]["kind"], &inbox["items"][0]["actor"]["handle"]), (&json!("like"), &json!("ada")));
    assert_eq!(inbox["items"][0]["video"]["id"], video.to_string());
    assert_eq!(test.get(Some(&bob), "/v1/me/inbox/unread").await.json()["count"], 1);
    test.call(Some(&bob), "POST", "/v1/me/inbox/read", None).await.expect(204);
    assert_eq!(test.get(Some(&bob), "/v1/me/inbox/unread").await.json()["count"], 0);

    assert_eq!(test.get(Some(&ada), "/v1/me/liked").await.json()["items"][0]["mine"]["liked"], true);
    assert_eq!(test.get(None, "/v1/people/ada/liked").await.json()["items"][0]["id"], video.to_string());
    test.call(Some(&ada), "PATCH", "/v1/me", Some(json!({ "settings": { "private_likes": true } }))).await.expect(200);
    assert_eq!(test.get(Some(&bob), "/v1/people/ada/liked").await.expect(403).code(), "private_likes");
    test.get(Some(&ada), "/v1/people/ada/liked").await.expect(200);
    assert_eq!(test.delete(&ada, &like).await.expect(200).json(), json!({ "liked": false, "likes": 0 }));

    let save = format!("/v1/videos/{video}/save");
    assert_eq!(test.put(&ada, &save).await.expect(200).json(), json!({ "saved": true, "saves": 1 }));
    assert_eq!(test.get(Some(&ada), "/v1/me/saved").await.json()["items"][0]["id"], video.to_string());
    test.settle().await;
    assert_eq!(test.delete(&ada, &save).await.expect(200).json(), json!({ "saved": false, "saves": 0 }));
    test.put(&ada, "/v1/videos/0000000000001/like").await.expect(404);
    test.put(&ada, "/v1/videos/nonsense/like").await.expect(404);
    assert_eq!(test.get(None, "/v1/people/bob/videos").await.json()["items"][0]["id"], video.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_share_and_say_what_they_do_not_want() {
    let test = TestApp::new().await;
    let bob = test.sign_up("bob").await;
    let video = test.video(&bob, "a clip").await;
    let viewer = test.app.accounts.new_viewer();
    let cookie = format!("watershed_viewer={}", test.app.accounts.viewer_token(viewer));
    let call = async |method: &str, path: String| test.send(method, &path, &[("cookie", &cookie)], "").await;
    let shared = call("POST", format!("/v1/videos/{video}/share")).await.expect(200).json();
    assert_eq!(shared, json!({ "url": format!("http://localhost:8080/v/{video}"), "shares": 1 }));
    call("PUT", format!("/v1/videos/{video}/not-interested")).await.expect(204);
    test.settle().await;
    let learned_from = || test.app.brain.views.history(viewer, 9).iter().filter(|entry| entry.flags.not_interested()).count();
    assert_eq!(learned_from(), 1);
    call("DELETE", format!("/v1/videos/{video}/not-interested")).await.expect(204);
    test.settle().await;
    assert_eq!(learned_from(), 0, "the feed no longer learns from it");
    test.put(&bob, &format!("/v1/videos/{video}/not-interested")).await.expect(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comments_belong_to_their_authors() {
    let test = TestApp::new().await;
    let (ada, bob, eve) = (test.sign_up("ada").await, test.sign_up("bob").await, test.sign_up("eve").await);
    let operator = test.operator("operator").await;
    let video = test.video(&bob, "a clip").await;
    let path = format!("/v1/videos/{video}/comments");
    let write = async |who, text: &str, parent: Option<&Value>| {
        test.post(who, &path, json!({ "text": text, "parent": parent })).await.expect(201).json()
    };
    let first = write(&ada, " so\ngood ", None).await;
    assert_eq!(
        (&first["text"], &first["author"]["handle"], &first["mine"]["own"]),
        (&json!("so good"), &json!("ada"), &json!(true))
    );
    let reply = write(&eve, "agreed", Some(&first["id"])).await;
    let deeper = write(&bob, "thanks", Some(&reply["id"])).await;
    assert_eq!((&reply["parent"], &deeper["parent"]), (&first["id"], &first["id"]));
    let list = test.get(None, &path).await.expect(200).json();
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["reply_count"]), (1, &json!(2)));
    let replies = format!("/v1/comments/{}/replies", first["id"].as_str().unwrap());
    let texts: Vec<_> =
        test.get(None, &replies).await.json()["items"].as_array().unwrap().iter().map(|c| c["text"].clone()).collect();
    assert_eq!(texts, ["agreed", "thanks"]);

    let like = format!("/v1/comments/{}/like", first["id"].as_str().unwrap());
    assert_eq!(test.put(&eve, &like).await.expect(200).json(), json!({ "liked": true, "like_count": 1 }));
    assert_eq!(test.get(Some(&eve), &path).await.json()["items"][0]["mine"]["liked"], true);
    assert_eq!(test.delete(&eve, &like).await.expect(200).json(), json!({ "liked": false, "like_count": 0 }));

    for bad in ["", &"x".repeat(501)] {
        test.post(&ada, &path, json!({ "text": bad })).await.expect(422);
    }
    test.post(&ada, &path, json!({ "text": "x", "parent": "0000000000001" })).await.expect(404);
    let one = |comment: &Value| format!("/v1/comments/{}", comment["id"].as_str().unwrap());
    test.delete(&eve, &one(&first)).await.expect(403);
    test.delete(&eve, &one(&reply)).await.expect(204);
    test.delete(&operator, &one(&deeper)).await.expect(204);
    test.delete(&bob, &one(&first)).await.expect(204);
    test.delete(&bob, &one(&first)).await.expect(404);
    assert_eq!(test.get(None, &path).await.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_shut_out_sees_and_says_nothing() {
    let test = TestApp::new().await;
    let (ada, bob, eve) = (test.sign_up("ada").await, test.sign_up("bob").await, test.sign_up("eve").await);
    let (his, hers) = (test.video(&bob, "his").await, test.video(&eve, "hers").await);
    test.post(&ada, &format!("/v1/videos/{hers}/comments"), json!({ "text": "ada was here" })).await.expect(201);
    test.put(&bob, "/v1/people/ada/block").await.expect(204);
    test.put(&ada, &format!("/v1/videos/{his}/like")).await.expect(404);
    test.post(&ada, &format!("/v1/videos/{his}/comments"), json!({ "text": "hi" })).await.expect(404);
    test.get(Some(&ada), "/v1/people/bob/videos").await.expect(404);
    let path = format!("/v1/videos/{hers}/comments");
    assert_eq!(test.get(Some(&bob), &path).await.json()["items"], json!([]), "nor does who shut them out read them");
    assert_eq!(test.get(Some(&eve), &path).await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_are_taken_once_and_decided_by_operators() {
    let test = TestApp::new().await;
    let (ada, bob) = (test.sign_up("ada").await, test.sign_up("bob").await);
    let operator = test.operator("operator").await;
    let video = test.video(&bob, "a clip").await;
    let comments = format!("/v1/videos/{video}/comments");
    let comment = test.post(&bob, &comments, json!({ "text": "rude" })).await.expect(201).json();
    let report = async |who, subject: &str, id: &str| {
        let body = json!({ "subject": subject, "id": id, "reason": "spam", "note": "look" });
        test.post(who, "/v1/reports", body).await
    };
    let id = video.to_string();
    let first = report(&ada, "video", &id).await.expect(201).json();
    assert_eq!(report(&ada, "video", &id).await.expect(201).json(), first);
    let about_comment = report(&ada, "comment", comment["id"].as_str().unwrap()).await.expect(201).json();
    report(&ada, "person", "bob").await.expect(201);
    assert_eq!(report(&bob, "video", &id).await.expect(409).code(), "yourself");
    report(&ada, "video", "0000000000001").await.expect(404);
    report(&ada, "planet", &id).await.expect(422);
    test.post(&ada, "/v1/reports", json!({ "subject": "video", "id": id, "reason": "boring" })).await.expect(422);
    test.settle().await;
    assert_eq!(test.app.brain.views.counts(video).reports, 1);

    let list = test.get(Some(&operator), "/v1/ops/reports").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    assert!(!list.to_string().contains(&ada.id.to_string()), "who reported is not shown");
    let decide = async |report: &Value, state: &str| {
        let path = format!("/v1/ops/reports/{}/decision", report["id"].as_str().unwrap());
        test.post(&operator, &path, json!({ "state": state })).await
    };
    decide(&first, "perhaps").await.expect(422);
    decide(&about_comment, "upheld").await.expect(204);
    assert_eq!(test.get(None, &comments).await.json()["items"], json!([]));
    decide(&first, "upheld").await.expect(204);
    decide(&first, "upheld").await.expect(204);
    test.get(None, &comments).await.expect(404);
    test.settle().await;
    assert!(test.app.brain.views.facts(video).is_none(), "the feed no longer has it");

    decide(&first, "dismissed").await.expect(204);
    test.get(None, &comments).await.expect(200);
    test.settle().await;
    assert!(test.app.brain.views.facts(video).is_some(), "a decision that is taken back brings it back");
}
