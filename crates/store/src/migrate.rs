//! Numbered, forward-only migrations, each applied once and in a transaction of its own.

use sqlx::SqlitePool;

use crate::StoreError;

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub version: i64,
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $file:literal),+ $(,)?) => {
        &[$(Migration { version: $version, sql: include_str!(concat!("../migrations/", $file)) }),+]
    };
}

/// All steps, in order. A landed step never changes: a new one is added behind it.
pub const MIGRATIONS: &[Migration] = migrations![
    1 "0001_outbox.sql",
    2 "0002_accounts.sql",
    3 "0003_social.sql",
    4 "0004_moderation.sql",
    5 "0005_catalog.sql",
    6 "0006_jobs.sql",
];

pub(crate) async fn run(pool: &SqlitePool) -> Result<(), StoreError> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(pool).await?;
    let known = MIGRATIONS.last().map_or(0, |m| m.version);
    if found > known {
        return Err(StoreError::NewerDatabase { found, known });
    }
    for migration in MIGRATIONS.iter().filter(|m| m.version > found) {
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(migration.sql).execute(&mut *tx).await?;
        let mark = format!("PRAGMA user_version = {}", migration.version);
        sqlx::raw_sql(sqlx::AssertSqlSafe(mark)).execute(&mut *tx).await?;
        tx.commit().await?;
    }
    Ok(())
}
