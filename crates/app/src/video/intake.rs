//! Between the last byte of an upload and its becoming a video: the file is probed, its owner is told.

use std::sync::Arc;

use base::{AccountId, UploadId};
use media::Probe;
use media::upload::{Upload, UploadError};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;

use crate::{App, AppError};

/// What was found out about a file, as it stands beside the upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Note {
    Ready {
        probe: Box<Probe>,
    },
    Refused {
        code: String,
        message: String,
    },
    /// The machine could not tell; the worker will.
    Unknown,
}

impl Note {
    pub(super) fn of(upload: &Upload) -> Option<Self> {
        serde_json::from_str(upload.note.as_deref()?).ok()
    }

    fn text(&self) -> Result<String, AppError> {
        serde_json::to_string(self).map_err(AppError::internal)
    }
}

/// How far a file is on its way to becoming a video.
#[derive(Clone, Debug, PartialEq)]
pub enum UploadState {
    /// Bytes are missing.
    Receiving,
    /// All bytes are here and being looked at.
    Probing,
    /// It can become a video.
    Ready { duration_ms: Option<u64>, width: Option<u32>, height: Option<u32> },
    /// It is not taken; its bytes are deleted.
    Refused(catalog::Refusal),
}

/// An upload and its state.
#[derive(Clone, Debug, PartialEq)]
pub struct UploadStatus {
    pub upload: Upload,
    pub state: UploadState,
}

impl App {
    /// How an upload stands, for its owner.
    pub fn upload_status(&self, who: AccountId, id: UploadId) -> Result<UploadStatus, AppError> {
        let upload = self.uploads.head(id, who)?;
        let state = match Note::of(&upload) {
            _ if !upload.is_complete() => UploadState::Receiving,
            None => UploadState::Probing,
            Some(Note::Ready { probe }) => UploadState::Ready {
                duration_ms: Some(probe.duration_ms),
                width: Some(probe.width),
                height: Some(probe.height),
            },
            Some(Note::Unknown) => UploadState::Ready { duration_ms: None, width: None, height: None },
            Some(Note::Refused { code, message }) => UploadState::Refused(catalog::Refusal { code, message }),
        };
        Ok(UploadStatus { upload, state })
    }

    /// Appends what `body` gives to an upload. The work outlives a caller that is dropped: what arrived is kept, and a complete
    /// file is looked at.
    pub async fn append_upload(
        self: &Arc<Self>,
        id: UploadId,
        who: AccountId,
        offset: u64,
        body: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<u64, AppError> {
        let app = self.clone();
        let append = self.tasks.spawn(async move {
            let appended = tokio::select! {
                appended = app.uploads.append(id, who, offset, body) => appended,
                () = app.stop.cancelled() => Err(UploadError::Busy),
            };
            app.upload_advanced(who, id);
            appended
        });
        Ok(append.await.map_err(AppError::internal)??)
    }

    /// Called when bytes have arrived: a complete file is probed in the background.
    pub fn upload_advanced(self: &Arc<Self>, who: AccountId, id: UploadId) {
        let complete = self.uploads.head(id, who).is_ok_and(|upload| upload.is_complete() && upload.note.is_none());
        if complete {
            self.examine(id);
        }
    }

    /// Takes up the files that a process that died had not looked at.
    pub(super) fn examine_waiting(self: &Arc<Self>) {
        for upload in self.uploads.unexamined() {
            self.examine(upload.id);
        }
    }

    fn examine(self: &Arc<Self>, id: UploadId) {
        let app = self.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = app.stop.cancelled() => {}
                done = app.probe_upload(id) => if let Err(error) = done {
                    tracing::warn!(%error, "an upload could not be looked at");
                }
            }
        });
    }

    async fn probe_upload(&self, id: UploadId) -> Result<(), AppError> {
        let _turn = self.studio.probes.acquire().await.map_err(AppError::internal)?;
        let path = self.uploads.path(id)?;
        match media::probe(&self.studio.sandbox, &path, &self.studio.limits).await {
            Ok(probe) => {
                self.uploads.annotate(id, Note::Ready { probe: Box::new(probe) }.text()?).await?;
            }
            // A worker has it already, finds the same and says so.
            Err(media::Error::Refused(_)) if self.uploads.upload(id)?.claimed_by.is_some() => {}
            Err(media::Error::Refused(refusal)) => {
                metrics::counter!("uploads_refused_total", "code" => refusal.code()).increment(1);
                let note = Note::Refused { code: refusal.code().into(), message: refusal.to_string() };
                self.uploads.refuse(id, note.text()?).await?;
            }
            Err(error) => {
                tracing::error!(%error, "probing failed; the worker will try again");
                self.uploads.annotate(id, Note::Unknown.text()?).await?;
            }
        }
        Ok(())
    }

    /// The refusal of an upload as the answer to making a video of it.
    pub(super) fn refused_upload(&self, who: AccountId, id: UploadId) -> AppError {
        match self.upload_status(who, id).map(|status| status.state) {
            Ok(UploadState::Refused(refusal)) => AppError::invalid("upload", &refusal.code, refusal.message),
            _ => AppError::NotFound,
        }
    }
}

impl From<UploadError> for AppError {
    fn from(error: UploadError) -> Self {
        let detail = error.to_string();
        match error {
            UploadError::NotFound => Self::NotFound,
            UploadError::OffsetMismatch { .. } => Self::Conflict { code: "offset_mismatch", detail },
            UploadError::Locked => Self::Refused { status: 423, code: "upload_locked", detail },
            UploadError::TooLarge { .. } => Self::Refused { status: 413, code: "too_large", detail },
            UploadError::TooLong => Self::Refused { status: 413, code: "too_many_bytes", detail },
            UploadError::TooManyOpen { .. } | UploadError::TooManyBytes { .. } => {
                Self::Refused { status: 413, code: "too_many_uploads", detail }
            }
            UploadError::Busy => Self::Unavailable { code: "uploads_busy", detail },
            UploadError::DiskFull => Self::Refused { status: 507, code: "disk_full", detail },
            UploadError::Cut { .. } => Self::Refused { status: 400, code: "connection_cut", detail },
            UploadError::Incomplete => Self::Conflict { code: "upload_incomplete", detail },
            UploadError::Claimed { .. } => Self::Conflict { code: "upload_used", detail },
            UploadError::Refused => Self::Conflict { code: "upload_refused", detail },
            UploadError::Io(error) => Self::internal(error),
        }
    }
}
