//! Who follows whom, and who has shut whom out.

use std::collections::HashSet;

use base::AccountId;
use sqlx::{QueryBuilder, Row, Sqlite};
use store::WriteTx;
use store::cursor::{Cursor, Page};

use crate::inbox::Entry;
use crate::{Done, Kind, Social, SocialError};

/// Ids looked up in one statement.
const IDS_PER_QUERY: usize = 200;

/// What is counted about a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PersonCounts {
    pub followers: u64,
    pub following: u64,
    /// Likes on their videos.
    pub likes: u64,
}

/// What blocking came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    pub changed: bool,
    /// The follows that ended with it, as (follower, followed): the event log must be told.
    pub unfollowed: Vec<(AccountId, AccountId)>,
}

impl Social {
    /// `follower` follows `followed`.
    pub async fn follow(&self, tx: &mut WriteTx, follower: AccountId, followed: AccountId) -> Result<Done, SocialError> {
        if follower == followed {
            return Err(SocialError::Yourself);
        }
        if is_blocked(tx, follower, followed).await? {
            return Err(SocialError::Blocked);
        }
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM follows WHERE follower = $1 AND followed = $2)")
            .bind(follower.sql())
            .bind(followed.sql())
            .fetch_one(&mut **tx)
            .await?;
        if exists {
            return Ok(Done { changed: false, count: followers(tx, followed).await?, notified: None });
        }
        self.keep_pace(tx, "follows", "follower", follower, self.rules.follows).await?;
        if following(tx, follower).await? >= u64::from(self.rules.following_max) {
            return Err(SocialError::TooMany("following"));
        }
        sqlx::query("INSERT INTO follows (follower, followed, at_ms) VALUES ($1, $2, $3)")
            .bind(follower.sql())
            .bind(followed.sql())
            .bind(self.now().as_millis())
            .execute(&mut **tx)
            .await?;
        count_follow(tx, follower, followed, 1).await?;
        let told = self.tell(tx, followed, Entry { actor: Some(follower), ..Entry::of(Kind::Follow) }).await?;
        Ok(Done { changed: true, count: followers(tx, followed).await?, notified: told.then_some(followed) })
    }

    /// `follower` no longer follows `followed`.
    pub async fn unfollow(&self, tx: &mut WriteTx, follower: AccountId, followed: AccountId) -> Result<Done, SocialError> {
        let changed = end_follow(tx, follower, followed).await?;
        Ok(Done { changed, count: followers(tx, followed).await?, notified: None })
    }

    /// `blocker` shuts `blocked` out: follows between them end, what one told the other is taken out of the inboxes.
    pub async fn block(&self, tx: &mut WriteTx, blocker: AccountId, blocked: AccountId) -> Result<Blocked, SocialError> {
        if blocker == blocked {
            return Err(SocialError::Yourself);
        }
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM blocks WHERE blocker = $1")
            .bind(blocker.sql())
            .fetch_one(&mut **tx)
            .await?;
        if count >= i64::from(self.rules.blocks_max) {
            return Err(SocialError::TooMany("blocks"));
        }
        let inserted = sqlx::query("INSERT INTO blocks (blocker, blocked, at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(blocker.sql())
            .bind(blocked.sql())
            .bind(self.now().as_millis())
            .execute(&mut **tx)
            .await?;
        let mut unfollowed = Vec::new();
        for (a, b) in [(blocker, blocked), (blocked, blocker)] {
            if end_follow(tx, a, b).await? {
                unfollowed.push((a, b));
            }
            sqlx::query("DELETE FROM inbox WHERE account = $1 AND actor = $2")
                .bind(a.sql())
                .bind(b.sql())
                .execute(&mut **tx)
                .await?;
        }
        Ok(Blocked { changed: inserted.rows_affected() == 1, unfollowed })
    }

    /// `blocker` lets `blocked` in again. Follows do not come back by themselves.
    pub async fn unblock(&self, tx: &mut WriteTx, blocker: AccountId, blocked: AccountId) -> Result<bool, SocialError> {
        let deleted = sqlx::query("DELETE FROM blocks WHERE blocker = $1 AND blocked = $2")
            .bind(blocker.sql())
            .bind(blocked.sql())
            .execute(&mut **tx)
            .await?;
        Ok(deleted.rows_affected() == 1)
    }

    /// Which of these people `account` follows.
    pub async fn following(&self, account: AccountId, people: &[AccountId]) -> Result<HashSet<AccountId>, SocialError> {
        let mut found = HashSet::new();
        for some in people.chunks(IDS_PER_QUERY) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT followed FROM follows WHERE follower = ");
            query.push_bind(account.sql()).push(" AND followed IN (");
            let mut ids = query.separated(", ");
            some.iter().for_each(|id| {
                ids.push_bind(id.sql());
            });
            query.push(")");
            let rows: Vec<i64> = query.build_query_scalar().fetch_all(self.store.read()).await?;
            found.extend(rows.into_iter().map(AccountId::from_sql));
        }
        Ok(found)
    }

    /// Everybody `account` follows, latest first, at most `following_max`: for the feed.
    pub async fn followed_by(&self, account: AccountId) -> Result<Vec<AccountId>, SocialError> {
        let rows: Vec<i64> =
            sqlx::query_scalar("SELECT followed FROM follows WHERE follower = $1 ORDER BY at_ms DESC LIMIT $2")
                .bind(account.sql())
                .bind(self.rules.following_max)
                .fetch_all(self.store.read())
                .await?;
        Ok(rows.into_iter().map(AccountId::from_sql).collect())
    }

    /// Everybody whom `account` has blocked or who has blocked them: neither sees the other.
    pub async fn shut_out(&self, account: AccountId) -> Result<HashSet<AccountId>, SocialError> {
        let rows: Vec<i64> = sqlx::query_scalar(
            "SELECT blocked FROM blocks WHERE blocker = $1 UNION SELECT blocker FROM blocks WHERE blocked = $1",
        )
        .bind(account.sql())
        .fetch_all(self.store.read())
        .await?;
        Ok(rows.into_iter().map(AccountId::from_sql).collect())
    }

    /// Whether `blocker` has blocked `blocked`.
    pub async fn has_blocked(&self, blocker: AccountId, blocked: AccountId) -> Result<bool, SocialError> {
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM blocks WHERE blocker = $1 AND blocked = $2)")
            .bind(blocker.sql())
            .bind(blocked.sql())
            .fetch_one(self.store.read())
            .await?)
    }

    /// Followers of a person, latest first.
    pub async fn followers_page(
        &self,
        of: AccountId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<AccountId>, SocialError> {
        let sql = "SELECT follower, at_ms FROM follows WHERE followed = $1 AND (at_ms, follower) < ($2, $3)
                   ORDER BY at_ms DESC, follower DESC LIMIT $4";
        self.people(sql, of, after, limit).await
    }

    /// People whom somebody follows, latest first.
    pub async fn following_page(
        &self,
        of: AccountId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<AccountId>, SocialError> {
        let sql = "SELECT followed, at_ms FROM follows WHERE follower = $1 AND (at_ms, followed) < ($2, $3)
                   ORDER BY at_ms DESC, followed DESC LIMIT $4";
        self.people(sql, of, after, limit).await
    }

    /// People whom somebody has blocked, latest first.
    pub async fn blocked_page(&self, by: AccountId, after: Option<Cursor>, limit: u32) -> Result<Page<AccountId>, SocialError> {
        let sql = "SELECT blocked, at_ms FROM blocks WHERE blocker = $1 AND (at_ms, blocked) < ($2, $3)
                   ORDER BY at_ms DESC, blocked DESC LIMIT $4";
        self.people(sql, by, after, limit).await
    }

    pub async fn person_counts(&self, account: AccountId) -> Result<PersonCounts, SocialError> {
        let row = sqlx::query("SELECT followers, following, likes FROM person_counts WHERE account = $1")
            .bind(account.sql())
            .fetch_optional(self.store.read())
            .await?;
        let Some(row) = row else { return Ok(PersonCounts::default()) };
        let number = |place: usize| row.try_get::<i64, _>(place).map(|n| n.max(0) as u64);
        Ok(PersonCounts { followers: number(0)?, following: number(1)?, likes: number(2)? })
    }

    async fn people(
        &self,
        sql: &'static str,
        of: AccountId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<AccountId>, SocialError> {
        let after = after.unwrap_or(Cursor::TOP);
        let rows =
            sqlx::query(sql).bind(of.sql()).bind(after.key).bind(after.id).bind(limit + 1).fetch_all(self.store.read()).await?;
        let places = rows
            .iter()
            .map(|row| Ok(Cursor { id: row.try_get(0)?, key: row.try_get(1)? }))
            .collect::<Result<Vec<_>, SocialError>>()?;
        Ok(Page::cut(places, limit, |place| *place).map(|place| AccountId::from_sql(place.id)))
    }
}

/// Whether either of the two has blocked the other.
pub(crate) async fn is_blocked(tx: &mut WriteTx, a: AccountId, b: AccountId) -> Result<bool, SocialError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM blocks WHERE (blocker = $1 AND blocked = $2) OR (blocker = $2 AND blocked = $1))",
    )
    .bind(a.sql())
    .bind(b.sql())
    .fetch_one(&mut **tx)
    .await?)
}

async fn end_follow(tx: &mut WriteTx, follower: AccountId, followed: AccountId) -> Result<bool, SocialError> {
    let deleted = sqlx::query("DELETE FROM follows WHERE follower = $1 AND followed = $2")
        .bind(follower.sql())
        .bind(followed.sql())
        .execute(&mut **tx)
        .await?;
    if deleted.rows_affected() == 0 {
        return Ok(false);
    }
    count_follow(tx, follower, followed, -1).await?;
    Ok(true)
}

async fn count_follow(tx: &mut WriteTx, follower: AccountId, followed: AccountId, by: i64) -> Result<(), SocialError> {
    sqlx::query(
        "INSERT INTO person_counts (account, following) VALUES ($1, $2)
         ON CONFLICT (account) DO UPDATE SET following = person_counts.following + $2",
    )
    .bind(follower.sql())
    .bind(by)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "INSERT INTO person_counts (account, followers) VALUES ($1, $2)
         ON CONFLICT (account) DO UPDATE SET followers = person_counts.followers + $2",
    )
    .bind(followed.sql())
    .bind(by)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn followers(tx: &mut WriteTx, of: AccountId) -> Result<u64, SocialError> {
    let count: Option<i64> = sqlx::query_scalar("SELECT followers FROM person_counts WHERE account = $1")
        .bind(of.sql())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(count.unwrap_or(0).max(0) as u64)
}

async fn following(tx: &mut WriteTx, of: AccountId) -> Result<u64, SocialError> {
    let count: Option<i64> = sqlx::query_scalar("SELECT following FROM person_counts WHERE account = $1")
        .bind(of.sql())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(count.unwrap_or(0).max(0) as u64)
}
