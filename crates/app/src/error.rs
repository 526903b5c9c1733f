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

impl From<accounts::AccountsError> for AppError {
    fn from(error: accounts::AccountsError) -> Self {
        use accounts::AccountsError as E;
        let refused = |status, code, detail: &str| Self::Refused { status, code, detail: detail.into() };
        match error {
            E::Invalid(issues) => Self::Invalid(
                issues
                    .into_iter()
                    .map(|issue| Invalid { field: issue.field.into(), code: issue.code.into(), message: issue.message.into() })
                    .collect(),
            ),
            E::HandleTaken => Self::Conflict { code: "handle_taken", detail: "Somebody else has this name already.".into() },
            E::TooYoung => refused(403, "too_young", "Accounts are for people of 13 and above."),
            E::SignInFailed => refused(401, "sign_in_failed", "The name or the password is wrong."),
            E::WrongPassword => refused(403, "wrong_password", "The password is wrong."),
            E::TooManyAttempts { retry_after_s } => Self::TooMany { retry_after_s },
            E::Passkey(accounts::PasskeyRefusal::Unknown) => refused(401, "sign_in_failed", "This passkey is not known here."),
            E::Passkey(_) => refused(400, "passkey_refused", "This passkey could not be used. Try again."),
            E::NotFound => Self::NotFound,
            E::Busy => Self::Unavailable { code: "busy", detail: "Too much is going on. Try again in a moment.".into() },
            E::Internal(reason) => Self::Internal(reason),
            E::Store(error) => error.into(),
        }
    }
}

impl From<social::SocialError> for AppError {
    fn from(error: social::SocialError) -> Self {
        use social::SocialError as E;
        match error {
            E::Yourself => Self::Conflict { code: "yourself", detail: "This cannot be done to oneself.".into() },
            E::Blocked => {
                Self::Refused { status: 403, code: "blocked", detail: "Not possible between these two people.".into() }
            }
            E::NotFound => Self::NotFound,
            E::NotAllowed => Self::Forbidden,
            E::Invalid { field, code, message } => Self::invalid(field, code, message),
            E::TooFast { retry_after_s } => Self::TooMany { retry_after_s },
            E::TooMany(what) => Self::Conflict { code: "too_many", detail: format!("There are too many: {what}.") },
            E::Store(error) => error.into(),
        }
    }
}

impl From<moderation::ModerationError> for AppError {
    fn from(error: moderation::ModerationError) -> Self {
        use moderation::ModerationError as E;
        match error {
            E::Invalid { field, code, message } => Self::invalid(field, code, message),
            E::NotFound => Self::NotFound,
            E::TooFast { retry_after_s } => Self::TooMany { retry_after_s },
            E::Store(error) => error.into(),
        }
    }
}

impl From<catalog::CatalogError> for AppError {
    fn from(error: catalog::CatalogError) -> Self {
        use catalog::CatalogError as E;
        match error {
            E::NoSuchVideo(_) | E::NoSuchSound(_) => Self::NotFound,
            E::CaptionTooLong { limit } => {
                Self::invalid("caption", "too_long", format!("A caption has at most {limit} characters."))
            }
            E::Store(error) => error.into(),
        }
    }
}
