//! Videos: making one of an upload, looking at it, changing and deleting it, and how it does.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::VideoId;
use serde::{Deserialize, Serialize};
use store::cursor::Cursor;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::{self, Body, Listing};
use crate::cards::{self, Counts, Video};
use crate::uploads::Refusal;
use crate::{Anyone, Api, Page, PageQuery, Problem, ProblemDetails, SignedIn};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(get_video, edit, delete))
        .routes(routes!(get_upload))
        .routes(routes!(get_insights))
        .routes(routes!(my_uploads))
}

/// A video as its creator sees it, from the upload on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UploadedVideo {
    pub id: String,
    pub caption: String,
    /// processing, published, refused or removed.
    pub status: String,
    /// queued, probing, first_rendition, evaluating, renditions or done.
    pub step: String,
    /// Of the step, 0 to 1.
    pub progress: f32,
    pub refusal: Option<Refusal>,
    pub poster_url: Option<String>,
    /// `#rrggbb`: the average of the poster.
    pub color: Option<String>,
    /// Once it is published.
    pub video: Option<Video>,
    pub created_at_ms: i64,
}

/// Asks for a video to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVideo {
    /// The id of a complete upload.
    pub upload: String,
    /// At most 2,200 characters; what follows a # becomes a hashtag.
    #[serde(default)]
    pub caption: String,
    /// Plays this sound instead of the video's own.
    pub sound: Option<String>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoEdit {
    pub caption: String,
}

/// How a video does, for its creator.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Insights {
    pub counts: Counts,
    /// Times that it came into view.
    pub impressions: u64,
    /// The share of views that reached the end.
    pub finish_rate: f64,
    pub average_watch_ms: u64,
    /// The share of watches that got to each tenth of the clip.
    pub watch_curve: Vec<f64>,
    /// Which sources of the feed put it on how many pages.
    pub sources: Vec<InsightSource>,
    /// People who followed after watching it.
    pub followers_gained: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InsightSource {
    pub name: String,
    pub count: u64,
}

/// Published videos among these as JSON: what the creator's own lists show beside the state of the work.
pub async fn uploaded(api: &Api, videos: Vec<catalog::Video>) -> Result<Vec<UploadedVideo>, Problem> {
    let Some(creator) = videos.first().map(|video| video.creator) else { return Ok(Vec::new()) };
    let published = videos.iter().filter(|v| v.status == catalog::Status::Published).map(|v| v.id);
    let published: Vec<VideoId> = published.collect();
    let cards = cards::videos(api, Some(creator), &published).await?;
    Ok(videos
        .into_iter()
        .map(|video| {
            let id = video.id.to_string();
            let made = !video.manifest.is_empty();
            UploadedVideo {
                caption: video.caption,
                status: video.status.name().into(),
                step: video.step.name().into(),
                progress: video.progress,
                refusal: video.refusal.map(Refusal::from),
                poster_url: (video.status == catalog::Status::Published).then(|| format!("/media/{id}/poster.jpg")),
                color: made.then(|| video.color.to_string()),
                video: cards.iter().find(|card| card.id == id).cloned(),
                created_at_ms: video.created_at.as_millis(),
                id,
            }
        })
        .collect())
}

async fn uploaded_one(api: &Api, video: catalog::Video) -> Result<UploadedVideo, Problem> {
    uploaded(api, vec![video]).await?.pop().ok_or_else(Problem::not_found)
}

/// Make a video of an upload. The work goes on in the background; asking twice makes it once.
#[utoipa::path(post, path = "/v1/videos", tag = "videos", request_body = NewVideo,
    responses((status = 201, body = UploadedVideo), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails),
        (status = 409, body = ProblemDetails), (status = 422, body = ProblemDetails)))]
async fn create(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Body(new): Body<NewVideo>,
) -> Result<(StatusCode, Json<UploadedVideo>), Problem> {
    let upload = new.upload.parse().map_err(|_| Problem::invalid_field("upload", "unknown", "There is no such upload."))?;
    let sound = new.sound.map(|sound| sound.parse()).transpose();
    let sound = sound.map_err(|_| Problem::invalid_field("sound", "unknown", "There is no such sound."))?;
    let asked = app::NewUpload { upload, caption: new.caption, sound, sound_title: None, kind: None };
    let video = api.app.create_video(who.account, asked).await?;
    Ok((StatusCode::CREATED, Json(uploaded_one(&api, video).await?)))
}

/// A published video.
#[utoipa::path(get, path = "/v1/videos/{id}", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = Video), (status = 404, body = ProblemDetails)))]
async fn get_video(State(api): State<Api>, Anyone(caller): Anyone, Path(id): Path<String>) -> Result<Json<Video>, Problem> {
    Ok(Json(cards::video(&api.app.card(caller.account(), ask::id(&id)?).await?)))
}

/// Change the caption of one's own video.
#[utoipa::path(patch, path = "/v1/videos/{id}", tag = "videos", params(("id" = String, Path)), request_body = VideoEdit,
    responses((status = 200, body = Video), (status = 401, body = ProblemDetails), (status = 403, body = ProblemDetails),
        (status = 404, body = ProblemDetails), (status = 409, body = ProblemDetails), (status = 422, body = ProblemDetails)))]
async fn edit(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(id): Path<String>,
    Body(edit): Body<VideoEdit>,
) -> Result<Json<Video>, Problem> {
    let id = ask::id(&id)?;
    api.app.edit_caption(who.account, id, &edit.caption).await?;
    match api.app.card(Some(who.account), id).await {
        Ok(card) => Ok(Json(cards::video(&card))),
        // Changed, but there is no published video to show yet.
        Err(app::AppError::NotFound) => {
            Err(Problem::conflict("not_published", "The caption is changed; the video is not published yet."))
        }
        Err(error) => Err(error.into()),
    }
}

/// Delete one's own video, with everything that hangs on it.
#[utoipa::path(delete, path = "/v1/videos/{id}", tag = "videos", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDetails), (status = 403, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn delete(State(api): State<Api>, SignedIn(who): SignedIn, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    api.app.delete_video(who.account, ask::id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How the work on one's own video goes.
#[utoipa::path(get, path = "/v1/videos/{id}/upload", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = UploadedVideo), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn get_upload(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(id): Path<String>,
) -> Result<Json<UploadedVideo>, Problem> {
    let video = api.app.own_video(who.account, ask::id(&id)?).await?;
    Ok(Json(uploaded_one(&api, video).await?))
}

/// How one's own video does.
#[utoipa::path(get, path = "/v1/videos/{id}/insights", tag = "videos", params(("id" = String, Path)),
    responses((status = 200, body = Insights), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn get_insights(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    Path(id): Path<String>,
) -> Result<Json<Insights>, Problem> {
    let found = api.app.insights(who.account, ask::id(&id)?).await?;
    let counts = found.counts;
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    Ok(Json(Insights {
        impressions: counts.impressions,
        finish_rate: share(counts.finishes, counts.views).min(1.0),
        average_watch_ms: share(counts.watch_ms, counts.views) as u64,
        watch_curve: found.retention.to_vec(),
        sources: found.sources.into_iter().map(|(name, count)| InsightSource { name: name.into(), count }).collect(),
        followers_gained: counts.follows,
        counts: cards::counts(&counts),
    }))
}

/// Everything that the caller sent in, in any state, the last first.
#[utoipa::path(get, path = "/v1/me/uploads", tag = "videos", params(PageQuery),
    responses((status = 200, body = Page<UploadedVideo>), (status = 400, body = ProblemDetails), (status = 401, body = ProblemDetails)))]
async fn my_uploads(
    State(api): State<Api>,
    SignedIn(who): SignedIn,
    page: Listing,
) -> Result<Json<Page<UploadedVideo>>, Problem> {
    let after = page.after.unwrap_or(Cursor::TOP);
    let found = api.app.own_uploads(who.account, after, page.limit).await?;
    Ok(Json(Page { next_cursor: found.next.map(|c| c.to_string()), items: uploaded(&api, found.items).await? }))
}
