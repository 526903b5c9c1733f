//! Packages on their way to the blob store and back.

use std::path::Path;

use base::{SoundId, VideoId};
use blob::{BlobError, Key};
use media::{Manifest, MediaFile};
use store::cursor::Cursor;

use crate::{App, AppError};

/// The playlist that names the renditions; the only file of a package that is ever replaced.
pub(crate) const MASTER: &str = "master.m3u8";

/// Videos that are asked for a sound whose first video is gone.
const BORROW_FROM_MAX: u32 = 5;

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

    /// The sound of a published video as one file: its header and its segments one after the other. False when it has none.
    async fn fetch_sound(&self, video: VideoId, to: &Path) -> Result<bool, AppError> {
        let manifest: Manifest = match serde_json::from_str(&self.catalog.video(video).await?.manifest) {
            Ok(manifest) => manifest,
            Err(_) => return Ok(false),
        };
        let mut parts: Vec<&str> =
            manifest.files.iter().map(|file| file.path.as_str()).filter(|path| path.starts_with("a/")).collect();
        parts.retain(|path| path.ends_with(".mp4") || path.ends_with(".m4s"));
        // `a/init.mp4` stands before `a/s0000.m4s`.
        parts.sort_unstable();
        let folder = folder(video)?;
        let mut whole = tokio::fs::File::create(to).await.map_err(AppError::internal)?;
        for part in &parts {
            let mut blob = self.blobs.open(&folder.join(part).map_err(AppError::internal)?, None).await?;
            tokio::io::copy(&mut blob.reader, &mut whole).await.map_err(AppError::internal)?;
        }
        tokio::io::AsyncWriteExt::flush(&mut whole).await.map_err(AppError::internal)?;
        Ok(parts.len() > 1)
    }

    /// The sound itself, from the video that it was born with or, when that is gone, from the oldest that still has it at hand.
    /// False when nobody has it any more.
    pub(super) async fn fetch_borrowed_sound(&self, sound: SoundId, to: &Path) -> Result<bool, AppError> {
        let born_with = self.catalog.first_video_of(sound).await?;
        let others = self.catalog.videos_with_sound(sound, Cursor::TOP, BORROW_FROM_MAX).await?.items;
        for video in born_with.into_iter().chain(others) {
            match self.fetch_sound(video, to).await {
                Ok(true) => return Ok(true),
                Ok(false) | Err(AppError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
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
