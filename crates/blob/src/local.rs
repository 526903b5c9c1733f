//! Blobs as files in a folder.

use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::{Blob, BlobError, BlobStore, Key, LIST_LIMIT_MAX, Stat, clamp_range};

/// Holds what is being written and what is being deleted. No key can name it: segments do not begin with a dot.
const TEMPORARY: &str = ".tmp";
/// Attempts to place a file while another caller removes the folder that has just become empty.
const PLACE_ATTEMPTS_MAX: u32 = 5;

/// The embedded default: one folder, one file for each blob. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LocalBlobs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// Numbers temporary names; the folder is emptied at the start, so that a number is free.
    next: AtomicU64,
}

impl LocalBlobs {
    /// Opens or makes the folder, and clears what a process that died left half written or half deleted.
    ///
    /// One process at a time may have a folder open.
    pub fn open(root: &Path) -> Result<Self, BlobError> {
        let temporary = root.join(TEMPORARY);
        match std::fs::remove_dir_all(&temporary) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
            _ => std::fs::create_dir_all(&temporary)?,
        }
        Ok(Self { inner: Arc::new(Inner { root: root.to_path_buf(), next: AtomicU64::new(0) }) })
    }

    /// Runs blocking file work off the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(io::Error::other)?
    }
}

#[async_trait]
impl BlobStore for LocalBlobs {
    async fn put_bytes(&self, key: &Key, bytes: Bytes) -> Result<Stat, BlobError> {
        let key = key.clone();
        self.blocking(move |inner| {
            let temporary = inner.temporary();
            let mut file = std::fs::File::create_new(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            inner.place(&temporary, &key)
        })
        .await
    }

    async fn put_file(&self, key: &Key, path: &Path) -> Result<Stat, BlobError> {
        let (key, path) = (key.clone(), path.to_path_buf());
        self.blocking(move |inner| {
            let temporary = inner.temporary();
            // A rename on the same file system; a copy from another one.
            if std::fs::rename(&path, &temporary).is_err() {
                std::fs::copy(&path, &temporary)?;
                let _ = std::fs::remove_file(&path);
            }
            std::fs::File::open(&temporary)?.sync_all()?;
            inner.place(&temporary, &key)
        })
        .await
    }

    async fn stat(&self, key: &Key) -> Result<Stat, BlobError> {
        let key = key.clone();
        self.blocking(move |inner| {
            let meta = std::fs::metadata(inner.path(&key)).map_err(|e| missing(e, &key))?;
            if meta.is_file() { Ok(stat_of(&meta)) } else { Err(BlobError::NotFound(key)) }
        })
        .await
    }

    async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Blob, BlobError> {
        let mut file = tokio::fs::File::open(self.inner.path(key)).await.map_err(|e| missing(e, key))?;
        let meta = file.metadata().await?;
        if !meta.is_file() {
            return Err(BlobError::NotFound(key.clone()));
        }
        let stat = stat_of(&meta);
        let range = clamp_range(range, stat.len)?;
        if range.start > 0 {
            file.seek(io::SeekFrom::Start(range.start)).await?;
        }
        let reader = file.take(range.end - range.start);
        Ok(Blob { stat, range, reader: Box::pin(reader) })
    }

    async fn delete(&self, key: &Key) -> Result<(), BlobError> {
        let key = key.clone();
        self.blocking(move |inner| {
            let path = inner.path(&key);
            match std::fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_file() => std::fs::remove_file(&path)?,
                _ => return Ok(()),
            }
            inner.remove_empty_parents(&path);
            Ok(())
        })
        .await
    }

    async fn delete_prefix(&self, prefix: &Key) -> Result<(), BlobError> {
        let prefix = prefix.clone();
        self.blocking(move |inner| {
            let path = inner.path(&prefix);
            match std::fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => {}
                _ => return Ok(()),
            }
            // Renamed away first: nobody sees a folder half deleted, and a crash leaves it where the next start clears it.
            let doomed = inner.temporary();
            std::fs::rename(&path, &doomed)?;
            inner.remove_empty_parents(&path);
            std::fs::remove_dir_all(&doomed)?;
            Ok(())
        })
        .await
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Key>, BlobError> {
        let (prefix, after) = (prefix.clone(), after.cloned());
        self.blocking(move |inner| {
            let mut keys = Vec::new();
            inner.walk(&prefix, &mut keys)?;
            keys.sort_unstable();
            let from = after.map_or(0, |after| keys.partition_point(|key| *key <= after));
            Ok(keys.into_iter().skip(from).take(limit.min(LIST_LIMIT_MAX)).collect())
        })
        .await
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        Some(self.inner.path(key))
    }
}

impl Inner {
    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn temporary(&self) -> PathBuf {
        self.root.join(TEMPORARY).join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Renames a finished, durable file to its key and makes the name durable too.
    fn place(&self, temporary: &Path, key: &Key) -> Result<Stat, BlobError> {
        let path = self.path(key);
        let parent = path.parent().unwrap_or(&self.root);
        let mut attempt = 1;
        loop {
            std::fs::create_dir_all(parent)?;
            match std::fs::rename(temporary, &path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound && attempt < PLACE_ATTEMPTS_MAX => attempt += 1,
                done => break done?,
            }
        }
        // The folder and those above it may be new: each is an entry in its parent.
        for folder in parent.ancestors().take_while(|folder| folder.starts_with(&self.root)) {
            std::fs::File::open(folder)?.sync_all()?;
        }
        Ok(stat_of(&std::fs::metadata(&path)?))
    }

    fn remove_empty_parents(&self, path: &Path) {
        for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.root) {
            if std::fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }

    fn walk(&self, folder: &Key, keys: &mut Vec<Key>) -> Result<(), BlobError> {
        let entries = match std::fs::read_dir(self.path(folder)) {
            Ok(entries) => entries,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        for entry in entries {
            let entry = entry?;
            let Some(key) = entry.file_name().to_str().and_then(|name| folder.join(name).ok()) else { continue };
            if entry.file_type()?.is_dir() {
                self.walk(&key, keys)?;
            } else {
                keys.push(key);
            }
        }
        Ok(())
    }
}

fn missing(error: io::Error, key: &Key) -> BlobError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => BlobError::NotFound(key.clone()),
        _ => BlobError::Io(error),
    }
}

/// A replaced file has another inode than the one it replaced, so the tag changes even within one tick of the file clock.
#[cfg(unix)]
fn stat_of(meta: &std::fs::Metadata) -> Stat {
    use std::os::unix::fs::MetadataExt as _;
    let etag = format!(
        "{:x}-{:x}-{:x}",
        meta.len(),
        meta.mtime().wrapping_mul(1_000_000_000).wrapping_add(meta.mtime_nsec()),
        meta.ino()
    );
    Stat { len: meta.len(), etag }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passes_the_suite() {
        let dir = tempfile::tempdir().unwrap();
        crate::conformance::run(&LocalBlobs::open(dir.path()).unwrap(), dir.path()).await;
    }

    #[tokio::test]
    async fn nothing_half_written_survives_a_start() {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::new("v/1/poster.jpg").unwrap();
        let blobs = LocalBlobs::open(dir.path()).unwrap();
        blobs.put_bytes(&key, Bytes::from_static(b"whole")).await.unwrap();
        std::fs::write(dir.path().join(TEMPORARY).join("77"), b"half").unwrap();
        let blobs = LocalBlobs::open(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path().join(TEMPORARY)).unwrap().count(), 0);
        assert_eq!(blobs.read(&key, 100).await.unwrap(), "whole");
    }

    #[tokio::test]
    async fn a_folder_is_not_a_blob_and_deleting_cleans_up_the_folders() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open(dir.path()).unwrap();
        let key = Key::new("v/1/a/b.ts").unwrap();
        blobs.put_bytes(&key, Bytes::from_static(b"x")).await.unwrap();
        assert!(matches!(blobs.stat(&Key::new("v/1").unwrap()).await, Err(BlobError::NotFound(_))));
        assert!(matches!(blobs.open(&Key::new("v/1").unwrap(), None).await, Err(BlobError::NotFound(_))));
        assert!(matches!(blobs.open(&Key::new("v/1/a/b.ts/c").unwrap(), None).await, Err(BlobError::NotFound(_))));
        blobs.delete(&key).await.unwrap();
        assert!(!dir.path().join("v").exists());
    }
}
