//! The workers: from a claimed upload to a published video, and on to its other renditions.
//!
//! The first job makes the first rendition, evaluates the clip, and publishes it; a second one, behind all first ones, adds the
//! other renditions. Each works in a folder of its own, so that a job that is taken up again starts over cleanly. What a job
//! means for the video is committed together with its end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{VideoId, ViewerId};
use catalog::{Color, Evaluation, Media, Refusal, Status, Step, Video};
use content::Signature;
use eventlog::Body;
use media::{Manifest, Probe};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use social::{Kind, Notice};
use store::StoreError;
use store::jobs::{Failure, LeasedJob, NewJob, Retry};

use super::event_facts;
use super::intake::Note;
use crate::{App, AppError, Change};

/// Makes a video playable, evaluates and publishes it.
pub(super) const FIRST: &str = "video.first";
pub(super) const FIRST_PRIORITY: i32 = 10;
/// Adds the other renditions.
const REST: &str = "video.rest";
const REST_PRIORITY: i32 = 0;
/// How often an idle worker looks for work when nobody calls.
const IDLE: Duration = Duration::from_secs(1);
/// Pause after the store failed.
const PAUSE: Duration = Duration::from_secs(2);
/// A report of progress is passed on when it is this much further than the last.
const PROGRESS_STEP: f32 = 0.02;
/// The reason that a creator sees when the fault is ours.
const FAILED_CODE: &str = "failed";
const FAILED_MESSAGE: &str = "Something went wrong on our side while working on this video. Please try again later.";

/// Why an attempt ended badly.
enum Broken {
    /// The file is at fault.
    Refused(media::Refusal),
    /// It may work next time. The text is for the operator.
    Passing { reason: String, overtime: bool },
}

impl From<media::Error> for Broken {
    fn from(error: media::Error) -> Self {
        match error {
            media::Error::Refused(refusal) => Self::Refused(refusal),
            other => Self::Passing { overtime: matches!(other, media::Error::Overtime { .. }), reason: other.to_string() },
        }
    }
}

impl From<AppError> for Broken {
    fn from(error: AppError) -> Self {
        Self::Passing { reason: error.to_string(), overtime: false }
    }
}

macro_rules! passing {
    ($($from:ty),+) => {$(
        impl From<$from> for Broken {
            fn from(error: $from) -> Self {
                Self::Passing { reason: error.to_string(), overtime: false }
            }
        }
    )+};
}
passing!(StoreError, catalog::CatalogError, social::SocialError, media::upload::UploadError, std::io::Error, serde_json::Error);

/// What a job ended with.
enum Outcome {
    /// Its end is committed.
    Settled,
    /// There is nothing to do (any more).
    Nothing,
}

/// What the second job has to know of the first.
#[derive(Serialize, Deserialize)]
struct RestPayload {
    probe: Probe,
}

impl App {
    /// One worker. Ends when the application stops; the job in its hands is handed back.
    pub(crate) async fn work(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            match self.jobs.lease(&[FIRST, REST], self.lease_ms()).await {
                Ok(Some(job)) => self.run(job).await,
                Ok(None) => tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = self.jobs.wait(IDLE) => {}
                },
                Err(error) => {
                    tracing::warn!(%error, "the job queue does not answer");
                    tokio::select! {
                        () = self.stop.cancelled() => return,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
    }

    fn lease_ms(&self) -> i64 {
        i64::try_from(self.settings.media.lease_s.max(3)).unwrap_or(60).saturating_mul(1_000)
    }

    /// Does a job while renewing its lease. A lost lease or a stop ends the work where it is.
    async fn run(&self, job: LeasedJob) {
        let folder = self.studio.work.join(format!("{}-{}", job.lease.job, job.attempt));
        let ended = tokio::select! {
            ended = self.attempt(&job, &folder) => Some(ended),
            () = self.hold(&job) => {
                tracing::warn!(job = %job.lease.job, "the lease was lost; somebody else has the job");
                None
            }
            () = self.stop.cancelled() => {
                if let Err(error) = self.jobs.release(&job.lease).await {
                    tracing::warn!(%error, "a job could not be handed back; its lease will run out");
                }
                None
            }
        };
        let settled = match ended {
            None | Some(Ok(Outcome::Settled)) => Ok(()),
            Some(Ok(Outcome::Nothing)) => self.finish_job(&job).await,
            Some(Err(broken)) => self.break_off(&job, broken).await,
        };
        if let Err(error) = settled {
            tracing::warn!(job = %job.lease.job, %error, "the end of a job could not be written; it will be taken up again");
        }
        self.clear_after_deletion(&job).await;
        if let Err(error) = tokio::fs::remove_dir_all(&folder).await
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a work folder could not be removed");
        }
        self.jobs.wake();
    }

    /// A video that was deleted under the worker's hands: what the worker stored after the deletion goes too.
    async fn clear_after_deletion(&self, job: &LeasedJob) {
        let Some(id) = job.video else { return };
        if let Err(catalog::CatalogError::NoSuchVideo(_)) = self.catalog.video(id).await
            && let Err(error) = self.delete_package(id).await
        {
            tracing::warn!(video = %id, %error, "the media of a deleted video could not be removed");
        }
    }

    /// Returns when the lease is lost.
    async fn hold(&self, job: &LeasedJob) {
        let every = Duration::from_millis(self.lease_ms().unsigned_abs() / 3);
        loop {
            tokio::time::sleep(every).await;
            if let Err(StoreError::LeaseLost(_)) = self.jobs.renew(&job.lease, self.lease_ms()).await {
                return;
            }
        }
    }

    async fn attempt(&self, job: &LeasedJob, folder: &Path) -> Result<Outcome, Broken> {
        let Some(id) = job.video else { return Ok(Outcome::Nothing) };
        let video = match self.catalog.video(id).await {
            Ok(video) => video,
            Err(catalog::CatalogError::NoSuchVideo(_)) => return Ok(Outcome::Nothing),
            Err(error) => return Err(error.into()),
        };
        tokio::fs::create_dir_all(folder).await?;
        match (job.kind.as_str(), video.status) {
            (FIRST, Status::Processing) => self.first(job, &video, folder).await,
            (REST, Status::Published | Status::Removed) => self.rest(job, &video, folder).await,
            _ => Ok(Outcome::Nothing),
        }
    }

    /// From the source to a published video.
    async fn first(&self, job: &LeasedJob, video: &Video, folder: &Path) -> Result<Outcome, Broken> {
        let reports = Reports::new(self, video);
        let upload = video.upload.ok_or(media::Refusal::Empty).map_err(Broken::Refused)?;
        let source = self.uploads.path(upload)?;
        reports.tell(Step::Probing, 0.0);
        let probe = match Note::of(&self.uploads.upload(upload)?) {
            Some(Note::Ready { probe }) => *probe,
            _ => media::probe(&self.studio.sandbox, &source, &self.studio.limits).await?,
        };
        let out = folder.join("out");
        tokio::fs::create_dir_all(&out).await?;
        reports.tell(Step::FirstRendition, 0.0);
        let progress = |p: media::Progress| match p.step {
            media::Step::First => reports.tell(Step::FirstRendition, p.done * 0.9),
            _ => reports.tell(Step::FirstRendition, 0.9 + p.done * 0.1),
        };
        let mut manifest = self.studio.transcoder.start(&source, &probe, &out, &progress).await?;
        let mut own_sound = true;
        if let Some(sound) = video.sound {
            let file = folder.join("sound.mp4");
            if self.fetch_borrowed_sound(sound, &file).await? {
                manifest = self.studio.transcoder.borrow_sound(&file, &out, manifest).await?;
                own_sound = false;
            }
        }

        reports.tell(Step::Evaluating, 0.0);
        let scratch = folder.join("scratch");
        tokio::fs::create_dir_all(&scratch).await?;
        let mut samples = content_samples(media::decode_samples(&self.studio.sandbox, &source, &probe, &scratch).await?);
        if !own_sound {
            // What was recorded is not what is heard, and what is heard says nothing of where the picture comes from.
            samples.audio = None;
        }
        let evaluated = tokio::task::spawn_blocking(move || content::evaluate(&samples)).await.map_err(AppError::internal)?;
        reports.tell(Step::Evaluating, 0.7);

        self.delete_package(video.id).await?;
        self.store_package(video.id, &out, &manifest, None).await?;
        reports.tell(Step::Evaluating, 0.9);
        let turn = self.studio.publishing.lock().await;
        let duplicate_of = self.original_of(video.id, &evaluated.signature).await?;
        let evaluation =
            Evaluation { signature: evaluated.signature.to_bytes(), features: evaluated.features.to_vec(), duplicate_of };
        self.publish(job, video, &manifest, &evaluation, probe).await?;
        self.studio.duplicates.add(video.id, evaluated.signature);
        drop(turn);
        self.inbox_changed([video.creator]);
        if manifest.complete {
            self.uploads.remove(upload).await?;
        }
        self.studio.tell(video.creator, video.id);
        Ok(Outcome::Settled)
    }

    async fn original_of(&self, video: VideoId, signature: &Signature) -> Result<Option<VideoId>, AppError> {
        let (studio, signature) = (self.studio.clone(), signature.clone());
        let found = tokio::task::spawn_blocking(move || studio.duplicates.original_of(video, &signature)).await;
        found.map_err(AppError::internal)
    }

    /// Shows the video: catalog, log, inbox, the next job and the end of this one, all or nothing.
    async fn publish(
        &self,
        job: &LeasedJob,
        video: &Video,
        manifest: &Manifest,
        evaluation: &Evaluation,
        probe: Probe,
    ) -> Result<(), Broken> {
        let mut change = self.begin().await?;
        let described = self.catalog.set_media(&mut change.tx, video.id, &media_of(manifest)?).await?;
        self.catalog.set_evaluation(&mut change.tx, video.id, evaluation).await?;
        let (facts, changed) = self.catalog.publish(&mut change.tx, video.id).await?;
        self.tell(&mut change, ViewerId::default(), Body::VideoPublished(event_facts(facts))).await?;
        let kind = if evaluation.duplicate_of.is_some() { Kind::Duplicate } else { Kind::VideoPublished };
        self.social.notify(&mut change.tx, video.creator, Notice { kind, video: video.id, text: None }).await?;
        if manifest.complete {
            self.catalog.set_step(&mut change.tx, video.id, Step::Done).await?;
            self.catalog.clear_upload(&mut change.tx, video.id).await?;
        } else {
            self.catalog.set_step(&mut change.tx, video.id, Step::Renditions).await?;
            let payload = serde_json::to_string(&RestPayload { probe })?;
            let rest = NewJob {
                kind: REST,
                video: Some(video.id),
                payload: &payload,
                priority: REST_PRIORITY,
                attempts_max: self.settings.media.attempts_max,
            };
            self.jobs.enqueue(&mut change.tx, rest).await?;
        }
        self.jobs.complete(&mut change.tx, &job.lease).await?;
        let done = self.commit_kept(change).await;
        self.catalog.committed(described.and(changed));
        metrics::counter!("videos_published_total").increment(1);
        done.map_err(Broken::from)
    }

    /// The other renditions of a video that plays already.
    async fn rest(&self, job: &LeasedJob, video: &Video, folder: &Path) -> Result<Outcome, Broken> {
        let reports = Reports::new(self, video);
        let payload: RestPayload = serde_json::from_str(&job.payload)?;
        let stored: Manifest = serde_json::from_str(&video.manifest)?;
        let upload = video.upload.ok_or(media::Refusal::Empty).map_err(Broken::Refused)?;
        let source = self.uploads.path(upload)?;
        reports.tell(Step::Renditions, 0.0);
        let out = folder.join("out");
        self.fetch_package(video.id, &stored, &out).await?;
        let progress = |p: media::Progress| match p.step {
            media::Step::Top => reports.tell(Step::Renditions, p.done * 0.6),
            _ => reports.tell(Step::Renditions, 0.6 + p.done * 0.4),
        };
        let manifest = self.studio.transcoder.finish(&source, &payload.probe, &out, stored.clone(), &progress).await?;
        self.store_package(video.id, &out, &manifest, Some(&stored)).await?;
        let mut change = self.begin().await?;
        let changed = self.catalog.set_media(&mut change.tx, video.id, &media_of(&manifest)?).await?;
        self.catalog.set_step(&mut change.tx, video.id, Step::Done).await?;
        self.catalog.clear_upload(&mut change.tx, video.id).await?;
        self.jobs.complete(&mut change.tx, &job.lease).await?;
        let done = self.commit_kept(change).await;
        self.catalog.committed(changed);
        done?;
        self.uploads.remove(upload).await?;
        self.studio.tell(video.creator, video.id);
        Ok(Outcome::Settled)
    }

    async fn finish_job(&self, job: &LeasedJob) -> Result<(), AppError> {
        let mut change = self.begin().await?;
        self.jobs.complete(&mut change.tx, &job.lease).await?;
        self.commit(change).await
    }

    /// Ends an attempt that broke: tries again, or ends the video with a reason and leaves nothing behind.
    async fn break_off(&self, job: &LeasedJob, broken: Broken) -> Result<(), AppError> {
        let (reason, retry) = match &broken {
            Broken::Refused(refusal) => (refusal.to_string(), Retry::Never),
            Broken::Passing { reason, .. } => (reason.clone(), Retry::Later),
        };
        tracing::warn!(job = %job.lease.job, kind = job.kind, attempt = job.attempt, reason, "a job broke");
        metrics::counter!("jobs_broken_total", "kind" => job.kind.clone()).increment(1);
        let video = match job.video {
            Some(id) => self.catalog.video(id).await.ok(),
            None => None,
        };
        let mut change = self.begin().await?;
        let failure = self.jobs.fail(&mut change.tx, &job.lease, &reason, retry).await?;
        let Some(video) = video.filter(|_| failure == Failure::Final) else {
            return self.commit(change).await;
        };
        let refusal = match broken {
            Broken::Refused(refusal) => Some(refusal),
            Broken::Passing { overtime: true, .. } => Some(media::Refusal::TimedOut),
            Broken::Passing { .. } => None,
        };
        if video.status != Status::Processing {
            // It plays, with fewer renditions than it could have. The source stays for the operator's "try again", unless it is
            // at fault.
            self.catalog.set_step(&mut change.tx, video.id, Step::Done).await?;
            if refusal.is_some() {
                self.catalog.clear_upload(&mut change.tx, video.id).await?;
            }
        } else if let Some(refusal) = &refusal {
            let refusal = Refusal { code: refusal.code().into(), message: refusal.to_string() };
            self.catalog.refuse(&mut change.tx, video.id, &refusal).await?;
            let notice = Notice { kind: Kind::VideoRefused, video: video.id, text: Some(refusal.message) };
            self.social.notify(&mut change.tx, video.creator, notice).await?;
            self.enqueue_media_deletion(&mut change, video.id).await?;
        } else {
            self.suspend_in(&mut change, &video).await?;
        }
        self.commit(change).await?;
        if let Some(upload) = video.upload.filter(|_| refusal.is_some()) {
            self.uploads.remove(upload).await?;
        }
        self.inbox_changed([video.creator]);
        self.studio.tell(video.creator, video.id);
        Ok(())
    }

    /// Ends the work on a video for a reason of ours. Its source stays, for the operator's "try again".
    pub(super) async fn suspend_in(&self, change: &mut Change, video: &Video) -> Result<(), AppError> {
        let refusal = Refusal { code: FAILED_CODE.into(), message: FAILED_MESSAGE.into() };
        self.catalog.suspend(&mut change.tx, video.id, &refusal).await?;
        let notice = Notice { kind: Kind::VideoRefused, video: video.id, text: Some(refusal.message) };
        self.social.notify(&mut change.tx, video.creator, notice).await?;
        Ok(())
    }

    /// Commits; that the log is slow to hear of it changes nothing for a worker.
    async fn commit_kept(&self, change: Change) -> Result<(), AppError> {
        match self.commit(change).await {
            Err(AppError::Unavailable { .. }) => Ok(()),
            done => done,
        }
    }
}

fn media_of(manifest: &Manifest) -> Result<Media, serde_json::Error> {
    let top = manifest.renditions.last();
    Ok(Media {
        duration_ms: u32::try_from(manifest.duration_ms).unwrap_or(u32::MAX),
        width: top.map_or(manifest.source_width, |r| r.width),
        height: top.map_or(manifest.source_height, |r| r.height),
        color: Color::rgb(manifest.poster_rgb),
        manifest: serde_json::to_string(manifest)?,
        has_sound: manifest.has_audio,
    })
}

/// The decoded clip in the words of the evaluation.
fn content_samples(samples: media::Samples) -> content::Samples {
    content::Samples {
        duration_ms: samples.duration_ms,
        frame_width: samples.frame_width,
        frame_height: samples.frame_height,
        frames: samples.frames.into_iter().map(|f| content::Frame { time_ms: f.time_ms, rgb: f.rgb }).collect(),
        grey_width: samples.grey_width,
        grey_height: samples.grey_height,
        grey_fps: media::GREY_FPS,
        grey: samples.grey,
        audio: samples.audio.map(|a| content::AudioSamples { rate_hz: a.rate_hz, mono: a.mono, chromaprint: a.chromaprint }),
    }
}

/// Passes progress on, not more often than somebody could see.
struct Reports<'a> {
    app: &'a App,
    video: &'a Video,
    last: Mutex<(Step, f32)>,
}

impl<'a> Reports<'a> {
    fn new(app: &'a App, video: &'a Video) -> Self {
        Self { app, video, last: Mutex::new((Step::Queued, 0.0)) }
    }

    fn tell(&self, step: Step, done: f32) {
        {
            let mut last = self.last.lock();
            if last.0 == step && done - last.1 < PROGRESS_STEP {
                return;
            }
            *last = (step, done);
        }
        self.app.catalog.progress(self.video.id, step, done);
        self.app.studio.tell(self.video.creator, self.video.id);
    }
}
