//! Leaving: what is kept of somebody, for them to read, and its end.

use base::{AccountId, ViewerId};
use serde::Serialize;
use sqlx::Row;
use store::WriteTx;

use crate::{Accounts, AccountsError, AgeBand, Language, Role};

/// What is gone, and what others must now forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub handle: String,
    /// To be erased from the event log and all its views.
    pub viewer: ViewerId,
    /// The blob to delete.
    pub avatar: Option<String>,
}

/// Everything the account tables hold about somebody, but for secrets.
#[derive(Clone, Debug, Serialize)]
pub struct AccountExport {
    pub id: AccountId,
    pub viewer: ViewerId,
    pub handle: String,
    pub display_name: String,
    pub bio: String,
    pub language: Option<Language>,
    pub role: Role,
    pub age_band: AgeBand,
    /// The first year in which the age band is another; kept only for people under 18.
    pub age_band_until_year: Option<i32>,
    pub private_likes: bool,
    pub surprise: f32,
    pub learning_paused: bool,
    pub created_at_ms: i64,
    pub sessions: Vec<SessionExport>,
    pub passkeys: Vec<PasskeyExport>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SessionExport {
    pub device: String,
    pub created_at_ms: i64,
    pub last_seen_ms: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct PasskeyExport {
    pub name: String,
    pub created_at_ms: i64,
    pub last_used_ms: Option<i64>,
}

impl Accounts {
    /// Deletes the account and everything in the account tables that belongs to it, within `tx`. The caller deletes what other
    /// crates hold in the same transaction, commits, and then calls [`Self::profile_changed`].
    pub async fn delete(&self, tx: &mut WriteTx, account: AccountId) -> Result<Deleted, AccountsError> {
        let row = sqlx::query("SELECT handle, viewer, avatar FROM accounts WHERE id = $1")
            .bind(account.sql())
            .fetch_optional(&mut **tx)
            .await?
            .ok_or(AccountsError::NotFound)?;
        let viewer: i64 = row.try_get(1)?;
        let deleted = Deleted { handle: row.try_get(0)?, viewer: ViewerId::from_sql(viewer), avatar: row.try_get(2)? };
        sqlx::query("DELETE FROM viewer_settings WHERE viewer = $1").bind(viewer).execute(&mut **tx).await?;
        sqlx::query("DELETE FROM sessions WHERE account = $1").bind(account.sql()).execute(&mut **tx).await?;
        sqlx::query("DELETE FROM passkeys WHERE account = $1").bind(account.sql()).execute(&mut **tx).await?;
        sqlx::query("DELETE FROM accounts WHERE id = $1").bind(account.sql()).execute(&mut **tx).await?;
        Ok(deleted)
    }

    /// Everything kept about this account here.
    pub async fn export(&self, id: AccountId) -> Result<AccountExport, AccountsError> {
        let account = self.get(id).await?;
        let settings = self.feed_settings(account.viewer).await?;
        let age_band_until_year = sqlx::query_scalar("SELECT age_band_until_year FROM accounts WHERE id = $1")
            .bind(id.sql())
            .fetch_one(self.store.read())
            .await?;
        let sessions = self.sessions(id).await?;
        let passkeys = self.passkeys(id).await?;
        Ok(AccountExport {
            id,
            viewer: account.viewer,
            handle: account.handle,
            display_name: account.display_name,
            bio: account.bio,
            language: account.language,
            role: account.role,
            age_band: account.age_band,
            age_band_until_year,
            private_likes: account.private_likes,
            surprise: settings.surprise,
            learning_paused: settings.learning_paused,
            created_at_ms: account.created_at.as_millis(),
            sessions: sessions
                .into_iter()
                .map(|s| SessionExport {
                    device: s.device,
                    created_at_ms: s.created_at.as_millis(),
                    last_seen_ms: s.last_seen.as_millis(),
                })
                .collect(),
            passkeys: passkeys
                .into_iter()
                .map(|p| PasskeyExport {
                    name: p.name,
                    created_at_ms: p.created_at.as_millis(),
                    last_used_ms: p.last_used.map(base::Timestamp::as_millis),
                })
                .collect(),
        })
    }
}
