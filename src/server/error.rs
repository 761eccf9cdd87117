//! What a caller is told when there is no answer.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::{agent::Unanswered, domain::FailureCode, store::StoreError};

/// A refusal before an answer began: a status, a code for programs, a sentence for people.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    pub status: StatusCode,
    /// Such as `not_found`; never changes.
    pub code: &'static str,
    pub message: String,
    /// When it is worth asking again.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// 400: the request cannot be understood, or asks for what is not offered.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// 404, also for what belongs to somebody else.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 405.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path is not asked in this way")
    }

    /// 413.
    #[must_use]
    pub fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body is longer than `serve.limits.body` allows")
    }

    /// 409: a turn of the session runs.
    #[must_use]
    pub fn busy(session: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, "session_busy", format!("session `{session}` is running another turn"))
    }

    /// 500: our fault, or the machine's.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    /// 503: not now.
    #[must_use]
    pub fn unavailable(code: &'static str, message: impl Into<String>, retry_after: Duration) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
        Self { retry_after: Some(retry_after), ..error }
    }

    /// 429: not so much, and not now.
    #[must_use]
    pub fn too_many(code: &'static str, message: impl Into<String>, retry_after: Duration) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, code, message);
        Self { retry_after: Some(retry_after), ..error }
    }

    /// The failure of a turn, for those who are answered when it is over.
    #[must_use]
    pub fn of_turn(code: FailureCode, message: &str, hint: Option<&str>) -> Self {
        let message = match hint {
            Some(hint) => format!("{message}: {hint}"),
            None => message.to_owned(),
        };
        let (status, code) = match code {
            FailureCode::Input => (StatusCode::BAD_REQUEST, "invalid_request"),
            FailureCode::ContextFull => (StatusCode::BAD_REQUEST, "context_length_exceeded"),
            FailureCode::Busy => (StatusCode::CONFLICT, "session_busy"),
            FailureCode::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded"),
            FailureCode::Auth => (StatusCode::BAD_GATEWAY, "model_auth"),
            FailureCode::Model => (StatusCode::BAD_GATEWAY, "model_error"),
            FailureCode::Remote => (StatusCode::BAD_GATEWAY, "remote_error"),
            FailureCode::Offline => (StatusCode::SERVICE_UNAVAILABLE, "offline"),
            FailureCode::Store => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
            FailureCode::Tools => (StatusCode::SERVICE_UNAVAILABLE, "tools_unavailable"),
            FailureCode::StepLimit => (StatusCode::INTERNAL_SERVER_ERROR, "step_limit"),
            FailureCode::TimeLimit => (StatusCode::INTERNAL_SERVER_ERROR, "time_limit"),
            FailureCode::TokenLimit => (StatusCode::INTERNAL_SERVER_ERROR, "token_limit"),
            FailureCode::CostLimit => (StatusCode::INTERNAL_SERVER_ERROR, "cost_limit"),
            FailureCode::Loop => (StatusCode::INTERNAL_SERVER_ERROR, "loop"),
            FailureCode::Output => (StatusCode::INTERNAL_SERVER_ERROR, "output"),
            FailureCode::Hook => (StatusCode::INTERNAL_SERVER_ERROR, "hook"),
            FailureCode::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        };
        let retry_after = (status == StatusCode::TOO_MANY_REQUESTS).then_some(Duration::from_secs(1));
        Self { retry_after, ..Self::new(status, code, message) }
    }

    /// What OpenAI's clients know errors of this status by.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            409 => "conflict_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound(_) | StoreError::NoTask(_) => Self::not_found(error.to_string()),
            StoreError::Busy(session) => Self::busy(session),
            StoreError::Exists(_) => Self::new(StatusCode::CONFLICT, "exists", error.to_string()),
            _ => Self::unavailable("store_unavailable", error.to_string(), Duration::from_secs(1)),
        }
    }
}

impl From<Unanswered> for ApiError {
    fn from(error: Unanswered) -> Self {
        match error.code {
            Some(code) => Self::of_turn(code, &error.message, None),
            None => Self::new(StatusCode::CONFLICT, "unanswered", error.message),
        }
    }
}

impl IntoResponse for ApiError {
    /// Shaped so that the clients of every protocol find what they look for: `error.message` (OpenAI), `code` and
    /// `message` (the web page of the Python runtime).
    fn into_response(self) -> Response {
        let body = json!({
            "error": { "message": self.message, "type": self.kind(), "param": null, "code": self.code },
            "code": self.code,
            "message": self.message,
        });
        let mut response = (self.status, Json(body)).into_response();
        let seconds = self.retry_after.map(|after| after.as_secs().max(1));
        if let Some(value) = seconds.and_then(|seconds| HeaderValue::from_str(&seconds.to_string()).ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}
