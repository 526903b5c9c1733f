//! Comments and their replies.

use app::Turn;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::{AccountId, CommentId, VideoId};
use serde::{Deserialize, Serialize};
use store::cursor;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::{Body, Listing, id};
use crate::cards::PersonRef;
use crate::{Anyone, Api, Page, PageQuery, Problem, ProblemDetails, SignedIn};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_comments, post_comment))
        .routes(routes!(get_replies))
        .routes(routes!(delete_comment))
        .routes(routes!(put_comment_like, delete_comment_like))
}

/// What the caller did with a comment.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyComment {
    pub liked: bool,
    pub own: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Comment {
    pub id: String,
    pub video: String,
    pub author: PersonRef,
    pub text: String,
    pub created_at_ms: i64,
    pub like_count: u64,
    pub reply_count: u64,
    /// The comment that began the thread; null for that one itself.
    pub parent: Option<String>,
    pub mine: MyComment,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComment {
    /// 1 to 500 characters.
    text: String,
    /// The comment that this one answers. An answer to a reply joins the same thread.
    parent: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CommentLikeState {
    pub liked: bool,
    pub like_count: u64,
}

fn put(found: social::Comment, author: PersonRef, reader: Option<AccountId>) -> Comment {
    Comment {
        id: found.id.to_string(),
        video: found.video.to_string(),
        author,
        text: found.text,
        created_at_ms: found.at.as_millis(),
        like_count: found.like_count,
        reply_count: found.reply_count,
        parent: found.thread.map(|thread| thread.to_string()),
        mine: MyComment { liked: found.liked, own: reader == Some(found.author) },
    }
}

async fn put_page(
    api: &Api,
    reader: Option<AccountId>,
    found: cursor::Page<social::Comment>,
) -> Result<Json<Page<Comment>>, Problem> {
    let authors: Vec<AccountId> = found.items.iter().map(|comment| comment.author).collect();
    let people = crate::cards::people(api, &authors).await?;
    let items = found
        .items
        .into_iter()
        .filter_map(|comment| {
            let author = people.get(&comment.author)?.clone();
            Some(put(comment, author, reader))
        })
        .collect();
    Ok(Json(Page { items, next_cursor: found.next.map(|next| next.to_string()) }))
}

/// The threads under a video, latest first.
#[utoipa::path(get, path = "/v1/videos/{id}/comments", tag = "comments", params(("id" = String, Path), PageQuery),
    responses((status = 200, body = Page<Comment>), (status = 404, body = ProblemDetails)))]
async fn get_comments(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(video): Path<String>,
    list: Listing,
) -> Result<Json<Page<Comment>>, Problem> {
    let found = api.app.comments(caller.account(), id::<VideoId>(&video)?, list.after, list.limit).await?;
    put_page(&api, caller.account(), found).await
}

/// Write a comment, or an answer to one.
#[utoipa::path(post, path = "/v1/videos/{id}/comments", tag = "comments", params(("id" = String, Path)), request_body = NewComment,
    responses((status = 201, body = Comment), (status = 401, body = ProblemDetails),
              (status = 403, body = ProblemDetails, description = "`blocked`"), (status = 404, body = ProblemDetails),
              (status = 422, body = ProblemDetails), (status = 429, body = ProblemDetails)))]
async fn post_comment(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(video): Path<String>,
    Body(new): Body<NewComment>,
) -> Result<(StatusCode, Json<Comment>), Problem> {
    let parent = new.parent.as_deref().map(id::<CommentId>).transpose()?;
    let written = api.app.comment(&who, id::<VideoId>(&video)?, &new.text, parent).await?;
    let author = crate::cards::people(&api, &[who.account]).await?.remove(&who.account).ok_or_else(Problem::not_found)?;
    Ok((StatusCode::CREATED, Json(put(written, author, Some(who.account)))))
}

/// The replies of a thread, oldest first.
#[utoipa::path(get, path = "/v1/comments/{id}/replies", tag = "comments", params(("id" = String, Path), PageQuery),
    responses((status = 200, body = Page<Comment>), (status = 404, body = ProblemDetails)))]
async fn get_replies(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(thread): Path<String>,
    list: Listing,
) -> Result<Json<Page<Comment>>, Problem> {
    let found = api.app.replies(caller.account(), id::<CommentId>(&thread)?, list.after, list.limit).await?;
    put_page(&api, caller.account(), found).await
}

/// Delete a comment with its replies: its author, the video's creator and operators may.
#[utoipa::path(delete, path = "/v1/comments/{id}", tag = "comments", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDetails), (status = 403, body = ProblemDetails),
              (status = 404, body = ProblemDetails)))]
async fn delete_comment(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(comment): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.delete_comment(&who, id::<CommentId>(&comment)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn like(api: &Api, who: &SignedIn, comment: &str, turn: Turn) -> Result<Json<CommentLikeState>, Problem> {
    let done = api.app.like_comment(&who.0, id::<CommentId>(comment)?, turn).await?;
    Ok(Json(CommentLikeState { liked: done.on, like_count: done.count }))
}

/// Like a comment.
#[utoipa::path(put, path = "/v1/comments/{id}/like", tag = "comments", params(("id" = String, Path)),
    responses((status = 200, body = CommentLikeState), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn put_comment_like(
    State(api): State<Api>,
    who: SignedIn,
    Path(comment): Path<String>,
) -> Result<Json<CommentLikeState>, Problem> {
    like(&api, &who, &comment, Turn::On).await
}

/// Take a like of a comment back.
#[utoipa::path(delete, path = "/v1/comments/{id}/like", tag = "comments", params(("id" = String, Path)),
    responses((status = 200, body = CommentLikeState), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn delete_comment_like(
    State(api): State<Api>,
    who: SignedIn,
    Path(comment): Path<String>,
) -> Result<Json<CommentLikeState>, Problem> {
    like(&api, &who, &comment, Turn::Off).await
}
