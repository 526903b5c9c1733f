//! Bytes of media under names: playlists, segments, posters, avatars. One trait, [`BlobStore`]; the embedded default is a
//! folder ([`LocalBlobs`]), an object store comes behind the same trait.
//!
//! Invariants:
//! - a [`Key`] is checked when it is made: no backend ever sees `..`, an absolute path, a hidden name or an odd character;
//! - a blob is seen whole or not at all: it is written under a temporary name, made durable, then renamed;
//! - when a `put` has returned, the blob survives a loss of power;
//! - every backend passes [`conformance`].
//!
//! It must never: interpret what it stores, or let a name that a user chose become part of a path (keys are made of ids).

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod key;
mod local;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

pub use key::{KEY_LEN_MAX, Key, KeyError};
pub use local::LocalBlobs;

/// The most keys that one [`BlobStore::list`] answers.
pub const LIST_LIMIT_MAX: usize = 1_000;

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no blob of this name.
    #[error("there is no blob {0}")]
    NotFound(Key),
    /// The range begins at or behind the end, or ends before it begins. `len` is what the blob has.
    #[error("the range is outside the blob, which has {len} bytes")]
    Range { len: u64 },
    /// The blob is larger than the caller wanted to hold in memory.
    #[error("the blob has {len} bytes, more than the {limit} asked for")]
    TooLarge { len: u64, limit: u64 },
    #[error("the blob store failed: {0}")]
    Io(#[from] std::io::Error),
}

/// What a store knows of a blob without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Bytes.
    pub len: u64,
    /// Differs whenever the content under the key was replaced. Characters of an HTTP entity tag, without the quotes.
    pub etag: String,
}

/// An open blob: what it is, and the bytes of the range that was asked for.
pub struct Blob {
    /// Of the whole blob.
    pub stat: Stat,
    /// The part that `reader` gives; the end is cut to the blob's length.
    pub range: Range<u64>,
    pub reader: Pin<Box<dyn AsyncRead + Send>>,
}

/// Where media lie.
#[async_trait]
pub trait BlobStore: Send + Sync + 'static {
    /// Stores `bytes` under `key`, in place of what was there.
    async fn put_bytes(&self, key: &Key, bytes: Bytes) -> Result<Stat, BlobError>;

    /// Stores the file at `path` under `key`, in place of what was there. Takes the file over: afterwards it may be gone.
    async fn put_file(&self, key: &Key, path: &Path) -> Result<Stat, BlobError>;

    /// [`BlobError::NotFound`] when there is none.
    async fn stat(&self, key: &Key) -> Result<Stat, BlobError>;

    /// Opens a blob, whole or from `range.start` up to `range.end` (or the blob's end, if that comes first).
    async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Blob, BlobError>;

    /// The whole blob in memory, refused above `len_max` bytes.
    async fn read(&self, key: &Key, len_max: u64) -> Result<Bytes, BlobError> {
        let mut blob = self.open(key, None).await?;
        if blob.stat.len > len_max {
            return Err(BlobError::TooLarge { len: blob.stat.len, limit: len_max });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(blob.stat.len).unwrap_or(0));
        blob.reader.read_to_end(&mut bytes).await?;
        Ok(bytes.into())
    }

    /// Deletes one blob; no error when there is none.
    async fn delete(&self, key: &Key) -> Result<(), BlobError>;

    /// Deletes `prefix/...`: every blob whose key begins with the prefix and a slash. No error when there is none.
    async fn delete_prefix(&self, prefix: &Key) -> Result<(), BlobError>;

    /// The keys under `prefix/`, in order, those behind `after`, at most `limit` (and [`LIST_LIMIT_MAX`]).
    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Key>, BlobError>;

    /// Where the blob lies as a file, for backends that keep files and callers (ffmpeg) that need one.
    fn local_path(&self, _key: &Key) -> Option<PathBuf> {
        None
    }
}

/// Cuts a wanted range to a blob of `len` bytes.
pub(crate) fn clamp_range(range: Option<Range<u64>>, len: u64) -> Result<Range<u64>, BlobError> {
    match range {
        None => Ok(0..len),
        Some(range) if range.start < len && range.start < range.end => Ok(range.start..range.end.min(len)),
        Some(_) => Err(BlobError::Range { len }),
    }
}
