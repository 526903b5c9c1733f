//! Sessions: a secret token with the person, its SHA-256 here.

use std::collections::HashMap;
use std::net::IpAddr;

use base::{AccountId, SessionId, Timestamp, ViewerId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use sqlx::Row;
use store::WriteTx;

use crate::{Account, Accounts, AccountsError, Role, device, secret};

/// A session ends after this long without use.
const IDLE_MS: i64 = 30 * 24 * 3_600_000;
/// A session ends after this long in any case.
const LIFE_MS: i64 = 180 * 24 * 3_600_000;
/// "Last seen" is no more exact than this, so that reading does not mean writing.
const SEEN_STEP_MS: i64 = 5 * 60_000;
/// Sessions of one account; the one unseen for longest gives way.
const SESSIONS_PER_ACCOUNT_MAX: u32 = 50;
/// How long a session is believed without asking the store. What ends a session here ends it in the cache at once.
const CACHE_MS: i64 = 60_000;
const CACHE_SESSIONS_MAX: usize = 20_000;

/// Who is asking, by their session.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedInSession {
    pub session: SessionId,
    pub account: AccountId,
    pub viewer: ViewerId,
    pub role: Role,
    pub handle: String,
}

/// Where a sign-in comes from.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub address: IpAddr,
    /// Only a label is made of it; it is not kept.
    pub user_agent: String,
    /// The token that the browser still holds: it ends when a new one is given.
    pub previous: Option<String>,
}

/// A successful sign-in.
#[derive(Clone)]
pub struct SignedIn {
    pub account: Account,
    pub session: SessionId,
    /// The secret. It is given out once and is nowhere else.
    pub token: String,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("session", &self.session).finish_non_exhaustive()
    }
}

/// A session as its owner sees it in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    pub id: SessionId,
    pub created_at: Timestamp,
    pub last_seen: Timestamp,
    pub device: String,
}

type TokenHash = [u8; 32];

fn hash_of(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

#[derive(Default)]
pub(crate) struct Cache {
    inner: Mutex<CacheInner>,
}

#[derive(Default)]
struct CacheInner {
    /// Moves when something is forgotten: what was read before that must not be put in after it.
    generation: u64,
    sessions: HashMap<TokenHash, (Timestamp, SignedInSession)>,
}

impl Cache {
    fn get(&self, hash: &TokenHash, now: Timestamp) -> Result<SignedInSession, u64> {
        let inner = self.inner.lock();
        match inner.sessions.get(hash) {
            Some((until, session)) if now < *until => Ok(session.clone()),
            _ => Err(inner.generation),
        }
    }

    fn put(&self, hash: TokenHash, session: &SignedInSession, now: Timestamp, until: Timestamp, generation: u64) {
        let mut inner = self.inner.lock();
        if inner.generation != generation {
            return;
        }
        if inner.sessions.len() >= CACHE_SESSIONS_MAX {
            inner.sessions.retain(|_, (until, _)| now < *until);
        }
        if inner.sessions.len() >= CACHE_SESSIONS_MAX {
            inner.sessions.clear();
        }
        inner.sessions.insert(hash, (until, session.clone()));
    }

    pub fn forget(&self, which: impl Fn(&SignedInSession) -> bool) {
        let mut inner = self.inner.lock();
        inner.generation += 1;
        inner.sessions.retain(|_, (_, session)| !which(session));
    }
}

impl Accounts {
    /// Whose session this token is, if it is one that has not ended. Marks it as seen.
    pub async fn session(&self, token: &str) -> Result<Option<SignedInSession>, AccountsError> {
        let (now, hash) = (self.now(), hash_of(token));
        let generation = match self.sessions.get(&hash, now) {
            Ok(session) => return Ok(Some(session)),
            Err(generation) => generation,
        };
        let row = sqlx::query(
            "SELECT s.id, s.account, s.created_at_ms, s.last_seen_ms, a.viewer, a.role, a.handle
             FROM sessions s JOIN accounts a ON a.id = s.account WHERE s.token_hash = $1",
        )
        .bind(&hash[..])
        .fetch_optional(self.store.read())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let id = SessionId::from_sql(row.try_get(0)?);
        let (created, seen): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
        let ends = Timestamp::from_millis((seen + IDLE_MS).min(created + LIFE_MS));
        if now >= ends {
            self.delete_session(id, None).await?;
            return Ok(None);
        }
        if now.as_millis() - seen >= SEEN_STEP_MS {
            self.mark_seen(id, now).await?;
        }
        let role: String = row.try_get(5)?;
        let session = SignedInSession {
            session: id,
            account: AccountId::from_sql(row.try_get(1)?),
            viewer: ViewerId::from_sql(row.try_get(4)?),
            role: Role::parse(&role).ok_or_else(|| AccountsError::Internal("a stored account has an unknown role".into()))?,
            handle: row.try_get(6)?,
        };
        self.sessions.put(hash, &session, now, ends.min(now.plus_millis(CACHE_MS)), generation);
        Ok(Some(session))
    }

    /// The sessions of an account, last seen first.
    pub async fn sessions(&self, account: AccountId) -> Result<Vec<SessionInfo>, AccountsError> {
        let now = self.now().as_millis();
        let rows = sqlx::query(
            "SELECT id, created_at_ms, last_seen_ms, device FROM sessions
             WHERE account = $1 AND last_seen_ms > $2 AND created_at_ms > $3 ORDER BY last_seen_ms DESC, id DESC LIMIT $4",
        )
        .bind(account.sql())
        .bind(now - IDLE_MS)
        .bind(now - LIFE_MS)
        .bind(SESSIONS_PER_ACCOUNT_MAX)
        .fetch_all(self.store.read())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(SessionInfo {
                    id: SessionId::from_sql(row.try_get(0)?),
                    created_at: Timestamp::from_millis(row.try_get(1)?),
                    last_seen: Timestamp::from_millis(row.try_get(2)?),
                    device: row.try_get(3)?,
                })
            })
            .collect()
    }

    /// Ends one session of this account, or [`AccountsError::NotFound`]: somebody else's session is not there.
    pub async fn end_session(&self, account: AccountId, session: SessionId) -> Result<(), AccountsError> {
        if self.delete_session(session, Some(account)).await? { Ok(()) } else { Err(AccountsError::NotFound) }
    }

    /// Ends all sessions of this account but `keep`.
    pub async fn end_other_sessions(&self, account: AccountId, keep: SessionId) -> Result<(), AccountsError> {
        let mut tx = self.store.write().await?;
        end_others(&mut tx, account, keep).await?;
        tx.commit().await?;
        self.sessions.forget(|s| s.account == account && s.session != keep);
        Ok(())
    }

    /// Removes sessions that have run out, and what is known of anonymous viewers who were not seen for more than a year.
    /// Lets age bands move on for good, so that an adult's account has no year left in it. For a timer.
    pub async fn tidy(&self) -> Result<(), AccountsError> {
        const FORGOTTEN_MS: i64 = 400 * 24 * 3_600_000;
        let now = self.now();
        let mut tx = self.store.write().await?;
        sqlx::query("DELETE FROM sessions WHERE last_seen_ms <= $1 OR created_at_ms <= $2")
            .bind(now.as_millis() - IDLE_MS)
            .bind(now.as_millis() - LIFE_MS)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM viewer_settings WHERE changed_at_ms < $1 AND viewer NOT IN (SELECT viewer FROM accounts)")
            .bind(now.as_millis() - FORGOTTEN_MS)
            .execute(&mut *tx)
            .await?;
        for (from, to, years) in [("13_15", "16_17", Some(2)), ("16_17", "18_plus", None)] {
            sqlx::query(
                "UPDATE accounts SET age_band = $1, age_band_until_year = age_band_until_year + $2
                 WHERE age_band = $3 AND age_band_until_year <= $4",
            )
            .bind(to)
            .bind(years)
            .bind(from)
            .bind(now.year())
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Gives a new session, ending the one that the browser had.
    pub(crate) async fn open_session(
        &self,
        tx: &mut WriteTx,
        account: AccountId,
        arrival: &Arrival,
    ) -> Result<(SessionId, String), AccountsError> {
        let token = URL_SAFE_NO_PAD.encode(secret::<32>()?);
        let (id, now) = (self.next_id::<SessionId>(), self.now().as_millis());
        if let Some(previous) = &arrival.previous {
            let hash = hash_of(previous);
            sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(&hash[..]).execute(&mut **tx).await?;
        }
        sqlx::query(
            "INSERT INTO sessions (id, account, token_hash, device, created_at_ms, last_seen_ms) VALUES ($1, $2, $3, $4, $5, $5)",
        )
        .bind(id.sql())
        .bind(account.sql())
        .bind(&hash_of(&token)[..])
        .bind(device::label(&arrival.user_agent))
        .bind(now)
        .execute(&mut **tx)
        .await?;
        sqlx::query(
            "DELETE FROM sessions WHERE account = $1 AND id NOT IN
             (SELECT id FROM sessions WHERE account = $1 ORDER BY last_seen_ms DESC, id DESC LIMIT $2)",
        )
        .bind(account.sql())
        .bind(SESSIONS_PER_ACCOUNT_MAX)
        .execute(&mut **tx)
        .await?;
        Ok((id, token))
    }

    /// After the commit of [`Self::open_session`]: what it ended is no longer believed.
    pub(crate) fn session_opened(&self, account: AccountId, arrival: &Arrival) {
        let previous = arrival.previous.as_deref().map(hash_of);
        let mut inner = self.sessions.inner.lock();
        inner.generation += 1;
        inner.sessions.retain(|hash, (_, session)| Some(*hash) != previous && session.account != account);
    }

    async fn mark_seen(&self, session: SessionId, now: Timestamp) -> Result<(), AccountsError> {
        let mut tx = self.store.write().await?;
        sqlx::query("UPDATE sessions SET last_seen_ms = $2 WHERE id = $1")
            .bind(session.sql())
            .bind(now.as_millis())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn delete_session(&self, session: SessionId, of: Option<AccountId>) -> Result<bool, AccountsError> {
        let mut tx = self.store.write().await?;
        let deleted = sqlx::query("DELETE FROM sessions WHERE id = $1 AND ($2 IS NULL OR account = $2)")
            .bind(session.sql())
            .bind(of.map(AccountId::sql))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        if deleted.rows_affected() > 0 {
            self.sessions.forget(|s| s.session == session);
        }
        Ok(deleted.rows_affected() > 0)
    }
}

/// Ends all sessions of an account but one, as part of a larger change.
pub(crate) async fn end_others(tx: &mut WriteTx, account: AccountId, keep: SessionId) -> Result<(), AccountsError> {
    sqlx::query("DELETE FROM sessions WHERE account = $1 AND id <> $2")
        .bind(account.sql())
        .bind(keep.sql())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
