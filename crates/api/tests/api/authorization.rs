//! Every route and who may call it. A route that is not listed here fails this test.

use std::collections::BTreeSet;

use serde_json::Value;

use super::support::TestApp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anyone,
    /// Everybody with a pseudonym, signed in or not.
    Viewer,
    SignedIn,
    Operator,
}
use Who::{Anyone, Operator, SignedIn, Viewer};

/// Whose a thing is beyond this (a session, a video, a comment) is tested beside what it is.
const ROUTES: &[(&str, &str, Who)] = &[
    ("GET", "/healthz", Anyone),
    ("GET", "/readyz", Anyone),
    ("GET", "/v1/status", Anyone),
    ("POST", "/v1/accounts", Anyone),
    ("GET", "/v1/session", Anyone),
    ("POST", "/v1/session", Anyone),
    ("DELETE", "/v1/session", Anyone),
    ("GET", "/v1/sessions", SignedIn),
    ("DELETE", "/v1/sessions", SignedIn),
    ("DELETE", "/v1/sessions/{id}", SignedIn),
    ("GET", "/v1/passkeys", SignedIn),
    ("DELETE", "/v1/passkeys/{id}", SignedIn),
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
    ("GET", "/v1/me/liked", SignedIn),
    ("GET", "/v1/me/saved", SignedIn),
    ("GET", "/v1/me/blocked", SignedIn),
    ("GET", "/v1/me/inbox", SignedIn),
    ("POST", "/v1/me/inbox/read", SignedIn),
    ("GET", "/v1/me/inbox/unread", SignedIn),
    ("GET", "/v1/me/history", Viewer),
    ("DELETE", "/v1/me/history", Viewer),
    ("DELETE", "/v1/me/history/{video}", Viewer),
    ("GET", "/v1/me/taste", Viewer),
    ("PATCH", "/v1/me/taste", Viewer),
    ("GET", "/avatars/{name}", Anyone),
    ("GET", "/v1/people/{handle}", Anyone),
    ("GET", "/v1/people/{handle}/videos", Anyone),
    ("GET", "/v1/people/{handle}/liked", Anyone),
    ("GET", "/v1/people/{handle}/followers", Anyone),
    ("GET", "/v1/people/{handle}/following", Anyone),
    ("PUT", "/v1/people/{handle}/follow", SignedIn),
    ("DELETE", "/v1/people/{handle}/follow", SignedIn),
    ("PUT", "/v1/people/{handle}/block", SignedIn),
    ("DELETE", "/v1/people/{handle}/block", SignedIn),
    ("PUT", "/v1/videos/{id}/like", SignedIn),
    ("DELETE", "/v1/videos/{id}/like", SignedIn),
    ("PUT", "/v1/videos/{id}/save", SignedIn),
    ("DELETE", "/v1/videos/{id}/save", SignedIn),
    ("PUT", "/v1/videos/{id}/not-interested", Viewer),
    ("DELETE", "/v1/videos/{id}/not-interested", Viewer),
    ("POST", "/v1/videos/{id}/share", Viewer),
    ("GET", "/v1/videos/{id}/comments", Anyone),
    ("POST", "/v1/videos/{id}/comments", SignedIn),
    ("GET", "/v1/comments/{id}/replies", Anyone),
    ("DELETE", "/v1/comments/{id}", SignedIn),
    ("PUT", "/v1/comments/{id}/like", SignedIn),
    ("DELETE", "/v1/comments/{id}/like", SignedIn),
    ("POST", "/v1/reports", SignedIn),
    ("POST", "/v1/events", Viewer),
    ("GET", "/v1/feed", Anyone),
    ("GET", "/oembed", Anyone),
    ("GET", "/media/{video}/{*path}", Anyone),
    ("GET", "/v1/stream", SignedIn),
    ("GET", "/v1/me/uploads", SignedIn),
    ("OPTIONS", "/v1/uploads", Anyone),
    ("POST", "/v1/uploads", SignedIn),
    ("HEAD", "/v1/uploads/{id}", SignedIn),
    ("PATCH", "/v1/uploads/{id}", SignedIn),
    ("DELETE", "/v1/uploads/{id}", SignedIn),
    ("GET", "/v1/uploads/{id}/status", SignedIn),
    ("POST", "/v1/videos", SignedIn),
    ("GET", "/v1/videos/{id}", Anyone),
    ("PATCH", "/v1/videos/{id}", SignedIn),
    ("DELETE", "/v1/videos/{id}", SignedIn),
    ("GET", "/v1/videos/{id}/upload", SignedIn),
    ("GET", "/v1/videos/{id}/insights", SignedIn),
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

fn declared() -> BTreeSet<(String, String)> {
    let document: Value = serde_json::from_str(&api::openapi_json()).unwrap();
    let mut found = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            if method != "parameters" {
                found.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    found
}

#[test]
fn every_route_says_who_may_call_it() {
    let declared = declared();
    let listed: BTreeSet<_> = ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    let unlisted: Vec<_> = declared.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&declared).collect();
    assert!(unlisted.is_empty(), "routes without an entry in this test: {unlisted:#?}");
    assert!(gone.is_empty(), "entries of routes that do not exist: {gone:#?}");
}

/// A path with names that nothing has.
fn sample(path: &str) -> String {
    path.replace("{handle}", "nobody")
        .split('/')
        .map(|part| if part.starts_with('{') { "0000000000001" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_is_told_so_and_who_may_is_let_in() {
    let test = TestApp::new().await;
    for (n, (method, path, who)) in ROUTES.iter().enumerate() {
        let person = test.sign_up(&format!("person{n}")).await;
        let operator = test.operator(&format!("op{n}")).await;
        let (path, headers) = (sample(path), [("content-type", "application/json"), ("tus-resumable", "1.0.0")]);
        let call = async |token: Option<&str>| {
            let bearer = token.map(|token| format!("Bearer {token}"));
            let mut headers = headers.to_vec();
            headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
            let answer = test.send(method, &path, &headers, "{}").await;
            // An answer to HEAD has no body to say why in.
            let code = match (*method, answer.status.as_u16()) {
                ("HEAD", 401) => "sign_in_required".into(),
                _ => answer.code(),
            };
            (answer.status.as_u16(), code)
        };
        let at = format!("{method} {path}");
        let shut = |answer: &(u16, String)| matches!(answer.1.as_str(), "sign_in_required" | "viewer_required" | "forbidden");

        let stranger = call(None).await;
        let forged = call(Some("made-up-token")).await;
        match who {
            Anyone => assert!(!shut(&stranger), "{at}: {stranger:?}"),
            Viewer => assert_eq!(stranger, (401, "viewer_required".into()), "{at}"),
            SignedIn | Operator => assert_eq!(stranger, (401, "sign_in_required".into()), "{at}"),
        }
        assert_eq!(stranger, forged, "{at}: a token that nobody gave counts as none");

        let person = call(Some(&person.token)).await;
        match who {
            Operator => assert_eq!(person, (403, "forbidden".into()), "{at}"),
            _ => assert!(!shut(&person), "{at}: {person:?}"),
        }
        let operator = call(Some(&operator.token)).await;
        assert!(!shut(&operator), "{at}: {operator:?}");
    }
}
