//! What is seen of every request: an id, a span in the log, a count and a latency. Never a query, a body or an address.

use std::sync::OnceLock;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::Instrument;

use crate::Api;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that this task is answering.
pub fn current_request_id() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Work for a request that goes on in a task of its own, known by the request's id and in its span.
pub fn in_request<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let id = current_request_id().unwrap_or_default();
    CURRENT.scope(id, work.instrument(tracing::Span::current()))
}

/// The process-wide metrics recorder.
#[derive(Clone)]
pub struct Observed {
    handle: PrometheusHandle,
}

impl Observed {
    /// Installs the recorder once per process; later calls get the same one.
    pub fn install() -> Self {
        static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
        let handle = HANDLE.get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            // A second recorder in one process (a test beside another) is refused, and its handle stays empty.
            let _ = metrics::set_global_recorder(recorder);
            handle
        });
        Self { handle: handle.clone() }
    }

    /// The metrics in Prometheus' text form.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }
}

pub async fn observe(State(api): State<Api>, request: Request, next: Next) -> Response {
    let request_id = format!("{:016x}", api.app.random_u64());
    let method = request.method().clone();
    // The pattern, not the path: a path may name a person.
    let route = request.extensions().get::<MatchedPath>().map_or("page", |p| p.as_str()).to_owned();
    let span = tracing::info_span!("request", request_id, method = %method, route);
    let started = Instant::now();
    let answer = async move { next.run(request).await };
    let mut response = CURRENT.scope(request_id.clone(), answer.instrument(span.clone())).await;
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    let labels = [("method", method.to_string()), ("route", route), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_seconds", &labels[..2]).record(elapsed.as_secs_f64());
    span.in_scope(|| tracing::debug!(status, elapsed_us = elapsed.as_micros() as u64, "answered"));
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
