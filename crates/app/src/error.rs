//! Why the application says no.

/// One part of the input that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    pub field: String,
    /// Stable; the key of its translation.
    pub code: String,
    /// In English, for a person.
    pub message: String,
}

/// What the caller of a use case must tell apart.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("there is nothing here")]
    NotFound,
    #[error("only for people who are signed in")]
    SignInRequired,
    #[error("not the caller's to do")]
    Forbidden,
    #[error("{detail}")]
    Conflict { code: &'static str, detail: String },
    #[error("some of the input cannot be taken")]
    Invalid(Vec<Invalid>),
    /// Refused for a reason with a code of its own, for example `sign_in_failed`.
    #[error("{detail}")]
    Refused { status: u16, code: &'static str, detail: String },
    #[error("too many attempts")]
    TooMany { retry_after_s: u64 },
    #[error("{detail}")]
    Unavailable { code: &'static str, detail: String },
    /// Ours; the text is for the log.
    #[error("internal: {0}")]
    Internal(String),
}

impl AppError {
    pub fn internal(reason: impl std::fmt::Display) -> Self {
        Self::Internal(reason.to_string())
    }
    pub fn invalid(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Invalid { field: field.into(), code: code.into(), message: message.into() }])
    }
}

impl From<store::StoreError> for AppError {
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::NoSuchJob(_) => Self::NotFound,
            other => Self::internal(other),
        }
    }
}
