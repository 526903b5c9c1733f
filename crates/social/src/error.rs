//! Why something was refused.

#[derive(Debug, thiserror::Error)]
pub enum SocialError {
    #[error("this cannot be done to oneself")]
    Yourself,
    /// One of the two has blocked the other: never said which.
    #[error("not possible between these two people")]
    Blocked,
    #[error("there is no such comment")]
    NotFound,
    #[error("not theirs to do")]
    NotAllowed,
    #[error("{message}")]
    Invalid { field: &'static str, code: &'static str, message: &'static str },
    #[error("too fast")]
    TooFast { retry_after_s: u64 },
    /// As many as there may be.
    #[error("too many: {0}")]
    TooMany(&'static str),
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl From<sqlx::Error> for SocialError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
