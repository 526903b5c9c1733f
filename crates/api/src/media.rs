//! The media of published videos: playlists, segments, posters, previews, with ranges and caching.

use std::ops::Range;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio_util::io::ReaderStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::assets::content_type;
use crate::{Api, Problem, ProblemDetails};

/// Nothing under such an address ever changes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// The master playlist gains renditions: asked for anew each time, answered with 304 while it is the same.
const FRESH: &str = "public, no-cache";
const CHUNK_BYTES: usize = 64 * 1024;

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get_media))
}

/// A file of a published video's media. Takes `Range`, `If-Range` and `If-None-Match`.
#[utoipa::path(get, path = "/media/{video}/{*path}", tag = "media", params(("video" = String, Path), ("path" = String, Path)),
    responses((status = 200, description = "The file"), (status = 206, description = "A part of it"), (status = 304, description = "Not changed"),
        (status = 404, body = ProblemDetails), (status = 416, body = ProblemDetails)))]
async fn get_media(
    State(api): State<Api>,
    method: Method,
    Path((video, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let video = video.parse().map_err(|_| Problem::not_found())?;
    let file = api.app.media_path(video, &path).await?;
    let stat = api.app.media_stat(&file).await?;
    let etag = format!("\"{}\"", stat.etag);
    let cache = if file.is_immutable { IMMUTABLE } else { FRESH };
    let plain = [
        (header::ETAG, etag.clone()),
        (header::CACHE_CONTROL, cache.to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CONTENT_TYPE, content_type(&path).to_owned()),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|wanted| matches_tag(wanted, &etag)) {
        return Ok((StatusCode::NOT_MODIFIED, plain).into_response());
    }
    let changed = headers.get(header::IF_RANGE).is_some_and(|wanted| wanted.as_bytes() != etag.as_bytes());
    let asked = headers.get(header::RANGE).filter(|_| !changed).and_then(|range| range.to_str().ok());
    let range = match asked.map_or(Asked::Whole, |range| parse_range(range, stat.len)) {
        Asked::Whole => None,
        Asked::Part(range) => Some(range),
        Asked::Unsatisfiable => {
            let detail = format!("The file has {} bytes.", stat.len);
            let mut response = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", detail).into_response();
            set(&mut response, header::CONTENT_RANGE, format!("bytes */{}", stat.len));
            return Ok(response);
        }
    };
    let sent = range.clone().unwrap_or(0..stat.len);
    let body = match method {
        Method::HEAD => Body::empty(),
        _ => {
            Body::from_stream(ReaderStream::with_capacity(api.app.media_open(&file, range.clone()).await?.reader, CHUNK_BYTES))
        }
    };
    let mut response = (plain, body).into_response();
    set(&mut response, header::CONTENT_LENGTH, (sent.end - sent.start).to_string());
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        set(&mut response, header::CONTENT_RANGE, format!("bytes {}-{}/{}", sent.start, sent.end.saturating_sub(1), stat.len));
    }
    Ok(response)
}

fn set(response: &mut Response, name: header::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(name, value);
    }
}

/// RFC 9110, section 13.1.2: a list of tags, or `*`; weak ones count.
fn matches_tag(wanted: &HeaderValue, etag: &str) -> bool {
    let Ok(wanted) = wanted.to_str() else { return false };
    wanted.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Nothing, something that is not understood, or several parts: the whole file answers.
    Whole,
    Part(Range<u64>),
    Unsatisfiable,
}

/// RFC 9110, section 14.1.2, for one range of bytes.
fn parse_range(header: &str, len: u64) -> Asked {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let part = |from: u64, to: u64| if from < len && from < to { Asked::Part(from..to.min(len)) } else { Asked::Unsatisfiable };
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(from), Ok(to)) if from <= to => part(from, to.saturating_add(1)),
        (Ok(from), Err(_)) if last.is_empty() => part(from, len),
        (Err(_), Ok(suffix)) if first.is_empty() => part(len.saturating_sub(suffix), if suffix == 0 { 0 } else { len }),
        _ => Asked::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        fn check(header: &str, expected: Asked) {
            assert_eq!(parse_range(header, 10), expected, "{header}");
        }
        check("bytes=0-3", Asked::Part(0..4));
        check("bytes=4-", Asked::Part(4..10));
        check("bytes=-3", Asked::Part(7..10));
        check("bytes=-30", Asked::Part(0..10));
        check("bytes=0-99", Asked::Part(0..10));
        check("bytes=9-9", Asked::Part(9..10));
        check("bytes=10-", Asked::Unsatisfiable);
        check("bytes=10-12", Asked::Unsatisfiable);
        check("bytes=-0", Asked::Unsatisfiable);
        check("bytes=5-4", Asked::Whole);
        check("bytes=0-1,4-5", Asked::Whole);
        check("bytes=a-b", Asked::Whole);
        check("items=0-1", Asked::Whole);
        check(&format!("bytes=0-{}", u64::MAX), Asked::Part(0..10));
        assert_eq!(parse_range("bytes=0-", 0), Asked::Unsatisfiable);
    }

    #[test]
    fn tags() {
        fn check(wanted: &'static str, expected: bool) {
            assert_eq!(matches_tag(&HeaderValue::from_static(wanted), "\"a\""), expected, "{wanted}");
        }
        check("\"a\"", true);
        check("W/\"a\"", true);
        check("\"b\", \"a\"", true);
        check("*", true);
        check("\"b\"", false);
        check("a", false);
    }
}
