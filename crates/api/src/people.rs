//! People as others see them, and what one can do about them.

use app::PersonPage;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::AccountId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::{Listing, people_page, video_page};
use crate::cards::{PersonRef, Video, avatar_url};
use crate::{Anyone, Api, Page, PageQuery, Problem, ProblemDetails, SignedIn};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_person))
        .routes(routes!(get_videos))
        .routes(routes!(get_liked))
        .routes(routes!(get_followers))
        .routes(routes!(get_following))
        .routes(routes!(put_follow, delete_follow))
        .routes(routes!(put_block, delete_block))
}

/// What the caller is to somebody.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyPerson {
    pub following: bool,
    pub blocked: bool,
    pub is_me: bool,
}

/// Somebody's page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Person {
    pub id: String,
    pub handle: String,
    pub display_name: String,
    pub bio: String,
    pub avatar_url: Option<String>,
    /// `#rrggbb`, for where there is no picture.
    pub color: String,
    pub follower_count: u64,
    pub following_count: u64,
    /// Likes on their videos.
    pub like_count: u64,
    pub video_count: u64,
    pub mine: MyPerson,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FollowState {
    pub following: bool,
    pub follower_count: u64,
}

pub fn person(page: &PersonPage) -> Person {
    let account = &page.account;
    Person {
        id: account.id.to_string(),
        handle: account.handle.clone(),
        display_name: account.display_name.clone(),
        bio: account.bio.clone(),
        avatar_url: avatar_url(account.avatar.as_deref()),
        color: account.color(),
        follower_count: page.followers,
        following_count: page.following,
        like_count: page.likes,
        video_count: page.videos,
        mine: MyPerson { following: page.mine.following, blocked: page.mine.blocked, is_me: page.mine.is_me },
    }
}

/// The people of these ids, in their order, as pages show them.
pub async fn persons(api: &Api, caller: Option<AccountId>, ids: &[AccountId]) -> Result<Vec<Person>, Problem> {
    Ok(api.app.persons(caller, ids).await?.iter().map(person).collect())
}

/// Somebody's page.
#[utoipa::path(get, path = "/v1/people/{handle}", tag = "people", params(("handle" = String, Path)),
    responses((status = 200, body = Person), (status = 404, body = ProblemDetails)))]
async fn get_person(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(handle): Path<String>,
) -> Result<Json<Person>, Problem> {
    Ok(Json(person(&api.app.person(caller.account(), &handle).await?)))
}

/// Somebody's published videos, latest first.
#[utoipa::path(get, path = "/v1/people/{handle}/videos", tag = "people", params(("handle" = String, Path), PageQuery),
    responses((status = 200, body = Page<Video>), (status = 404, body = ProblemDetails)))]
async fn get_videos(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(handle): Path<String>,
    list: Listing,
) -> Result<Json<Page<Video>>, Problem> {
    let found = api.app.videos_by(caller.account(), &handle, list.after, list.limit).await?;
    Ok(Json(video_page(&api, caller.account(), found).await?))
}

/// Videos that somebody liked, latest first, if they let it be seen.
#[utoipa::path(get, path = "/v1/people/{handle}/liked", tag = "people", params(("handle" = String, Path), PageQuery),
    responses((status = 200, body = Page<Video>), (status = 403, body = ProblemDetails, description = "`private_likes`"),
              (status = 404, body = ProblemDetails)))]
async fn get_liked(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(handle): Path<String>,
    list: Listing,
) -> Result<Json<Page<Video>>, Problem> {
    let found = api.app.liked_by(caller.account(), &handle, list.after, list.limit).await?;
    Ok(Json(video_page(&api, caller.account(), found).await?))
}

/// Somebody's followers, latest first.
#[utoipa::path(get, path = "/v1/people/{handle}/followers", tag = "people", params(("handle" = String, Path), PageQuery),
    responses((status = 200, body = Page<PersonRef>), (status = 404, body = ProblemDetails)))]
async fn get_followers(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(handle): Path<String>,
    list: Listing,
) -> Result<Json<Page<PersonRef>>, Problem> {
    let found = api.app.followers(caller.account(), &handle, list.after, list.limit).await?;
    Ok(Json(people_page(&api, found).await?))
}

/// People whom somebody follows, latest first.
#[utoipa::path(get, path = "/v1/people/{handle}/following", tag = "people", params(("handle" = String, Path), PageQuery),
    responses((status = 200, body = Page<PersonRef>), (status = 404, body = ProblemDetails)))]
async fn get_following(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(handle): Path<String>,
    list: Listing,
) -> Result<Json<Page<PersonRef>>, Problem> {
    let found = api.app.followings(caller.account(), &handle, list.after, list.limit).await?;
    Ok(Json(people_page(&api, found).await?))
}

fn followed(done: app::Followed) -> Json<FollowState> {
    Json(FollowState { following: done.following, follower_count: done.followers })
}

/// Follow somebody.
#[utoipa::path(put, path = "/v1/people/{handle}/follow", tag = "people", params(("handle" = String, Path)),
    responses((status = 200, body = FollowState), (status = 401, body = ProblemDetails),
              (status = 403, body = ProblemDetails, description = "`blocked`"), (status = 404, body = ProblemDetails),
              (status = 409, body = ProblemDetails, description = "`yourself`"), (status = 429, body = ProblemDetails)))]
async fn put_follow(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(handle): Path<String>,
) -> Result<Json<FollowState>, Problem> {
    Ok(followed(api.app.follow(&who, &handle).await?))
}

/// No longer follow somebody.
#[utoipa::path(delete, path = "/v1/people/{handle}/follow", tag = "people", params(("handle" = String, Path)),
    responses((status = 200, body = FollowState), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn delete_follow(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(handle): Path<String>,
) -> Result<Json<FollowState>, Problem> {
    Ok(followed(api.app.unfollow(&who, &handle).await?))
}

/// Shut somebody out: neither follows, comments on or sees the other any more.
#[utoipa::path(put, path = "/v1/people/{handle}/block", tag = "people", params(("handle" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails),
              (status = 409, body = ProblemDetails, description = "`yourself`")))]
async fn put_block(State(api): State<Api>, SignedIn(who): SignedIn, Path(handle): Path<String>) -> Result<StatusCode, Problem> {
    api.app.block(&who, &handle).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let somebody in again.
#[utoipa::path(delete, path = "/v1/people/{handle}/block", tag = "people", params(("handle" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn delete_block(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(handle): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.unblock(&who, &handle).await?;
    Ok(StatusCode::NO_CONTENT)
}
