//! Is it alive, is it ready, what does it count, what version is it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Api, Problem};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(status))
}

/// The process runs and answers.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// The service takes requests: everything is loaded and it is not draining.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses((status = 200, body = String), (status = 503, body = String)))]
async fn readyz(State(api): State<Api>) -> (StatusCode, &'static str) {
    if api.app.is_ready() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}

/// How far the demo's clips are made.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct DemoProgress {
    pub total: u32,
    pub done: u32,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Status {
    pub version: String,
    /// Null when no demo is being made.
    pub demo: Option<DemoProgress>,
}

/// What runs here, and how far the demo is.
#[utoipa::path(get, path = "/v1/status", tag = "operations", responses((status = 200, body = Status)))]
async fn status(State(api): State<Api>) -> Result<Json<Status>, Problem> {
    let demo = api.app.demo_progress().map(|(done, total)| DemoProgress { total, done });
    Ok(Json(Status { version: env!("CARGO_PKG_VERSION").into(), demo }))
}

/// Prometheus' text form. Not part of the public contract.
pub async fn metrics(State(api): State<Api>) -> String {
    api.observed.render()
}
