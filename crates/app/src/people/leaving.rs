//! Leaving: everything that is somebody's, for them to read, and its end.
//!
//! Everything in the store goes in one transaction. What lies elsewhere (media, pictures, what the log has of their pseudonym)
//! is made due in that same transaction as a job, so that a crash forgets nothing of the forgetting.

use std::sync::Arc;
use std::time::Duration;

use accounts::{AccountExport, SignedInSession};
use base::{Timestamp, VideoId, ViewerId};
use eventlog::Body;
use moderation::ReportExport;
use serde::Serialize;
use social::SocialExport;
use store::cursor::Cursor;
use store::jobs::{NewJob, Retry};

use crate::{App, AppError};

/// The job that takes what a deleted account's pseudonym did out of the log, and deletes their picture: the pseudonym, and the
/// picture's name after a space.
const ERASE: &str = "viewer.erase";
const ERASE_ATTEMPTS_MAX: u32 = 50;
/// Longer than rewriting a large log takes.
const ERASE_LEASE_MS: i64 = 30 * 60_000;
const ERASE_IDLE: Duration = Duration::from_secs(5);
/// How often sessions that have run out and what is known of viewers long gone are removed.
const TIDY_MS: i64 = 3_600_000;
/// Clips of the history in an export: as many as are kept.
const EXPORT_HISTORY_MAX: usize = 1_000;
const EXPORT_PAGE: u32 = 100;
/// Pages of videos read for one deletion or export.
const VIDEO_PAGES_MAX: usize = 1_000;

/// How somebody shows that they mean it.
#[derive(Clone, Debug)]
pub enum Confirmation {
    Password(String),
    /// Their own handle, typed out.
    Handle(String),
}

/// Everything kept about somebody.
#[derive(Debug, Serialize)]
pub struct Export {
    /// Of this document.
    pub version: u32,
    pub exported_at_ms: i64,
    pub account: AccountExport,
    pub social: SocialExport,
    pub reports: Vec<ReportExport>,
    pub videos: Vec<VideoExport>,
    pub history: Vec<HistoryExport>,
}

#[derive(Debug, Serialize)]
pub struct VideoExport {
    pub id: VideoId,
    pub caption: String,
    pub status: &'static str,
    pub duration_ms: u32,
    pub created_at_ms: i64,
}

#[derive(Debug, Serialize)]
pub struct HistoryExport {
    pub video: VideoId,
    pub at_ms: i64,
    pub watch_ms: u32,
    pub finished: bool,
    pub liked: bool,
    pub skipped: bool,
}

impl App {
    /// Everything kept about the caller.
    pub async fn export(&self, who: &SignedInSession) -> Result<Export, AppError> {
        let videos = self.all_videos_of(who).await?;
        let history = self.brain.views.history(who.viewer, EXPORT_HISTORY_MAX);
        Ok(Export {
            version: 1,
            exported_at_ms: self.clock.now().as_millis(),
            account: self.accounts.export(who.account).await?,
            social: self.social.export(who.account).await?,
            reports: self.moderation.export(who.account).await?,
            videos: videos
                .into_iter()
                .map(|video| VideoExport {
                    id: video.id,
                    caption: video.caption,
                    status: video.status.name(),
                    duration_ms: video.duration_ms,
                    created_at_ms: video.created_at.as_millis(),
                })
                .collect(),
            history: history
                .into_iter()
                .map(|entry| HistoryExport {
                    video: entry.video,
                    at_ms: entry.at.as_millis(),
                    watch_ms: entry.watch_ms,
                    finished: entry.flags.finished(),
                    liked: entry.flags.liked(),
                    skipped: entry.flags.skipped(),
                })
                .collect(),
        })
    }

    /// Deletes the caller's account and everything that is theirs.
    pub async fn delete_account(self: &Arc<Self>, who: &SignedInSession, confirmation: Confirmation) -> Result<(), AppError> {
        match confirmation {
            Confirmation::Password(password) => self.accounts.confirm_password(who.account, &password).await?,
            Confirmation::Handle(typed) if typed.trim_start_matches('@').eq_ignore_ascii_case(&who.handle) => {}
            Confirmation::Handle(_) => {
                return Err(AppError::invalid("handle", "confirmation", "Type your handle exactly to confirm."));
            }
        }
        let videos = self.all_videos_of(who).await?;
        let ids: Vec<VideoId> = videos.iter().map(|video| video.id).collect();

        let mut change = self.begin().await?;
        let mut changed = catalog::Changed::default();
        for video in &videos {
            changed = changed.and(self.remove_video_in(&mut change, video).await?);
        }
        let (_, rest) = self.catalog.delete_account(&mut change.tx, who.account).await?;
        let comments = self.social.delete_account(&mut change.tx, who.account, &ids).await?;
        self.moderation.delete_account(&mut change.tx, who.account, &ids, &comments).await?;
        let deleted = self.accounts.delete(&mut change.tx, who.account).await?;
        self.tell(&mut change, deleted.viewer, Body::ViewerErased).await?;
        let payload = match &deleted.avatar {
            Some(avatar) => format!("{} {avatar}", deleted.viewer),
            None => deleted.viewer.to_string(),
        };
        let job = NewJob { kind: ERASE, video: None, payload: &payload, priority: 0, attempts_max: ERASE_ATTEMPTS_MAX };
        self.jobs.enqueue(&mut change.tx, job).await?;
        let done = self.commit(change).await;
        if !crate::telling::is_kept(&done) {
            return done;
        }
        self.catalog.committed(changed.and(rest));
        self.accounts.profile_changed(who.account);
        self.feed_settings.forget(&deleted.viewer);
        self.person_changed(who.account);
        for video in &videos {
            self.forget_video(video).await;
        }
        if let Err(error) = self.uploads.remove_owner(who.account).await {
            tracing::warn!(%error, "uploads of a deleted account could not be removed; they will expire");
        }
        self.jobs.wake();
        done
    }

    /// Takes what deleted accounts did out of the log, and removes what has run out. Ends when the application stops.
    pub(crate) async fn keep_erasing(self: Arc<Self>) {
        let mut tidied: Option<Timestamp> = None;
        while !self.stop.is_cancelled() {
            let now = self.clock.now();
            if tidied.is_none_or(|at| now.millis_since(at) >= TIDY_MS) {
                tidied = Some(now);
                if let Err(error) = self.accounts.tidy().await {
                    tracing::warn!(%error, "sessions that have run out could not be removed");
                }
                if let Err(error) = self.log.trim().await {
                    tracing::warn!(%error, "events that have run out could not be removed");
                }
            }
            if let Err(error) = self.erase_due().await {
                tracing::warn!(%error, "erasing from the log failed; it is tried again");
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.jobs.wait(ERASE_IDLE) => {}
            }
        }
    }

    /// The picture, and what they did: out of the log, and out of the snapshots made from it.
    async fn erase_everywhere(&self, viewer: ViewerId, avatar: Option<&str>) -> Result<u64, String> {
        if let Some(avatar) = avatar {
            let key = super::avatar_key(avatar).map_err(|error| error.to_string())?;
            self.blobs.delete(&key).await.map_err(|error| error.to_string())?;
        }
        let erased = self.log.erase(viewer).await.map_err(|error| error.to_string())?;
        self.brain.snapshot_now().await.map_err(|error| error.to_string())?;
        self.store.checkpoint().await.map_err(|error| error.to_string())?;
        Ok(erased)
    }

    async fn erase_due(&self) -> Result<(), AppError> {
        while let Some(job) = self.jobs.lease(&[ERASE], ERASE_LEASE_MS).await? {
            let (viewer, avatar) = match job.payload.split_once(' ') {
                Some((viewer, avatar)) => (viewer, Some(avatar)),
                None => (job.payload.as_str(), None),
            };
            let erased = match viewer.parse::<ViewerId>() {
                Ok(viewer) => self.erase_everywhere(viewer, avatar).await,
                Err(error) => Err(error.to_string()),
            };
            let mut change = self.begin().await?;
            match erased {
                Ok(events) => {
                    tracing::info!(events, "what a deleted account did is out of the log");
                    self.jobs.complete_and_forget(&mut change.tx, &job.lease).await?;
                }
                Err(reason) => {
                    self.jobs.fail(&mut change.tx, &job.lease, &reason, Retry::Later).await?;
                }
            }
            self.commit(change).await?;
        }
        Ok(())
    }

    async fn all_videos_of(&self, who: &SignedInSession) -> Result<Vec<catalog::Video>, AppError> {
        let (mut videos, mut after) = (Vec::new(), Cursor::TOP);
        for _ in 0..VIDEO_PAGES_MAX {
            let page = self.own_uploads(who.account, after, EXPORT_PAGE).await?;
            videos.extend(page.items);
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(videos)
    }
}
