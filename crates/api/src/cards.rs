//! Videos and people in JSON, wherever they stand in an answer.

use std::collections::HashMap;

use app::VideoCard;
use base::{AccountId, VideoId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Api, Problem};

/// Somebody, beside what is theirs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonRef {
    pub id: String,
    pub handle: String,
    pub display_name: String,
    pub avatar_url: Option<String>,
    /// `#rrggbb`, for where there is no picture.
    pub color: String,
}

/// The maker of a video.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Creator {
    pub id: String,
    pub handle: String,
    pub display_name: String,
    pub avatar_url: Option<String>,
    pub color: String,
    /// The caller follows them.
    pub following: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VideoSound {
    pub id: String,
    pub title: String,
    /// Null when its maker left.
    pub creator_handle: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Counts {
    pub views: u64,
    pub likes: u64,
    pub comments: u64,
    pub saves: u64,
    pub shares: u64,
}

/// What the caller did with a video.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct MyVideo {
    pub liked: bool,
    pub saved: bool,
    pub own: bool,
}

/// A published video.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Video {
    pub id: String,
    pub caption: String,
    /// Lower-case, without the sign.
    pub hashtags: Vec<String>,
    pub creator: Creator,
    pub sound: Option<VideoSound>,
    pub duration_ms: u32,
    pub width: u32,
    pub height: u32,
    /// `#rrggbb`: the average of the poster.
    pub color: String,
    pub poster_url: String,
    /// Short, silent, loops.
    pub preview_url: Option<String>,
    /// An HLS playlist.
    pub playlist_url: String,
    pub counts: Counts,
    pub mine: MyVideo,
    pub created_at_ms: i64,
    /// The older video that this one repeats.
    pub duplicate_of: Option<String>,
    pub kind: Option<String>,
}

pub fn avatar_url(avatar: Option<&str>) -> Option<String> {
    avatar.map(|name| format!("/avatars/{name}"))
}

pub fn person_ref(person: &app::PersonRef) -> PersonRef {
    PersonRef {
        id: person.id.to_string(),
        handle: person.handle.clone(),
        display_name: person.display_name.clone(),
        avatar_url: avatar_url(person.avatar.as_deref()),
        color: person.color.clone(),
    }
}

pub fn counts(counts: &views::VideoCounts) -> Counts {
    Counts { views: counts.views, likes: counts.likes, comments: counts.comments, saves: counts.saves, shares: counts.shares }
}

pub fn video(card: &VideoCard) -> Video {
    let c = &card.card;
    let creator = person_ref(&card.creator);
    Video {
        id: c.id.to_string(),
        caption: c.caption.clone(),
        hashtags: c.hashtags.clone(),
        creator: Creator {
            id: creator.id,
            handle: creator.handle,
            display_name: creator.display_name,
            avatar_url: creator.avatar_url,
            color: creator.color,
            following: card.following,
        },
        sound: c.sound.as_ref().map(|sound| VideoSound {
            id: sound.id.to_string(),
            title: sound.title.clone(),
            creator_handle: card.sound_creator.as_ref().map(|p| p.handle.clone()),
        }),
        duration_ms: c.duration_ms,
        width: c.width,
        height: c.height,
        color: c.color.to_string(),
        poster_url: format!("/media/{}/poster.jpg", c.id),
        preview_url: Some(format!("/media/{}/preview.mp4", c.id)),
        playlist_url: format!("/media/{}/master.m3u8", c.id),
        counts: counts(&card.counts),
        mine: MyVideo { liked: card.liked, saved: card.saved, own: card.own },
        created_at_ms: c.created_at.as_millis(),
        duplicate_of: c.duplicate_of.map(|v| v.to_string()),
        kind: c.kind.clone(),
    }
}

/// The videos of these ids that the caller may see, in their order.
pub async fn videos(api: &Api, account: Option<AccountId>, ids: &[VideoId]) -> Result<Vec<Video>, Problem> {
    Ok(api.app.cards(account, ids).await?.iter().map(video).collect())
}

/// The people of these ids that there are.
pub async fn people(api: &Api, ids: &[AccountId]) -> Result<HashMap<AccountId, PersonRef>, Problem> {
    Ok(api.app.people_refs(ids).await?.iter().map(|(id, person)| (*id, person_ref(person))).collect())
}
