//! Leaving: what is kept of somebody, for them to read, and its end.

use base::{AccountId, CommentId, VideoId};
use serde::Serialize;
use sqlx::Row;
use store::WriteTx;

use crate::comments::{find, remove};
use crate::{Social, SocialError};

/// The most of each kind that one export holds.
const EXPORT_ROWS_MAX: u32 = 100_000;

/// Everything the social tables hold about somebody.
#[derive(Clone, Debug, Serialize)]
pub struct SocialExport {
    pub following: Vec<(AccountId, i64)>,
    pub followers: Vec<(AccountId, i64)>,
    pub blocked: Vec<(AccountId, i64)>,
    pub liked: Vec<(VideoId, i64)>,
    pub saved: Vec<(VideoId, i64)>,
    pub not_interested: Vec<(VideoId, i64)>,
    pub liked_comments: Vec<(CommentId, i64)>,
    pub comments: Vec<CommentExport>,
}

#[derive(Clone, Debug, Serialize)]
pub struct CommentExport {
    pub id: CommentId,
    pub video: VideoId,
    pub text: String,
    pub at_ms: i64,
}

impl Social {
    /// Deletes everything about a video: what people did with it, wrote under it and were told of it.
    pub async fn delete_video(&self, tx: &mut WriteTx, video: VideoId) -> Result<(), SocialError> {
        sqlx::query(
            "UPDATE person_counts SET likes = likes - (SELECT COUNT(*) FROM likes WHERE video = $1 AND creator = person_counts.account)
             WHERE account IN (SELECT creator FROM likes WHERE video = $1)",
        )
        .bind(video.sql())
        .execute(&mut **tx)
        .await?;
        sqlx::query("DELETE FROM comment_likes WHERE comment IN (SELECT id FROM comments WHERE video = $1)")
            .bind(video.sql())
            .execute(&mut **tx)
            .await?;
        for table in ["likes", "saves", "not_interested", "comments", "inbox", "video_counts"] {
            let sql = format!("DELETE FROM {table} WHERE video = $1");
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(video.sql()).execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Deletes everything about somebody, `videos` being theirs: what they did, what was done to them, what they wrote and
    /// what was written under theirs. Returns the comments they wrote, for those who keep something about comments.
    pub async fn delete_account(
        &self,
        tx: &mut WriteTx,
        account: AccountId,
        videos: &[VideoId],
    ) -> Result<Vec<CommentId>, SocialError> {
        let written: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM comments WHERE author = $1").bind(account.sql()).fetch_all(&mut **tx).await?;
        let written: Vec<CommentId> = written.into_iter().map(CommentId::from_sql).collect();
        for video in videos {
            self.delete_video(tx, *video).await?;
        }
        // Videos of theirs that the caller no longer knows of.
        let rest: Vec<i64> = sqlx::query_scalar(
            "SELECT video FROM likes WHERE creator = $1 UNION SELECT video FROM comments WHERE creator = $1",
        )
        .bind(account.sql())
        .fetch_all(&mut **tx)
        .await?;
        for video in rest {
            self.delete_video(tx, VideoId::from_sql(video)).await?;
        }
        for id in &written {
            // It may have gone with its video or its thread.
            if let Some(comment) = find(tx, *id).await? {
                remove(tx, &comment).await?;
            }
        }
        for statement in [
            "UPDATE person_counts SET likes = likes - (SELECT COUNT(*) FROM likes WHERE account = $1 AND creator = person_counts.account)
             WHERE account IN (SELECT creator FROM likes WHERE account = $1)",
            "UPDATE video_counts SET likes = likes - 1 WHERE video IN (SELECT video FROM likes WHERE account = $1)",
            "UPDATE video_counts SET saves = saves - 1 WHERE video IN (SELECT video FROM saves WHERE account = $1)",
            "UPDATE comments SET like_count = like_count - 1 WHERE id IN (SELECT comment FROM comment_likes WHERE account = $1)",
            "UPDATE person_counts SET followers = followers - 1 WHERE account IN (SELECT followed FROM follows WHERE follower = $1)",
            "UPDATE person_counts SET following = following - 1 WHERE account IN (SELECT follower FROM follows WHERE followed = $1)",
            "DELETE FROM likes WHERE account = $1",
            "DELETE FROM saves WHERE account = $1",
            "DELETE FROM not_interested WHERE account = $1",
            "DELETE FROM comment_likes WHERE account = $1",
            "DELETE FROM follows WHERE follower = $1 OR followed = $1",
            "DELETE FROM blocks WHERE blocker = $1 OR blocked = $1",
            "DELETE FROM inbox WHERE account = $1 OR actor = $1",
            "DELETE FROM person_counts WHERE account = $1",
        ] {
            sqlx::query(statement).bind(account.sql()).execute(&mut **tx).await?;
        }
        Ok(written)
    }

    /// Everything kept about this account here.
    pub async fn export(&self, account: AccountId) -> Result<SocialExport, SocialError> {
        let people = |sql| self.pairs(sql, account, AccountId::from_sql);
        let videos = |sql| self.pairs(sql, account, VideoId::from_sql);
        let rows = sqlx::query("SELECT id, video, text, at_ms FROM comments WHERE author = $1 ORDER BY at_ms LIMIT $2")
            .bind(account.sql())
            .bind(EXPORT_ROWS_MAX)
            .fetch_all(self.store.read())
            .await?;
        let comments = rows
            .iter()
            .map(|row| {
                Ok(CommentExport {
                    id: CommentId::from_sql(row.try_get(0)?),
                    video: VideoId::from_sql(row.try_get(1)?),
                    text: row.try_get(2)?,
                    at_ms: row.try_get(3)?,
                })
            })
            .collect::<Result<_, SocialError>>()?;
        Ok(SocialExport {
            following: people("SELECT followed, at_ms FROM follows WHERE follower = $1 ORDER BY at_ms LIMIT $2").await?,
            followers: people("SELECT follower, at_ms FROM follows WHERE followed = $1 ORDER BY at_ms LIMIT $2").await?,
            blocked: people("SELECT blocked, at_ms FROM blocks WHERE blocker = $1 ORDER BY at_ms LIMIT $2").await?,
            liked: videos("SELECT video, at_ms FROM likes WHERE account = $1 ORDER BY at_ms LIMIT $2").await?,
            saved: videos("SELECT video, at_ms FROM saves WHERE account = $1 ORDER BY at_ms LIMIT $2").await?,
            not_interested: videos("SELECT video, at_ms FROM not_interested WHERE account = $1 ORDER BY at_ms LIMIT $2")
                .await?,
            liked_comments: self
                .pairs(
                    "SELECT comment, at_ms FROM comment_likes WHERE account = $1 ORDER BY at_ms LIMIT $2",
                    account,
                    CommentId::from_sql,
                )
                .await?,
            comments,
        })
    }

    async fn pairs<T>(&self, sql: &'static str, account: AccountId, id: fn(i64) -> T) -> Result<Vec<(T, i64)>, SocialError> {
        let rows = sqlx::query(sql).bind(account.sql()).bind(EXPORT_ROWS_MAX).fetch_all(self.store.read()).await?;
        rows.iter().map(|row| Ok((id(row.try_get(0)?), row.try_get(1)?))).collect()
    }
}
