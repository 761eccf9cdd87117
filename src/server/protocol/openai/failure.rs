//! How a turn that failed is told.

use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::{domain::FailureCode, server::ApiError};

/// Official clients ask again by themselves where the status is one of the server's, unless this says no.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The failure of a turn as a refusal.
pub(in crate::server::protocol) fn refusal(code: FailureCode, message: &str, hint: Option<&str>) -> ApiError {
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
    ApiError { retry_after, ..ApiError::new(status, code, message) }
}

/// The answer to a request whose turn failed. Clients are told not to repeat it: the agent may have done half of its
/// work.
pub(in crate::server::protocol) fn failed(error: ApiError) -> Response {
    let again = error.status == StatusCode::TOO_MANY_REQUESTS;
    let mut response = error.into_response();
    if !again {
        response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    response
}
