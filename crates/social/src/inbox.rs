//! The inbox: what happened to somebody's videos, comments and person.

use base::{AccountId, CommentId, Timestamp, VideoId};
use sqlx::Row;
use store::WriteTx;
use store::cursor::{Cursor, Page};

use crate::graph::is_blocked;
use crate::{Social, SocialError};

/// The most that one inbox holds; the oldest gives way.
pub const INBOX_ITEMS_MAX: u32 = 500;
/// The longest text that goes with a notice, in characters; what is longer is cut.
const NOTICE_CHARS_MAX: usize = 500;

/// What an item tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Like,
    Comment,
    Reply,
    Follow,
    VideoPublished,
    VideoRefused,
    Duplicate,
}

/// One line of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxItem {
    pub id: i64,
    pub kind: Kind,
    pub actor: Option<AccountId>,
    pub video: Option<VideoId>,
    pub comment: Option<CommentId>,
    /// The comment as it is now, or what goes with a notice.
    pub text: Option<String>,
    pub at: Timestamp,
    pub read: bool,
}

/// Something the house tells somebody about one of their videos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub kind: Kind,
    pub video: VideoId,
    /// For a refusal, its reason.
    pub text: Option<String>,
}

/// What is put into an inbox.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub kind: Kind,
    pub actor: Option<AccountId>,
    pub video: Option<VideoId>,
    pub comment: Option<CommentId>,
    pub text: Option<String>,
}

impl Entry {
    pub fn of(kind: Kind) -> Self {
        Self { kind, actor: None, video: None, comment: None, text: None }
    }
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Like => "like",
            Self::Comment => "comment",
            Self::Reply => "reply",
            Self::Follow => "follow",
            Self::VideoPublished => "video_published",
            Self::VideoRefused => "video_refused",
            Self::Duplicate => "duplicate",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Like, Self::Comment, Self::Reply, Self::Follow, Self::VideoPublished, Self::VideoRefused, Self::Duplicate]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

impl Social {
    /// Tells somebody about one of their videos. Returns whether it is news.
    pub async fn notify(&self, tx: &mut WriteTx, account: AccountId, notice: Notice) -> Result<bool, SocialError> {
        let text = notice.text.map(|text| text.chars().take(NOTICE_CHARS_MAX).collect());
        self.tell(tx, account, Entry { video: Some(notice.video), text, ..Entry::of(notice.kind) }).await
    }

    /// The inbox, latest first.
    pub async fn inbox(&self, account: AccountId, after: Option<Cursor>, limit: u32) -> Result<Page<InboxItem>, SocialError> {
        let after = after.unwrap_or(Cursor::TOP);
        let rows = sqlx::query(
            "SELECT i.id, i.kind, i.actor, i.video, i.comment, COALESCE(c.text, i.text), i.at_ms, i.read
             FROM inbox i LEFT JOIN comments c ON c.id = i.comment
             WHERE i.account = $1 AND (i.at_ms, i.id) < ($2, $3) ORDER BY i.at_ms DESC, i.id DESC LIMIT $4",
        )
        .bind(account.sql())
        .bind(after.key)
        .bind(after.id)
        .bind(limit + 1)
        .fetch_all(self.store.read())
        .await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let kind: String = row.try_get(1)?;
            // An item of a kind that only a newer program knows is not shown by this one.
            let Some(kind) = Kind::parse(&kind) else { continue };
            let id = |place: usize| row.try_get::<i64, _>(place).map(|raw| (raw != 0).then_some(raw));
            items.push(InboxItem {
                id: row.try_get(0)?,
                kind,
                actor: id(2)?.map(AccountId::from_sql),
                video: id(3)?.map(VideoId::from_sql),
                comment: id(4)?.map(CommentId::from_sql),
                text: row.try_get(5)?,
                at: Timestamp::from_millis(row.try_get(6)?),
                read: row.try_get::<i64, _>(7)? != 0,
            });
        }
        Ok(Page::cut(items, limit, |item| Cursor { key: item.at.as_millis(), id: item.id }))
    }

    pub async fn unread(&self, account: AccountId) -> Result<u32, SocialError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM inbox WHERE account = $1 AND read = 0")
            .bind(account.sql())
            .fetch_one(self.store.read())
            .await?;
        Ok(count.try_into().unwrap_or(u32::MAX))
    }

    /// Everything in the inbox counts as read.
    pub async fn mark_read(&self, account: AccountId) -> Result<(), SocialError> {
        let mut tx = self.store.write().await?;
        sqlx::query("UPDATE inbox SET read = 1 WHERE account = $1 AND read = 0").bind(account.sql()).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Puts an entry into an inbox unless it tells what it has told already, or one has blocked the other. Returns whether it
    /// is news.
    pub(crate) async fn tell(&self, tx: &mut WriteTx, account: AccountId, entry: Entry) -> Result<bool, SocialError> {
        if let Some(actor) = entry.actor
            && (actor == account || is_blocked(tx, account, actor).await?)
        {
            return Ok(false);
        }
        let inserted = sqlx::query(
            "INSERT INTO inbox (account, kind, actor, video, comment, text, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (account, kind, actor, video, comment) DO NOTHING",
        )
        .bind(account.sql())
        .bind(entry.kind.name())
        .bind(entry.actor.map_or(0, AccountId::sql))
        .bind(entry.video.map_or(0, VideoId::sql))
        .bind(entry.comment.map_or(0, CommentId::sql))
        .bind(entry.text)
        .bind(self.now().as_millis())
        .execute(&mut **tx)
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "DELETE FROM inbox WHERE account = $1 AND (at_ms, id) <=
             (SELECT at_ms, id FROM inbox WHERE account = $1 ORDER BY at_ms DESC, id DESC LIMIT 1 OFFSET $2)",
        )
        .bind(account.sql())
        .bind(INBOX_ITEMS_MAX)
        .execute(&mut **tx)
        .await?;
        Ok(true)
    }
}
