//! A video, whole (for its creator and the workers) and as a card (for everybody).

use std::fmt;

use base::{AccountId, SoundId, Timestamp, UploadId, VideoId};
use serde::{Serialize, Serializer};
use sqlx::{Row, sqlite::SqliteRow};

use crate::CatalogError;

/// The longest caption, in characters.
pub const CAPTION_CHARS_MAX: usize = 2_200;

/// Where a video stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being made and evaluated; seen by its creator alone.
    Processing,
    Published,
    /// Not taken, for a reason that its creator sees.
    Refused,
    /// Taken down by a decision.
    Removed,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Published => "published",
            Self::Refused => "refused",
            Self::Removed => "removed",
        }
    }

    fn parse(name: &str) -> Self {
        match name {
            "processing" => Self::Processing,
            "published" => Self::Published,
            "refused" => Self::Refused,
            // The column has a check; of the rest, the state that shows nothing.
            _ => Self::Removed,
        }
    }
}

/// What a worker is doing with a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Queued,
    Probing,
    FirstRendition,
    Evaluating,
    /// Published already; the other renditions are being made.
    Renditions,
    Done,
}

impl Step {
    const ALL: [Self; 6] = [Self::Queued, Self::Probing, Self::FirstRendition, Self::Evaluating, Self::Renditions, Self::Done];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Probing => "probing",
            Self::FirstRendition => "first_rendition",
            Self::Evaluating => "evaluating",
            Self::Renditions => "renditions",
            Self::Done => "done",
        }
    }

    fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|step| step.name() == name).unwrap_or(Self::Queued)
    }
}

/// 0xRRGGBB. Written as `#rrggbb`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Color(pub u32);

impl Color {
    pub const fn rgb([r, g, b]: [u8; 3]) -> Self {
        Self(((r as u32) << 16) | ((g as u32) << 8) | b as u32)
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0 & 0xff_ffff)
    }
}

impl Serialize for Color {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a video was not taken: a stable code and a sentence for its creator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: String,
    pub message: String,
}

/// Everything that is known of a video, in any state.
#[derive(Clone, Debug, PartialEq)]
pub struct Video {
    pub id: VideoId,
    pub creator: AccountId,
    pub caption: String,
    pub sound: Option<SoundId>,
    /// The upload that is its source, until its media are made.
    pub upload: Option<UploadId>,
    pub duration_ms: u32,
    pub width: u32,
    pub height: u32,
    pub color: Color,
    /// JSON of the media made; empty while there are none.
    pub manifest: String,
    pub status: Status,
    pub step: Step,
    /// Of the step, 0 to 1.
    pub progress: f32,
    pub refusal: Option<Refusal>,
    pub duplicate_of: Option<VideoId>,
    pub kind: Option<String>,
    pub created_at: Timestamp,
    pub published_at: Option<Timestamp>,
}

/// The sound under a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundRef {
    pub id: SoundId,
    pub title: String,
    pub creator: AccountId,
}

/// A published video as lists, pages and the feed show it. Shared, never changed: a change makes a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    pub id: VideoId,
    pub creator: AccountId,
    pub caption: String,
    /// Lower case, without the sign.
    pub hashtags: Vec<String>,
    pub sound: Option<SoundRef>,
    pub duration_ms: u32,
    pub width: u32,
    pub height: u32,
    pub color: Color,
    pub duplicate_of: Option<VideoId>,
    pub kind: Option<String>,
    pub created_at: Timestamp,
    pub published_at: Timestamp,
}

/// A caption as it is kept: without control characters and blank edges. Line breaks stay. Longer than [`CAPTION_CHARS_MAX`]: refused.
pub fn clean_caption(caption: &str) -> Result<String, CatalogError> {
    let clean: String = caption.trim().chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    if clean.chars().count() > CAPTION_CHARS_MAX {
        return Err(CatalogError::CaptionTooLong { limit: CAPTION_CHARS_MAX });
    }
    Ok(clean)
}

pub(crate) const VIDEO_COLUMNS: &str = "id, creator, caption, sound, upload, duration_ms, width, height, color, manifest, status, \
     step, refusal_code, refusal_message, duplicate_of, kind, created_at_ms, published_at_ms";

pub(crate) fn video_of(row: &SqliteRow) -> Video {
    let code: Option<String> = row.get("refusal_code");
    let message: Option<String> = row.get("refusal_message");
    let step = Step::parse(row.get("step"));
    Video {
        id: VideoId::from_sql(row.get("id")),
        creator: AccountId::from_sql(row.get("creator")),
        caption: row.get("caption"),
        sound: row.get::<Option<i64>, _>("sound").map(SoundId::from_sql),
        upload: row.get::<Option<i64>, _>("upload").map(UploadId::from_sql),
        duration_ms: row.get("duration_ms"),
        width: row.get("width"),
        height: row.get("height"),
        color: Color(row.get("color")),
        manifest: row.get("manifest"),
        status: Status::parse(row.get("status")),
        step,
        progress: if step == Step::Done { 1.0 } else { 0.0 },
        refusal: code.zip(message).map(|(code, message)| Refusal { code, message }),
        duplicate_of: row.get::<Option<i64>, _>("duplicate_of").map(VideoId::from_sql),
        kind: row.get("kind"),
        created_at: Timestamp::from_millis(row.get("created_at_ms")),
        published_at: row.get::<Option<i64>, _>("published_at_ms").map(Timestamp::from_millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_are_cleaned_and_bounded() {
        fn check(caption: &str, expected: Option<&str>) {
            assert_eq!(clean_caption(caption).ok().as_deref(), expected, "{caption:?}");
        }
        check("  two\nlines\u{0}\u{7} \t", Some("two\nlines"));
        check("看 #视频", Some("看 #视频"));
        check("", Some(""));
        check(&"看".repeat(CAPTION_CHARS_MAX), Some(&"看".repeat(CAPTION_CHARS_MAX)));
        check(&"a".repeat(CAPTION_CHARS_MAX + 1), None);
    }

    #[test]
    fn colours_and_names() {
        assert_eq!(Color::rgb([255, 0, 16]).to_string(), "#ff0010");
        for step in Step::ALL {
            assert_eq!(Step::parse(step.name()), step);
        }
    }
}
