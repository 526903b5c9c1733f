//! The media of published videos, file by file.

use std::ops::Range;

use base::VideoId;
use blob::{Blob, Stat};

use crate::video::package;
use crate::{App, AppError};

/// A file of a video's package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPath {
    key: blob::Key,
    /// False for the one file that is replaced when renditions are added.
    pub is_immutable: bool,
}

impl App {
    /// The file `path` of a video's media, if the video is published and the path is one that a package could have.
    pub async fn media_path(&self, video: VideoId, path: &str) -> Result<MediaPath, AppError> {
        let key = package::folder(video)?.join(path).map_err(|_| AppError::NotFound)?;
        self.catalog.card(video).await?;
        Ok(MediaPath { key, is_immutable: path != package::MASTER })
    }

    pub async fn media_stat(&self, path: &MediaPath) -> Result<Stat, AppError> {
        Ok(self.blobs.stat(&path.key).await?)
    }

    /// Opens the file. The range must lie in it; see [`App::media_stat`].
    pub async fn media_open(&self, path: &MediaPath, range: Option<Range<u64>>) -> Result<Blob, AppError> {
        Ok(self.blobs.open(&path.key, range).await?)
    }
}
