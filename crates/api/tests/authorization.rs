//! Who may call what: every route of the contract stands here, and each is tried by those who may not.

mod support;

use std::collections::BTreeSet;

use accounts::Role;
use axum::http::StatusCode;
use serde_json::Value;

use support::{Somebody, TestApp};

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Everybody.
    Anyone,
    /// Whoever has a pseudonym: signed in, or a browser that was here before.
    Viewer,
    /// People with a session.
    SignedIn,
    /// The person whose video, comment, upload or session it is.
    Owner,
    Operator,
}
use Who::{Anyone, Operator, Owner, SignedIn, Viewer};

/// Placeholders: `{video}` and `{comment}` are of somebody else than the caller; `{handle}` is that somebody.
const ROUTES: &[(&str, &str, Who)] = &[
    ("GET", "/healthz", Anyone),
    ("GET", "/readyz", Anyone),
    ("GET", "/v1/status", Anyone),
    ("GET", "/oembed", Anyone),
    ("GET", "/avatars/{name}", Anyone),
    ("GET", "/media/{video}/{*path}", Anyone),
    ("GET", "/v1/session", Anyone),
    ("POST", "/v1/session", Anyone),
    ("DELETE", "/v1/session", Anyone),
    ("POST", "/v1/accounts", Anyone),
    ("GET", "/v1/sessions", SignedIn),
    ("DELETE", "/v1/sessions", SignedIn),
    ("DELETE", "/v1/sessions/{id}", Owner),
    ("GET", "/v1/passkeys", SignedIn),
    ("DELETE", "/v1/passkeys/{id}", Owner),
    ("POST", "/v1/passkeys/registration", SignedIn),
    ("POST", "/v1/passkeys/registration/{ceremony}", SignedIn),
    ("POST", "/v1/passkeys/authentication", Anyone),
    ("POST", "/v1/passkeys/authentication/{ceremony}", Anyone),
    ("GET", "/v1/me", SignedIn),
    ("PATCH", "/v1/me", SignedIn),
    ("DELETE", "/v1/me", SignedIn),
    ("PUT", "/v1/me/password", SignedIn),
    ("PUT", "/v1/me/avatar", SignedIn),
    ("DELETE", "/v1/me/avatar", SignedIn),
    ("GET", "/v1/me/export", SignedIn),
    ("GET", "/v1/me/uploads", SignedIn),
    ("GET", "/v1/me/liked", SignedIn),
    ("GET", "/v1/me/saved", SignedIn),
    ("GET", "/v1/me/blocked", SignedIn),
    ("GET", "/v1/me/inbox", SignedIn),
    ("GET", "/v1/me/inbox/unread", SignedIn),
    ("POST", "/v1/me/inbox/read", SignedIn),
    ("GET", "/v1/me/history", Viewer),
    ("DELETE", "/v1/me/history", Viewer),
    ("DELETE", "/v1/me/history/{video}", Viewer),
    ("GET", "/v1/me/taste", Viewer),
    ("PATCH", "/v1/me/taste", Viewer),
    ("GET", "/v1/stream", SignedIn),
    ("GET", "/v1/people/{handle}", Anyone),
    ("GET", "/v1/people/{handle}/videos", Anyone),
    ("GET", "/v1/people/{handle}/liked", Anyone),
    ("GET", "/v1/people/{handle}/followers", Anyone),
    ("GET", "/v1/people/{handle}/following", Anyone),
    ("PUT", "/v1/people/{handle}/follow", SignedIn),
    ("DELETE", "/v1/people/{handle}/follow", SignedIn),
    ("PUT", "/v1/people/{handle}/block", SignedIn),
    ("DELETE", "/v1/people/{handle}/block", SignedIn),
    ("POST", "/v1/reports", SignedIn),
    ("GET", "/v1/feed", Anyone),
    ("POST", "/v1/events", Viewer),
    ("OPTIONS", "/v1/uploads", Anyone),
    ("POST", "/v1/uploads", SignedIn),
    ("HEAD", "/v1/uploads/{id}", Owner),
    ("PATCH", "/v1/uploads/{id}", Owner),
    ("DELETE", "/v1/uploads/{id}", Owner),
    ("GET", "/v1/uploads/{id}/status", Owner),
    ("POST", "/v1/videos", SignedIn),
    ("GET", "/v1/videos/{id}", Anyone),
    ("PATCH", "/v1/videos/{id}", Owner),
    ("DELETE", "/v1/videos/{id}", Owner),
    ("GET", "/v1/videos/{id}/upload", Owner),
    ("GET", "/v1/videos/{id}/insights", Owner),
    ("PUT", "/v1/videos/{id}/like", SignedIn),
    ("DELETE", "/v1/videos/{id}/like", SignedIn),
    ("PUT", "/v1/videos/{id}/save", SignedIn),
    ("DELETE", "/v1/videos/{id}/save", SignedIn),
    ("PUT", "/v1/videos/{id}/not-interested", Viewer),
    ("DELETE", "/v1/videos/{id}/not-interested", Viewer),
    ("POST", "/v1/videos/{id}/share", Anyone),
    ("GET", "/v1/videos/{id}/comments", Anyone),
    ("POST", "/v1/videos/{id}/comments", SignedIn),
    ("GET", "/v1/comments/{id}/replies", Anyone),
    ("DELETE", "/v1/comments/{id}", Owner),
    ("PUT", "/v1/comments/{id}/like", SignedIn),
    ("DELETE", "/v1/comments/{id}/like", SignedIn),
    ("GET", "/v1/search", Anyone),
    ("GET", "/v1/search/suggest", Anyone),
    ("GET", "/v1/discover", Anyone),
    ("GET", "/v1/hashtags/{tag}", Anyone),
    ("GET", "/v1/hashtags/{tag}/videos", Anyone),
    ("GET", "/v1/sounds/{id}", Anyone),
    ("GET", "/v1/sounds/{id}/videos", Anyone),
    ("GET", "/v1/ops/overview", Operator),
    ("GET", "/v1/ops/jobs", Operator),
    ("POST", "/v1/ops/jobs/{id}/retry", Operator),
    ("GET", "/v1/ops/reports", Operator),
    ("POST", "/v1/ops/reports/{id}/decision", Operator),
];

#[test]
fn the_list_is_the_contract() {
    let document: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    let declared: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = ["get", "put", "post", "delete", "options", "head", "patch"];
            methods.into_iter().filter(|method| item.get(method).is_some()).map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let listed: BTreeSet<(String, String)> =
        ROUTES.iter().map(|(method, path, _)| (method.to_string(), path.to_string())).collect();
    assert_eq!(listed.len(), ROUTES.len(), "a route stands twice");
    let without_a_test: Vec<_> = declared.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&declared).collect();
    assert!(without_a_test.is_empty(), "routes that nobody tries: {without_a_test:?}");
    assert!(gone.is_empty(), "routes that are not there: {gone:?}");
}

/// The path with the things of `owner` in it.
async fn filled(house: &TestApp, owner: &Somebody, path: &str) -> String {
    let id = match path {
        _ if path.contains("/videos/{id}") || path.contains("{video}") => house.video(owner, "theirs").await.to_string(),
        _ if path.contains("/uploads/{id}") => {
            let upload = house.app.uploads.create(owner.account, 5, media::upload::Metadata::default()).await.unwrap();
            upload.id.to_string()
        }
        _ if path.contains("/comments/{id}") => {
            let video = house.video(owner, "theirs").await;
            let body = serde_json::json!({ "text": "mine" });
            let written = house.call(Some(owner), "POST", &format!("/v1/videos/{video}/comments"), Some(body)).await;
            assert_eq!(written.status, StatusCode::CREATED, "{}", written.text());
            written.json()["id"].as_str().unwrap().to_owned()
        }
        _ if path.contains("/sessions/{id}") => {
            house.get(Some(owner), "/v1/sessions").await.json()["items"][0]["id"].as_str().unwrap().to_owned()
        }
        _ => base::JobId::from_raw(1).to_string(),
    };
    path.replace("{id}", &id)
        .replace("{video}", &id)
        .replace("{ceremony}", &id)
        .replace("{handle}", &owner.handle)
        .replace("{name}", "none.webp")
        .replace("{tag}", "none")
        .replace("{*path}", "poster.jpg")
}

async fn attempt(house: &TestApp, who: Option<&Somebody>, method: &str, path: &str) -> StatusCode {
    use axum::http::{Request, header};
    let mut request = Request::builder().method(method).uri(path).header("tus-resumable", "1.0.0").header("upload-offset", "0");
    request = request.header("upload-length", "5");
    let (kind, body) = match (method, path) {
        ("PATCH", path) if path.starts_with("/v1/uploads") => ("application/offset+octet-stream", "12345"),
        _ => ("application/json", "{}"),
    };
    if let Some(who) = who {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", who.token));
    }
    let request = request.header(header::CONTENT_TYPE, kind).body(axum::body::Body::from(body)).unwrap();
    house.status_of(request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_where_they_may_not() {
    let house = TestApp::new().await;
    let owner = house.somebody("owner").await;
    let operator = house.with_role("boss", Role::Operator).await;
    for (nth, (method, path, who)) in ROUTES.iter().enumerate() {
        let address = filled(&house, &owner, path).await;
        let route = format!("{method} {path}");
        let anonymous = attempt(&house, None, method, &address).await;
        let denied = StatusCode::UNAUTHORIZED;
        match who {
            Anyone => assert!(
                anonymous != StatusCode::FORBIDDEN && (anonymous != denied || *path == "/v1/session"),
                "{route}: {anonymous}"
            ),
            Viewer | SignedIn | Owner | Operator => assert_eq!(anonymous, denied, "{route} let in somebody unknown"),
        }
        // A stranger of their own for each route: some end the session.
        let stranger = house.somebody(&format!("stranger{nth}")).await;
        let strange = attempt(&house, Some(&stranger), method, &address).await;
        match who {
            Operator => assert_eq!(strange, StatusCode::FORBIDDEN, "{route} let in somebody who is no operator"),
            Owner => assert!(
                strange == StatusCode::FORBIDDEN || strange == StatusCode::NOT_FOUND,
                "{route} let in a stranger: {strange}"
            ),
            Anyone | Viewer | SignedIn => {
                assert!(
                    strange != StatusCode::FORBIDDEN && (strange != denied || *path == "/v1/session"),
                    "{route}: {strange}"
                );
            }
        }
        if *who == Operator {
            let let_in = attempt(&house, Some(&operator), method, &address).await;
            assert!(let_in != StatusCode::FORBIDDEN && let_in != denied, "{route} shut the operator out: {let_in}");
        }
    }
    house.app.close().await.unwrap();
}
