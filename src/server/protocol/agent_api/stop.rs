//! `POST /stop`: ends the turn of a session.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::{
    domain::{SessionId, SessionKey},
    server::{ApiError, App, Caller, Json},
};

/// As in a request of `/process`, whose other keys may be there.
#[derive(Debug, Deserialize)]
pub(super) struct Stop {
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
}

/// 202 where the turn was told, 404 where none runs.
pub(super) async fn stop(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Stop>,
) -> Result<Response, ApiError> {
    let session = body.session_id.as_deref().unwrap_or_default();
    let session = SessionId::parse(session).map_err(|error| ApiError::invalid(format!("`session_id`: {error}")))?;
    let key = SessionKey { user: caller.user(body.user_id.as_deref())?, session };
    if !app.runs.stop(&key).await? {
        return Err(ApiError::not_found(format!("session `{}` runs no turn", key.session)));
    }
    let body = json!({ "status": "success", "message": "Interrupt signal broadcasted." });
    Ok((StatusCode::ACCEPTED, axum::Json(body)).into_response())
}
