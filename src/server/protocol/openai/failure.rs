//! How a turn that failed is told.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::server::ApiError;

/// Official clients ask again by themselves where the status is one of the server's, unless this says no.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

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
