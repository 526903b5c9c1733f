//! Passkeys: making them, listing them, signing in with them.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::{Session, signed_in};
use crate::ask::{Arriving, Body, raw};
use crate::{Api, Problem, ProblemDetails, SignedIn};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(begin_registration))
        .routes(routes!(finish_registration))
        .routes(routes!(list_passkeys))
        .routes(routes!(delete_passkey))
        .routes(routes!(begin_authentication))
        .routes(routes!(finish_authentication))
}

/// A question for the browser's authenticator.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ceremony {
    /// Stands in the path of the answer. Good for one answer within five minutes.
    pub ceremony: String,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` (WebAuthn Level 3).
    #[schema(value_type = Object)]
    pub public_key: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Passkey {
    pub id: String,
    pub name: String,
    pub created_at_ms: i64,
    pub last_used_ms: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyList {
    pub items: Vec<Passkey>,
}

fn put(passkey: accounts::Passkey) -> Passkey {
    Passkey {
        id: passkey.id,
        name: passkey.name,
        created_at_ms: passkey.created_at.as_millis(),
        last_used_ms: passkey.last_used.map(|at| at.as_millis()),
    }
}

/// Ask for a passkey to be made for the caller's account.
#[utoipa::path(post, path = "/v1/passkeys/registration", tag = "passkeys",
    responses((status = 200, body = Ceremony), (status = 401, body = ProblemDetails)))]
async fn begin_registration(State(api): State<Api>, SignedIn(who): SignedIn) -> Result<Json<Ceremony>, Problem> {
    let begun = api.app.accounts.begin_passkey_registration(who.account).await?;
    Ok(Json(Ceremony { ceremony: begun.id, public_key: begun.public_key }))
}

/// Keep the passkey that the authenticator made: its `RegistrationResponseJSON`.
#[utoipa::path(post, path = "/v1/passkeys/registration/{ceremony}", tag = "passkeys", params(("ceremony" = String, Path)),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 201, body = Passkey), (status = 400, body = ProblemDetails, description = "`passkey_refused`"),
              (status = 401, body = ProblemDetails)))]
async fn finish_registration(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(ceremony): Path<String>,
    Arriving(arrival): Arriving,
    request: Request,
) -> Result<(StatusCode, Json<Passkey>), Problem> {
    let answer = raw(request, &api).await?;
    let made = api.app.accounts.finish_passkey_registration(who.account, &ceremony, &answer, &arrival.user_agent).await?;
    Ok((StatusCode::CREATED, Json(put(made))))
}

/// The caller's passkeys, oldest first.
#[utoipa::path(get, path = "/v1/passkeys", tag = "passkeys",
    responses((status = 200, body = PasskeyList), (status = 401, body = ProblemDetails)))]
async fn list_passkeys(State(api): State<Api>, SignedIn(who): SignedIn) -> Result<Json<PasskeyList>, Problem> {
    let items = api.app.accounts.passkeys(who.account).await?;
    Ok(Json(PasskeyList { items: items.into_iter().map(put).collect() }))
}

/// Remove one of the caller's passkeys.
#[utoipa::path(delete, path = "/v1/passkeys/{id}", tag = "passkeys", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn delete_passkey(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(passkey): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.accounts.delete_passkey(who.account, &passkey).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask any authenticator at hand who its owner is.
#[utoipa::path(post, path = "/v1/passkeys/authentication", tag = "passkeys",
    responses((status = 200, body = Ceremony), (status = 429, body = ProblemDetails)))]
async fn begin_authentication(State(api): State<Api>, Arriving(arrival): Arriving) -> Result<Json<Ceremony>, Problem> {
    let begun = api.app.accounts.begin_passkey_sign_in(&arrival).await?;
    Ok(Json(Ceremony { ceremony: begun.id, public_key: begun.public_key }))
}

/// Sign in with the authenticator's `AuthenticationResponseJSON`.
#[utoipa::path(post, path = "/v1/passkeys/authentication/{ceremony}", tag = "passkeys", params(("ceremony" = String, Path)),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, body = Session), (status = 400, body = ProblemDetails, description = "`passkey_refused`")))]
async fn finish_authentication(
    State(api): State<Api>,
    Path(ceremony): Path<String>,
    Arriving(arrival): Arriving,
    Body(answer): Body<Value>,
) -> Result<Response, Problem> {
    let answer = answer.to_string();
    let done = api.app.accounts.finish_passkey_sign_in(&ceremony, answer.as_bytes(), &arrival).await?;
    signed_in(&api, StatusCode::OK, done).await
}
