//! The inbox: what happened to the caller's videos, comments and person.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base::AccountId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask::Listing;
use crate::cards::PersonRef;
use crate::{Api, Page, PageQuery, Problem, ProblemDetails, SignedIn};

pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get_inbox)).routes(routes!(post_read)).routes(routes!(get_unread))
}

/// The video that an item is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct InboxVideo {
    pub id: String,
    /// Null while, or when no longer, published.
    pub poster_url: Option<String>,
    /// `#rrggbb`
    pub color: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct InboxItem {
    pub id: String,
    /// `like`, `comment`, `reply`, `follow`, `video_published`, `video_refused` or `duplicate`.
    pub kind: String,
    pub actor: Option<PersonRef>,
    /// Whether the caller follows the actor.
    pub actor_followed: bool,
    pub video: Option<InboxVideo>,
    /// The comment, or the reason of a refusal.
    pub text: Option<String>,
    pub at_ms: i64,
    pub read: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Unread {
    pub count: u32,
}

/// The caller's inbox, latest first.
#[utoipa::path(get, path = "/v1/me/inbox", tag = "inbox", params(PageQuery),
    responses((status = 200, body = Page<InboxItem>), (status = 401, body = ProblemDetails)))]
async fn get_inbox(State(api): State<Api>, SignedIn(who): SignedIn, list: Listing) -> Result<Json<Page<InboxItem>>, Problem> {
    let (found, cards) = api.app.inbox(who.account, list.after, list.limit).await?;
    let actors: Vec<AccountId> = found.items.iter().filter_map(|item| item.actor).collect();
    let people = crate::cards::people(&api, &actors).await?;
    let followed = api.app.social.following(who.account, &actors).await.map_err(app::AppError::from)?;
    let put = |item: social::InboxItem| InboxItem {
        id: item.id.to_string(),
        kind: item.kind.name().into(),
        actor_followed: item.actor.is_some_and(|actor| followed.contains(&actor)),
        actor: item.actor.and_then(|actor| people.get(&actor).cloned()),
        video: item.video.map(|video| {
            let card = cards.iter().find(|card| card.card.id == video).map(crate::cards::video);
            InboxVideo {
                id: video.to_string(),
                poster_url: card.as_ref().map(|card| card.poster_url.clone()),
                color: card.map(|card| card.color),
            }
        }),
        text: item.text,
        at_ms: item.at.as_millis(),
        read: item.read,
    };
    Ok(Json(Page::of(found, put)))
}

/// Everything in the inbox counts as read.
#[utoipa::path(post, path = "/v1/me/inbox/read", tag = "inbox",
    responses((status = 204), (status = 401, body = ProblemDetails)))]
async fn post_read(State(api): State<Api>, SignedIn(who): SignedIn) -> Result<StatusCode, Problem> {
    api.app.read_inbox(who.account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How many items are new.
#[utoipa::path(get, path = "/v1/me/inbox/unread", tag = "inbox",
    responses((status = 200, body = Unread), (status = 401, body = ProblemDetails)))]
async fn get_unread(State(api): State<Api>, SignedIn(who): SignedIn) -> Result<Json<Unread>, Problem> {
    Ok(Json(Unread { count: api.app.social.unread(who.account).await? }))
}
