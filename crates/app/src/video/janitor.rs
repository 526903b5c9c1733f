//! What has to be done now and then, and after a death: expired uploads, abandoned jobs, media of deleted videos.

use std::sync::Arc;
use std::time::Duration;

use base::VideoId;
use catalog::Status;
use store::jobs::{NewJob, Retry};

use crate::{App, AppError, Change};

/// The job that deletes the media of a video that is gone.
const DELETE: &str = "media.delete";
const DELETE_ATTEMPTS_MAX: u32 = 20;
const DELETE_LEASE_MS: i64 = 60_000;
/// How often the janitor looks around when nobody calls.
const ROUND: Duration = Duration::from_secs(5);
/// Rounds between two sweeps of expired uploads and old jobs.
const ROUNDS_PER_SWEEP: u32 = 60;
/// Jobs that were done stay listed so long.
const DONE_JOBS_KEPT_MS: i64 = 7 * 24 * 3_600_000;

impl App {
    /// Deleting media is a job, in the transaction that makes it due: it survives a crash.
    pub(super) async fn enqueue_media_deletion(&self, change: &mut Change, video: VideoId) -> Result<(), AppError> {
        let payload = video.to_string();
        let job = NewJob { kind: DELETE, video: None, payload: &payload, priority: 0, attempts_max: DELETE_ATTEMPTS_MAX };
        self.jobs.enqueue(&mut change.tx, job).await?;
        Ok(())
    }

    /// Brings uploads, jobs and videos back into step after whatever ended the last process.
    pub(crate) async fn take_up(self: &Arc<Self>) -> Result<(), AppError> {
        let taken = self.jobs.abandon_all().await?;
        if taken > 0 {
            tracing::info!(jobs = taken, "jobs of a process that died are taken up");
        }
        for (upload, video) in self.uploads.claimed() {
            let needed = match self.catalog.video(video).await {
                Ok(video) => video.upload == Some(upload),
                Err(catalog::CatalogError::NoSuchVideo(_)) => false,
                Err(error) => return Err(error.into()),
            };
            if !needed {
                self.uploads.remove(upload).await?;
            }
        }
        self.examine_waiting();
        Ok(())
    }

    pub(crate) async fn keep_house(self: Arc<Self>) {
        let mut round = 0u32;
        while !self.stop.is_cancelled() {
            if let Err(error) = self.tidy(round.is_multiple_of(ROUNDS_PER_SWEEP)).await {
                tracing::warn!(%error, "tidying up failed; it is tried again");
            }
            round = round.wrapping_add(1);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.jobs.wait(ROUND) => {}
            }
        }
    }

    async fn tidy(&self, sweep: bool) -> Result<(), AppError> {
        self.give_up_abandoned().await?;
        while let Some(job) = self.jobs.lease(&[DELETE], DELETE_LEASE_MS).await? {
            let deleted = match job.payload.parse::<VideoId>() {
                Ok(video) => self.delete_package(video).await,
                Err(error) => Err(AppError::internal(error)),
            };
            let mut change = self.begin().await?;
            match deleted {
                Ok(()) => self.jobs.complete(&mut change.tx, &job.lease).await?,
                Err(error) => {
                    self.jobs.fail(&mut change.tx, &job.lease, &error.to_string(), Retry::Later).await?;
                }
            }
            self.commit(change).await?;
        }
        if sweep {
            self.uploads.sweep().await?;
            self.jobs.prune(self.clock.now().plus_millis(-DONE_JOBS_KEPT_MS)).await?;
        }
        Ok(())
    }

    /// Videos whose job killed its worker once too often.
    async fn give_up_abandoned(&self) -> Result<(), AppError> {
        let mut change = self.begin().await?;
        let jobs = self.jobs.reap(&mut change.tx).await?;
        if jobs.is_empty() {
            return Ok(());
        }
        let mut ended = Vec::new();
        for video in jobs.into_iter().filter_map(|job| job.video) {
            match self.catalog.video(video).await {
                Ok(video) if video.status == Status::Processing => {
                    self.suspend_in(&mut change, &video).await?;
                    ended.push(video);
                }
                _ => {}
            }
        }
        self.commit(change).await?;
        for video in ended {
            self.inbox_changed([video.creator]);
            self.studio.tell(video.creator, video.id);
        }
        Ok(())
    }
}
