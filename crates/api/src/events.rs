//! What people did, in batches.

use app::Whose;
use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use eventlog::intake::{BATCH_BYTES_MAX, Form};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::{Params, Raw};
use crate::{Anyone, Api, ClientAddress, Problem, ProblemDetails};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(post_events)).layer(DefaultBodyLimit::max(BATCH_BYTES_MAX + 1))
}

/// One event as clients send it. Which fields count depends on the type.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code)]
pub struct EventInput {
    /// A UUID made by the client: the same event sent twice carries the same one and counts once.
    id: String,
    /// impression, watch, click, share, like, unlike, save, unsave, comment, follow, unfollow, not_interested, report.
    #[serde(rename = "type")]
    kind: String,
    /// When it happened, Unix milliseconds; at most 24 hours ago and 5 minutes ahead.
    at_ms: i64,
    video: Option<String>,
    /// The page on which the clip was shown.
    slate: Option<String>,
    position: Option<u16>,
    watch_ms: Option<u32>,
    duration_ms: Option<u32>,
    creator: Option<String>,
    /// Only in an operator's bulk: whose event it is.
    viewer: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[allow(dead_code)]
pub struct EventBatch {
    events: Vec<EventInput>,
}

/// One event that was not taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectedEvent {
    /// Its place in the batch, from 0.
    pub index: u32,
    pub code: String,
    pub message: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EventReceipt {
    /// Events that are on disk now. One sent before is taken and counts once.
    pub accepted: usize,
    pub rejected: Vec<RejectedEvent>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BulkQuery {
    /// For operators: every event names its viewer.
    #[serde(default)]
    bulk: bool,
}

/// Take a batch of events: JSON, or one JSON object a line as `application/x-ndjson`.
#[utoipa::path(post, path = "/v1/events", tag = "events", params(BulkQuery), request_body = EventBatch,
    responses((status = 200, body = EventReceipt), (status = 400, body = ProblemDetails), (status = 401, body = ProblemDetails),
              (status = 413, body = ProblemDetails), (status = 415, body = ProblemDetails), (status = 503, body = ProblemDetails)))]
async fn post_events(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    ClientAddress(address): ClientAddress,
    Params(query): Params<BulkQuery>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Json<EventReceipt>, Problem> {
    let form = match headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).and_then(|v| v.split(';').next()) {
        Some("application/json") => Form::Json,
        Some("application/x-ndjson") => Form::Ndjson,
        _ => {
            let detail = "Send application/json or application/x-ndjson.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
    };
    let whose = if query.bulk {
        let session = caller.signed_in.ok_or_else(Problem::sign_in_required)?;
        if session.role != accounts::Role::Operator {
            return Err(Problem::forbidden());
        }
        Whose::Named
    } else {
        let detail = "Ask for GET /v1/session first: it says who you are.";
        let viewer = caller.viewer.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "viewer_required", detail))?;
        Whose::Viewer { viewer, signed_in: caller.signed_in.is_some() }
    };
    if let Whose::Viewer { viewer, .. } = whose {
        api.app.note_origin(viewer, address).await?;
    }
    let taken = api.app.take_events(body, form, whose).await?;
    let rejected = taken
        .rejected
        .into_iter()
        .map(|r| RejectedEvent { index: r.index, code: r.reason.code().into(), message: r.message.into_owned() })
        .collect();
    Ok(Json(EventReceipt { accepted: taken.accepted, rejected }))
}
