//! Lists of videos, newest first, by keyset cursors.

use base::{AccountId, SoundId, VideoId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use store::cursor::{Cursor, Page};

use crate::video::{VIDEO_COLUMNS, video_of};
use crate::{Catalog, CatalogError, PAGE_MAX, Video};

impl Catalog {
    /// The published videos of a creator.
    pub async fn videos_of_creator(
        &self,
        creator: AccountId,
        after: Cursor,
        limit: u32,
    ) -> Result<Page<VideoId>, CatalogError> {
        let limit = limit.min(PAGE_MAX);
        let rows = sqlx::query(
            "SELECT published_at_ms, id FROM videos WHERE creator = $1 AND status = 'published' AND (published_at_ms, id) < ($2, $3)
             ORDER BY published_at_ms DESC, id DESC LIMIT $4",
        )
        .bind(creator.sql())
        .bind(after.key)
        .bind(after.id)
        .bind(limit + 1)
        .fetch_all(self.store.read())
        .await?;
        Ok(page(rows, limit))
    }

    /// The published videos with a hashtag (lower case, without the sign).
    pub async fn videos_with_hashtag(&self, hashtag: &str, after: Cursor, limit: u32) -> Result<Page<VideoId>, CatalogError> {
        let limit = limit.min(PAGE_MAX);
        let rows = sqlx::query(
            "SELECT published_at_ms, video FROM video_hashtags
             WHERE hashtag = (SELECT id FROM hashtags WHERE hashtag = $1) AND (published_at_ms, video) < ($2, $3)
             ORDER BY published_at_ms DESC, video DESC LIMIT $4",
        )
        .bind(hashtag.to_lowercase())
        .bind(after.key)
        .bind(after.id)
        .bind(limit + 1)
        .fetch_all(self.store.read())
        .await?;
        Ok(page(rows, limit))
    }

    /// The published videos with a sound.
    pub async fn videos_with_sound(&self, sound: SoundId, after: Cursor, limit: u32) -> Result<Page<VideoId>, CatalogError> {
        let limit = limit.min(PAGE_MAX);
        let rows = sqlx::query(
            "SELECT published_at_ms, id FROM videos WHERE sound = $1 AND status = 'published' AND (published_at_ms, id) < ($2, $3)
             ORDER BY published_at_ms DESC, id DESC LIMIT $4",
        )
        .bind(sound.sql())
        .bind(after.key)
        .bind(after.id)
        .bind(limit + 1)
        .fetch_all(self.store.read())
        .await?;
        Ok(page(rows, limit))
    }

    /// All published videos.
    pub async fn newest(&self, after: Cursor, limit: u32) -> Result<Page<VideoId>, CatalogError> {
        let limit = limit.min(PAGE_MAX);
        let rows = sqlx::query(
            "SELECT published_at_ms, id FROM videos WHERE status = 'published' AND (published_at_ms, id) < ($1, $2)
             ORDER BY published_at_ms DESC, id DESC LIMIT $3",
        )
        .bind(after.key)
        .bind(after.id)
        .bind(limit + 1)
        .fetch_all(self.store.read())
        .await?;
        Ok(page(rows, limit))
    }

    /// Everything a creator sent in, in any state, the last first.
    pub async fn uploads_of(&self, creator: AccountId, after: Cursor, limit: u32) -> Result<Page<Video>, CatalogError> {
        let limit = limit.min(PAGE_MAX);
        let query = format!(
            "SELECT {VIDEO_COLUMNS} FROM videos WHERE creator = $1 AND (created_at_ms, id) < ($2, $3)
             ORDER BY created_at_ms DESC, id DESC LIMIT $4"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(creator.sql())
            .bind(after.key)
            .bind(after.id)
            .bind(limit + 1)
            .fetch_all(self.store.read())
            .await?;
        let videos = rows.iter().map(|row| self.with_progress(video_of(row))).collect();
        Ok(Page::cut(videos, limit, |video: &Video| Cursor { key: video.created_at.as_millis(), id: video.id.sql() }))
    }

    /// Videos that are being made, the oldest first, at most [`PAGE_MAX`]: what a restart has to compare with the jobs.
    pub async fn processing(&self, after: Option<VideoId>) -> Result<Vec<Video>, CatalogError> {
        let query = format!("SELECT {VIDEO_COLUMNS} FROM videos WHERE status = 'processing' AND id > $1 ORDER BY id LIMIT $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(after.map_or(-1, VideoId::sql))
            .bind(PAGE_MAX)
            .fetch_all(self.store.read())
            .await?;
        Ok(rows.iter().map(video_of).collect())
    }

    /// How many videos a creator has published.
    pub async fn video_count(&self, creator: AccountId) -> Result<u64, CatalogError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM videos WHERE creator = $1 AND status = 'published'")
            .bind(creator.sql())
            .fetch_one(self.store.read())
            .await?;
        Ok(count.max(0) as u64)
    }

    /// How many videos are published at all.
    pub async fn published_count(&self) -> Result<u64, CatalogError> {
        let count: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM videos WHERE status = 'published'").fetch_one(self.store.read()).await?;
        Ok(count.max(0) as u64)
    }
}

fn page(rows: Vec<SqliteRow>, limit: u32) -> Page<VideoId> {
    let places = rows.iter().map(|row| Cursor { key: row.get(0), id: row.get(1) }).collect();
    Page::cut(places, limit, |place: &Cursor| *place).map(|place| VideoId::from_sql(place.id))
}
