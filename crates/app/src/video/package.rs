//! Packages on their way to the blob store and back.

use std::path::Path;

use base::VideoId;
use blob::{BlobError, Key};
use media::{Manifest, MediaFile};

use crate::{App, AppError};

/// The playlist that names the renditions; the only file of a package that is ever replaced.
pub(crate) const MASTER: &str = "master.m3u8";

/// Where the media of a video lie.
pub(crate) fn folder(video: VideoId) -> Result<Key, AppError> {
    Key::new(format!("videos/{video}")).map_err(AppError::internal)
}

impl App {
    /// Stores the files of a package, or of a later state of it those that `stored` had not. Playlists come after the segments
    /// that they name, the master playlist last.
    pub(super) async fn store_package(
        &self,
        video: VideoId,
        out: &Path,
        manifest: &Manifest,
        stored: Option<&Manifest>,
    ) -> Result<(), AppError> {
        let folder = folder(video)?;
        let known =
            |file: &MediaFile| stored.is_some_and(|m| file.path != MASTER && m.files.iter().any(|f| f.path == file.path));
        let mut files: Vec<&MediaFile> = manifest.files.iter().filter(|file| !known(file)).collect();
        files.sort_by_key(|file| (file.path.ends_with(".m3u8"), file.path == MASTER));
        for file in files {
            self.blobs.put_file(&folder.join(&file.path).map_err(AppError::internal)?, &out.join(&file.path)).await?;
        }
        Ok(())
    }

    /// Brings a stored package back into a folder, as the transcoder left it there.
    pub(super) async fn fetch_package(&self, video: VideoId, manifest: &Manifest, out: &Path) -> Result<(), AppError> {
        let folder = folder(video)?;
        for file in &manifest.files {
            let path = out.join(&file.path);
            if let Some(parent) = path.parent() {
                tokio::fs::create_dir_all(parent).await.map_err(AppError::internal)?;
            }
            let mut blob = self.blobs.open(&folder.join(&file.path).map_err(AppError::internal)?, None).await?;
            let mut copy = tokio::fs::File::create(&path).await.map_err(AppError::internal)?;
            tokio::io::copy(&mut blob.reader, &mut copy).await.map_err(AppError::internal)?;
            tokio::io::AsyncWriteExt::flush(&mut copy).await.map_err(AppError::internal)?;
        }
        Ok(())
    }

    /// Deletes all media of a video.
    pub(super) async fn delete_package(&self, video: VideoId) -> Result<(), AppError> {
        Ok(self.blobs.delete_prefix(&folder(video)?).await?)
    }
}

impl From<BlobError> for AppError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NotFound(_) => Self::NotFound,
            other => Self::internal(other),
        }
    }
}
