//! Comments: threads of one level under a video.

use base::{AccountId, CommentId, Timestamp, VideoId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use store::WriteTx;
use store::cursor::{Cursor, Page};

use crate::graph::is_blocked;
use crate::inbox::Entry;
use crate::reactions::{Counted, count};
use crate::{Done, Kind, Social, SocialError, text};

/// What somebody writes under a video.
#[derive(Clone, Debug)]
pub struct NewComment<'a> {
    pub author: AccountId,
    pub video: VideoId,
    /// Whose video it is.
    pub creator: AccountId,
    pub text: &'a str,
    /// The comment that this one answers.
    pub parent: Option<CommentId>,
}

/// A comment, as one reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: CommentId,
    pub video: VideoId,
    pub creator: AccountId,
    pub author: AccountId,
    /// The comment that began the thread; none for that one itself.
    pub thread: Option<CommentId>,
    pub text: String,
    pub like_count: u64,
    pub reply_count: u64,
    pub at: Timestamp,
    /// Whether the reader likes it.
    pub liked: bool,
}

/// What commenting came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commented {
    pub comment: Comment,
    /// Comments under the video now.
    pub count: u64,
    /// Whose inboxes have something new.
    pub notified: Vec<AccountId>,
}

/// Who wants a comment gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleter {
    /// May delete their own comments and those under their own videos.
    Person(AccountId),
    /// May delete any.
    Operator,
}

/// What deleting came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletedComment {
    pub video: VideoId,
    /// Comments gone: the one and its replies.
    pub removed: u64,
    /// Comments under the video now.
    pub count: u64,
}

const COLUMNS: &str = "c.id, c.video, c.creator, c.author, c.thread, c.text, c.like_count, c.reply_count, c.at_ms,
    EXISTS (SELECT 1 FROM comment_likes l WHERE l.comment = c.id AND l.account = $1) AS liked";
/// Of two people one of whom has blocked the other, neither reads what the other wrote. `$1` is the reader.
const NOT_SHUT_OUT: &str = "NOT EXISTS (SELECT 1 FROM blocks b
    WHERE (b.blocker = $1 AND b.blocked = c.author) OR (b.blocker = c.author AND b.blocked = $1))";

fn read(row: &SqliteRow) -> Result<Comment, SocialError> {
    Ok(Comment {
        id: CommentId::from_sql(row.try_get(0)?),
        video: VideoId::from_sql(row.try_get(1)?),
        creator: AccountId::from_sql(row.try_get(2)?),
        author: AccountId::from_sql(row.try_get(3)?),
        thread: row.try_get::<Option<i64>, _>(4)?.map(CommentId::from_sql),
        text: row.try_get(5)?,
        like_count: row.try_get::<i64, _>(6)?.max(0) as u64,
        reply_count: row.try_get::<i64, _>(7)?.max(0) as u64,
        at: Timestamp::from_millis(row.try_get(8)?),
        liked: row.try_get(9)?,
    })
}

/// No account has the id zero, so it reads as nobody.
fn reader_id(reader: Option<AccountId>) -> i64 {
    reader.map_or(0, AccountId::sql)
}

impl Social {
    /// Writes a comment, or an answer to one.
    pub async fn comment(&self, tx: &mut WriteTx, new: NewComment<'_>) -> Result<Commented, SocialError> {
        let text = text::comment(new.text)?;
        let parent = match new.parent {
            Some(parent) => Some(find(tx, parent).await?.filter(|p| p.video == new.video).ok_or(SocialError::NotFound)?),
            None => None,
        };
        let starter = match parent.as_ref().and_then(|p| p.thread) {
            Some(thread) => find(tx, thread).await?,
            None => parent.clone(),
        };
        for other in [Some(new.creator), parent.as_ref().map(|p| p.author), starter.as_ref().map(|s| s.author)] {
            if let Some(other) = other
                && is_blocked(tx, new.author, other).await?
            {
                return Err(SocialError::Blocked);
            }
        }
        self.keep_pace(tx, "comments", "author", new.author, self.rules.comments).await?;
        let thread = starter.map(|s| s.id);
        let (id, now) = (self.next_id::<CommentId>(), self.now());
        sqlx::query(
            "INSERT INTO comments (id, video, creator, author, thread, text, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.sql())
        .bind(new.video.sql())
        .bind(new.creator.sql())
        .bind(new.author.sql())
        .bind(thread.map(CommentId::sql))
        .bind(&text)
        .bind(now.as_millis())
        .execute(&mut **tx)
        .await?;
        if let Some(thread) = thread {
            sqlx::query("UPDATE comments SET reply_count = reply_count + 1 WHERE id = $1")
                .bind(thread.sql())
                .execute(&mut **tx)
                .await?;
        }
        let count = count(tx, Counted::Comments, new.video, 1).await?;

        let entry = |kind| Entry { actor: Some(new.author), video: Some(new.video), comment: Some(id), ..Entry::of(kind) };
        let mut notified = Vec::new();
        let answered = parent.map(|p| p.author);
        if let Some(answered) = answered
            && self.tell(tx, answered, entry(Kind::Reply)).await?
        {
            notified.push(answered);
        }
        if answered != Some(new.creator) && self.tell(tx, new.creator, entry(Kind::Comment)).await? {
            notified.push(new.creator);
        }
        let comment = Comment {
            id,
            video: new.video,
            creator: new.creator,
            author: new.author,
            thread,
            text,
            like_count: 0,
            reply_count: 0,
            at: now,
            liked: false,
        };
        Ok(Commented { comment, count, notified })
    }

    /// The threads under a video, latest first, without those that the reader is not to read.
    pub async fn comments(
        &self,
        video: VideoId,
        reader: Option<AccountId>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Comment>, SocialError> {
        let after = after.unwrap_or(Cursor::TOP);
        let sql = format!(
            "SELECT {COLUMNS} FROM comments c WHERE c.video = $2 AND c.thread IS NULL AND (c.at_ms, c.id) < ($3, $4)
             AND {NOT_SHUT_OUT} ORDER BY c.at_ms DESC, c.id DESC LIMIT $5"
        );
        self.page(sql, video.sql(), reader, after, limit).await
    }

    /// The replies of a thread, oldest first, without those that the reader is not to read.
    pub async fn replies(
        &self,
        thread: CommentId,
        reader: Option<AccountId>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Comment>, SocialError> {
        let after = after.unwrap_or(Cursor::BOTTOM);
        let sql = format!(
            "SELECT {COLUMNS} FROM comments c WHERE c.thread = $2 AND (c.at_ms, c.id) > ($3, $4)
             AND {NOT_SHUT_OUT} ORDER BY c.at_ms, c.id LIMIT $5"
        );
        self.page(sql, thread.sql(), reader, after, limit).await
    }

    /// One comment, or [`SocialError::NotFound`] when there is none that this reader may read.
    pub async fn one_comment(&self, id: CommentId, reader: Option<AccountId>) -> Result<Comment, SocialError> {
        let sql = format!("SELECT {COLUMNS} FROM comments c WHERE c.id = $2 AND {NOT_SHUT_OUT}");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(reader_id(reader))
            .bind(id.sql())
            .fetch_optional(self.store.read())
            .await?;
        read(&row.ok_or(SocialError::NotFound)?)
    }

    pub async fn like_comment(&self, tx: &mut WriteTx, account: AccountId, comment: CommentId) -> Result<Done, SocialError> {
        let found = find(tx, comment).await?.ok_or(SocialError::NotFound)?;
        if is_blocked(tx, account, found.author).await? {
            return Err(SocialError::Blocked);
        }
        let inserted =
            sqlx::query("INSERT INTO comment_likes (account, comment, at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(account.sql())
                .bind(comment.sql())
                .bind(self.now().as_millis())
                .execute(&mut **tx)
                .await?;
        self.counted(tx, comment, inserted.rows_affected() as i64).await
    }

    pub async fn unlike_comment(&self, tx: &mut WriteTx, account: AccountId, comment: CommentId) -> Result<Done, SocialError> {
        let deleted = sqlx::query("DELETE FROM comment_likes WHERE account = $1 AND comment = $2")
            .bind(account.sql())
            .bind(comment.sql())
            .execute(&mut **tx)
            .await?;
        self.counted(tx, comment, -(deleted.rows_affected() as i64)).await
    }

    /// Deletes a comment, and with the first of a thread the whole thread.
    pub async fn delete_comment(&self, tx: &mut WriteTx, id: CommentId, by: Deleter) -> Result<DeletedComment, SocialError> {
        let found = find(tx, id).await?.ok_or(SocialError::NotFound)?;
        let may = match by {
            Deleter::Person(account) => account == found.author || account == found.creator,
            Deleter::Operator => true,
        };
        if !may {
            return Err(SocialError::NotAllowed);
        }
        remove(tx, &found).await
    }

    async fn counted(&self, tx: &mut WriteTx, comment: CommentId, by: i64) -> Result<Done, SocialError> {
        let count: Option<i64> =
            sqlx::query_scalar("UPDATE comments SET like_count = like_count + $2 WHERE id = $1 RETURNING like_count")
                .bind(comment.sql())
                .bind(by)
                .fetch_optional(&mut **tx)
                .await?;
        let count = count.ok_or(SocialError::NotFound)?.max(0) as u64;
        Ok(Done { changed: by != 0, count, notified: None })
    }

    async fn page(
        &self,
        sql: String,
        of: i64,
        reader: Option<AccountId>,
        after: Cursor,
        limit: u32,
    ) -> Result<Page<Comment>, SocialError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(reader_id(reader))
            .bind(of)
            .bind(after.key)
            .bind(after.id)
            .bind(limit + 1)
            .fetch_all(self.store.read())
            .await?;
        let comments = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(comments, limit, |c| Cursor { key: c.at.as_millis(), id: c.id.sql() }))
    }
}

/// A comment as it stands in this transaction, for nobody in particular.
pub(crate) async fn find(tx: &mut WriteTx, id: CommentId) -> Result<Option<Comment>, SocialError> {
    let sql = format!("SELECT {COLUMNS} FROM comments c WHERE c.id = $2");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(0_i64).bind(id.sql()).fetch_optional(&mut **tx).await?;
    row.as_ref().map(read).transpose()
}

/// Takes a comment and its replies out of everything that counts or tells of them.
pub(crate) async fn remove(tx: &mut WriteTx, comment: &Comment) -> Result<DeletedComment, SocialError> {
    for table in ["comment_likes", "inbox"] {
        let sql = format!("DELETE FROM {table} WHERE comment IN (SELECT id FROM comments WHERE id = $1 OR thread = $1)");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(comment.id.sql()).execute(&mut **tx).await?;
    }
    let deleted =
        sqlx::query("DELETE FROM comments WHERE id = $1 OR thread = $1").bind(comment.id.sql()).execute(&mut **tx).await?;
    if let Some(thread) = comment.thread {
        sqlx::query("UPDATE comments SET reply_count = reply_count - 1 WHERE id = $1")
            .bind(thread.sql())
            .execute(&mut **tx)
            .await?;
    }
    let removed = deleted.rows_affected();
    let count = count(tx, Counted::Comments, comment.video, -(removed as i64)).await?;
    Ok(DeletedComment { video: comment.video, removed, count })
}
