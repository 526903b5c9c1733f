//! The web app, embedded in the binary: hashed files for ever, the shell for every page address.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::{Api, Problem};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Web;

/// The page that loads the app.
const SHELL: &str = "index.html";

pub async fn serve(State(_api): State<Api>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("v1/") || path.starts_with("media/") {
        return Problem::not_found().into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This address only answers GET.")
            .into_response();
    }
    match Web::get(path).filter(|_| !path.is_empty()) {
        Some(file) => answer(path, file, &headers),
        // An address with a file ending that is not there is a missing file; any other is a page of the app.
        None if path.rsplit('/').next().is_some_and(|last| last.contains('.') && !path.starts_with('@')) => {
            Problem::not_found().into_response()
        }
        None => shell(&headers, None),
    }
}

/// The shell, with `head` (already escaped) put before `</head>`.
pub fn shell(headers: &HeaderMap, head: Option<&str>) -> Response {
    let Some(mut file) = Web::get(SHELL) else {
        let detail = "The web app is not built into this program: run `npm run build` in web/ and build again.";
        return Problem::unavailable("no_web_app", detail).into_response();
    };
    if let Some(head) = head {
        let page = String::from_utf8_lossy(&file.data).replacen("</head>", &format!("{head}</head>"), 1);
        return ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")], page)
            .into_response();
    }
    file.data = file.data.into_owned().into();
    answer(SHELL, file, headers)
}

fn answer(path: &str, file: rust_embed::EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..12]));
    // Vite puts content hashes into the names under assets/.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == etag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        axum::body::Body::from(file.data.into_owned()).into_response()
    };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, value);
    }
    response
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The types that the web app's build and the media folders contain.
pub fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "m3u8" => "application/vnd.apple.mpegurl",
        "mp4" | "m4s" => "video/mp4",
        "m4a" => "audio/mp4",
        _ => "application/octet-stream",
    }
}
