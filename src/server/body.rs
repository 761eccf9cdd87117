//! JSON bodies, refused in one way.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::BytesRejection},
};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use super::ApiError;

/// A JSON object as the body, whatever its content type says. 400 where it is none, 413 where it is too long, 422 where it is not
/// what is wanted.
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
/// 400 for what is no JSON, 422 for JSON of another shape.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => misfit(error),
        _ => ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", format!("the body is no JSON: {error}")),
    })
}

fn misfit(why: impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", format!("the body does not fit: {why}"))
}
