//! Refusals of the SDK, which are plain text, in the form that every other refusal of this server has.

use axum::{
    body::to_bytes,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};

use crate::server::ApiError;

/// Longest text that is passed on, in bytes.
const MOST: usize = 4096;

pub(super) async fn in_json(response: Response) -> Response {
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    // What the protocol itself refuses has a JSON-RPC error as its body.
    if !refused || response.headers().contains_key(header::CONTENT_TYPE) {
        return response;
    }
    let (head, body) = response.into_parts();
    let text = to_bytes(body, MOST).await.unwrap_or_default();
    let mut told = ApiError::new(status, code(status), String::from_utf8_lossy(&text)).into_response();
    if let Some(methods) = head.headers.get(header::ALLOW) {
        told.headers_mut().insert(header::ALLOW, methods.clone());
    }
    told
}

fn code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "not_found",
        405 => "method_not_allowed",
        406 => "not_acceptable",
        415 => "invalid_body",
        400..=499 => "invalid_request",
        _ => "internal_error",
    }
}
