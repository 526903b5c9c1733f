//! Work that outlives a process: a queue of jobs in the store.
//!
//! Invariants:
//! - a job is leased to one worker at a time; whoever takes it up gets a higher token, and only the newest token may renew,
//!   complete or fail it: a worker that was thought dead and comes back changes nothing;
//! - a job whose lease ran out is anybody's again; each lease counts as an attempt, and attempts are bounded, so that a job
//!   that kills its worker ends as failed ([`Jobs::reap`]) and not in a circle;
//! - what a job's end means for the domain is written in the same transaction as the end itself.

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, IdMaker, JobId, Rng, Timestamp, VideoId};
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};
use tokio::sync::Notify;

use crate::{Store, StoreError, WriteTx};

/// The longest reason that is kept, in characters.
pub const REASON_CHARS_MAX: usize = 500;
/// The wait before the second attempt; it doubles with each further one.
pub const BACKOFF_FIRST_MS: i64 = 5_000;
/// The longest wait between two attempts.
pub const BACKOFF_MAX_MS: i64 = 600_000;
/// The most rows that one list or one sweep answers.
pub const PAGE_MAX: u32 = 200;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// Waits for a worker, or for its next attempt.
    Queued,
    /// Leased.
    Running,
    /// Will not be tried again unless an operator says so.
    Failed,
    Done,
}

impl JobState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Failed, Self::Done].into_iter().find(|state| state.name() == name)
    }
}

/// A job to be queued.
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    /// What kind of work; workers lease by kind.
    pub kind: &'a str,
    /// The video it works on, so that its creator can be told.
    pub video: Option<VideoId>,
    /// What the worker needs to know, in a form of its own.
    pub payload: &'a str,
    /// Higher goes first.
    pub priority: i32,
    /// At least 1.
    pub attempts_max: u32,
}

/// The right to work on a job until the lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    pub job: JobId,
    token: i64,
}

/// A job in a worker's hands.
#[derive(Clone, Debug)]
pub struct LeasedJob {
    pub lease: Lease,
    pub kind: String,
    pub video: Option<VideoId>,
    pub payload: String,
    /// 1 at the first attempt.
    pub attempt: u32,
    pub attempts_max: u32,
}

/// Whether a failure may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Try again later, if attempts are left.
    Later,
    /// It would fail again in the same way.
    Never,
}

/// What became of a job that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is queued again.
    Retrying { at: Timestamp },
    /// It stays failed.
    Final,
}

/// A job as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub state: JobState,
    pub attempts: u32,
    pub attempts_max: u32,
    /// Why the last attempt failed.
    pub reason: Option<String>,
    pub video: Option<VideoId>,
    pub payload: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How many jobs stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    pub queued: u64,
    pub running: u64,
    pub failed: u64,
    pub done_last_hour: u64,
}

/// The queue. One per process; several processes may share the database.
pub struct Jobs {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: std::sync::Mutex<IdMaker>,
    added: Notify,
}

const COLUMNS: &str = "id, kind, state, attempts, attempts_max, reason, video, payload, created_at_ms, updated_at_ms";

impl Jobs {
    pub fn new(store: Store, clock: Arc<dyn Clock>, rng: Rng) -> Self {
        Self { store, clock, ids: std::sync::Mutex::new(IdMaker::new(rng)), added: Notify::new() }
    }

    /// Queues a job in the transaction that makes it necessary. After the commit, [`Jobs::wake`] spares it the wait.
    pub async fn enqueue(&self, tx: &mut WriteTx, job: NewJob<'_>) -> Result<JobId, StoreError> {
        let now = self.clock.now();
        let id: JobId = self.ids.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next(now);
        sqlx::query(
            "INSERT INTO jobs (id, kind, video, payload, state, attempts_max, run_after_ms, priority, created_at_ms, updated_at_ms)
             VALUES ($1, $2, $3, $4, 'queued', $5, $6, $7, $6, $6)",
        )
        .bind(id.sql())
        .bind(job.kind)
        .bind(job.video.map(VideoId::sql))
        .bind(job.payload)
        .bind(job.attempts_max.max(1))
        .bind(now.as_millis())
        .bind(job.priority)
        .execute(&mut **tx)
        .await?;
        Ok(id)
    }

    /// Tells waiting workers of this process that there may be work.
    pub fn wake(&self) {
        self.added.notify_waiters();
        self.added.notify_one();
    }

    /// Returns when there may be work: after a [`Jobs::wake`], or after `longest` in any case.
    pub async fn wait(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.added.notified()).await;
    }

    /// Takes the next job of these kinds that is due: queued, or abandoned by a worker whose lease ran out.
    pub async fn lease(&self, kinds: &[&str], lease_ms: i64) -> Result<Option<LeasedJob>, StoreError> {
        let now = self.clock.now().as_millis();
        // Idle workers ask a reader first: the writer is left to those who write.
        let mut look = QueryBuilder::<Sqlite>::new("");
        push_next(&mut look, kinds, now);
        if look.build().fetch_optional(self.store.read()).await?.is_none() {
            return Ok(None);
        }
        let mut tx = self.store.write().await?;
        let mut take =
            QueryBuilder::<Sqlite>::new("UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_until_ms = ");
        take.push_bind(now.saturating_add(lease_ms));
        take.push(", lease_token = lease_token + 1, updated_at_ms = ").push_bind(now).push(" WHERE id = (");
        push_next(&mut take, kinds, now);
        take.push(") RETURNING id, lease_token, kind, video, payload, attempts, attempts_max");
        let row = take.build().fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        Ok(row.map(|row| LeasedJob {
            lease: Lease { job: JobId::from_sql(row.get(0)), token: row.get(1) },
            kind: row.get(2),
            video: row.get::<Option<i64>, _>(3).map(VideoId::from_sql),
            payload: row.get(4),
            attempt: row.get(5),
            attempts_max: row.get(6),
        }))
    }

    /// Holds the job for `lease_ms` more from now. [`StoreError::LeaseLost`] tells the worker to stop.
    pub async fn renew(&self, lease: &Lease, lease_ms: i64) -> Result<(), StoreError> {
        let now = self.clock.now().as_millis();
        let mut tx = self.store.write().await?;
        let done = sqlx::query(
            "UPDATE jobs SET lease_until_ms = $1, updated_at_ms = $2 WHERE id = $3 AND lease_token = $4 AND state = 'running'",
        )
        .bind(now.saturating_add(lease_ms))
        .bind(now)
        .bind(lease.job.sql())
        .bind(lease.token)
        .execute(&mut *tx)
        .await?;
        held(lease, done.rows_affected())?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends the job well, in the transaction that writes its result. On [`StoreError::LeaseLost`] drop the transaction: another
    /// worker has the job, and its result counts.
    pub async fn complete(&self, tx: &mut WriteTx, lease: &Lease) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE jobs SET state = 'done', reason = NULL, updated_at_ms = $1 WHERE id = $2 AND lease_token = $3 AND state = 'running'",
        )
        .bind(self.clock.now().as_millis())
        .bind(lease.job.sql())
        .bind(lease.token)
        .execute(&mut **tx)
        .await?;
        held(lease, done.rows_affected())
    }

    /// Like [`Jobs::complete`], but nothing is left to list: for jobs whose payload must not outlive them.
    pub async fn complete_and_forget(&self, tx: &mut WriteTx, lease: &Lease) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM jobs WHERE id = $1 AND lease_token = $2 AND state = 'running'")
            .bind(lease.job.sql())
            .bind(lease.token)
            .execute(&mut **tx)
            .await?;
        held(lease, done.rows_affected())
    }

    /// Ends this attempt with a reason. The caller writes in the same transaction what a [`Failure::Final`] means.
    pub async fn fail(&self, tx: &mut WriteTx, lease: &Lease, reason: &str, retry: Retry) -> Result<Failure, StoreError> {
        let now = self.clock.now();
        let row =
            sqlx::query("SELECT attempts, attempts_max FROM jobs WHERE id = $1 AND lease_token = $2 AND state = 'running'")
                .bind(lease.job.sql())
                .bind(lease.token)
                .fetch_optional(&mut **tx)
                .await?
                .ok_or(StoreError::LeaseLost(lease.job))?;
        let (attempts, attempts_max): (u32, u32) = (row.get(0), row.get(1));
        let outcome = if retry == Retry::Later && attempts < attempts_max {
            Failure::Retrying { at: now.plus_millis(backoff_ms(attempts)) }
        } else {
            Failure::Final
        };
        let (state, run_after) = match outcome {
            Failure::Retrying { at } => (JobState::Queued, at),
            Failure::Final => (JobState::Failed, now),
        };
        sqlx::query("UPDATE jobs SET state = $1, reason = $2, run_after_ms = $3, updated_at_ms = $4 WHERE id = $5")
            .bind(state.name())
            .bind(reason.chars().take(REASON_CHARS_MAX).collect::<String>())
            .bind(run_after.as_millis())
            .bind(now.as_millis())
            .bind(lease.job.sql())
            .execute(&mut **tx)
            .await?;
        Ok(outcome)
    }

    /// Hands a job back untouched, at once due again and without counting the attempt: for a worker that is told to stop.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut tx = self.store.write().await?;
        let done = sqlx::query(
            "UPDATE jobs SET state = 'queued', attempts = attempts - 1, run_after_ms = $1, updated_at_ms = $1
             WHERE id = $2 AND lease_token = $3 AND state = 'running'",
        )
        .bind(self.clock.now().as_millis())
        .bind(lease.job.sql())
        .bind(lease.token)
        .execute(&mut *tx)
        .await?;
        held(lease, done.rows_affected())?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends as failed the jobs whose last allowed attempt was abandoned, at most [`PAGE_MAX`], and returns them, so that the
    /// caller can write in the same transaction what that means.
    pub async fn reap(&self, tx: &mut WriteTx) -> Result<Vec<Job>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "UPDATE jobs SET state = 'failed', updated_at_ms = $1, reason = 'every attempt ended without an answer'
             WHERE id IN (SELECT id FROM jobs WHERE state = 'running' AND lease_until_ms <= $1 AND attempts >= attempts_max LIMIT $2)
             RETURNING {COLUMNS}"
        )))
        .bind(self.clock.now().as_millis())
        .bind(PAGE_MAX)
        .fetch_all(&mut **tx)
        .await?;
        Ok(rows.iter().map(job_of).collect())
    }

    /// Makes every leased job anybody's at once. For the start of a process that has the store to itself: whoever held the
    /// leases is dead. The attempts stand. Returns how many.
    pub async fn abandon_all(&self) -> Result<u64, StoreError> {
        let mut tx = self.store.write().await?;
        let done = sqlx::query("UPDATE jobs SET lease_until_ms = 0, lease_token = lease_token + 1 WHERE state = 'running'")
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }

    /// Puts a failed job back into the queue with all its attempts. [`StoreError::NoSuchJob`] when none of this id has failed.
    pub async fn retry(&self, tx: &mut WriteTx, id: JobId) -> Result<Job, StoreError> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "UPDATE jobs SET state = 'queued', attempts = 0, run_after_ms = $1, updated_at_ms = $1
             WHERE id = $2 AND state = 'failed' RETURNING {COLUMNS}"
        )))
        .bind(self.clock.now().as_millis())
        .bind(id.sql())
        .fetch_optional(&mut **tx)
        .await?
        .map(|row| job_of(&row))
        .ok_or(StoreError::NoSuchJob(id))
    }

    /// Jobs for the operator, newest first: those made before `before`, of one state or all.
    pub async fn list(&self, state: Option<JobState>, before: Option<JobId>, limit: u32) -> Result<Vec<Job>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM jobs WHERE id < "));
        query.push_bind(before.map_or(i64::MAX, JobId::sql));
        if let Some(state) = state {
            query.push(" AND state = ").push_bind(state.name());
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(limit.min(PAGE_MAX));
        Ok(query.build().fetch_all(self.store.read()).await?.iter().map(job_of).collect())
    }

    /// The jobs of a video, newest first, at most [`PAGE_MAX`].
    pub async fn jobs_of(&self, video: VideoId) -> Result<Vec<Job>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM jobs WHERE video = $1 ORDER BY id DESC LIMIT $2");
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(query)).bind(video.sql()).bind(PAGE_MAX).fetch_all(self.store.read()).await?;
        Ok(rows.iter().map(job_of).collect())
    }

    /// Forgets the jobs of a video that is gone. A worker that has one in its hands loses the lease.
    pub async fn delete_of(&self, tx: &mut WriteTx, video: VideoId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM jobs WHERE video = $1").bind(video.sql()).execute(&mut **tx).await?;
        Ok(())
    }

    pub async fn counts(&self) -> Result<JobCounts, StoreError> {
        let hour_ago = self.clock.now().plus_millis(-3_600_000);
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM jobs WHERE state = 'queued'), (SELECT COUNT(*) FROM jobs WHERE state = 'running'),
                    (SELECT COUNT(*) FROM jobs WHERE state = 'failed'),
                    (SELECT COUNT(*) FROM jobs WHERE state = 'done' AND updated_at_ms > $1)",
        )
        .bind(hour_ago.as_millis())
        .fetch_one(self.store.read())
        .await?;
        let count = |i: usize| u64::try_from(row.get::<i64, _>(i)).unwrap_or(0);
        Ok(JobCounts { queued: count(0), running: count(1), failed: count(2), done_last_hour: count(3) })
    }

    /// Deletes jobs that were done before `before`, at most 1,000; returns how many.
    pub async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.store.write().await?;
        let done = sqlx::query(
            "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state = 'done' AND updated_at_ms < $1 LIMIT 1000)",
        )
        .bind(before.as_millis())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}

/// The wait after the failed attempt number `attempts`.
fn backoff_ms(attempts: u32) -> i64 {
    BACKOFF_FIRST_MS.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(BACKOFF_MAX_MS)
}

/// The query for the id of the job that is next in line.
fn push_next(query: &mut QueryBuilder<Sqlite>, kinds: &[&str], now: i64) {
    query.push("SELECT id FROM jobs WHERE kind IN (");
    let mut list = query.separated(", ");
    for kind in kinds {
        list.push_bind((*kind).to_owned());
    }
    query.push(") AND ((state = 'queued' AND run_after_ms <= ").push_bind(now);
    query.push(") OR (state = 'running' AND attempts < attempts_max AND lease_until_ms <= ").push_bind(now);
    query.push(")) ORDER BY priority DESC, run_after_ms, id LIMIT 1");
}

fn held(lease: &Lease, rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::LeaseLost(lease.job)) }
}

fn job_of(row: &SqliteRow) -> Job {
    Job {
        id: JobId::from_sql(row.get(0)),
        kind: row.get(1),
        // The column has a check: a state of another name cannot stand there.
        state: JobState::parse(row.get(2)).unwrap_or(JobState::Failed),
        attempts: row.get(3),
        attempts_max: row.get(4),
        reason: row.get(5),
        video: row.get::<Option<i64>, _>(6).map(VideoId::from_sql),
        payload: row.get(7),
        created_at: Timestamp::from_millis(row.get(8)),
        updated_at: Timestamp::from_millis(row.get(9)),
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
