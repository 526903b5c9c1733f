//! What the indexes refuse.

use base::VideoId;

/// An update that was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetrievalError {
    /// A vector with a component that is not a finite number would win or lose every comparison.
    #[error("the vector of video {0} is not finite")]
    NotFinite(VideoId),
    /// The index holds as many rows as it may.
    #[error("the index is full at {0} rows")]
    Full(usize),
    /// A vector for a video that is not published, or no longer.
    #[error("video {0} is not published")]
    Unknown(VideoId),
}
