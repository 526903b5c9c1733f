//! Like, save, not interested, share.

use app::Turn;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::VideoId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::id;
use crate::feed::viewer_of;
use crate::{Anyone, Api, Problem, ProblemDetails, SignedIn};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(put_like, delete_like))
        .routes(routes!(put_save, delete_save))
        .routes(routes!(put_not_interested, delete_not_interested))
        .routes(routes!(post_share))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LikeState {
    pub liked: bool,
    pub likes: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SaveState {
    pub saved: bool,
    pub saves: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Shared {
    /// Where the video can be found by whoever gets the link.
    pub url: String,
    pub shares: u64,
}

async fn like(api: &Api, who: &SignedIn, video: &str, turn: Turn) -> Result<Json<LikeState>, Problem> {
    let done = api.app.like(&who.0, id::<VideoId>(video)?, turn).await?;
    Ok(Json(LikeState { liked: done.on, likes: done.count }))
}

async fn save(api: &Api, who: &SignedIn, video: &str, turn: Turn) -> Result<Json<SaveState>, Problem> {
    let done = api.app.save(&who.0, id::<VideoId>(video)?, turn).await?;
    Ok(Json(SaveState { saved: done.on, saves: done.count }))
}

/// Like a video.
#[utoipa::path(put, path = "/v1/videos/{id}/like", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = LikeState), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails),
              (status = 429, body = ProblemDetails)))]
async fn put_like(State(api): State<Api>, who: SignedIn, Path(video): Path<String>) -> Result<Json<LikeState>, Problem> {
    like(&api, &who, &video, Turn::On).await
}

/// Take a like back.
#[utoipa::path(delete, path = "/v1/videos/{id}/like", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = LikeState), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn delete_like(State(api): State<Api>, who: SignedIn, Path(video): Path<String>) -> Result<Json<LikeState>, Problem> {
    like(&api, &who, &video, Turn::Off).await
}

/// Keep a video for later.
#[utoipa::path(put, path = "/v1/videos/{id}/save", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = SaveState), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails),
              (status = 429, body = ProblemDetails)))]
async fn put_save(State(api): State<Api>, who: SignedIn, Path(video): Path<String>) -> Result<Json<SaveState>, Problem> {
    save(&api, &who, &video, Turn::On).await
}

/// Keep a video no longer.
#[utoipa::path(delete, path = "/v1/videos/{id}/save", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = SaveState), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn delete_save(State(api): State<Api>, who: SignedIn, Path(video): Path<String>) -> Result<Json<SaveState>, Problem> {
    save(&api, &who, &video, Turn::Off).await
}

/// Show less like this. For everybody with a pseudonym, signed in or not.
#[utoipa::path(put, path = "/v1/videos/{id}/not-interested", tag = "videos", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDetails, description = "`viewer_required`"),
              (status = 404, body = ProblemDetails)))]
async fn put_not_interested(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(video): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.not_interested(viewer_of(&caller)?, caller.account(), id::<VideoId>(&video)?, Turn::On).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take it back: the clip no longer counts for the feed in either way.
#[utoipa::path(delete, path = "/v1/videos/{id}/not-interested", tag = "videos", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDetails, description = "`viewer_required`"),
              (status = 404, body = ProblemDetails)))]
async fn delete_not_interested(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(video): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.not_interested(viewer_of(&caller)?, caller.account(), id::<VideoId>(&video)?, Turn::Off).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Count a share, and say which link to pass on. For everybody with a pseudonym, signed in or not.
#[utoipa::path(post, path = "/v1/videos/{id}/share", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = Shared), (status = 401, body = ProblemDetails, description = "`viewer_required`"),
              (status = 404, body = ProblemDetails)))]
async fn post_share(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(video): Path<String>,
) -> Result<Json<Shared>, Problem> {
    let (url, shares) = api.app.share(viewer_of(&caller)?, caller.account(), id::<VideoId>(&video)?).await?;
    Ok(Json(Shared { url, shares }))
}
