//! One request's bytes on their way to the disk.
//!
//! The file work happens on a thread of its own, which owns the upload's lock: when the request is dropped in the middle, the
//! thread still puts what it has on disk, moves the offset and only then lets the next request in.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::UploadId;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc;

use super::{Inner, UploadError, info};

/// Bytes read from the body at a time.
const CHUNK_BYTES: usize = 128 * 1024;
/// Chunks on their way from the socket to the disk.
const CHUNKS_WAITING_MAX: usize = 4;

/// The right to write to an upload. Given back when dropped.
pub(super) struct Lock {
    pub uploads: Arc<Inner>,
    pub id: UploadId,
    /// Raised when the upload is removed meanwhile.
    pub stop: Arc<AtomicBool>,
    pub _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Lock {
    fn advance(&self, offset: u64) {
        if let Some(entry) = self.uploads.entries().get_mut(&self.id) {
            entry.offset = offset;
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(entry) = self.uploads.entries().get_mut(&self.id) {
            entry.writer = None;
        }
    }
}

/// How the body ended.
enum End {
    Whole,
    Cut,
    TooLong,
}

/// Copies `body` to the upload from `offset` on, at most up to `length`.
pub(super) async fn write(
    lock: Lock,
    offset: u64,
    length: u64,
    mut body: impl AsyncRead + Send + Unpin,
    idle: Duration,
) -> Result<u64, UploadError> {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>(CHUNKS_WAITING_MAX);
    let overrun = Arc::new(AtomicBool::new(false));
    let path = info::data_path(&lock.uploads.dir, lock.id);
    let thread = tokio::task::spawn_blocking({
        let overrun = overrun.clone();
        move || {
            let done = File::options().write(true).open(path).and_then(|file| drain(&lock, file, offset, receiver, &overrun));
            let removed = lock.stop.load(Ordering::Relaxed);
            drop(lock);
            if removed { Err(UploadError::NotFound) } else { Ok(done?) }
        }
    });
    let end = pump(&mut body, &sender, length - offset, idle).await;
    if matches!(end, End::TooLong) {
        overrun.store(true, Ordering::Relaxed);
    }
    drop(sender);
    let reached = thread.await.map_err(io::Error::other)??;
    match end {
        End::Whole => Ok(reached),
        End::Cut => Err(UploadError::Cut { offset: reached }),
        End::TooLong => Err(UploadError::TooLong),
    }
}

/// Reads the body into the channel until it ends, falls silent or gives more than `room` bytes.
async fn pump(body: &mut (impl AsyncRead + Send + Unpin), sender: &mpsc::Sender<Vec<u8>>, room: u64, idle: Duration) -> End {
    let mut left = room;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let mut limited = (&mut *body).take(CHUNK_BYTES as u64);
        match tokio::time::timeout(idle, limited.read_buf(&mut chunk)).await {
            Ok(Ok(0)) => return End::Whole,
            Ok(Ok(n)) if n as u64 > left => return End::TooLong,
            Ok(Ok(n)) => left -= n as u64,
            Ok(Err(_)) | Err(_) => return End::Cut,
        }
        // The writer stopped: it says why itself.
        if sender.send(chunk).await.is_err() {
            return End::Whole;
        }
    }
}

/// Writes the chunks, makes them durable and moves the offset. A body that was too long leaves nothing behind.
fn drain(
    lock: &Lock,
    mut file: File,
    offset: u64,
    mut chunks: mpsc::Receiver<Vec<u8>>,
    overrun: &AtomicBool,
) -> io::Result<u64> {
    // A write that failed half way may have left bytes behind the offset.
    file.set_len(offset)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut reached = offset;
    while let Some(chunk) = chunks.blocking_recv() {
        if lock.stop.load(Ordering::Relaxed) {
            return Ok(reached);
        }
        file.write_all(&chunk)?;
        reached += chunk.len() as u64;
    }
    if overrun.load(Ordering::Relaxed) {
        file.set_len(offset)?;
        reached = offset;
    }
    file.sync_all()?;
    lock.advance(reached);
    Ok(reached)
}
