//! Resumable uploads, as tus 1.0 needs them, in files: one for the bytes, one for what is known of them.
//!
//! Invariants:
//! - an offset is told to a client only when the bytes before it are on disk; after a crash the offset is the real length of
//!   the file;
//! - one request at a time writes to an upload, even when its client is gone: the writer owns the lock and gives it back when
//!   its last byte is on disk;
//! - no name on disk comes from a user: files are called after the upload's id;
//! - everything is bounded: bytes of one upload, uploads and bytes of one owner, uploads in all, writers at once, hours.
//!
//! It must never: look into the bytes (that is [`crate::probe`]'s job, in its sandbox), or tell one owner of another's uploads.

mod info;
mod writer;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{AccountId, Clock, IdMaker, Rng, Timestamp, UploadId, VideoId};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;

use info::Info;

/// The longest file name that is kept, in characters; it is shown, never used as a path.
pub const FILE_NAME_CHARS_MAX: usize = 200;
/// The longest media type that is kept, in characters; it is a claim of the client and decides nothing.
pub const FILE_TYPE_CHARS_MAX: usize = 100;
/// The longest note of the application on an upload, in bytes.
pub const NOTE_BYTES_MAX: usize = 8 * 1024;

/// Why an upload's request is refused.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It never was, it belongs to somebody else, it ended, or it expired.
    #[error("there is no such upload")]
    NotFound,
    #[error("the upload is at byte {offset}; continue from there")]
    OffsetMismatch { offset: u64 },
    #[error("another request is writing to this upload")]
    Locked,
    #[error("at most {limit} bytes are allowed in one upload")]
    TooLarge { limit: u64 },
    #[error("the request carries more bytes than the upload was announced with")]
    TooLong,
    #[error("too many uploads are open: finish or cancel one of the {limit} first")]
    TooManyOpen { limit: usize },
    #[error("the uploads that are open may hold {limit} bytes together; finish or cancel one first")]
    TooManyBytes { limit: u64 },
    /// A passing state of the server: too many uploads at once.
    #[error("the server is taking in as many uploads as it can; try again shortly")]
    Busy,
    #[error("the server has no room left for this upload")]
    DiskFull,
    /// The client went away or fell silent. What had arrived is kept.
    #[error("the connection was cut at byte {offset}")]
    Cut { offset: u64 },
    #[error("bytes are still missing from this upload")]
    Incomplete,
    #[error("this upload is already the source of video {video}")]
    Claimed { video: VideoId },
    /// The file was refused and its bytes are deleted.
    #[error("this upload was refused")]
    Refused,
    #[error("the upload store failed: {0}")]
    Io(#[from] io::Error),
}

/// What a deployment allows. Serialized in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadLimits {
    /// The largest upload, bytes.
    pub bytes_max: u64,
    /// Uploads that one owner may have open (not yet made into a video).
    pub owner_open_max: usize,
    /// Bytes that one owner's uploads may take together, those that are being worked on included.
    pub owner_bytes_max: u64,
    /// Uploads of everybody together.
    pub uploads_max: usize,
    /// Requests that may write at once.
    pub writers_max: usize,
    /// Bytes that stay free on the disk.
    pub free_bytes_min: u64,
    /// How long an upload may take from its creation to its becoming a video.
    pub expiry_ms: i64,
    /// How long a connection may be silent before it counts as cut.
    pub idle_ms: u64,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            bytes_max: 512 * 1024 * 1024,
            owner_open_max: 20,
            owner_bytes_max: 4 * 1024 * 1024 * 1024,
            uploads_max: 100_000,
            writers_max: 64,
            free_bytes_min: 1024 * 1024 * 1024,
            expiry_ms: 24 * 3_600_000,
            idle_ms: 30_000,
        }
    }
}

/// What the client said of its file. Shown to its owner, trusted in nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    pub file_name: Option<String>,
    pub file_type: Option<String>,
}

/// An upload as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub id: UploadId,
    pub owner: AccountId,
    /// Bytes announced.
    pub length: u64,
    /// Bytes that are on disk.
    pub offset: u64,
    pub metadata: Metadata,
    pub created_at: Timestamp,
    /// After this it may be swept away, unless it became a video.
    pub expires_at: Timestamp,
    /// What the application wrote down about it with [`Uploads::annotate`].
    pub note: Option<String>,
    /// The video it became the source of.
    pub claimed_by: Option<VideoId>,
    /// The file was not taken; its bytes are gone, the note says why.
    pub refused: bool,
}

impl Upload {
    pub fn is_complete(&self) -> bool {
        self.offset == self.length
    }
}

/// The uploads of one folder. One process at a time may have a folder open. Cheap to clone.
#[derive(Clone)]
pub struct Uploads {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    limits: UploadLimits,
    clock: Arc<dyn Clock>,
    ids: Mutex<IdMaker>,
    entries: Mutex<HashMap<UploadId, Entry>>,
    writers: Arc<tokio::sync::Semaphore>,
    free_bytes: fn(&Path) -> io::Result<u64>,
}

/// An upload in memory: its description, how much is on disk, and who writes.
struct Entry {
    info: Info,
    offset: u64,
    /// Set while a request writes; raised to tell that writer to stop.
    writer: Option<Arc<AtomicBool>>,
}

impl Uploads {
    /// Opens or makes the folder and takes up the uploads in it where they stood.
    pub fn open(dir: &Path, limits: UploadLimits, clock: Arc<dyn Clock>, rng: Rng) -> Result<Self, UploadError> {
        Self::open_with(dir, limits, clock, rng, free_bytes)
    }

    fn open_with(
        dir: &Path,
        limits: UploadLimits,
        clock: Arc<dyn Clock>,
        rng: Rng,
        free_bytes: fn(&Path) -> io::Result<u64>,
    ) -> Result<Self, UploadError> {
        let entries =
            info::recover(dir)?.into_iter().map(|(id, info, offset)| (id, Entry { info, offset, writer: None })).collect();
        Ok(Self {
            inner: Arc::new(Inner {
                dir: dir.to_path_buf(),
                limits,
                clock,
                ids: Mutex::new(IdMaker::new(rng)),
                entries: Mutex::new(entries),
                writers: Arc::new(tokio::sync::Semaphore::new(limits.writers_max)),
                free_bytes,
            }),
        })
    }

    pub fn limits(&self) -> &UploadLimits {
        &self.inner.limits
    }

    /// Begins an upload of `length` bytes, 0 included (what is empty is refused with a reason once it is probed).
    pub async fn create(&self, owner: AccountId, length: u64, metadata: Metadata) -> Result<Upload, UploadError> {
        self.blocking(move |inner| inner.create(owner, length, metadata)).await
    }

    /// An upload, whoever's it is: for the application's own work.
    pub fn upload(&self, id: UploadId) -> Result<Upload, UploadError> {
        self.inner.entries().get(&id).map(|entry| entry.upload(id)).ok_or(UploadError::NotFound)
    }

    /// How far an upload has come. [`UploadError::NotFound`] for one of somebody else.
    pub fn head(&self, id: UploadId, owner: AccountId) -> Result<Upload, UploadError> {
        let entries = self.inner.entries();
        owned(&entries, id, owner).map(|entry| entry.upload(id))
    }

    /// Writes what `body` gives at `offset` and returns the new offset, once everything before it is on disk.
    ///
    /// # Errors
    /// [`UploadError::OffsetMismatch`] when the upload is elsewhere, [`UploadError::Locked`] while another request writes,
    /// [`UploadError::Cut`] when the body ended with an error or fell silent: what arrived before is kept. Dropping the future
    /// is the same as a cut.
    pub async fn append(
        &self,
        id: UploadId,
        owner: AccountId,
        offset: u64,
        body: impl AsyncRead + Send + Unpin,
    ) -> Result<u64, UploadError> {
        let permit = self.inner.writers.clone().try_acquire_owned().map_err(|_| UploadError::Busy)?;
        let length;
        let stop = Arc::new(AtomicBool::new(false));
        {
            let mut entries = self.inner.entries();
            let entry = entries.get_mut(&id).filter(|entry| entry.info.owner == owner).ok_or(UploadError::NotFound)?;
            if entry.info.refused {
                return Err(UploadError::Refused);
            }
            if entry.writer.is_some() {
                return Err(UploadError::Locked);
            }
            if entry.offset != offset {
                return Err(UploadError::OffsetMismatch { offset: entry.offset });
            }
            length = entry.info.length;
            entry.writer = Some(stop.clone());
        }
        let lock = writer::Lock { uploads: self.inner.clone(), id, stop, _permit: permit };
        writer::write(lock, offset, length, body, Duration::from_millis(self.inner.limits.idle_ms)).await
    }

    /// Ends an upload and deletes its bytes. A request that is writing to it stops.
    pub async fn terminate(&self, id: UploadId, owner: AccountId) -> Result<(), UploadError> {
        owned(&self.inner.entries(), id, owner).and_then(|entry| entry.unclaimed())?;
        self.remove(id).await
    }

    /// Forgets an upload and deletes its bytes, whoever's it is: for the application, when the video has what it needs.
    pub async fn remove(&self, id: UploadId) -> Result<(), UploadError> {
        self.blocking(move |inner| inner.remove(id)).await
    }

    /// The file of a complete upload.
    pub fn path(&self, id: UploadId) -> Result<PathBuf, UploadError> {
        let entries = self.inner.entries();
        let entry = entries.get(&id).ok_or(UploadError::NotFound)?;
        entry.complete()?;
        Ok(info::data_path(&self.inner.dir, id))
    }

    /// Writes a note of the application beside the upload, in place of the one before.
    pub async fn annotate(&self, id: UploadId, note: String) -> Result<Upload, UploadError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(UploadError::Io(io::Error::new(io::ErrorKind::InvalidInput, "the note is too long")));
        }
        self.blocking(move |inner| inner.change(id, |info| info.note = Some(note))).await
    }

    /// Deletes the bytes of a file that is not taken, and keeps the note that says why until the upload expires.
    pub async fn refuse(&self, id: UploadId, note: String) -> Result<Upload, UploadError> {
        self.blocking(move |inner| {
            let upload = inner.change(id, |info| {
                info.note = Some(note.chars().take(NOTE_BYTES_MAX / 4).collect());
                info.refused = true;
            })?;
            info::remove_file(&info::data_path(&inner.dir, id))?;
            Ok(upload)
        })
        .await
    }

    /// Makes a complete upload the source of `video`, once: from now on only [`Uploads::remove`] ends it.
    pub async fn claim(&self, id: UploadId, owner: AccountId, video: VideoId) -> Result<PathBuf, UploadError> {
        self.blocking(move |inner| {
            {
                let entries = inner.entries();
                let entry = owned(&entries, id, owner)?;
                entry.complete()?;
                entry.unclaimed()?;
            }
            let mut claimed = false;
            inner.change(id, |info| {
                claimed = info.claimed_by.is_none();
                info.claimed_by.get_or_insert(video);
            })?;
            match inner.entries().get(&id).and_then(|entry| entry.info.claimed_by) {
                Some(holder) if !claimed => Err(UploadError::Claimed { video: holder }),
                _ => Ok(info::data_path(&inner.dir, id)),
            }
        })
        .await
    }

    /// Takes a claim back: the video did not come to be. No error when the upload is gone or somebody else's source.
    pub async fn unclaim(&self, id: UploadId, video: VideoId) -> Result<(), UploadError> {
        self.blocking(move |inner| {
            if inner.entries().get(&id).and_then(|entry| entry.info.claimed_by) == Some(video) {
                inner.change(id, |info| info.claimed_by = None)?;
            }
            Ok(())
        })
        .await
    }

    /// The uploads that are the source of a video, so that the application can compare after a restart.
    pub fn claimed(&self) -> Vec<(UploadId, VideoId)> {
        self.inner.entries().iter().filter_map(|(id, entry)| entry.info.claimed_by.map(|video| (*id, video))).collect()
    }

    /// The complete uploads that nobody has looked at yet (no note, no video), so that the application can take them up after
    /// a restart.
    pub fn unexamined(&self) -> Vec<Upload> {
        let fresh =
            |entry: &Entry| entry.offset == entry.info.length && entry.info.note.is_none() && entry.info.claimed_by.is_none();
        self.inner.entries().iter().filter(|(_, entry)| fresh(entry)).map(|(id, entry)| entry.upload(*id)).collect()
    }

    /// Deletes what has expired and is nobody's source; returns how many.
    pub async fn sweep(&self) -> Result<usize, UploadError> {
        self.blocking(|inner| {
            let now = inner.clock.now();
            let expired: Vec<UploadId> = inner
                .entries()
                .iter()
                .filter(|(_, e)| e.info.expires_at <= now && e.info.claimed_by.is_none() && e.writer.is_none())
                .map(|(id, _)| *id)
                .collect();
            for id in &expired {
                inner.remove(*id)?;
            }
            Ok(expired.len())
        })
        .await
    }

    /// Deletes every upload of one owner, those that are being worked on included.
    pub async fn remove_owner(&self, owner: AccountId) -> Result<(), UploadError> {
        self.blocking(move |inner| {
            let ids: Vec<UploadId> =
                inner.entries().iter().filter(|(_, entry)| entry.info.owner == owner).map(|(id, _)| *id).collect();
            ids.into_iter().try_for_each(|id| inner.remove(id))
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, UploadError> + Send + 'static,
    ) -> Result<T, UploadError> {
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(io::Error::other)?
    }
}

impl Inner {
    fn entries(&self) -> MutexGuard<'_, HashMap<UploadId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, owner: AccountId, length: u64, metadata: Metadata) -> Result<Upload, UploadError> {
        let limits = &self.limits;
        if length > limits.bytes_max {
            return Err(UploadError::TooLarge { limit: limits.bytes_max });
        }
        let now = self.clock.now();
        let free = (self.free_bytes)(&self.dir)?;
        let keep = |text: Option<String>, chars_max: usize| text.map(|text| text.chars().take(chars_max).collect::<String>());
        let info = Info {
            version: info::VERSION,
            owner,
            length,
            metadata: Metadata {
                file_name: keep(metadata.file_name, FILE_NAME_CHARS_MAX),
                file_type: keep(metadata.file_type, FILE_TYPE_CHARS_MAX),
            },
            created_at: now,
            expires_at: now.plus_millis(limits.expiry_ms),
            note: None,
            claimed_by: None,
            refused: false,
        };
        // The lock is held over the few milliseconds of file work: the limits are looked at and taken up in one step.
        let mut entries = self.entries();
        let owned = || entries.values().filter(|entry| entry.info.owner == owner && !entry.info.refused);
        if owned().filter(|entry| entry.info.claimed_by.is_none()).count() >= limits.owner_open_max {
            return Err(UploadError::TooManyOpen { limit: limits.owner_open_max });
        }
        if owned().map(|entry| entry.info.length).sum::<u64>().saturating_add(length) > limits.owner_bytes_max {
            return Err(UploadError::TooManyBytes { limit: limits.owner_bytes_max });
        }
        let refused = entries.iter().filter(|(_, entry)| entry.info.owner == owner && entry.info.refused);
        let oldest_refused = refused.clone().min_by_key(|(_, entry)| entry.info.created_at).map(|(id, _)| *id);
        let refused_over = refused.count() >= limits.owner_open_max;
        if entries.len() >= limits.uploads_max {
            return Err(UploadError::Busy);
        }
        let promised: u64 = entries.values().map(|e| e.info.length.saturating_sub(e.offset)).sum();
        if free < promised.saturating_add(length).saturating_add(limits.free_bytes_min) {
            return Err(UploadError::DiskFull);
        }
        if let Some(id) = oldest_refused.filter(|_| refused_over) {
            entries.remove(&id);
            info::delete(&self.dir, id)?;
        }
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let id = loop {
            let id: UploadId = ids.next(now);
            if !entries.contains_key(&id) {
                break id;
            }
        };
        std::fs::File::create_new(info::data_path(&self.dir, id))?;
        info::save(&self.dir, id, &info)?;
        let entry = Entry { info, offset: 0, writer: None };
        let upload = entry.upload(id);
        entries.insert(id, entry);
        Ok(upload)
    }

    /// Changes what is known of an upload, on disk first.
    fn change(&self, id: UploadId, change: impl FnOnce(&mut Info)) -> Result<Upload, UploadError> {
        let mut entries = self.entries();
        let entry = entries.get_mut(&id).ok_or(UploadError::NotFound)?;
        let mut info = entry.info.clone();
        change(&mut info);
        info::save(&self.dir, id, &info)?;
        entry.info = info;
        Ok(entry.upload(id))
    }

    fn remove(&self, id: UploadId) -> Result<(), UploadError> {
        let mut entries = self.entries();
        if let Some(stop) = entries.remove(&id).and_then(|entry| entry.writer) {
            stop.store(true, Ordering::Relaxed);
        }
        Ok(info::delete(&self.dir, id)?)
    }
}

impl Entry {
    fn upload(&self, id: UploadId) -> Upload {
        let info = self.info.clone();
        Upload {
            id,
            owner: info.owner,
            length: info.length,
            offset: self.offset,
            metadata: info.metadata,
            created_at: info.created_at,
            expires_at: info.expires_at,
            note: info.note,
            claimed_by: info.claimed_by,
            refused: info.refused,
        }
    }

    fn complete(&self) -> Result<(), UploadError> {
        match self.info.refused {
            true => Err(UploadError::Refused),
            false if self.offset < self.info.length || self.writer.is_some() => Err(UploadError::Incomplete),
            false => Ok(()),
        }
    }

    fn unclaimed(&self) -> Result<(), UploadError> {
        self.info.claimed_by.map_or(Ok(()), |video| Err(UploadError::Claimed { video }))
    }
}

fn owned(entries: &HashMap<UploadId, Entry>, id: UploadId, owner: AccountId) -> Result<&Entry, UploadError> {
    entries.get(&id).filter(|entry| entry.info.owner == owner).ok_or(UploadError::NotFound)
}

/// Bytes that an ordinary user may still write to the file system of `path`.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests;
