//! Hashtags and how many published videos have them.

use base::{Timestamp, VideoId};
use serde::Serialize;
use sqlx::Row;
use store::WriteTx;

use crate::search::{self, Index};
use crate::{Catalog, CatalogError, PAGE_MAX};

/// A hashtag in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hashtag {
    /// Lower case, without the sign.
    pub hashtag: String,
    /// Published videos with it.
    pub video_count: u64,
}

impl Catalog {
    /// A hashtag, with a count of 0 when nobody uses it (now).
    pub async fn hashtag(&self, hashtag: &str) -> Result<Hashtag, CatalogError> {
        let hashtag = hashtag.to_lowercase();
        let count: Option<i64> = sqlx::query_scalar("SELECT video_count FROM hashtags WHERE hashtag = $1")
            .bind(&hashtag)
            .fetch_optional(self.store.read())
            .await?;
        Ok(Hashtag { hashtag, video_count: count.unwrap_or(0).max(0) as u64 })
    }

    /// The hashtags with the most videos, at most [`PAGE_MAX`].
    pub async fn top_hashtags(&self, limit: u32) -> Result<Vec<Hashtag>, CatalogError> {
        let rows = sqlx::query("SELECT hashtag, video_count FROM hashtags ORDER BY video_count DESC, id LIMIT $1")
            .bind(limit.min(PAGE_MAX))
            .fetch_all(self.store.read())
            .await?;
        Ok(rows.iter().map(|row| Hashtag { hashtag: row.get(0), video_count: row.get::<i64, _>(1).max(0) as u64 }).collect())
    }
}

/// Adds a published video to its hashtags.
pub(crate) async fn add(
    tx: &mut WriteTx,
    video: VideoId,
    published_at: Timestamp,
    hashtags: &[String],
) -> Result<(), CatalogError> {
    for hashtag in hashtags {
        let row = sqlx::query(
            "INSERT INTO hashtags (hashtag, video_count) VALUES ($1, 1)
             ON CONFLICT (hashtag) DO UPDATE SET video_count = video_count + 1 RETURNING id, video_count",
        )
        .bind(hashtag)
        .fetch_one(&mut **tx)
        .await?;
        let (id, count): (i64, i64) = (row.get(0), row.get(1));
        if count == 1 {
            search::put(tx, Index::Hashtags, id, &[hashtag]).await?;
        }
        sqlx::query("INSERT INTO video_hashtags (hashtag, published_at_ms, video) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(published_at.as_millis())
            .bind(video.sql())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Takes a video out of its hashtags; a hashtag that nobody uses any more is forgotten.
pub(crate) async fn remove(tx: &mut WriteTx, video: VideoId) -> Result<(), CatalogError> {
    let ids: Vec<i64> = sqlx::query_scalar("DELETE FROM video_hashtags WHERE video = $1 RETURNING hashtag")
        .bind(video.sql())
        .fetch_all(&mut **tx)
        .await?;
    for id in ids {
        let left: i64 =
            sqlx::query_scalar("UPDATE hashtags SET video_count = video_count - 1 WHERE id = $1 RETURNING video_count")
                .bind(id)
                .fetch_one(&mut **tx)
                .await?;
        if left <= 0 {
            search::delete(tx, Index::Hashtags, id).await?;
            sqlx::query("DELETE FROM hashtags WHERE id = $1").bind(id).execute(&mut **tx).await?;
        }
    }
    Ok(())
}
