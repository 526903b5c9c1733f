//! What may be shown.

use std::collections::HashSet;

use base::{AccountId, Timestamp, VideoId};
use sqlx::{QueryBuilder, Row, Sqlite};
use store::WriteTx;

use crate::{Moderation, ModerationError, Reason};

const IDS_PER_QUERY: usize = 200;

/// An operator's decision to take a video down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub video: VideoId,
    pub reason: Reason,
    /// None once that operator's account is gone.
    pub decided_by: Option<AccountId>,
    pub decided_at: Timestamp,
}

impl Moderation {
    /// Takes a video down. Returns whether it was shown until now.
    pub async fn remove_video(
        &self,
        tx: &mut WriteTx,
        video: VideoId,
        reason: Reason,
        operator: AccountId,
    ) -> Result<bool, ModerationError> {
        let inserted = sqlx::query(
            "INSERT INTO removed_videos (video, reason, decided_by, decided_at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (video) DO NOTHING",
        )
        .bind(video.sql())
        .bind(reason.name())
        .bind(operator.sql())
        .bind(self.now().as_millis())
        .execute(&mut **tx)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Shows a video again. Returns whether it had been taken down.
    pub async fn restore_video(&self, tx: &mut WriteTx, video: VideoId) -> Result<bool, ModerationError> {
        self.forget_video(tx, video).await
    }

    /// The decision that took a video down, if one did.
    pub async fn removal(&self, video: VideoId) -> Result<Option<Removal>, ModerationError> {
        let row = sqlx::query("SELECT reason, decided_by, decided_at_ms FROM removed_videos WHERE video = $1")
            .bind(video.sql())
            .fetch_optional(self.store.read())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let reason: String = row.try_get(0)?;
        Ok(Some(Removal {
            video,
            reason: Reason::parse(&reason).unwrap_or(Reason::Other),
            decided_by: row.try_get::<Option<i64>, _>(1)?.map(AccountId::from_sql),
            decided_at: Timestamp::from_millis(row.try_get(2)?),
        }))
    }

    /// Those of these videos that were taken down.
    pub async fn removed(&self, videos: &[VideoId]) -> Result<HashSet<VideoId>, ModerationError> {
        let mut found = HashSet::new();
        for some in videos.chunks(IDS_PER_QUERY) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT video FROM removed_videos WHERE video IN (");
            let mut ids = query.separated(", ");
            some.iter().for_each(|id| {
                ids.push_bind(id.sql());
            });
            query.push(")");
            let rows: Vec<i64> = query.build_query_scalar().fetch_all(self.store.read()).await?;
            found.extend(rows.into_iter().map(VideoId::from_sql));
        }
        Ok(found)
    }

    pub(crate) async fn forget_video(&self, tx: &mut WriteTx, video: VideoId) -> Result<bool, ModerationError> {
        let deleted = sqlx::query("DELETE FROM removed_videos WHERE video = $1").bind(video.sql()).execute(&mut **tx).await?;
        Ok(deleted.rows_affected() == 1)
    }
}
