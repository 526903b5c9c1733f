//! The caller's own: profile, picture, password, lists, export, leaving.

use accounts::{AVATAR_BYTES_MAX, FeedSettingsChange, ProfileChange};
use app::Confirmation;
use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::{Account, account, language};
use crate::ask::{Body, Listing, people_page, raw, video_page};
use crate::caller::{SESSION_COOKIE, set_cookie};
use crate::cards::{PersonRef, Video, avatar_url};
use crate::{Api, Page, PageQuery, Problem, ProblemDetails, SignedIn};

pub fn routes() -> OpenApiRouter<Api> {
    let pictures =
        OpenApiRouter::new().routes(routes!(put_avatar, delete_avatar)).layer(DefaultBodyLimit::max(AVATAR_BYTES_MAX));
    OpenApiRouter::new()
        .routes(routes!(get_me, patch_me, delete_me))
        .routes(routes!(put_password))
        .routes(routes!(get_export))
        .routes(routes!(get_liked))
        .routes(routes!(get_saved))
        .routes(routes!(get_blocked))
        .routes(routes!(get_avatar))
        .merge(pictures)
}

/// What to change; what is absent stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfilePatch {
    handle: Option<String>,
    display_name: Option<String>,
    bio: Option<String>,
    /// `en`, `zh`, or null: as the browser says.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<String>>,
    settings: Option<SettingsPatch>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsPatch {
    /// 0 familiar, 1 "surprise me".
    surprise: Option<f32>,
    learning_paused: Option<bool>,
    private_likes: Option<bool>,
}

/// Tells null, which is a value, from absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    current: String,
    new: String,
}

/// One of the two: the password, or the own handle typed out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteConfirmation {
    password: Option<String>,
    handle: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Avatar {
    pub avatar_url: String,
}

/// The caller's account.
#[utoipa::path(get, path = "/v1/me", tag = "me", responses((status = 200, body = Account), (status = 401, body = ProblemDetails)))]
async fn get_me(State(api): State<Api>, SignedIn(who): SignedIn) -> Result<Json<Account>, Problem> {
    let found = api.app.accounts.get(who.account).await?;
    let settings = api.app.feed_settings(who.viewer).await?;
    Ok(Json(account(&found, settings)))
}

/// Change the caller's profile and settings.
#[utoipa::path(patch, path = "/v1/me", tag = "me", request_body = ProfilePatch,
    responses((status = 200, body = Account), (status = 401, body = ProblemDetails),
              (status = 409, body = ProblemDetails, description = "`handle_taken`"), (status = 422, body = ProblemDetails)))]
async fn patch_me(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Body(patch): Body<ProfilePatch>,
) -> Result<Json<Account>, Problem> {
    let language = match patch.language {
        None => None,
        Some(None) => Some(None),
        Some(Some(name)) => Some(Some(language(&name)?)),
    };
    let settings = patch.settings.unwrap_or_default();
    let change = ProfileChange {
        handle: patch.handle,
        display_name: patch.display_name,
        bio: patch.bio,
        language,
        private_likes: settings.private_likes,
        feed: FeedSettingsChange { surprise: settings.surprise, learning_paused: settings.learning_paused },
    };
    let updated = api.app.change_profile(&who, change).await?;
    Ok(Json(account(&updated.account, updated.settings)))
}

/// Delete the caller's account and everything that is theirs. There is no way back.
#[utoipa::path(delete, path = "/v1/me", tag = "me", request_body = DeleteConfirmation,
    responses((status = 204), (status = 401, body = ProblemDetails),
              (status = 403, body = ProblemDetails, description = "`wrong_password`"), (status = 422, body = ProblemDetails)))]
async fn delete_me(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Body(form): Body<DeleteConfirmation>,
) -> Result<Response, Problem> {
    let confirmation = match (form.password, form.handle) {
        (Some(password), _) => Confirmation::Password(password),
        (None, Some(handle)) => Confirmation::Handle(handle),
        (None, None) => {
            let message = "Give your password, or type your handle.";
            return Err(Problem::invalid_field("password", "confirmation", message));
        }
    };
    api.app.delete_account(&who, confirmation).await?;
    let cookie = set_cookie(&api, SESSION_COOKIE, "").map(|value| (header::SET_COOKIE, value));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookie)).into_response())
}

/// Change the password. All other sessions end.
#[utoipa::path(put, path = "/v1/me/password", tag = "me", request_body = PasswordChange,
    responses((status = 204), (status = 401, body = ProblemDetails),
              (status = 403, body = ProblemDetails, description = "`wrong_password`"), (status = 422, body = ProblemDetails),
              (status = 429, body = ProblemDetails)))]
async fn put_password(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Body(form): Body<PasswordChange>,
) -> Result<StatusCode, Problem> {
    api.app.accounts.change_password(&who, &form.current, &form.new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything that is kept about the caller, as a file.
#[utoipa::path(get, path = "/v1/me/export", tag = "me",
    responses((status = 200, body = Object), (status = 401, body = ProblemDetails)))]
async fn get_export(State(api): State<Api>, SignedIn(who): SignedIn) -> Result<Response, Problem> {
    let export = api.app.export(&who).await?;
    let headers =
        [(header::CONTENT_DISPOSITION, "attachment; filename=\"watershed-export.json\""), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Json(export)).into_response())
}

/// Videos that the caller liked, latest first.
#[utoipa::path(get, path = "/v1/me/liked", tag = "me", params(PageQuery),
    responses((status = 200, body = Page<Video>), (status = 401, body = ProblemDetails)))]
async fn get_liked(State(api): State<Api>, SignedIn(who): SignedIn, list: Listing) -> Result<Json<Page<Video>>, Problem> {
    let found = api.app.liked_by(Some(who.account), &who.handle, list.after, list.limit).await?;
    Ok(Json(video_page(&api, Some(who.account), found).await?))
}

/// Videos that the caller saved, latest first.
#[utoipa::path(get, path = "/v1/me/saved", tag = "me", params(PageQuery),
    responses((status = 200, body = Page<Video>), (status = 401, body = ProblemDetails)))]
async fn get_saved(State(api): State<Api>, SignedIn(who): SignedIn, list: Listing) -> Result<Json<Page<Video>>, Problem> {
    let found = api.app.social.saved_page(who.account, list.after, list.limit).await?;
    Ok(Json(video_page(&api, Some(who.account), found).await?))
}

/// People whom the caller has blocked, latest first.
#[utoipa::path(get, path = "/v1/me/blocked", tag = "me", params(PageQuery),
    responses((status = 200, body = Page<PersonRef>), (status = 401, body = ProblemDetails)))]
async fn get_blocked(State(api): State<Api>, SignedIn(who): SignedIn, list: Listing) -> Result<Json<Page<PersonRef>>, Problem> {
    let found = api.app.blocked(who.account, list.after, list.limit).await?;
    Ok(Json(people_page(&api, found).await?))
}

/// Set the caller's picture: a JPEG, PNG or WebP of at most 5 MiB. It is cropped to a square and stripped of metadata.
#[utoipa::path(put, path = "/v1/me/avatar", tag = "me",
    request_body(content = Vec<u8>, content_type = "image/jpeg"),
    responses((status = 200, body = Avatar), (status = 401, body = ProblemDetails), (status = 413, body = ProblemDetails),
              (status = 422, body = ProblemDetails)))]
async fn put_avatar(State(api): State<Api>, SignedIn(who): SignedIn, request: Request) -> Result<Json<Avatar>, Problem> {
    let bytes = raw(request, &api).await?;
    let name = api.app.set_avatar(who.account, bytes.to_vec()).await?;
    Ok(Json(Avatar { avatar_url: avatar_url(Some(&name)).unwrap_or_default() }))
}

/// Remove the caller's picture.
#[utoipa::path(delete, path = "/v1/me/avatar", tag = "me", responses((status = 204), (status = 401, body = ProblemDetails)))]
async fn delete_avatar(State(api): State<Api>, SignedIn(who): SignedIn) -> Result<StatusCode, Problem> {
    api.app.delete_avatar(who.account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody's picture. A new picture has a new name.
#[utoipa::path(get, path = "/avatars/{name}", tag = "people", params(("name" = String, Path)),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 404, body = ProblemDetails)))]
async fn get_avatar(State(api): State<Api>, Path(name): Path<String>) -> Result<Response, Problem> {
    let picture = api.app.avatar(&name).await?;
    let headers = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "public, max-age=86400, immutable")];
    Ok((headers, picture).into_response())
}
