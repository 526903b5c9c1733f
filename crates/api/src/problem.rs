//! Errors as people and programs see them: problem details (RFC 9457) with a stable code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// One part of the input that was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, when the body is an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The place in the list, when the body is a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// Stable; the key of its translation.
    pub code: String,
    /// In English, for a person.
    pub message: String,
}

/// The body of every error answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemDetails {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    /// Stable; the key of its translation.
    pub code: String,
    /// Stands in the server's log beside whatever happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// An error on its way to the client.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub code: &'static str,
    pub detail: String,
    pub errors: Vec<FieldError>,
    pub retry_after_s: Option<u64>,
    /// For the log only.
    pub internal: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), retry_after_s: None, internal: None }
    }
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Some of what was sent cannot be taken.") }
    }
    pub fn invalid_field(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: Some(field.into()), index: None, code: code.into(), message: message.into() }])
    }
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here (any more).")
    }
    pub fn sign_in_required() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "sign_in_required", "Sign in to do this.")
    }
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "This is not yours to do.")
    }
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }
    pub fn too_many(retry_after_s: u64) -> Self {
        Self {
            retry_after_s: Some(retry_after_s.max(1)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts. Wait a little and try again.")
        }
    }
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self { retry_after_s: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail) }
    }
    /// Something broke on our side: the reason goes to the log.
    pub fn internal(reason: impl std::fmt::Display) -> Self {
        Self {
            internal: Some(reason.to_string()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something broke on our side. Try again in a moment.")
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let request_id = crate::observe::current_request_id();
        if let Some(reason) = &self.internal {
            tracing::error!(request_id = request_id.as_deref(), code = self.code, reason, "request failed");
        }
        let body = ProblemDetails {
            kind: "about:blank".into(),
            title: self.status.canonical_reason().unwrap_or("Error").into(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.into(),
            request_id,
            errors: self.errors,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(value) = self.retry_after_s.and_then(|s| HeaderValue::from_str(&s.to_string()).ok()) {
            headers.insert(header::RETRY_AFTER, value);
        }
        response
    }
}

impl From<app::AppError> for Problem {
    fn from(error: app::AppError) -> Self {
        use app::AppError;
        match error {
            AppError::NotFound => Self::not_found(),
            AppError::SignInRequired => Self::sign_in_required(),
            AppError::Forbidden => Self::forbidden(),
            AppError::Conflict { code, detail } => Self::conflict(code, detail),
            AppError::Invalid(parts) => Self::invalid(
                parts
                    .into_iter()
                    .map(|p| FieldError { field: Some(p.field), index: None, code: p.code, message: p.message })
                    .collect(),
            ),
            AppError::Refused { status, code, detail } => {
                Self::new(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), code, detail)
            }
            AppError::TooMany { retry_after_s } => Self::too_many(retry_after_s),
            AppError::Unavailable { code, detail } => Self::unavailable(code, detail),
            AppError::Internal(reason) => Self::internal(reason),
        }
    }
}

impl From<accounts::AccountsError> for Problem {
    fn from(error: accounts::AccountsError) -> Self {
        app::AppError::from(error).into()
    }
}

impl From<social::SocialError> for Problem {
    fn from(error: social::SocialError) -> Self {
        app::AppError::from(error).into()
    }
}

impl From<moderation::ModerationError> for Problem {
    fn from(error: moderation::ModerationError) -> Self {
        app::AppError::from(error).into()
    }
}
