use serde_json::json;

use super::support::{PASSWORD, TestApp};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_stranger_to_account_and_back() {
    let test = TestApp::new().await;
    let stranger = test.get(None, "/v1/session").await.expect(200);
    assert_eq!(stranger.json()["signed_in"], false);
    let viewer = stranger.cookie("watershed_viewer").unwrap();
    let set = stranger.headers["set-cookie"].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"), "{set}");
    let again = test.send("GET", "/v1/session", &[("cookie", &format!("watershed_viewer={viewer}"))], "").await;
    assert_eq!(again.json()["viewer"], stranger.json()["viewer"]);
    assert!(again.cookie("watershed_viewer").is_none(), "one pseudonym is enough");

    let form = json!({ "handle": "Ada", "password": PASSWORD, "birth_year": 1990, "language": "zh" });
    let cookie = format!("watershed_viewer={viewer}");
    let made = test.send("POST", "/v1/accounts", &[JSON, ("cookie", &cookie)], form.to_string()).await.expect(201);
    let account = &made.json()["account"];
    assert_eq!(
        (&account["handle"], &account["language"], &account["age_band"]),
        (&json!("ada"), &json!("zh"), &json!("18_plus"))
    );
    assert_eq!(account["settings"]["private_likes"], false);
    assert_eq!(made.json()["viewer"], stranger.json()["viewer"], "what the feed learned comes along");
    assert_eq!(made.cookie("watershed_viewer").as_deref(), Some(""), "the pseudonym's own cookie is done");
    let old = test.send("GET", "/v1/session", &[("cookie", &cookie)], "").await;
    assert_ne!(old.json()["viewer"], stranger.json()["viewer"], "and no longer speaks for it");

    let token = made.cookie("watershed_session").unwrap();
    let session = format!("watershed_session={token}");
    let me = test.send("GET", "/v1/me", &[("cookie", &session)], "").await.expect(200);
    assert!(!String::from_utf8_lossy(&me.bytes).contains(&token));
    let again = json!({ "handle": "ada", "password": PASSWORD });
    let rotated = test.send("POST", "/v1/session", &[JSON, ("cookie", &session)], again.to_string()).await.expect(200);
    test.send("GET", "/v1/me", &[("cookie", &session)], "").await.expect(401);
    let session = format!("watershed_session={}", rotated.cookie("watershed_session").unwrap());
    test.send("GET", "/v1/me", &[("cookie", &session)], "").await.expect(200);
    let out = test.send("DELETE", "/v1/session", &[("cookie", &session)], "").await.expect(204);
    assert_eq!(out.cookie("watershed_session").as_deref(), Some(""));
    test.send("GET", "/v1/me", &[("cookie", &session)], "").await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_have_their_codes() {
    let test =
        TestApp::with(|s| s.accounts.limits.handle_and_address = accounts::BucketRule { burst: 2, refill_ms: 60_000 }).await;
    test.sign_up("ada").await;
    let sign_up = |form: serde_json::Value| {
        let test = &test;
        async move { test.send("POST", "/v1/accounts", &[JSON], form.to_string()).await }
    };
    let young = sign_up(json!({ "handle": "kid", "password": PASSWORD, "birth_year": 2020 })).await.expect(403);
    assert_eq!(young.code(), "too_young");
    let taken = sign_up(json!({ "handle": "ADA", "password": PASSWORD, "birth_year": 1990 })).await.expect(409);
    assert_eq!(taken.code(), "handle_taken");
    let bad = sign_up(json!({ "handle": "a", "password": "short", "birth_year": 1990 })).await.expect(422);
    let fields: Vec<_> = bad.json()["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(fields, ["handle", "password"]);
    assert_eq!(bad.headers["content-type"], "application/problem+json");
    assert_eq!(sign_up(json!({ "handle": 5 })).await.expect(400).code(), "malformed");
    assert_eq!(
        test.send("POST", "/v1/accounts", &[("content-type", "text/plain")], "{}").await.expect(415).code(),
        "unsupported_media_type"
    );
    let huge = format!("{{\"handle\":\"{}\"}}", "x".repeat(100_000));
    assert_eq!(test.send("POST", "/v1/accounts", &[JSON], huge).await.expect(413).code(), "too_large");

    for handle in ["ada", "nobody"] {
        let form = json!({ "handle": handle, "password": "wrong password" }).to_string();
        for _ in 0..2 {
            let failed = test.send("POST", "/v1/session", &[JSON], form.clone()).await.expect(401);
            assert_eq!(failed.code(), "sign_in_failed");
        }
        let limited = test.send("POST", "/v1/session", &[JSON], form).await.expect(429);
        assert_eq!((limited.code().as_str(), &limited.headers["retry-after"]), ("too_many_attempts", &"60".parse().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_site_cannot_act_for_somebody() {
    let test = TestApp::new().await;
    let ada = test.sign_up("ada").await;
    let cookie = format!("watershed_session={}", ada.token);
    for hostile in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let answer = test.send("DELETE", "/v1/sessions", &[("cookie", &cookie), hostile], "").await.expect(403);
        assert_eq!(answer.code(), "cross_site");
    }
    test.send("DELETE", "/v1/sessions", &[("cookie", &cookie), ("sec-fetch-site", "same-origin")], "").await.expect(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_their_owners() {
    let test = TestApp::new().await;
    let (ada, bob) = (test.sign_up("ada").await, test.sign_up("bob").await);
    let list = test.get(Some(&ada), "/v1/sessions").await.expect(200).json();
    assert_eq!((&list["items"][0]["current"], &list["items"][0]["device"]), (&json!(true), &json!("Firefox on Linux")));
    let path = format!("/v1/sessions/{}", list["items"][0]["id"].as_str().unwrap());
    test.delete(&bob, &path).await.expect(404);
    test.get(Some(&ada), "/v1/me").await.expect(200);
    test.delete(&ada, &path).await.expect(204);
    test.get(Some(&ada), "/v1/me").await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passkeys_are_asked_for_and_a_wrong_answer_is_refused() {
    let test = TestApp::new().await;
    let (ada, bob) = (test.sign_up("ada").await, test.sign_up("bob").await);
    let asked = test.post(&ada, "/v1/passkeys/registration", json!({})).await.expect(200).json();
    assert_eq!((&asked["public_key"]["rp"]["id"], &asked["public_key"]["user"]["name"]), (&json!("localhost"), &json!("ada")));
    let path = format!("/v1/passkeys/registration/{}", asked["ceremony"].as_str().unwrap());
    assert_eq!(test.post(&bob, &path, json!({})).await.expect(400).code(), "passkey_refused");
    let asked = test.call(None, "POST", "/v1/passkeys/authentication", None).await.expect(200).json();
    assert_eq!(asked["public_key"]["userVerification"], "required");
    let path = format!("/v1/passkeys/authentication/{}", asked["ceremony"].as_str().unwrap());
    assert_eq!(test.call(None, "POST", &path, Some(json!({ "id": "AAAA" }))).await.expect(400).code(), "passkey_refused");
    assert_eq!(test.get(Some(&ada), "/v1/passkeys").await.expect(200).json(), json!({ "items": [] }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_changed_by_who_knows_it() {
    let test = TestApp::new().await;
    let ada = test.sign_up("ada").await;
    let change = |current: &str| json!({ "current": current, "new": "another long one" });
    let wrong = test.call(Some(&ada), "PUT", "/v1/me/password", Some(change("not it at all"))).await.expect(403);
    assert_eq!(wrong.code(), "wrong_password");
    test.call(Some(&ada), "PUT", "/v1/me/password", Some(change(PASSWORD))).await.expect(204);
    let form = |password: &str| json!({ "handle": "ada", "password": password });
    test.call(None, "POST", "/v1/session", Some(form(PASSWORD))).await.expect(401);
    test.call(None, "POST", "/v1/session", Some(form("another long one"))).await.expect(200);
}
