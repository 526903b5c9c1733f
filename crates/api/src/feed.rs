//! The feed, its reasons, and what it learned from.

use std::str::FromStr;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use base::{AccountId, VideoId};
use feed::{Affinity, SelectedItem};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::{Body, Params};
use crate::caller::{VIEWER_COOKIE, set_cookie};
use crate::cards::{PersonRef, Video};
use crate::{Anyone, Api, Caller, Page, PageQuery, Problem, ProblemDetails};

/// Videos named per reason in `removed`.
const REMOVED_VIDEOS_MAX: usize = 20;
/// Ids in `exclude`.
const EXCLUDE_MAX: usize = 100;
/// Topics and creators on the "your feed" page.
const TOPICS_MAX: usize = 40;

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_feed))
        .routes(routes!(get_history, delete_history))
        .routes(routes!(delete_history_entry))
        .routes(routes!(get_taste, patch_taste))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// `for_you` (the default) or `following`.
    tab: Option<String>,
    /// Clips on the page, 1 to 50; 8 when absent.
    limit: Option<usize>,
    /// Say for each clip where it came from, what is predicted and with what weight; and what was removed by what.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<String>)]
    explain: bool,
    /// Clips that the client holds and has not shown yet, by id, separated by commas.
    exclude: Option<String>,
    /// Minutes east of UTC where the viewer is.
    utc_offset_minutes: Option<i32>,
}

/// `1` and `true` are yes.
fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(matches!(text.as_deref(), Some("1" | "true")))
}

/// One reason for a clip, for a page to put in words.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Why {
    /// `source_followed`, `hashtag_affinity`, `creator_affinity`, `similar_to_liked`, `source_learned`, `source_trending`,
    /// `source_fresh`, `source_explore`, `seen_before` or `fallback`.
    pub code: String,
    pub hashtag: Option<String>,
    pub handle: Option<String>,
    pub watched: Option<u32>,
    pub finished: Option<u32>,
    pub weight: Option<f32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainSource {
    pub name: String,
    pub score: f32,
}

/// One predicted action.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainPrediction {
    pub task: String,
    /// 0 to 1.
    pub probability: f32,
    pub weight: f32,
    /// Probability times weight.
    pub contribution: f32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainAffinity {
    /// `hashtag` or `creator`.
    pub kind: String,
    pub label: String,
    /// -1 to 1.
    pub weight: f32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Explain {
    /// Every source that brought the clip, with the source's own score.
    pub sources: Vec<ExplainSource>,
    /// `predicted + taste + freshness`.
    pub score: f32,
    pub predicted: f32,
    pub taste: f32,
    pub freshness: f32,
    /// Probability with which the clip was put at this place.
    pub propensity: f32,
    pub predictions: Vec<ExplainPrediction>,
    pub affinities: Vec<ExplainAffinity>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FeedItem {
    pub position: usize,
    pub video: Video,
    pub why: Vec<Why>,
    /// With `explain=1`.
    pub explain: Option<Explain>,
}

/// Candidates that one filter took out for one reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovedCandidates {
    pub filter: String,
    pub reason: String,
    pub count: usize,
    /// The first twenty.
    pub videos: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SourceState {
    pub name: String,
    /// `ok`, `late` or `failed`.
    pub status: String,
    pub candidates: usize,
    pub elapsed_us: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FeedPage {
    /// Events name it, so that what follows can be joined with what was shown.
    pub slate: String,
    pub items: Vec<FeedItem>,
    /// The model was out: the page was made from what is popular and new.
    pub fallback: bool,
    pub removed: Option<Vec<RemovedCandidates>>,
    pub sources: Option<Vec<SourceState>>,
}

/// 0 unknown, 1 phone, 2 tablet, 3 desktop, 4 television, by what the browser says of itself.
fn device_of(headers: &HeaderMap) -> u8 {
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let has = |word: &str| agent.contains(word);
    match () {
        () if has("TV") || has("Tizen") || has("Web0S") => 4,
        () if has("iPad") || (has("Android") && !has("Mobile")) => 2,
        () if has("Mobi") || has("iPhone") => 1,
        () if has("Mozilla") => 3,
        () => 0,
    }
}

/// 0 unknown, 1 English, 2 Chinese, 3 other, by the first language that the browser asks for.
fn language_of(headers: &HeaderMap) -> u8 {
    match headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).and_then(|v| v.get(..2)) {
        Some("en") => 1,
        Some("zh") => 2,
        Some(_) => 3,
        None => 0,
    }
}

/// The caller's pseudonym; a fresh one, with the cookie that keeps it, for a browser that has none.
pub fn viewer_or_new(api: &Api, caller: &Caller) -> (base::ViewerId, Option<header::HeaderValue>) {
    match caller.viewer {
        Some(viewer) => (viewer, None),
        None => {
            let viewer = api.app.accounts.new_viewer();
            (viewer, set_cookie(api, VIEWER_COOKIE, &api.app.accounts.viewer_token(viewer)))
        }
    }
}

/// The next page of clips for the caller. Each call is the next page: the server knows what was seen.
#[utoipa::path(get, path = "/v1/feed", tag = "feed", params(FeedQuery),
    responses((status = 200, body = FeedPage), (status = 400, body = ProblemDetails)))]
async fn get_feed(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Params(query): Params<FeedQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let following = match query.tab.as_deref() {
        None | Some("for_you") => false,
        Some("following") => true,
        Some(_) => return Err(Problem::bad_request("bad_tab", "tab is for_you or following.")),
    };
    let exclude: Vec<VideoId> =
        query.exclude.as_deref().unwrap_or_default().split(',').filter_map(|id| id.parse().ok()).collect();
    if exclude.len() > EXCLUDE_MAX {
        return Err(Problem::bad_request("too_many_excluded", format!("exclude names at most {EXCLUDE_MAX} clips.")));
    }
    let (viewer, cookie) = viewer_or_new(&api, &caller);
    let ask = app::FeedAsk {
        viewer,
        account: caller.account(),
        following,
        limit: query.limit,
        device: device_of(&headers),
        language: language_of(&headers),
        utc_offset_minutes: query.utc_offset_minutes.filter(|m| m.abs() <= 14 * 60),
        exclude,
        explain: query.explain,
    };
    let page = api.app.feed_page(ask).await?;
    let body = render(&api, caller.account(), page, query.explain).await?;
    let cookies = cookie.map(|value| (header::SET_COOKIE, value));
    Ok((AppendHeaders(cookies), [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

async fn render(api: &Api, account: Option<AccountId>, page: app::FeedPage, explain: bool) -> Result<FeedPage, Problem> {
    let ids: Vec<VideoId> = page.slate.items.iter().map(SelectedItem::video).collect();
    let videos = crate::cards::videos(api, account, &ids).await?;
    let mut items = Vec::with_capacity(ids.len());
    for item in &page.slate.items {
        // A clip that was taken down since the page was made is left out.
        let id = item.video().to_string();
        let Some(video) = videos.iter().find(|v| v.id == id) else { continue };
        let handle = &video.creator.handle;
        let why = feed::why(&page.query, &page.slate, item)
            .into_iter()
            .map(|w| Why {
                code: w.code.into(),
                hashtag: w.hashtag.map(|h| h.to_string()),
                handle: w.creator.map(|_| handle.clone()),
                watched: w.watched,
                finished: w.finished,
                weight: w.weight,
            })
            .collect();
        let explain = explain.then(|| explanation(&page, item, handle));
        items.push(FeedItem { position: item.position, video: video.clone(), why, explain });
    }
    let removed = explain.then(|| {
        let groups = page.slate.removed_groups(REMOVED_VIDEOS_MAX);
        groups
            .into_iter()
            .map(|g| RemovedCandidates {
                filter: g.filter.into(),
                reason: g.reason.into(),
                count: g.count,
                videos: g.videos.iter().map(ToString::to_string).collect(),
            })
            .collect()
    });
    let sources = explain.then(|| {
        page.slate
            .sources
            .iter()
            .map(|s| SourceState {
                name: s.source.name().into(),
                status: s.status.name().into(),
                candidates: s.candidates,
                elapsed_us: s.elapsed_us,
            })
            .collect()
    });
    Ok(FeedPage { slate: page.slate.id.to_string(), items, fallback: page.slate.fallback, removed, sources })
}

fn explanation(page: &app::FeedPage, item: &SelectedItem, handle: &str) -> Explain {
    let affinities = feed::affinities(&page.query, &item.candidate)
        .into_iter()
        .map(|affinity| match affinity {
            Affinity::Hashtag { hashtag, weight } => {
                ExplainAffinity { kind: "hashtag".into(), label: hashtag.to_string(), weight }
            }
            Affinity::Creator { weight, .. } => ExplainAffinity { kind: "creator".into(), label: handle.into(), weight },
        })
        .collect();
    Explain {
        sources: item
            .candidate
            .brought
            .iter()
            .map(|(source, score)| ExplainSource { name: source.name().into(), score })
            .collect(),
        score: item.score,
        predicted: item.parts.predicted,
        taste: item.parts.taste,
        freshness: item.parts.freshness,
        propensity: item.propensity,
        predictions: item
            .predictions
            .iter()
            .map(|p| ExplainPrediction {
                task: p.task.clone(),
                probability: p.probability,
                weight: p.weight,
                contribution: p.contribution,
            })
            .collect(),
        affinities,
    }
}

/// A clip that the feed learned from.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryItem {
    pub video: Video,
    pub at_ms: i64,
    pub watch_ms: u32,
    pub finished: bool,
    pub liked: bool,
    pub skipped: bool,
}

/// The caller's pseudonym, for what makes no sense without one.
pub fn viewer_of(caller: &Caller) -> Result<base::ViewerId, Problem> {
    let detail = "Ask for GET /v1/session first: it says who you are.";
    caller.viewer.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "viewer_required", detail))
}

/// What the feed learned from, newest first.
#[utoipa::path(get, path = "/v1/me/history", tag = "feed", params(PageQuery),
    responses((status = 200, body = Page<HistoryItem>), (status = 401, body = ProblemDetails)))]
async fn get_history(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Params(page): Params<PageQuery>,
) -> Result<Json<Page<HistoryItem>>, Problem> {
    let viewer = viewer_of(&caller)?;
    // The history is short and in memory: the cursor is the last video of the page before.
    let after = page.cursor.as_deref().map(VideoId::from_str).transpose();
    let after = after.map_err(|_| Problem::bad_request("bad_cursor", "This cursor is not one of ours."))?;
    let entries = api.app.brain.views.history(viewer, views::HISTORY_ENTRIES_MAX);
    let from = after.and_then(|after| entries.iter().position(|e| e.video == after)).map_or(0, |at| at + 1);
    let part: Vec<_> = entries.iter().skip(from).take(page.limit() as usize).collect();
    let next_cursor = (from + part.len() < entries.len()).then(|| part.last().map(|e| e.video.to_string())).flatten();
    let ids: Vec<VideoId> = part.iter().map(|e| e.video).collect();
    let videos = crate::cards::videos(&api, caller.account(), &ids).await?;
    let items = part
        .into_iter()
        .filter_map(|entry| {
            let id = entry.video.to_string();
            let video = videos.iter().find(|v| v.id == id)?.clone();
            let flags = entry.flags;
            Some(HistoryItem {
                video,
                at_ms: entry.at.as_millis(),
                watch_ms: entry.watch_ms,
                finished: flags.finished(),
                liked: flags.liked(),
                skipped: flags.skipped(),
            })
        })
        .collect();
    Ok(Json(Page { items, next_cursor }))
}

/// Take everything out of what the feed learns from.
#[utoipa::path(delete, path = "/v1/me/history", tag = "feed", responses((status = 204), (status = 401, body = ProblemDetails)))]
async fn delete_history(State(api): State<Api>, Anyone(caller): Anyone) -> Result<StatusCode, Problem> {
    api.app.remove_history(viewer_of(&caller)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take one clip out of what the feed learns from.
#[utoipa::path(delete, path = "/v1/me/history/{video}", tag = "feed", params(("video" = String, Path)),
    responses((status = 204), (status = 401, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn delete_history_entry(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(video): Path<String>,
) -> Result<StatusCode, Problem> {
    let video = video.parse().map_err(|_| Problem::not_found())?;
    api.app.remove_history(viewer_of(&caller)?, Some(video)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TopicTaste {
    pub hashtag: String,
    /// -1 (turns away) to 1 (stays for it).
    pub weight: f32,
    pub watched: u32,
    pub finished: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CreatorTaste {
    pub person: PersonRef,
    pub weight: f32,
}

/// What the feed knows of the caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct Taste {
    pub topics: Vec<TopicTaste>,
    pub creators: Vec<CreatorTaste>,
    /// Watched clips that it was learned from.
    pub learned_from: u32,
    pub paused: bool,
    /// 0 familiar to 1 "surprise me".
    pub surprise: f32,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TasteChange {
    /// 0 familiar to 1 "surprise me".
    pub surprise: Option<f32>,
    pub learning_paused: Option<bool>,
}

async fn taste_of(api: &Api, viewer: base::ViewerId) -> Result<Taste, Problem> {
    let taste = api.app.taste(viewer).await?;
    let ids: Vec<AccountId> = taste.creators.iter().take(TOPICS_MAX).map(|(id, _)| *id).collect();
    let people = crate::cards::people(api, &ids).await?;
    Ok(Taste {
        topics: taste
            .topics
            .into_iter()
            .take(TOPICS_MAX)
            .map(|t| TopicTaste { hashtag: t.hashtag.to_string(), weight: t.weight, watched: t.watched, finished: t.finished })
            .collect(),
        creators: taste
            .creators
            .iter()
            .filter_map(|(id, weight)| Some(CreatorTaste { person: people.get(id)?.clone(), weight: *weight }))
            .collect(),
        learned_from: taste.learned_from,
        paused: taste.paused,
        surprise: taste.surprise,
    })
}

/// What the feed learned about the caller, in hashtags and creators.
#[utoipa::path(get, path = "/v1/me/taste", tag = "feed", responses((status = 200, body = Taste), (status = 401, body = ProblemDetails)))]
async fn get_taste(State(api): State<Api>, Anyone(caller): Anyone) -> Result<Json<Taste>, Problem> {
    Ok(Json(taste_of(&api, viewer_of(&caller)?).await?))
}

/// Set how familiar the feed is, and whether it learns.
#[utoipa::path(patch, path = "/v1/me/taste", tag = "feed", request_body = TasteChange,
    responses((status = 200, body = Taste), (status = 401, body = ProblemDetails), (status = 422, body = ProblemDetails)))]
async fn patch_taste(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Body(change): Body<TasteChange>,
) -> Result<Json<Taste>, Problem> {
    let viewer = viewer_of(&caller)?;
    if change.surprise.is_some_and(|s| !(0.0..=1.0).contains(&s)) {
        return Err(Problem::invalid_field("surprise", "out_of_range", "surprise is between 0 and 1"));
    }
    api.app.change_taste(viewer, change.surprise, change.learning_paused).await?;
    Ok(Json(taste_of(&api, viewer).await?))
}
