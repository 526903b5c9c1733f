//! Relational state: accounts, the catalog, the graph, jobs. SQLite in WAL mode: one writer, many readers.
//!
//! The domain crates own their queries; this crate owns the connection, the migrations, the outbox and the job queue ([`jobs`]).
//!
//! Invariants:
//! - all writes go through [`Store::write`], one at a time, each in an immediate transaction that is on disk when `commit` returns;
//! - migrations are numbered and forward only; a database newer than this program is refused;
//! - every column of every table has a data class in `classes.toml`: a test fails on one that has none;
//! - what must reach the event log is written to the [`outbox`] in the same transaction as the state it tells of.

pub mod cursor;
pub mod jobs;
mod migrate;
pub mod outbox;
pub mod trace;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

pub use migrate::{MIGRATIONS, Migration};

/// A write transaction. Dropped without `commit`, it is rolled back.
pub type WriteTx = sqlx::Transaction<'static, sqlx::Sqlite>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database is at version {found}, this program knows versions up to {known}: run a newer program")]
    NewerDatabase { found: i64, known: i64 },
    #[error("the database answered: {0}")]
    Database(#[from] sqlx::Error),
    /// Another worker has taken the job up, or it is gone: what this one did does not count.
    #[error("the lease on job {0} is lost")]
    LeaseLost(base::JobId),
    #[error("there is no failed job {0}")]
    NoSuchJob(base::JobId),
}

/// True when the database refused a row because a unique key has it already.
pub fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|e| e.is_unique_violation())
}

/// Readers kept open beside the one writer.
const READERS_MAX: u32 = 8;
/// How long a caller waits for a connection before it is told that the store is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// An open database.
#[derive(Clone, Debug)]
pub struct Store {
    readers: SqlitePool,
    writer: SqlitePool,
}

impl Store {
    /// Opens or makes the database at `path` and brings it to the newest version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .statement_cache_capacity(256)
            .pragma("secure_delete", "on")
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-16000");
        let writer =
            SqlitePoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT).connect_with(options.clone()).await?;
        migrate::run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self { readers, writer })
    }

    /// The pool for reading. Readers see the last committed state and never block the writer.
    pub fn read(&self) -> &SqlitePool {
        &self.readers
    }

    /// Begins the next write; waits for the one before to end.
    pub async fn write(&self) -> Result<WriteTx, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Folds the write-ahead log into the database and empties it, so that what was deleted is in neither. Waits for readers.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.writer).await?;
        Ok(())
    }

    /// Closes all connections and folds the write-ahead log into the database.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests;
