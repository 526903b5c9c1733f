//! Finding: search, suggestions, what is going on, the pages of hashtags and sounds.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use base::{AccountId, SoundId};
use serde::{Deserialize, Serialize};
use store::cursor::Cursor;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::{self, Listing};
use crate::cards::{self, PersonRef, Video};
use crate::people::{Person, persons};
use crate::{Anyone, Api, Page, PageQuery, Problem, ProblemDetails};

/// The longest query that is taken, in characters.
const QUERY_CHARS_MAX: usize = catalog::search::QUERY_CHARS_MAX;
/// For sounds whose first video is gone.
const PLAIN_COLOR: &str = "#808080";

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(suggest))
        .routes(routes!(discover))
        .routes(routes!(get_hashtag))
        .routes(routes!(hashtag_videos))
        .routes(routes!(get_sound))
        .routes(routes!(sound_videos))
}

/// A hashtag in use.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Hashtag {
    /// Lower-case, without the sign.
    pub hashtag: String,
    pub video_count: u64,
    pub view_count: u64,
}

impl From<app::HashtagPage> for Hashtag {
    fn from(page: app::HashtagPage) -> Self {
        Self { hashtag: page.hashtag, video_count: page.video_count, view_count: page.view_count }
    }
}

/// A sound in use.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Sound {
    pub id: String,
    pub title: String,
    /// Null when its maker left.
    pub creator: Option<PersonRef>,
    pub video_count: u64,
    pub duration_ms: u32,
    /// `#rrggbb`, of the video that it was born with.
    pub color: String,
    /// An HLS playlist of the sound alone; null when the video that it was born with is gone.
    pub audio_url: Option<String>,
}

/// What a search found, by kind: videos, people, hashtags or sounds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Found {
    Video(Box<Video>),
    Person(Person),
    Hashtag(Hashtag),
    Sound(Sound),
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words; Chinese needs no spaces. At most 200 characters.
    q: String,
    /// videos (the default), people, hashtags or sounds.
    kind: Option<String>,
    /// From the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when absent.
    limit: Option<u32>,
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SuggestQuery {
    /// What was typed so far.
    q: String,
}

/// What somebody who types may mean.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Suggestion {
    /// hashtag, person or query.
    pub kind: String,
    pub text: String,
    /// Of a person.
    pub handle: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Suggestions {
    pub items: Vec<Suggestion>,
}

/// A hashtag that is going on, with some of its videos.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DiscoverHashtag {
    pub hashtag: String,
    pub video_count: u64,
    pub view_count: u64,
    pub videos: Vec<Video>,
}

/// What is going on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Discover {
    pub hashtags: Vec<DiscoverHashtag>,
    pub sounds: Vec<Sound>,
    pub people: Vec<Person>,
}

async fn sounds(api: &Api, sounds: Vec<catalog::Sound>) -> Result<Vec<Sound>, Problem> {
    let creators: Vec<AccountId> = sounds.iter().map(|sound| sound.creator).collect();
    let people = cards::people(api, &creators).await?;
    let first: Vec<_> = sounds.iter().map(|sound| sound.video).collect();
    let videos = api.app.catalog.cards(&first).await.map_err(app::AppError::from)?;
    Ok(sounds
        .into_iter()
        .map(|sound| {
            let video = videos.iter().find(|card| card.id == sound.video);
            Sound {
                id: sound.id.to_string(),
                title: sound.title,
                creator: people.get(&sound.creator).cloned(),
                video_count: sound.video_count,
                duration_ms: sound.duration_ms,
                color: video.map_or_else(|| PLAIN_COLOR.into(), |card| card.color.to_string()),
                audio_url: video.map(|card| format!("/media/{}/a/index.m3u8", card.id)),
            }
        })
        .collect())
}

fn bad_query() -> Problem {
    Problem::bad_request("bad_query", "q is what to search for; limit is a number from 1 to 100.")
}

fn checked(query: &str) -> Result<&str, Problem> {
    if query.chars().count() > QUERY_CHARS_MAX {
        return Err(Problem::invalid_field("q", "too_long", format!("At most {QUERY_CHARS_MAX} characters.")));
    }
    Ok(query)
}

/// Search videos, people, hashtags or sounds.
#[utoipa::path(get, path = "/v1/search", tag = "search", params(SearchQuery),
    responses((status = 200, body = Page<Found>), (status = 400, body = ProblemDetails), (status = 422, body = ProblemDetails)))]
async fn search(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    ask: Result<Query<SearchQuery>, QueryRejection>,
) -> Result<Json<Page<Found>>, Problem> {
    let Query(ask) = ask.map_err(|_| bad_query())?;
    let (query, page) = (checked(&ask.q)?, PageQuery { cursor: ask.cursor.clone(), limit: ask.limit });
    let (after, limit, account) = (page.after()?, page.limit(), caller.account());
    let found = match ask.kind.as_deref().unwrap_or("videos") {
        "videos" => {
            let found = api.app.search_videos(query, after, limit).await?;
            let items =
                cards::videos(&api, account, &found.items).await?.into_iter().map(|v| Found::Video(Box::new(v))).collect();
            Page { items, next_cursor: found.next.map(|c| c.to_string()) }
        }
        "people" => {
            let found = api.app.search_people(query, after, limit).await?;
            let items = persons(&api, account, &found.items).await?.into_iter().map(Found::Person).collect();
            Page { items, next_cursor: found.next.map(|c| c.to_string()) }
        }
        "hashtags" => Page::of(api.app.search_hashtags(query, after, limit).await?, |tag| Found::Hashtag(tag.into())),
        "sounds" => {
            let found = api.app.search_sounds(query, after, limit).await?;
            let items = sounds(&api, found.items).await?.into_iter().map(Found::Sound).collect();
            Page { items, next_cursor: found.next.map(|c| c.to_string()) }
        }
        _ => return Err(Problem::invalid_field("kind", "unknown", "One of videos, people, hashtags, sounds.")),
    };
    Ok(Json(found))
}

/// Complete what is being typed.
#[utoipa::path(get, path = "/v1/search/suggest", tag = "search", params(SuggestQuery),
    responses((status = 200, body = Suggestions), (status = 422, body = ProblemDetails)))]
async fn suggest(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    ask: Result<Query<SuggestQuery>, QueryRejection>,
) -> Result<Json<Suggestions>, Problem> {
    let Query(ask) = ask.map_err(|_| bad_query())?;
    let found = api.app.suggest(caller.account(), checked(&ask.q)?).await?;
    let people: Vec<AccountId> =
        found.iter().filter_map(|s| if let app::Suggestion::Person(id) = s { Some(*id) } else { None }).collect();
    let people = cards::people(&api, &people).await?;
    let items = found
        .into_iter()
        .filter_map(|suggestion| {
            Some(match suggestion {
                app::Suggestion::Hashtag(text) => Suggestion { kind: "hashtag".into(), text, handle: None },
                app::Suggestion::Query(text) => Suggestion { kind: "query".into(), text, handle: None },
                app::Suggestion::Person(id) => {
                    let person = people.get(&id)?;
                    Suggestion { kind: "person".into(), text: person.display_name.clone(), handle: Some(person.handle.clone()) }
                }
            })
        })
        .collect();
    Ok(Json(Suggestions { items }))
}

/// What is going on: hashtags, sounds, people.
#[utoipa::path(get, path = "/v1/discover", tag = "search", responses((status = 200, body = Discover)))]
async fn discover(State(api): State<Api>, Anyone(caller): Anyone) -> Result<Json<Discover>, Problem> {
    let found = api.app.discover(caller.account()).await?;
    let hashtags = found.hashtags.into_iter().map(|(tag, videos)| DiscoverHashtag {
        hashtag: tag.hashtag,
        video_count: tag.video_count,
        view_count: tag.view_count,
        videos: videos.iter().map(cards::video).collect(),
    });
    Ok(Json(Discover {
        hashtags: hashtags.collect(),
        sounds: sounds(&api, found.sounds).await?,
        people: persons(&api, caller.account(), &found.people).await?,
    }))
}

/// A hashtag and its numbers; zeros when nobody uses it.
#[utoipa::path(get, path = "/v1/hashtags/{tag}", tag = "search", params(("tag" = String, Path)), responses((status = 200, body = Hashtag)))]
async fn get_hashtag(State(api): State<Api>, Anyone(_): Anyone, Path(tag): Path<String>) -> Result<Json<Hashtag>, Problem> {
    Ok(Json(api.app.hashtag(&tag).await?.into()))
}

/// The videos with a hashtag, newest first.
#[utoipa::path(get, path = "/v1/hashtags/{tag}/videos", tag = "search", params(("tag" = String, Path), PageQuery),
    responses((status = 200, body = Page<Video>), (status = 400, body = ProblemDetails)))]
async fn hashtag_videos(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(tag): Path<String>,
    page: Listing,
) -> Result<Json<Page<Video>>, Problem> {
    let after = page.after.unwrap_or(Cursor::TOP);
    let found = api.app.catalog.videos_with_hashtag(&tag, after, page.limit).await.map_err(app::AppError::from)?;
    Ok(Json(ask::video_page(&api, caller.account(), found).await?))
}

/// A sound and its numbers.
#[utoipa::path(get, path = "/v1/sounds/{id}", tag = "search", params(("id" = String, Path)),
    responses((status = 200, body = Sound), (status = 404, body = ProblemDetails)))]
async fn get_sound(State(api): State<Api>, Anyone(_): Anyone, Path(id): Path<String>) -> Result<Json<Sound>, Problem> {
    let sound = api.app.sound(ask::id::<SoundId>(&id)?).await?;
    Ok(Json(sounds(&api, vec![sound]).await?.pop().ok_or_else(Problem::not_found)?))
}

/// The videos with a sound, newest first.
#[utoipa::path(get, path = "/v1/sounds/{id}/videos", tag = "search", params(("id" = String, Path), PageQuery),
    responses((status = 200, body = Page<Video>), (status = 400, body = ProblemDetails), (status = 404, body = ProblemDetails)))]
async fn sound_videos(
    State(api): State<Api>,
    Anyone(caller): Anyone,
    Path(id): Path<String>,
    page: Listing,
) -> Result<Json<Page<Video>>, Problem> {
    let id = ask::id::<SoundId>(&id)?;
    api.app.sound(id).await?;
    let after = page.after.unwrap_or(Cursor::TOP);
    let found = api.app.catalog.videos_with_sound(id, after, page.limit).await.map_err(app::AppError::from)?;
    Ok(Json(ask::video_page(&api, caller.account(), found).await?))
}
