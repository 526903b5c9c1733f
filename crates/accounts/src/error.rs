//! Why something was refused.

/// One part of the input that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub field: &'static str,
    /// Stable; the key of its translation.
    pub code: &'static str,
    /// In English, for the person.
    pub message: &'static str,
}

/// Why a passkey ceremony failed, as far as the person needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyRefusal {
    /// Begun too long ago, finished before, or never begun here.
    Ceremony,
    /// What the authenticator sent cannot be read.
    Malformed,
    /// It was made for another site, another challenge, or not signed by the key we know.
    Unverified,
    /// No such passkey is registered here.
    Unknown,
    /// This passkey is registered already.
    Duplicate,
    /// The signature counter went backwards: there may be a copy of the key.
    Cloned,
    /// This address cannot have passkeys: they are bound to a host name.
    Unsupported,
}

#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    #[error("some of the input cannot be taken")]
    Invalid(Vec<Issue>),
    #[error("this handle is taken")]
    HandleTaken,
    #[error("accounts are for people of 13 and above")]
    TooYoung,
    /// Unknown handle or wrong password: never said which.
    #[error("handle or password is wrong")]
    SignInFailed,
    /// Signed in, but the password given again is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    #[error("too many attempts")]
    TooManyAttempts { retry_after_s: u64 },
    #[error("passkey refused: {0:?}")]
    Passkey(PasskeyRefusal),
    #[error("there is no such account, session or passkey")]
    NotFound,
    /// Everything for this is in use; try again in a moment.
    #[error("busy")]
    Busy,
    #[error("internal: {0}")]
    Internal(String),
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl From<sqlx::Error> for AccountsError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl AccountsError {
    pub(crate) fn invalid(field: &'static str, code: &'static str, message: &'static str) -> Self {
        Self::Invalid(vec![Issue { field, code, message }])
    }
}
