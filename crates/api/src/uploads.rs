//! Resumable uploads: tus 1.0.0 with creation, termination and expiration (https://tus.io/protocols/resumable-upload).

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt as _;
use media::upload::{Metadata, Upload};
use serde::Serialize;
use tokio_util::io::StreamReader;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Api, Problem, ProblemDetails, SignedIn, ask};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,termination,expiration";
const CHUNK_TYPE: &str = "application/offset+octet-stream";
/// The longest `Upload-Metadata` that is read.
const METADATA_BYTES_MAX: usize = 4 * 1024;

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(options, create))
        .routes(routes!(head, append, terminate))
        .layer(axum::middleware::from_fn(speak_tus))
        .routes(routes!(status))
}

/// What every answer of the protocol carries, errors included; and nothing is done for a client of another version.
async fn speak_tus(request: axum::extract::Request, next: Next) -> Response {
    let version = request.headers().get("tus-resumable").map(HeaderValue::as_bytes);
    let mut response = if request.method() != axum::http::Method::OPTIONS && version != Some(VERSION.as_bytes()) {
        let detail = "Uploads speak tus 1.0.0: send Tus-Resumable: 1.0.0.";
        let mut refused = Problem::new(StatusCode::PRECONDITION_FAILED, "tus_version", detail).into_response();
        refused.headers_mut().insert("tus-version", HeaderValue::from_static(VERSION));
        refused
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert("tus-resumable", HeaderValue::from_static(VERSION));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What this server can do.
#[utoipa::path(options, path = "/v1/uploads", tag = "uploads", responses((status = 204, description = "The headers tell")))]
async fn options(State(api): State<Api>) -> Response {
    let size_max = api.app.uploads.limits().bytes_max.to_string();
    let headers = [("tus-version", VERSION), ("tus-extension", EXTENSIONS), ("tus-max-size", size_max.as_str())];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Announce an upload of `Upload-Length` bytes; `Upload-Metadata` may name `filename` and `filetype`.
#[utoipa::path(post, path = "/v1/uploads", tag = "uploads",
    params(("Upload-Length" = u64, Header), ("Upload-Metadata" = Option<String>, Header), ("Tus-Resumable" = String, Header)),
    responses((status = 201, description = "`Location` is where the bytes go"), (status = 400, body = ProblemDetails),
        (status = 401, body = ProblemDetails), (status = 412, body = ProblemDetails), (status = 413, body = ProblemDetails)))]
async fn create(State(api): State<Api>, SignedIn(who): SignedIn, headers: HeaderMap) -> Result<Response, Problem> {
    let length = number(&headers, "upload-length")?;
    let metadata = metadata(&headers)?;
    let upload = api.app.uploads.create(who.account, length, metadata).await.map_err(app::AppError::from)?;
    let location = format!("/v1/uploads/{}", upload.id);
    let mut response = (StatusCode::CREATED, [(header::LOCATION, location)]).into_response();
    describe(&mut response, &upload);
    // Nothing will come for an empty file: it is looked at (and refused) right away.
    api.app.upload_advanced(who.account, upload.id);
    Ok(response)
}

/// How far an upload has come.
#[utoipa::path(head, path = "/v1/uploads/{id}", tag = "uploads", params(("id" = String, Path), ("Tus-Resumable" = String, Header)),
    responses((status = 200, description = "`Upload-Offset` is where to go on"), (status = 401), (status = 404)))]
async fn head(State(api): State<Api>, SignedIn(who): SignedIn, Path(id): Path<String>) -> Result<Response, Problem> {
    let upload = api.app.uploads.head(ask::id(&id)?, who.account).map_err(app::AppError::from)?;
    let mut response = StatusCode::OK.into_response();
    describe(&mut response, &upload);
    Ok(response)
}

/// Send bytes from `Upload-Offset` on. What has arrived when the connection breaks is kept.
#[utoipa::path(patch, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = String, Path), ("Upload-Offset" = u64, Header), ("Tus-Resumable" = String, Header)),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "`Upload-Offset` is the new offset"), (status = 401, body = ProblemDetails),
        (status = 404, body = ProblemDetails), (status = 409, body = ProblemDetails), (status = 413, body = ProblemDetails),
        (status = 415, body = ProblemDetails), (status = 423, body = ProblemDetails)))]
async fn append(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    if headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes) != Some(CHUNK_TYPE.as_bytes()) {
        let detail = "The bytes of an upload come as application/offset+octet-stream.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "chunk_type", detail));
    }
    let offset = number(&headers, "upload-offset")?;
    let id = ask::id(&id)?;
    let body = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
    api.app.append_upload(id, who.account, offset, body).await?;
    let upload = api.app.uploads.head(id, who.account).map_err(app::AppError::from)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    describe(&mut response, &upload);
    Ok(response)
}

/// Give an upload up.
#[utoipa::path(delete, path = "/v1/uploads/{id}", tag = "uploads", params(("id" = String, Path), ("Tus-Resumable" = String, Header)),
    responses((status = 204), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails), (status = 409, body = ProblemDetails)))]
async fn terminate(State(api): State<Api>, SignedIn(who): SignedIn, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    api.app.uploads.terminate(ask::id(&id)?, who.account).await.map_err(app::AppError::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why a file was not taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Refusal {
    /// Stable; the key of its translation.
    pub code: String,
    /// In English, for a person.
    pub message: String,
}

impl From<catalog::Refusal> for Refusal {
    fn from(refusal: catalog::Refusal) -> Self {
        Self { code: refusal.code, message: refusal.message }
    }
}

/// What became of a file so far.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct UploadStatus {
    /// receiving, probing, ready or refused.
    pub state: String,
    pub offset: u64,
    pub length: u64,
    pub refusal: Option<Refusal>,
    pub duration_ms: Option<u64>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// The video that was made of it.
    pub video: Option<String>,
}

/// Whether the file that was sent is a video, and what is known of it.
#[utoipa::path(get, path = "/v1/uploads/{id}/status", tag = "uploads", params(("id" = String, Path)),
    responses((status = 200, body = UploadStatus), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn status(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(id): Path<String>,
) -> Result<Json<UploadStatus>, Problem> {
    let app::UploadStatus { upload, state } = api.app.upload_status(who.account, ask::id(&id)?)?;
    let mut status = UploadStatus {
        offset: upload.offset,
        length: upload.length,
        video: upload.claimed_by.map(|video| video.to_string()),
        ..UploadStatus::default()
    };
    status.state = match state {
        app::UploadState::Receiving => "receiving",
        app::UploadState::Probing => "probing",
        app::UploadState::Ready { duration_ms, width, height } => {
            (status.duration_ms, status.width, status.height) = (duration_ms, width, height);
            "ready"
        }
        app::UploadState::Refused(refusal) => {
            status.refusal = Some(refusal.into());
            "refused"
        }
    }
    .into();
    Ok(Json(status))
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<u64, Problem> {
    let text = headers.get(name).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::bad_request("bad_header", format!("{name} must be a number of bytes.")))
}

/// `Upload-Metadata`: pairs of a name and a value in base64, separated by commas. Names that mean nothing here are passed over.
fn metadata(headers: &HeaderMap) -> Result<Metadata, Problem> {
    let bad = || Problem::bad_request("bad_metadata", "Upload-Metadata is pairs of a name and a value in base64.");
    let mut metadata = Metadata::default();
    let Some(text) = headers.get("upload-metadata") else { return Ok(metadata) };
    let text = text.to_str().map_err(|_| bad())?;
    if text.len() > METADATA_BYTES_MAX {
        return Err(bad());
    }
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
        match name {
            "filename" => metadata.file_name = Some(value),
            "filetype" => metadata.file_type = Some(value),
            _ => {}
        }
    }
    Ok(metadata)
}

fn describe(response: &mut Response, upload: &Upload) {
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    };
    set("upload-offset", upload.offset.to_string());
    set("upload-length", upload.length.to_string());
    if upload.claimed_by.is_none() {
        set("upload-expires", http_date(upload.expires_at));
    }
}

/// IMF-fixdate of RFC 9110, section 5.6.7.
fn http_date(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = at.as_millis().div_euclid(1_000);
    let of_day = seconds.rem_euclid(86_400);
    // Months counted from March, after Howard Hinnant, "chrono-compatible low-level date algorithms".
    let z = seconds.div_euclid(86_400) + 719_468;
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let name = |names: &[&'static str], at: i64| usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or("");
    format!(
        "{}, {day:02} {} {:04} {:02}:{:02}:{:02} GMT",
        name(&DAYS, i64::from(at.weekday())),
        name(&MONTHS, (month + 2) % 12),
        at.year(),
        of_day / 3_600,
        of_day / 60 % 60,
        of_day % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_http_writes_them() {
        fn check(ms: i64, expected: &str) {
            assert_eq!(http_date(Timestamp::from_millis(ms)), expected);
        }
        check(784_111_777_000, "Sun, 06 Nov 1994 08:49:37 GMT");
        check(951_782_400_000, "Tue, 29 Feb 2000 00:00:00 GMT");
        check(1_735_689_599_999, "Tue, 31 Dec 2024 23:59:59 GMT");
        check(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn metadata_is_read_and_refused() {
        fn check(text: &'static str, expected: Option<(Option<&str>, Option<&str>)>) {
            let headers = HeaderMap::from_iter([("upload-metadata".parse().unwrap(), HeaderValue::from_static(text))]);
            let found = metadata(&headers).ok();
            assert_eq!(found.as_ref().map(|m| (m.file_name.as_deref(), m.file_type.as_deref())), expected, "{text}");
        }
        check("filename Y2xpcC5tcDQ=,filetype dmlkZW8vbXA0", Some((Some("clip.mp4"), Some("video/mp4"))));
        check("filename 55yL6KeG6aKRLm1wNA==, is_private", Some((Some("看视频.mp4"), None)));
        check("", Some((None, None)));
        check("filename ???", None);
    }
}
