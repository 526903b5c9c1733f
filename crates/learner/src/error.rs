//! What can go wrong: only outside bytes and outside limits; learning and predicting themselves never fail.

/// Errors by what the caller decides.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The snapshot is not ours, is cut short, or was changed: start from an older one or from the log.
    #[error("the model snapshot cannot be used: {0}")]
    Corrupt(&'static str),
    /// The snapshot was written by another version of this crate, or for other limits: rebuild from the log.
    #[error("the model snapshot has version {found}, this program reads {expected}")]
    Version { found: u32, expected: u32 },
    /// Changes were asked for and nothing was saved that they could be changes of: write a whole snapshot.
    #[error("there is no snapshot that changes could be added to")]
    NoBase,
    /// The reader or writer of a snapshot failed.
    #[error("reading or writing the model snapshot: {0}")]
    Io(#[from] std::io::Error),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
