//! Accounts in JSON, and how one comes about.

use accounts::{FeedSettings, Language, SignUp};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::{Arriving, Body};
use crate::caller::{SESSION_COOKIE, VIEWER_COOKIE, set_cookie};
use crate::cards::avatar_url;
use crate::{Anyone, Api, Problem, ProblemDetails};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(sign_up))
}

/// How somebody wants to be served and seen.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountSettings {
    /// 0 familiar, 1 "surprise me".
    pub surprise: f32,
    pub learning_paused: bool,
    /// Nobody else sees what they like.
    pub private_likes: bool,
}

/// The caller's own account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    pub id: String,
    pub handle: String,
    pub display_name: String,
    pub bio: String,
    pub avatar_url: Option<String>,
    /// `#rrggbb`, for where there is no picture.
    pub color: String,
    /// `13_15`, `16_17` or `18_plus`.
    pub age_band: String,
    /// `person` or `operator`.
    pub role: String,
    /// `en`, `zh`, or null: as the browser says.
    pub language: Option<String>,
    pub created_at_ms: i64,
    pub has_password: bool,
    pub passkey_count: u32,
    pub settings: AccountSettings,
}

/// Who the caller is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    pub signed_in: bool,
    /// The pseudonym under which the caller watches.
    pub viewer: String,
    pub account: Option<Account>,
    /// Whether new accounts are taken.
    pub sign_up_open: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpForm {
    /// 3 to 24 characters of a-z, 0-9, _ and full stops.
    handle: String,
    /// 8 to 128 characters.
    password: String,
    /// Asked once; only an age band is kept.
    birth_year: i32,
    /// Up to 40 characters; the handle when absent.
    display_name: Option<String>,
    /// `en` or `zh`.
    language: Option<String>,
}

pub fn account(account: &accounts::Account, settings: FeedSettings) -> Account {
    Account {
        id: account.id.to_string(),
        color: account.color(),
        handle: account.handle.clone(),
        display_name: account.display_name.clone(),
        bio: account.bio.clone(),
        avatar_url: avatar_url(account.avatar.as_deref()),
        age_band: account.age_band.name().into(),
        role: account.role.name().into(),
        language: account.language.map(|language| language.name().into()),
        created_at_ms: account.created_at.as_millis(),
        has_password: account.has_password,
        passkey_count: account.passkey_count,
        settings: AccountSettings {
            surprise: settings.surprise,
            learning_paused: settings.learning_paused,
            private_likes: account.private_likes,
        },
    }
}

/// The language of this name, or which field is at fault.
pub fn language(name: &str) -> Result<Language, Problem> {
    Language::parse(name).ok_or_else(|| Problem::invalid_field("language", "unknown_language", "A language is en or zh."))
}

/// The answer to every kind of sign-in: who it is, and the cookie that proves it from now on.
pub async fn signed_in(api: &Api, status: StatusCode, signed_in: accounts::SignedIn) -> Result<Response, Problem> {
    let account_now = &signed_in.account;
    let settings = api.app.feed_settings(account_now.viewer).await?;
    let body = Session {
        signed_in: true,
        viewer: account_now.viewer.to_string(),
        account: Some(account(account_now, settings)),
        sign_up_open: true,
    };
    let cookies = [set_cookie(api, SESSION_COOKIE, &signed_in.token), set_cookie(api, VIEWER_COOKIE, "")];
    let cookies: Vec<(header::HeaderName, HeaderValue)> =
        cookies.into_iter().flatten().map(|value| (header::SET_COOKIE, value)).collect();
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response();
    for (name, value) in cookies {
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// Make an account and sign in to it. It adopts the pseudonym the caller has watched under until now.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", request_body = SignUpForm,
    responses((status = 201, body = Session), (status = 403, body = ProblemDetails, description = "`too_young`"),
              (status = 409, body = ProblemDetails, description = "`handle_taken`"), (status = 422, body = ProblemDetails),
              (status = 429, body = ProblemDetails)))]
async fn sign_up(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Arriving(arrival): Arriving,
    Body(form): Body<SignUpForm>,
) -> Result<Response, Problem> {
    let form = SignUp {
        handle: form.handle,
        password: form.password,
        birth_year: form.birth_year,
        display_name: form.display_name,
        language: form.language.as_deref().map(language).transpose()?,
        // Somebody signed in who makes another account keeps the two apart.
        viewer: if caller.signed_in.is_some() { None } else { caller.viewer },
    };
    let made = api.app.sign_up(form, &arrival).await?;
    signed_in(&api, StatusCode::CREATED, made).await
}
