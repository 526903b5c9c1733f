use base::{SoundId, VideoId};

/// What can go wrong, by what the caller does about it.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is none, or it is not in the state that the call needs.
    #[error("there is no such video: {0}")]
    NoSuchVideo(VideoId),
    #[error("there is no such sound: {0}")]
    NoSuchSound(SoundId),
    #[error("the caption has more than {limit} characters")]
    CaptionTooLong { limit: usize },
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl From<sqlx::Error> for CatalogError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
