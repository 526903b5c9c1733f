//! Signing up, signing in with a password, and changing it.

use base::{AccountId, SessionId, ViewerId};
use sqlx::Row;
use store::WriteTx;

use crate::account::{PreparedAccount, Wanted};
use crate::limits::Attempt;
use crate::rules::{self, ChosenBy};
use crate::session::{SignedInSession, end_others};
use crate::{Accounts, AccountsError, Arrival, Language, Role, SignedIn};

/// What somebody gives to have an account.
#[derive(Clone)]
pub struct SignUp {
    pub handle: String,
    pub password: String,
    /// Asked once; only the age band is kept.
    pub birth_year: i32,
    /// The handle when absent.
    pub display_name: Option<String>,
    pub language: Option<Language>,
    /// The pseudonym they watched under until now. The account adopts it, and with it what the feed has learned.
    pub viewer: Option<ViewerId>,
}

impl Accounts {
    /// Makes an account and signs in to it.
    pub async fn sign_up(&self, new: SignUp, arrival: &Arrival) -> Result<SignedIn, AccountsError> {
        let prepared = self.prepare_sign_up(new, arrival).await?;
        let mut tx = self.store.write().await?;
        let signed_in = self.sign_up_in(&mut tx, prepared, arrival).await?;
        tx.commit().await?;
        self.signed_up(&signed_in, arrival);
        Ok(signed_in)
    }

    /// The first of three steps of signing up, for a caller that writes more in the same transaction: checks everything,
    /// counts the attempt and hashes the password.
    pub async fn prepare_sign_up(&self, new: SignUp, arrival: &Arrival) -> Result<PreparedAccount, AccountsError> {
        let wanted = Wanted {
            handle: &new.handle,
            display_name: new.display_name.as_deref(),
            bio: "",
            password: &new.password,
            birth_year: new.birth_year,
            language: new.language,
            role: Role::Person,
            viewer: new.viewer,
            by: ChosenBy::Person,
        };
        let checked = self.check(&mut Vec::new(), wanted)?;
        self.limits.take(Attempt::SignUp(arrival.address), self.now())?;
        Ok(PreparedAccount { hash: self.hasher.hash(&new.password).await?, checked })
    }

    /// The second step: writes the account and its session. Commit, then call [`Self::signed_up`].
    pub async fn sign_up_in(
        &self,
        tx: &mut WriteTx,
        mut new: PreparedAccount,
        arrival: &Arrival,
    ) -> Result<SignedIn, AccountsError> {
        if let Some(viewer) = new.checked.viewer {
            let has_account: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts WHERE viewer = $1)")
                .bind(viewer.sql())
                .fetch_one(&mut **tx)
                .await?;
            new.checked.viewer = Some(viewer).filter(|_| !has_account);
        }
        let account = self.insert(tx, &new.checked, &new.hash).await?;
        let (session, token) = self.open_session(tx, account.id, arrival).await?;
        Ok(SignedIn { account, session, token })
    }

    /// The third step, after the commit.
    pub fn signed_up(&self, signed_in: &SignedIn, arrival: &Arrival) {
        self.adopted.lock().insert(signed_in.account.viewer);
        self.session_opened(signed_in.account.id, arrival);
    }

    /// Signs in with a handle and a password. What fails, fails alike: one hash is computed whether or not the handle exists,
    /// and both count against the same limits.
    pub async fn sign_in(&self, handle: &str, password: &str, arrival: &Arrival) -> Result<SignedIn, AccountsError> {
        let handle = handle.trim().trim_start_matches('@').to_ascii_lowercase();
        let (by_handle, by_address) = (Attempt::HandleFrom(&handle, arrival.address), Attempt::From(arrival.address));
        self.limits.take(by_address, self.now())?;
        self.limits.take(by_handle, self.now())?;
        let row = sqlx::query("SELECT id, password_hash FROM accounts WHERE handle = $1")
            .bind(&handle)
            .fetch_optional(self.store.read())
            .await?;
        let known: Option<(i64, Option<String>)> = match row {
            Some(row) => Some((row.try_get(0)?, row.try_get(1)?)),
            None => None,
        };
        let kept = known.as_ref().and_then(|(_, hash)| hash.as_deref());
        let matches = self.hasher.verify(password, kept).await?;
        let (Some((id, _)), Some(kept), true) = (&known, kept, matches) else { return Err(AccountsError::SignInFailed) };
        self.limits.give_back(by_handle);
        self.limits.give_back(by_address);
        // Only somebody who knows the password gets here: a second hash tells nobody anything.
        let fresh = if self.hasher.is_outdated(kept) { Some(self.hasher.hash(password).await?) } else { None };
        let account = AccountId::from_sql(*id);
        self.open(account, arrival, fresh.as_deref().map(|fresh| (kept, fresh))).await
    }

    /// Opens a session for somebody who has proved who they are; replaces an outdated password hash on the way.
    pub(crate) async fn open(
        &self,
        account: AccountId,
        arrival: &Arrival,
        rehashed: Option<(&str, &str)>,
    ) -> Result<SignedIn, AccountsError> {
        let mut tx = self.store.write().await?;
        if let Some((old, fresh)) = rehashed {
            sqlx::query("UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
                .bind(account.sql())
                .bind(old)
                .bind(fresh)
                .execute(&mut *tx)
                .await?;
        }
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts WHERE id = $1)")
            .bind(account.sql())
            .fetch_one(&mut *tx)
            .await?;
        if !exists {
            return Err(AccountsError::SignInFailed);
        }
        let (session, token) = self.open_session(&mut tx, account, arrival).await?;
        tx.commit().await?;
        self.session_opened(account, arrival);
        Ok(SignedIn { account: self.get(account).await?, session, token })
    }

    /// Checks the password of somebody who is signed in, before something that cannot be undone.
    pub async fn confirm_password(&self, account: AccountId, password: &str) -> Result<(), AccountsError> {
        let attempt = Attempt::PasswordAgain(account);
        self.limits.take(attempt, self.now())?;
        let kept: Option<Option<String>> = sqlx::query_scalar("SELECT password_hash FROM accounts WHERE id = $1")
            .bind(account.sql())
            .fetch_optional(self.store.read())
            .await?;
        if !self.hasher.verify(password, kept.flatten().as_deref()).await? {
            return Err(AccountsError::WrongPassword);
        }
        self.limits.give_back(attempt);
        Ok(())
    }

    /// Changes the password and ends all other sessions: whoever knew the old one is out.
    pub async fn change_password(&self, who: &SignedInSession, current: &str, new: &str) -> Result<(), AccountsError> {
        self.confirm_password(who.account, current).await?;
        rules::password(new, &who.handle, "new").map_err(|issue| AccountsError::Invalid(vec![issue]))?;
        let hash = self.hasher.hash(new).await?;
        self.write_password(who.account, who.session, &hash).await
    }

    async fn write_password(&self, account: AccountId, keep: SessionId, hash: &str) -> Result<(), AccountsError> {
        let mut tx = self.store.write().await?;
        sqlx::query("UPDATE accounts SET password_hash = $2 WHERE id = $1")
            .bind(account.sql())
            .bind(hash)
            .execute(&mut *tx)
            .await?;
        end_others(&mut tx, account, keep).await?;
        tx.commit().await?;
        self.sessions.forget(|s| s.account == account && s.session != keep);
        Ok(())
    }
}
