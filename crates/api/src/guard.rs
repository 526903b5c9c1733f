//! Before any handler: requests that another site made a browser send are refused, an overfull house turns new ones away, and
//! every answer carries the security headers.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{Api, Problem, REQUEST_TIMEOUT};

/// No inline script or style, nothing from elsewhere, no framing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; \
     script-src 'self'; style-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'; manifest-src 'self'";

/// Answers that take as long as they take.
fn is_unhurried(path: &str) -> bool {
    path.starts_with("/v1/uploads") || path == "/v1/stream"
}

pub async fn guard(State(api): State<Api>, request: Request, next: Next) -> Response {
    // Whoever watches over the house must be answered above all when it is full.
    if matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics") {
        return with_headers(next.run(request).await);
    }
    let Some(permit) = api.app.admit(api.settings.in_flight_max) else {
        return Problem::unavailable("overloaded", "Too much is going on right now. Try again in a moment.").into_response();
    };
    if !is_same_site(request.method(), request.headers(), &api.settings.public_url) {
        let detail = "This request was made by another site.";
        return with_headers(Problem::new(StatusCode::FORBIDDEN, "cross_site", detail).into_response());
    }
    let unhurried = is_unhurried(request.uri().path());
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let answer = async move {
        let _permit = permit;
        next.run(request).await
    };
    let response = if unhurried {
        answer.await
    } else if changes {
        // What was begun is brought to its end, also when the client goes away or time is up: between a commit and what follows
        // from it there is no way out.
        in_time(api.app.see_through(crate::observe::in_request(answer)))
            .await
            .unwrap_or_else(|broken| Problem::internal(broken).into_response())
    } else {
        in_time(async { Ok::<_, std::convert::Infallible>(answer.await) }).await.unwrap_or_else(|never| match never {})
    };
    with_headers(response)
}

/// The answer, or that it took too long.
async fn in_time<E>(answer: impl Future<Output = Result<Response, E>>) -> Result<Response, E> {
    match tokio::time::timeout(REQUEST_TIMEOUT, answer).await {
        Ok(answered) => answered,
        Err(_) => Ok(Problem::unavailable("timed_out", "This took too long. Try again in a moment.").into_response()),
    }
}

/// Whether an unsafe request comes from our own pages, or from no browser at all.
///
/// Browsers send `Sec-Fetch-Site` (all current ones) or at least `Origin` with unsafe methods, and pages cannot forge either.
/// A request with neither comes from a program, which has no ambient cookies to abuse. Beside this, cookies are
/// `SameSite=Strict`.
fn is_same_site(method: &Method, headers: &HeaderMap, public_url: &str) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    let origin_host = origin.to_str().ok().and_then(|o| o.split_once("://")).map(|(_, host)| host);
    origin.as_bytes() == public_url.trim_end_matches('/').as_bytes() || (origin_host.is_some() && origin_host == host)
}

fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &'static str| {
        headers.insert(header::HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    set("content-security-policy", CONTENT_SECURITY_POLICY);
    set("x-content-type-options", "nosniff");
    set("referrer-policy", "same-origin");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("permissions-policy", "camera=(self), microphone=(self), geolocation=(), interest-cohort=()");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_cannot_make_a_browser_act() {
        fn check(method: Method, headers: &[(&'static str, &'static str)], expected: bool) {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(is_same_site(&method, &headers, "https://watershed.example"), expected, "{method} {headers:?}");
        }
        check(Method::GET, &[("sec-fetch-site", "cross-site")], true);
        check(Method::POST, &[], true);
        check(Method::POST, &[("sec-fetch-site", "same-origin")], true);
        check(Method::POST, &[("sec-fetch-site", "cross-site")], false);
        check(Method::POST, &[("sec-fetch-site", "same-site")], false);
        check(Method::DELETE, &[("origin", "https://evil.example"), ("host", "watershed.example")], false);
        check(Method::DELETE, &[("origin", "null"), ("host", "watershed.example")], false);
        check(Method::PUT, &[("origin", "https://watershed.example"), ("host", "inside:8080")], true);
        check(Method::PUT, &[("origin", "http://localhost:8080"), ("host", "localhost:8080")], true);
    }
}
