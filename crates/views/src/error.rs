pub type Result<T> = std::result::Result<T, Error>;

/// Why a snapshot could not be restored. Each is answered by building the views from the log instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the snapshot of the views is damaged: {0}")]
    Damaged(&'static str),
    #[error("the snapshot of the views has version {found}; this is version {expected}")]
    Version { found: u16, expected: u16 },
    #[error("the snapshot of the views was made with a trending half-life of {found} ms, not {asked}")]
    HalfLife { found: i64, asked: i64 },
}
