//! Likes, saves and "not interested".

use std::collections::{HashMap, HashSet};

use base::{AccountId, VideoId};
use sqlx::{QueryBuilder, Row, Sqlite};
use store::WriteTx;
use store::cursor::{Cursor, Page};

use crate::graph::is_blocked;
use crate::inbox::Entry;
use crate::{Done, Kind, Social, SocialError};

const IDS_PER_QUERY: usize = 200;

/// What is counted about a video here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoCounts {
    pub likes: u64,
    pub saves: u64,
    pub comments: u64,
}

/// What one account has done with some videos.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mine {
    pub liked: HashSet<VideoId>,
    pub saved: HashSet<VideoId>,
    pub not_interested: HashSet<VideoId>,
}

impl Social {
    /// Likes a video of `creator`.
    pub async fn like(
        &self,
        tx: &mut WriteTx,
        account: AccountId,
        video: VideoId,
        creator: AccountId,
    ) -> Result<Done, SocialError> {
        if is_blocked(tx, account, creator).await? {
            return Err(SocialError::Blocked);
        }
        if exists(tx, "likes", account, video).await? {
            return Ok(Done { changed: false, count: count(tx, Counted::Likes, video, 0).await?, notified: None });
        }
        self.keep_pace(tx, "likes", "account", account, self.rules.likes).await?;
        sqlx::query("INSERT INTO likes (account, video, creator, at_ms) VALUES ($1, $2, $3, $4)")
            .bind(account.sql())
            .bind(video.sql())
            .bind(creator.sql())
            .bind(self.now().as_millis())
            .execute(&mut **tx)
            .await?;
        let likes = count(tx, Counted::Likes, video, 1).await?;
        count_received(tx, creator, 1).await?;
        let entry = Entry { actor: Some(account), video: Some(video), ..Entry::of(Kind::Like) };
        let told = creator != account && self.tell(tx, creator, entry).await?;
        Ok(Done { changed: true, count: likes, notified: told.then_some(creator) })
    }

    /// Takes a like back. The creator stays told: liking again does not tell them twice.
    pub async fn unlike(&self, tx: &mut WriteTx, account: AccountId, video: VideoId) -> Result<Done, SocialError> {
        let creator: Option<i64> = sqlx::query_scalar("DELETE FROM likes WHERE account = $1 AND video = $2 RETURNING creator")
            .bind(account.sql())
            .bind(video.sql())
            .fetch_optional(&mut **tx)
            .await?;
        if let Some(creator) = creator {
            count_received(tx, AccountId::from_sql(creator), -1).await?;
        }
        let by = if creator.is_some() { -1 } else { 0 };
        Ok(Done { changed: creator.is_some(), count: count(tx, Counted::Likes, video, by).await?, notified: None })
    }

    /// Keeps a video for later. Nobody is told.
    pub async fn save(&self, tx: &mut WriteTx, account: AccountId, video: VideoId) -> Result<Done, SocialError> {
        if exists(tx, "saves", account, video).await? {
            return Ok(Done { changed: false, count: count(tx, Counted::Saves, video, 0).await?, notified: None });
        }
        self.keep_pace(tx, "saves", "account", account, self.rules.likes).await?;
        sqlx::query("INSERT INTO saves (account, video, at_ms) VALUES ($1, $2, $3)")
            .bind(account.sql())
            .bind(video.sql())
            .bind(self.now().as_millis())
            .execute(&mut **tx)
            .await?;
        Ok(Done { changed: true, count: count(tx, Counted::Saves, video, 1).await?, notified: None })
    }

    pub async fn unsave(&self, tx: &mut WriteTx, account: AccountId, video: VideoId) -> Result<Done, SocialError> {
        let deleted = sqlx::query("DELETE FROM saves WHERE account = $1 AND video = $2")
            .bind(account.sql())
            .bind(video.sql())
            .execute(&mut **tx)
            .await?;
        let changed = deleted.rows_affected() == 1;
        Ok(Done { changed, count: count(tx, Counted::Saves, video, if changed { -1 } else { 0 }).await?, notified: None })
    }

    /// Remembers that somebody does not want to see a video. Returns whether that is new.
    pub async fn not_interested(&self, tx: &mut WriteTx, account: AccountId, video: VideoId) -> Result<bool, SocialError> {
        let inserted =
            sqlx::query("INSERT INTO not_interested (account, video, at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(account.sql())
                .bind(video.sql())
                .bind(self.now().as_millis())
                .execute(&mut **tx)
                .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Takes it back. Returns whether there was anything to take back.
    pub async fn interested_again(&self, tx: &mut WriteTx, account: AccountId, video: VideoId) -> Result<bool, SocialError> {
        let deleted = sqlx::query("DELETE FROM not_interested WHERE account = $1 AND video = $2")
            .bind(account.sql())
            .bind(video.sql())
            .execute(&mut **tx)
            .await?;
        Ok(deleted.rows_affected() == 1)
    }

    /// What `account` has done with these videos.
    pub async fn mine(&self, account: AccountId, videos: &[VideoId]) -> Result<Mine, SocialError> {
        Ok(Mine {
            liked: self.those_of("SELECT video FROM likes WHERE account = ", account, videos).await?,
            saved: self.those_of("SELECT video FROM saves WHERE account = ", account, videos).await?,
            not_interested: self.those_of("SELECT video FROM not_interested WHERE account = ", account, videos).await?,
        })
    }

    /// The counts of these videos; a video without any is absent.
    pub async fn video_counts(&self, videos: &[VideoId]) -> Result<HashMap<VideoId, VideoCounts>, SocialError> {
        let mut found = HashMap::new();
        for some in videos.chunks(IDS_PER_QUERY) {
            let mut query =
                QueryBuilder::<Sqlite>::new("SELECT video, likes, saves, comments FROM video_counts WHERE video IN (");
            let mut ids = query.separated(", ");
            some.iter().for_each(|id| {
                ids.push_bind(id.sql());
            });
            query.push(")");
            for row in query.build().fetch_all(self.store.read()).await? {
                let number = |place: usize| row.try_get::<i64, _>(place).map(|n| n.max(0) as u64);
                let counts = VideoCounts { likes: number(1)?, saves: number(2)?, comments: number(3)? };
                found.insert(VideoId::from_sql(row.try_get(0)?), counts);
            }
        }
        Ok(found)
    }

    /// Videos that somebody liked, latest first.
    pub async fn liked_page(
        &self,
        account: AccountId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<VideoId>, SocialError> {
        let sql = "SELECT video, at_ms FROM likes WHERE account = $1 AND (at_ms, video) < ($2, $3)
                   ORDER BY at_ms DESC, video DESC LIMIT $4";
        self.videos(sql, account, after, limit).await
    }

    /// Videos that somebody saved, latest first.
    pub async fn saved_page(
        &self,
        account: AccountId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<VideoId>, SocialError> {
        let sql = "SELECT video, at_ms FROM saves WHERE account = $1 AND (at_ms, video) < ($2, $3)
                   ORDER BY at_ms DESC, video DESC LIMIT $4";
        self.videos(sql, account, after, limit).await
    }

    async fn videos(
        &self,
        sql: &'static str,
        account: AccountId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<VideoId>, SocialError> {
        let after = after.unwrap_or(Cursor::TOP);
        let rows = sqlx::query(sql)
            .bind(account.sql())
            .bind(after.key)
            .bind(after.id)
            .bind(limit + 1)
            .fetch_all(self.store.read())
            .await?;
        let places = rows
            .iter()
            .map(|row| Ok(Cursor { id: row.try_get(0)?, key: row.try_get(1)? }))
            .collect::<Result<Vec<_>, SocialError>>()?;
        Ok(Page::cut(places, limit, |place| *place).map(|place| VideoId::from_sql(place.id)))
    }

    async fn those_of(
        &self,
        select: &'static str,
        account: AccountId,
        videos: &[VideoId],
    ) -> Result<HashSet<VideoId>, SocialError> {
        let mut found = HashSet::new();
        for some in videos.chunks(IDS_PER_QUERY) {
            let mut query = QueryBuilder::<Sqlite>::new(select);
            query.push_bind(account.sql()).push(" AND video IN (");
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
}

/// A column of `video_counts`.
#[derive(Clone, Copy)]
pub(crate) enum Counted {
    Likes,
    Saves,
    Comments,
}

/// Changes a count of a video and returns what it is then.
pub(crate) async fn count(tx: &mut WriteTx, what: Counted, video: VideoId, by: i64) -> Result<u64, SocialError> {
    let column = match what {
        Counted::Likes => "likes",
        Counted::Saves => "saves",
        Counted::Comments => "comments",
    };
    let sql = if by == 0 {
        format!("SELECT {column} + $2 FROM video_counts WHERE video = $1")
    } else {
        format!(
            "INSERT INTO video_counts (video, {column}) VALUES ($1, $2)
             ON CONFLICT (video) DO UPDATE SET {column} = video_counts.{column} + $2 RETURNING {column}"
        )
    };
    let now: Option<i64> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(video.sql()).bind(by).fetch_optional(&mut **tx).await?;
    Ok(now.unwrap_or(0).max(0) as u64)
}

async fn count_received(tx: &mut WriteTx, creator: AccountId, by: i64) -> Result<(), SocialError> {
    sqlx::query(
        "INSERT INTO person_counts (account, likes) VALUES ($1, $2)
         ON CONFLICT (account) DO UPDATE SET likes = person_counts.likes + $2",
    )
    .bind(creator.sql())
    .bind(by)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn exists(tx: &mut WriteTx, table: &'static str, account: AccountId, video: VideoId) -> Result<bool, SocialError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE account = $1 AND video = $2)");
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(account.sql()).bind(video.sql()).fetch_one(&mut **tx).await?)
}
