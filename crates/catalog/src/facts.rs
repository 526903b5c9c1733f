//! What the feed and the learner need to know of a video before anyone watched it.

use base::{AccountId, SoundId, Timestamp, VideoId};
use sqlx::{Row, sqlite::SqliteRow};
use store::WriteTx;

use crate::{Catalog, CatalogError, PAGE_MAX};

/// The most caption words that are told.
pub const WORDS_MAX: usize = 32;
/// The most content features that are kept.
pub const FEATURES_MAX: usize = 256;

/// A published video, as the event log tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub video: VideoId,
    pub creator: AccountId,
    pub sound: Option<SoundId>,
    /// Lower case, without the sign.
    pub hashtags: Vec<String>,
    /// Search tokens of the caption, each once, at most [`WORDS_MAX`].
    pub words: Vec<String>,
    pub duration_ms: u32,
    pub published_at: Timestamp,
    /// Features of picture, motion and sound, in the order in which the evaluation gave them.
    pub content: Vec<f32>,
    pub duplicate_of: Option<VideoId>,
}

const COLUMNS: &str = "id, creator, sound, caption, duration_ms, published_at_ms, features, duplicate_of";

impl Catalog {
    /// The facts of a published video.
    pub async fn facts(&self, video: VideoId) -> Result<Facts, CatalogError> {
        let query = format!("SELECT {COLUMNS} FROM videos WHERE id = $1 AND status = 'published'");
        let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(video.sql()).fetch_optional(self.store.read()).await?;
        row.map(|row| facts_of(&row)).ok_or(CatalogError::NoSuchVideo(video))
    }

    /// The same inside a transaction, which sees what it has just published or changed.
    pub async fn facts_in(&self, tx: &mut WriteTx, video: VideoId) -> Result<Facts, CatalogError> {
        let query = format!("SELECT {COLUMNS} FROM videos WHERE id = $1 AND status = 'published'");
        let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(video.sql()).fetch_optional(&mut **tx).await?;
        row.map(|row| facts_of(&row)).ok_or(CatalogError::NoSuchVideo(video))
    }

    /// The fingerprints of published videos, by id, those behind `after`, at most [`PAGE_MAX`]: for the index of duplicates.
    pub async fn signatures(&self, after: Option<VideoId>) -> Result<Vec<(VideoId, Vec<u8>)>, CatalogError> {
        let rows = sqlx::query(
            "SELECT id, signature FROM videos WHERE id > $1 AND +status = 'published' AND signature IS NOT NULL ORDER BY id LIMIT $2",
        )
        .bind(after.map_or(-1, VideoId::sql))
        .bind(PAGE_MAX)
        .fetch_all(self.store.read())
        .await?;
        Ok(rows.iter().map(|row| (VideoId::from_sql(row.get(0)), row.get(1))).collect())
    }
}

fn facts_of(row: &SqliteRow) -> Facts {
    let caption: String = row.get(3);
    let mut words: Vec<String> = Vec::new();
    for word in base::tokens(&caption) {
        if words.len() < WORDS_MAX && !words.contains(&word) {
            words.push(word);
        }
    }
    Facts {
        video: VideoId::from_sql(row.get(0)),
        creator: AccountId::from_sql(row.get(1)),
        sound: row.get::<Option<i64>, _>(2).map(SoundId::from_sql),
        hashtags: base::hashtags_in(&caption),
        words,
        duration_ms: row.get(4),
        published_at: Timestamp::from_millis(row.get(5)),
        content: features_from_bytes(&row.get::<Option<Vec<u8>>, _>(6).unwrap_or_default()),
        duplicate_of: row.get::<Option<i64>, _>(7).map(VideoId::from_sql),
    }
}

pub(crate) fn features_to_bytes(features: &[f32]) -> Vec<u8> {
    features.iter().take(FEATURES_MAX).flat_map(|feature| feature.to_le_bytes()).collect()
}

fn features_from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}
