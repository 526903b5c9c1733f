//! The HTTP face: types, handlers, errors, the OpenAPI document, the embedded web app.
//!
//! Handlers translate: they read a request, call the application ([`app::App`]) and write its answer. They hold no state of
//! their own, never reach for the store, and map every error in one place ([`Problem`]).
//!
//! Invariants:
//! - every route of `/v1` is declared through `utoipa`, so that the checked-in `api/openapi.json` is complete;
//! - every route says who may call it by the extractor it takes ([`Anyone`], [`SignedIn`], [`Operator`]);
//! - an error body is a problem document (RFC 9457) with a stable `code`; internal detail goes to the log, never to the client.

mod accounts;
mod ask;
mod assets;
mod caller;
mod cards;
mod comments;
mod events;
mod feed;
mod guard;
mod health;
mod inbox;
mod me;
mod media;
mod observe;
mod ops;
mod page;
mod passkeys;
mod people;
mod problem;
mod reactions;
mod reports;
mod search;
mod sessions;
mod share;
mod stream;
mod uploads;
mod videos;

use std::sync::Arc;
use std::time::Duration;

use app::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use caller::{Anyone, Caller, ClientAddress, Operator, SignedIn};
pub use observe::Observed;
pub use page::{Page, PageQuery};
pub use problem::{FieldError, Problem, ProblemDetails};

/// The largest JSON body; uploads, avatars and event batches state their own.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// A request that has not been answered by then is given up with 503. Uploads and streams are exempt.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What the HTTP face needs to know beside the application.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Where people reach us, for example `http://localhost:8080`. Its host is the one that browsers' `Origin` must name.
    pub public_url: String,
    /// Requests in flight before new ones are answered 503.
    pub in_flight_max: usize,
    /// Proxies whose `X-Forwarded-For` is believed: rates are limited by the client's address, not by theirs.
    pub trusted_proxies: Vec<std::net::IpAddr>,
}

/// What every handler gets.
#[derive(Clone)]
pub struct Api {
    pub app: Arc<App>,
    pub settings: Arc<HttpSettings>,
    pub observed: Observed,
}

impl Api {
    pub fn new(app: Arc<App>, settings: HttpSettings) -> Self {
        Self { app, settings: Arc::new(settings), observed: Observed::install() }
    }

    /// True when cookies must carry `Secure`.
    pub fn secure_cookies(&self) -> bool {
        self.settings.public_url.starts_with("https://")
    }
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Watershed",
    description = "Short video that learns, kept in its region.",
    license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
))]
struct Document;

/// All declared routes, each module's beside its handlers.
fn declared() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(health::routes())
        .merge(events::routes())
        .merge(feed::routes())
        .merge(ops::routes())
        .merge(accounts::routes())
        .merge(sessions::routes())
        .merge(passkeys::routes())
        .merge(me::routes())
        .merge(people::routes())
        .merge(reactions::routes())
        .merge(comments::routes())
        .merge(inbox::routes())
        .merge(reports::routes())
        .merge(uploads::routes())
        .merge(videos::routes())
        .merge(search::routes())
        .merge(stream::routes())
        .merge(media::routes())
        .merge(share::routes())
}

/// The OpenAPI 3.1 document, as checked in under `api/openapi.json`.
pub fn openapi_json() -> String {
    let mut text = declared().into_openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The whole service, ready to be served.
pub fn router(api: Api) -> Router {
    let (declared, document) = declared().split_for_parts();
    let document = document.to_json().unwrap_or_default();
    let compress = CompressionLayer::new().gzip(true).compress_when(
        SizeAbove::new(1024)
            .and(NotForContentType::const_new("video/"))
            .and(NotForContentType::const_new("audio/"))
            .and(NotForContentType::const_new("image/jpeg"))
            .and(NotForContentType::const_new("text/event-stream")),
    );
    declared
        .route("/openapi.json", axum::routing::get(move || async move { ([("content-type", "application/json")], document) }))
        .route("/metrics", axum::routing::get(health::metrics))
        .fallback(assets::serve)
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This address does not take that method.")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(compress)
        .layer(axum::middleware::from_fn_with_state(api.clone(), guard::guard))
        .layer(axum::middleware::from_fn_with_state(api.clone(), observe::observe))
        .with_state(api)
}
