//! What can go wrong in a component. The pipeline itself never fails: it leaves out what failed.

/// Why a component gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// It cannot answer now: the learner is not loaded, a connection is down. Says what, never about whom.
    #[error("not available: {0}")]
    Unavailable(String),
    /// It did not answer before its deadline.
    #[error("later than {0} ms")]
    Late(u128),
    /// It answered with something that cannot be used: a wrong count, a number that is not finite.
    #[error("unusable answer: {0}")]
    Unusable(&'static str),
    /// It panicked or was cancelled.
    #[error("stopped before it answered")]
    Stopped,
}
