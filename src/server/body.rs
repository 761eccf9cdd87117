//! JSON bodies, refused in one way.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::BytesRejection},
};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use super::ApiError;

/// Most values in a body: each takes a hundred bytes and more once it is parsed, be it one byte long.
const VALUES: usize = 250_000;

/// A JSON object as the body, whatever its content type says. 400 where it is none, 413 where it is too long, 422 where
/// it is not what is wanted.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|error| unread(&error))?;
        // For a struct serde takes a list as well: the values of its fields, in an order that is nobody's business.
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(misfit("it is a list, and an object is wanted"));
        }
        parse(&bytes).map(Self)
    }
}

/// The same request, its body read and counted, for handlers that parse it by themselves.
///
/// # Errors
/// 413 for a body that is too long or holds too many values; 400 for one that cannot be read.
pub(super) async fn counted(request: Request) -> Result<Request, ApiError> {
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts.clone(), body);
    let bytes = Bytes::from_request(request, &()).await.map_err(|error| unread(&error))?;
    check_values(&bytes)?;
    Ok(Request::from_parts(parts, bytes.into()))
}

fn unread(error: &BytesRejection) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::body_too_large()
    } else {
        ApiError::invalid("the body could not be read")
    }
}

/// What stands behind the `?` of a path. 400 where it does not fit.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let params = Query::try_from_uri(&parts.uri);
        params.map(|Query(params)| Self(params)).map_err(|error| ApiError::invalid(error.body_text()))
    }
}

/// Parses a body of JSON.
///
/// # Errors
/// 400 for what is no JSON, 413 for what holds too many values, 422 for JSON of another shape.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    check_values(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => misfit(error),
        _ => ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", format!("the body is no JSON: {error}")),
    })
}

fn misfit(why: impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", format!("the body does not fit: {why}"))
}

/// # Errors
/// 413 for a body that holds too many values.
pub(super) fn check_values(bytes: &[u8]) -> Result<(), ApiError> {
    let (mut count, mut quoted, mut escaped) = (1, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' | b'[' | b'{' if !quoted => count += 1,
            _ => {}
        }
    }
    if count <= VALUES {
        return Ok(());
    }
    let message = format!("the body holds more than {VALUES} values");
    Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_text_is_not() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count));
        assert!(check_values(list(VALUES - 2).as_bytes()).is_ok());
        assert_eq!(check_values(list(VALUES).as_bytes()).unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
        let text = serde_json::json!([r#"a\",{["#.repeat(VALUES)]).to_string();
        assert!(check_values(text.as_bytes()).is_ok());
    }
}
