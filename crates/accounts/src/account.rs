//! The account itself, how it is read and how it is made.

use base::{AccountId, Timestamp, ViewerId};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use store::WriteTx;

use crate::age::StoredAge;
use crate::rules::{self, ChosenBy};
use crate::{Accounts, AccountsError, AgeBand, secret};

/// Ids looked up in one statement.
const IDS_PER_QUERY: usize = 200;
/// Tries to find an id or pseudonym that nobody has. One is enough but for a chance of a few in a million.
const ID_TRIES: u32 = 4;

/// What somebody may do beyond what everybody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Person,
    Operator,
}

/// The language somebody chose for the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    En,
    Zh,
}

/// Somebody who signed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub id: AccountId,
    /// The pseudonym under which they stand in the event log. Never shown to others.
    pub viewer: ViewerId,
    pub handle: String,
    pub display_name: String,
    pub bio: String,
    /// The name of the picture's blob.
    pub avatar: Option<String>,
    pub language: Option<Language>,
    pub role: Role,
    /// As of the day it was read.
    pub age_band: AgeBand,
    pub private_likes: bool,
    pub has_password: bool,
    pub passkey_count: u32,
    pub created_at: Timestamp,
}

impl Account {
    /// `#rrggbb`, for where there is no picture.
    pub fn color(&self) -> String {
        rules::color_of(&self.handle)
    }
}

/// An account as the house makes it: for the demo, the operator's command line, imports.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub handle: String,
    pub display_name: Option<String>,
    pub bio: String,
    pub password: String,
    pub birth_year: i32,
    pub language: Option<Language>,
    pub role: Role,
}

/// An account that has passed all rules and whose password is hashed: only the writing is left.
pub struct PreparedAccount {
    pub(crate) checked: Checked,
    pub(crate) hash: String,
}

/// An account that has passed all rules.
pub(crate) struct Checked {
    pub handle: String,
    pub display_name: String,
    pub bio: String,
    pub age: StoredAge,
    pub language: Option<Language>,
    pub role: Role,
    /// The anonymous pseudonym to adopt, if it is still anonymous.
    pub viewer: Option<ViewerId>,
}

impl Language {
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }
    pub fn parse(name: &str) -> Option<Self> {
        [Self::En, Self::Zh].into_iter().find(|language| language.name() == name)
    }
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Operator => "operator",
        }
    }
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Person, Self::Operator].into_iter().find(|role| role.name() == name)
    }
}

pub(crate) const COLUMNS: &str = "a.id, a.viewer, a.handle, a.display_name, a.bio, a.avatar, a.language, a.role, a.age_band,
    a.age_band_until_year, a.private_likes, a.created_at_ms, a.password_hash IS NOT NULL AS has_password,
    (SELECT COUNT(*) FROM passkeys p WHERE p.account = a.id) AS passkey_count";

pub(crate) fn read(row: &SqliteRow, now: Timestamp) -> Result<Account, AccountsError> {
    let unreadable = |what: &str| AccountsError::Internal(format!("a stored account has an unknown {what}"));
    let band: String = row.try_get("age_band")?;
    let until_year: Option<i32> = row.try_get("age_band_until_year")?;
    let age = StoredAge { band: AgeBand::parse(&band).ok_or_else(|| unreadable("age band"))?, until_year };
    let role: String = row.try_get("role")?;
    let language: Option<String> = row.try_get("language")?;
    Ok(Account {
        id: AccountId::from_sql(row.try_get("id")?),
        viewer: ViewerId::from_sql(row.try_get("viewer")?),
        handle: row.try_get("handle")?,
        display_name: row.try_get("display_name")?,
        bio: row.try_get("bio")?,
        avatar: row.try_get("avatar")?,
        language: language.and_then(|name| Language::parse(&name)),
        role: Role::parse(&role).ok_or_else(|| unreadable("role"))?,
        age_band: age.in_year(now.year()).band,
        private_likes: row.try_get::<i64, _>("private_likes")? != 0,
        has_password: row.try_get::<i64, _>("has_password")? != 0,
        passkey_count: row.try_get::<i64, _>("passkey_count")?.try_into().unwrap_or(u32::MAX),
        created_at: Timestamp::from_millis(row.try_get("created_at_ms")?),
    })
}

impl Accounts {
    /// The account, or [`AccountsError::NotFound`].
    pub async fn get(&self, account: AccountId) -> Result<Account, AccountsError> {
        self.by_ids(&[account]).await?.pop().ok_or(AccountsError::NotFound)
    }

    /// Whose handle it is, or [`AccountsError::NotFound`]. Case and a leading `@` do not matter.
    pub async fn by_handle(&self, handle: &str) -> Result<Account, AccountsError> {
        let handle = handle.trim_start_matches('@').to_ascii_lowercase();
        let sql = format!("SELECT {COLUMNS} FROM accounts a WHERE a.handle = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(handle).fetch_optional(self.store.read()).await?;
        row.map_or(Err(AccountsError::NotFound), |row| read(&row, self.now()))
    }

    /// Those of these accounts that exist, in no particular order.
    pub async fn by_ids(&self, accounts: &[AccountId]) -> Result<Vec<Account>, AccountsError> {
        let mut found = Vec::with_capacity(accounts.len());
        for some in accounts.chunks(IDS_PER_QUERY) {
            let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM accounts a WHERE a.id IN ("));
            let mut ids = query.separated(", ");
            some.iter().for_each(|id| {
                ids.push_bind(id.sql());
            });
            query.push(")");
            for row in query.build().fetch_all(self.store.read()).await? {
                found.push(read(&row, self.now())?);
            }
        }
        Ok(found)
    }

    /// Everybody in the order of signing up, for indexes that are built anew: those after `after`, at most `limit`.
    pub async fn all_after(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<Account>, AccountsError> {
        let sql = format!("SELECT {COLUMNS} FROM accounts a WHERE a.id > $1 ORDER BY a.id LIMIT $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(after.map_or(-1, AccountId::sql))
            .bind(limit)
            .fetch_all(self.store.read())
            .await?;
        rows.iter().map(|row| read(row, self.now())).collect()
    }

    /// Makes an account on behalf of the house: no limits on attempts, reserved handles allowed, no session.
    pub async fn create(&self, new: NewAccount) -> Result<Account, AccountsError> {
        let prepared = self.prepare(new).await?;
        let mut tx = self.store.write().await?;
        let account = self.create_in(&mut tx, prepared).await?;
        tx.commit().await?;
        self.created(&account);
        Ok(account)
    }

    /// The first of three steps of [`Self::create`], for a caller that writes more in the same transaction.
    pub async fn prepare(&self, new: NewAccount) -> Result<PreparedAccount, AccountsError> {
        let wanted = Wanted {
            handle: &new.handle,
            display_name: new.display_name.as_deref(),
            bio: &new.bio,
            password: &new.password,
            birth_year: new.birth_year,
            language: new.language,
            role: new.role,
            viewer: None,
            by: ChosenBy::House,
        };
        let checked = self.check(&mut Vec::new(), wanted)?;
        Ok(PreparedAccount { hash: self.hasher.hash(&new.password).await?, checked })
    }

    /// The second step. Commit, then call [`Self::created`].
    pub async fn create_in(&self, tx: &mut WriteTx, new: PreparedAccount) -> Result<Account, AccountsError> {
        self.insert(tx, &new.checked, &new.hash).await
    }

    /// The third step, after the commit.
    pub fn created(&self, account: &Account) {
        self.adopted.lock().insert(account.viewer);
    }

    /// Checks everything at once, so that the person sees all that is wrong and not one thing after the other.
    pub(crate) fn check(&self, issues: &mut Vec<crate::Issue>, wanted: Wanted<'_>) -> Result<Checked, AccountsError> {
        let mut keep = |result: Result<String, crate::Issue>| result.map_err(|issue| issues.push(issue)).unwrap_or_default();
        let handle = keep(rules::handle(wanted.handle, wanted.by));
        let display_name = match wanted.display_name.filter(|name| !name.trim().is_empty()) {
            Some(name) => keep(rules::display_name(name)),
            None => handle.clone(),
        };
        let bio = keep(rules::bio(wanted.bio));
        keep(rules::password(wanted.password, &handle, "password").map(|()| String::new()));
        let age = StoredAge::of(wanted.birth_year, self.now().year());
        if age == Err(crate::age::BirthYearRefused::Impossible) {
            issues.push(crate::Issue { field: "birth_year", code: "birth_year", message: "Nobody was born in that year." });
        }
        match age {
            Ok(age) if issues.is_empty() => Ok(Checked {
                handle,
                display_name,
                bio,
                age,
                language: wanted.language,
                role: wanted.role,
                viewer: wanted.viewer,
            }),
            Err(crate::age::BirthYearRefused::TooYoung) => Err(AccountsError::TooYoung),
            _ => Err(AccountsError::Invalid(std::mem::take(issues))),
        }
    }

    pub(crate) async fn insert(&self, tx: &mut WriteTx, new: &Checked, hash: &str) -> Result<Account, AccountsError> {
        let taken: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts WHERE handle = $1)")
            .bind(&new.handle)
            .fetch_one(&mut **tx)
            .await?;
        if taken {
            return Err(AccountsError::HandleTaken);
        }
        let mut viewer = new.viewer;
        for _ in 0..ID_TRIES {
            let (id, candidate) = (self.next_id::<AccountId>(), viewer.take().unwrap_or_else(|| self.new_viewer()));
            let inserted = sqlx::query(
                "INSERT INTO accounts (id, viewer, handle, display_name, bio, language, role, age_band, age_band_until_year,
                                       password_hash, passkey_user, created_at_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
            )
            .bind(id.sql())
            .bind(candidate.sql())
            .bind(&new.handle)
            .bind(&new.display_name)
            .bind(&new.bio)
            .bind(new.language.map(Language::name))
            .bind(new.role.name())
            .bind(new.age.band.name())
            .bind(new.age.until_year)
            .bind(hash)
            .bind(secret::<16>()?.to_vec())
            .bind(self.now().as_millis())
            .execute(&mut **tx)
            .await?;
            if inserted.rows_affected() == 1 {
                let sql = format!("SELECT {COLUMNS} FROM accounts a WHERE a.id = $1");
                let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.sql()).fetch_one(&mut **tx).await?;
                return read(&row, self.now());
            }
        }
        Err(AccountsError::Internal("no free account id was found".into()))
    }
}

/// What somebody asked for, before it is checked.
pub(crate) struct Wanted<'a> {
    pub handle: &'a str,
    pub display_name: Option<&'a str>,
    pub bio: &'a str,
    pub password: &'a str,
    pub birth_year: i32,
    pub language: Option<Language>,
    pub role: Role,
    pub viewer: Option<ViewerId>,
    pub by: ChosenBy,
}
