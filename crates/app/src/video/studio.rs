//! What the workers share: the tools, the index of duplicates, who is told.

use std::path::{Path, PathBuf};

use base::{AccountId, VideoId};
use media::{Caps, Limits, Sandbox, Transcoder};
use tokio::sync::{Mutex, Semaphore, broadcast};

use super::duplicates::Duplicates;
use crate::MediaConfig;

/// Files that are probed at once, beside the workers.
const PROBES_MAX: usize = 2;
/// Changes that a slow listener may fall behind before it loses some.
const CHANGES_WAITING_MAX: usize = 256;

/// Something about an upload changed: its creator's page reads it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadChange {
    pub creator: AccountId,
    pub video: VideoId,
}

/// The workshop. One per application.
pub struct Studio {
    pub(super) sandbox: Sandbox,
    pub(super) transcoder: Transcoder,
    pub(super) limits: Limits,
    pub(super) duplicates: Duplicates,
    pub(super) probes: Semaphore,
    /// Held from the look for duplicates to the publication, so that two copies do not miss each other.
    pub(super) publishing: Mutex<()>,
    /// Where packages are made before they are stored. Emptied at the start.
    pub(super) work: PathBuf,
    changes: broadcast::Sender<UploadChange>,
}

impl Studio {
    /// Makes the work folder and clears what a process that died left in it.
    pub(crate) fn open(config: &MediaConfig, work: &Path) -> std::io::Result<Self> {
        match std::fs::remove_dir_all(work) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(work)?,
        }
        // An absolute path: the tools run in folders of their own.
        let work = std::fs::canonicalize(work)?;
        let caps = Caps { threads: config.threads, memory_bytes: config.memory_bytes, ..Caps::default() };
        let sandbox = Sandbox::new(caps);
        Ok(Self {
            transcoder: Transcoder::new(sandbox.clone(), config.ladder.clone()),
            sandbox,
            limits: config.limits.clone(),
            duplicates: Duplicates::default(),
            probes: Semaphore::new(PROBES_MAX),
            publishing: Mutex::new(()),
            work,
            changes: broadcast::Sender::new(CHANGES_WAITING_MAX),
        })
    }

    /// Hears of every upload that changes; the listener picks its own.
    pub fn changes(&self) -> broadcast::Receiver<UploadChange> {
        self.changes.subscribe()
    }

    pub(super) fn tell(&self, creator: AccountId, video: VideoId) {
        // Nobody listening is fine.
        let _ = self.changes.send(UploadChange { creator, video });
    }
}
