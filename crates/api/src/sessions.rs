//! Who the caller is, signing in and out, and the list of sessions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use base::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::{Session, account, signed_in};
use crate::ask::{Arriving, Body, id};
use crate::caller::{SESSION_COOKIE, set_cookie};
use crate::feed::viewer_or_new;
use crate::{Anyone, Api, Problem, ProblemDetails, SignedIn};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_session, sign_in, sign_out))
        .routes(routes!(list_sessions, end_other_sessions))
        .routes(routes!(end_session))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInForm {
    handle: String,
    password: String,
}

/// A place where the caller is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionInfo {
    pub id: String,
    pub created_at_ms: i64,
    /// Exact to five minutes.
    pub last_seen_ms: i64,
    /// Browser and system, for example "Firefox on Linux".
    pub device: String,
    /// The one that asks.
    pub current: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    pub items: Vec<SessionInfo>,
}

/// Who the caller is. A browser without a pseudonym gets one.
#[utoipa::path(get, path = "/v1/session", tag = "sessions", responses((status = 200, body = Session)))]
async fn get_session(State(api): State<Api>, Anyone(caller): Anyone) -> Result<Response, Problem> {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    if let Some(session) = &caller.signed_in {
        let found = api.app.accounts.get(session.account).await?;
        let settings = api.app.feed_settings(session.viewer).await?;
        let body = Session {
            signed_in: true,
            viewer: session.viewer.to_string(),
            account: Some(account(&found, settings)),
            sign_up_open: true,
        };
        return Ok((no_store, Json(body)).into_response());
    }
    let (viewer, cookie) = viewer_or_new(&api, &caller);
    let body = Session { signed_in: false, viewer: viewer.to_string(), account: None, sign_up_open: true };
    let cookies = cookie.map(|value| (header::SET_COOKIE, value));
    Ok((AppendHeaders(cookies), no_store, Json(body)).into_response())
}

/// Sign in. What fails, fails alike: whether there is such a handle is not told.
#[utoipa::path(post, path = "/v1/session", tag = "sessions", request_body = SignInForm,
    responses((status = 200, body = Session), (status = 401, body = ProblemDetails, description = "`sign_in_failed`"),
              (status = 429, body = ProblemDetails, description = "`too_many_attempts`, with Retry-After")))]
async fn sign_in(
    State(api): State<Api>,
    Arriving(arrival): Arriving,
    Body(form): Body<SignInForm>,
) -> Result<Response, Problem> {
    let done = api.app.accounts.sign_in(&form.handle, &form.password, &arrival).await?;
    signed_in(&api, StatusCode::OK, done).await
}

/// Sign out. Fine for those who are not signed in.
#[utoipa::path(delete, path = "/v1/session", tag = "sessions", responses((status = 204)))]
async fn sign_out(State(api): State<Api>, Anyone(caller): Anyone) -> Result<Response, Problem> {
    if let Some(session) = caller.signed_in {
        match api.app.accounts.end_session(session.account, session.session).await {
            Ok(()) | Err(accounts::AccountsError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let cookie = set_cookie(&api, SESSION_COOKIE, "").map(|value| (header::SET_COOKIE, value));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookie)).into_response())
}

/// Where the caller is signed in, last seen first.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions",
    responses((status = 200, body = SessionList), (status = 401, body = ProblemDetails)))]
async fn list_sessions(State(api): State<Api>, SignedIn(who): SignedIn) -> Result<Json<SessionList>, Problem> {
    let items = api.app.accounts.sessions(who.account).await?;
    let items = items
        .into_iter()
        .map(|session| SessionInfo {
            id: session.id.to_string(),
            created_at_ms: session.created_at.as_millis(),
            last_seen_ms: session.last_seen.as_millis(),
            device: session.device,
            current: session.id == who.session,
        })
        .collect();
    Ok(Json(SessionList { items }))
}

/// End one of the caller's sessions.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn end_session(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(session): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.accounts.end_session(who.account, id::<SessionId>(&session)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all of the caller's sessions but the one that asks.
#[utoipa::path(delete, path = "/v1/sessions", tag = "sessions",
    responses((status = 204), (status = 401, body = ProblemDetails)))]
async fn end_other_sessions(State(api): State<Api>, SignedIn(who): SignedIn) -> Result<StatusCode, Problem> {
    api.app.accounts.end_other_sessions(who.account, who.session).await?;
    Ok(StatusCode::NO_CONTENT)
}
