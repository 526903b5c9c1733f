//! What people do with each other: follows, blocks, likes, saves, comments, and the inbox that tells of them.
//!
//! [`Social`] is the service. What changes state takes the caller's transaction and says whether anything changed, so that the
//! caller can write the event in the same transaction. People and videos are ids; who they are is not known here.
//!
//! Invariants:
//! - every action is idempotent: doing it twice changes nothing the second time;
//! - the counts kept beside the rows equal the rows, after every committed transaction;
//! - a block ends follows both ways and stops new ones, comments and likes; each no longer reads what the other wrote;
//! - comments have one level of replies: an answer to a reply joins the same thread;
//! - an inbox tells of one thing once and holds at most [`INBOX_ITEMS_MAX`];
//! - deleting an account leaves no row that mentions it, and no comment on what was its own.
//!
//! Must never: decide what may be shown to whom beyond blocks (that is `moderation`); write the event log.

mod comments;
mod error;
mod graph;
mod inbox;
mod leave;
mod reactions;
mod text;

use std::sync::Arc;

use base::{AccountId, Clock, Id, IdMaker, Rng, Timestamp};
use parking_lot::Mutex;
use sqlx::Row;
use store::{Store, WriteTx};

pub use comments::{Comment, Commented, DeletedComment, Deleter, NewComment};
pub use error::SocialError;
pub use graph::{Blocked, PersonCounts};
pub use inbox::{INBOX_ITEMS_MAX, InboxItem, Kind, Notice};
pub use leave::SocialExport;
pub use reactions::{Mine, VideoCounts};
pub use text::COMMENT_CHARS_MAX;

/// At most `count` within `window_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    pub count: u32,
    pub window_ms: i64,
}

/// How fast one account may do what; beyond it, it is asked to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SocialRules {
    pub likes: Pace,
    pub follows: Pace,
    pub comments: Pace,
    /// How many one account may follow.
    pub following_max: u32,
    pub blocks_max: u32,
}

impl Default for SocialRules {
    fn default() -> Self {
        const MINUTE_MS: i64 = 60_000;
        Self {
            likes: Pace { count: 600, window_ms: 10 * MINUTE_MS },
            follows: Pace { count: 200, window_ms: 10 * MINUTE_MS },
            comments: Pace { count: 30, window_ms: 5 * MINUTE_MS },
            following_max: 10_000,
            blocks_max: 5_000,
        }
    }
}

/// The social graph of this region.
pub struct Social {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: Mutex<IdMaker>,
    rules: SocialRules,
}

/// What an action came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// False when it was so already.
    pub changed: bool,
    /// How many there are now: likes of the video, saves of it, followers of the person, likes of the comment.
    pub count: u64,
    /// Whose inbox has something new.
    pub notified: Option<AccountId>,
}

impl Social {
    pub fn new(store: Store, clock: Arc<dyn Clock>, rng: Rng, rules: SocialRules) -> Self {
        Self { store, clock, ids: Mutex::new(IdMaker::new(rng)), rules }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn next_id<T: Id>(&self) -> T {
        self.ids.lock().next(self.now())
    }

    /// Refuses when the newest rows of `table`, by the account in `column`, came faster than `pace`.
    async fn keep_pace(
        &self,
        tx: &mut WriteTx,
        table: &'static str,
        column: &'static str,
        account: AccountId,
        pace: Pace,
    ) -> Result<(), SocialError> {
        let now = self.now().as_millis();
        let sql = format!(
            "SELECT COUNT(*), MIN(at_ms) FROM
             (SELECT at_ms FROM {table} WHERE {column} = $1 AND at_ms > $2 ORDER BY at_ms DESC LIMIT $3)"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(account.sql())
            .bind(now - pace.window_ms)
            .bind(pace.count)
            .fetch_one(&mut **tx)
            .await?;
        let count: i64 = row.try_get(0)?;
        if count < i64::from(pace.count) {
            return Ok(());
        }
        let oldest: Option<i64> = row.try_get(1)?;
        let wait_ms = oldest.unwrap_or(now) + pace.window_ms - now;
        Err(SocialError::TooFast { retry_after_s: (wait_ms.max(0) as u64).div_ceil(1_000).max(1) })
    }
}

#[cfg(test)]
mod tests;
