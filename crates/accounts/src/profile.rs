//! Changing what others see of somebody, and how they want to be served.

use base::AccountId;
use sqlx::Row;
use store::WriteTx;

use crate::rules::{self, ChosenBy};
use crate::{Account, Accounts, AccountsError, FeedSettings, FeedSettingsChange, Issue, Language, Role, account};

/// What to change; `None` leaves as is.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    pub handle: Option<String>,
    pub display_name: Option<String>,
    pub bio: Option<String>,
    /// The inner `None` takes the choice back.
    pub language: Option<Option<Language>>,
    pub private_likes: Option<bool>,
    pub feed: FeedSettingsChange,
}

/// An account after a change.
#[derive(Clone, Debug)]
pub struct Updated {
    pub account: Account,
    /// The handle before, if it is another now: what names people by handle must follow.
    pub old_handle: Option<String>,
    pub settings: FeedSettings,
    /// Set when learning was switched: the event log must be told.
    pub learning_paused_changed: Option<bool>,
}

impl Accounts {
    /// Changes a profile within `tx`. The caller tells the event log and commits, then calls [`Self::profile_changed`].
    pub async fn update(&self, tx: &mut WriteTx, id: AccountId, change: ProfileChange) -> Result<Updated, AccountsError> {
        let sql = format!("SELECT {} FROM accounts a WHERE a.id = $1", account::COLUMNS);
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.sql()).fetch_optional(&mut **tx).await?;
        let before = account::read(&row.ok_or(AccountsError::NotFound)?, self.now())?;
        let by = if before.role == Role::Operator { ChosenBy::House } else { ChosenBy::Person };

        let mut after = before.clone();
        let mut issues: Vec<Issue> = Vec::new();
        let mut set = |slot: &mut String, wanted: Option<Result<String, Issue>>| match wanted {
            Some(Ok(value)) => *slot = value,
            Some(Err(issue)) => issues.push(issue),
            None => {}
        };
        // Somebody who keeps a handle that has been reserved since may keep it.
        let wanted_handle = change.handle.filter(|wanted| !wanted.eq_ignore_ascii_case(&before.handle));
        set(&mut after.handle, wanted_handle.map(|text| rules::handle(&text, by)));
        set(&mut after.display_name, change.display_name.map(|text| rules::display_name(&text)));
        set(&mut after.bio, change.bio.map(|text| rules::bio(&text)));
        if !issues.is_empty() {
            return Err(AccountsError::Invalid(issues));
        }
        after.language = change.language.unwrap_or(before.language);
        after.private_likes = change.private_likes.unwrap_or(before.private_likes);

        let written = sqlx::query(
            "UPDATE accounts SET handle = $2, display_name = $3, bio = $4, language = $5, private_likes = $6 WHERE id = $1",
        )
        .bind(id.sql())
        .bind(&after.handle)
        .bind(&after.display_name)
        .bind(&after.bio)
        .bind(after.language.map(Language::name))
        .bind(i64::from(after.private_likes))
        .execute(&mut **tx)
        .await;
        match written {
            Err(error) if store::is_unique_violation(&error) => return Err(AccountsError::HandleTaken),
            other => other?,
        };
        let (old, settings) = if change.feed == FeedSettingsChange::default() {
            let unchanged = self.feed_settings(before.viewer).await?;
            (unchanged, unchanged)
        } else {
            self.set_feed_settings(tx, before.viewer, change.feed).await?
        };
        Ok(Updated {
            old_handle: (before.handle != after.handle).then_some(before.handle),
            account: after,
            settings,
            learning_paused_changed: (old.learning_paused != settings.learning_paused).then_some(settings.learning_paused),
        })
    }

    /// After the commit of [`Self::update`] or [`Self::delete`]: what was remembered of this account is read anew.
    pub fn profile_changed(&self, account: AccountId) {
        self.sessions.forget(|s| s.account == account);
    }

    /// Keeps the name of a new picture's blob, or of none. Returns the name before: that blob is no longer needed.
    pub async fn set_avatar(&self, account: AccountId, avatar: Option<&str>) -> Result<Option<String>, AccountsError> {
        let mut tx = self.store.write().await?;
        let row = sqlx::query("SELECT avatar FROM accounts WHERE id = $1").bind(account.sql()).fetch_optional(&mut *tx).await?;
        let old = row.ok_or(AccountsError::NotFound)?.try_get(0)?;
        sqlx::query("UPDATE accounts SET avatar = $2 WHERE id = $1").bind(account.sql()).bind(avatar).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(old)
    }

    /// Makes somebody an operator, or a person again. For the command line.
    pub async fn set_role(&self, account: AccountId, role: Role) -> Result<(), AccountsError> {
        let mut tx = self.store.write().await?;
        let changed = sqlx::query("UPDATE accounts SET role = $2 WHERE id = $1")
            .bind(account.sql())
            .bind(role.name())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        self.sessions.forget(|s| s.account == account);
        if changed.rows_affected() == 1 { Ok(()) } else { Err(AccountsError::NotFound) }
    }
}
