//! Sessions over HTTP: a user's list, read, rename, export, delete one or all.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::{ApiError, App, Caller, Id, Json, Params};
use crate::{
    domain::{SessionId, SessionKey},
    store::{Export, SessionInfo, StoreError},
};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/sessions", get(list).delete(remove_all))
        .route("/sessions/{id}", get(read).patch(rename).delete(remove))
        .route("/sessions/{id}/export", get(export))
        .route("/sessions/{id}/usage", get(usage))
}

/// Whose sessions, for callers that may act for any user.
#[derive(Deserialize)]
struct Of {
    user_id: Option<String>,
    /// Of this agent only.
    agent: Option<String>,
}

async fn list(State(app): State<Arc<App>>, caller: Caller, Params(of): Params<Of>) -> Result<Response, ApiError> {
    let mut sessions = app.stores.sessions.sessions(Some(&caller.user(of.user_id.as_deref())?)).await?;
    sessions.retain(|session| of.agent.as_ref().is_none_or(|agent| session.agent == *agent));
    Ok(axum::Json(sessions).into_response())
}

fn key(caller: &Caller, of: &Of, id: String) -> Result<SessionKey, ApiError> {
    Ok(SessionKey { user: caller.user(of.user_id.as_deref())?, session: SessionId::from(id) })
}

async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(of): Params<Of>,
    Id(id): Id,
) -> Result<Response, ApiError> {
    Ok(axum::Json(Export::read(&*app.stores.sessions, &key(&caller, &of, id)?).await?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    title: String,
}

async fn rename(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(of): Params<Of>,
    Id(id): Id,
    Json(body): Json<Rename>,
) -> Result<Response, ApiError> {
    let title = body.title.trim();
    if title.is_empty() {
        return Err(ApiError::invalid("`title` is empty"));
    }
    let key = key(&caller, &of, id)?;
    app.stores.sessions.rename(&key, title).await?;
    Ok(axum::Json(app.stores.sessions.info(&key).await?).into_response())
}

#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Md,
}

async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(of): Params<Of>,
    Params(form): Params<Form>,
    Id(id): Id,
) -> Result<Response, ApiError> {
    let export = Export::read(&*app.stores.sessions, &key(&caller, &of, id)?).await?;
    let mut response = match form.format {
        Format::Json => axum::Json(&export).into_response(),
        Format::Md => ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], export.markdown()).into_response(),
    };
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}

async fn usage(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(of): Params<Of>,
    Id(id): Id,
) -> Result<Response, ApiError> {
    let key = key(&caller, &of, id)?;
    // One that is not there is told apart from one that has used nothing.
    app.stores.sessions.info(&key).await?;
    Ok(axum::Json(app.stores.sessions.usage(&key).await?).into_response())
}

/// Removes a session and all that is kept of it: messages, state, its tasks with their events and results, the responses
/// that were kept, recordings, what the user allowed in it, its sandboxes. Notes are not a session's, but its user's.
async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(of): Params<Of>,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    let key = key(&caller, &of, id)?;
    let sessions = &app.stores.sessions;
    // A turn that waits for an answer would hold the session until it no longer does.
    app.runs.decline_recorded(&key).await;
    sessions.remove(&key).await?;
    if app.tasks.forget(|of| *of == key).await? > 0 {
        // One may have begun meanwhile.
        match sessions.remove(&key).await {
            Ok(()) | Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    app.runs.forget(|of| *of == key);
    forget(&app, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes all that is kept of a user: his sessions as [`remove`] does, tasks without one, and the notes that agents
/// took about him.
async fn remove_all(State(app): State<Arc<App>>, caller: Caller, Params(of): Params<Of>) -> Result<Response, ApiError> {
    let user = caller.user(of.user_id.as_deref())?;
    if of.agent.is_some() {
        return Err(ApiError::invalid("`agent` cannot choose among what is deleted: all sessions of a user are"));
    }
    let mut sessions = app.stores.sessions.sessions(Some(&user)).await?;
    let key = |session: &SessionInfo| SessionKey { user: user.clone(), session: session.id.clone() };
    for session in &sessions {
        app.runs.decline_recorded(&key(session)).await;
    }
    let removed = app.stores.sessions.remove_user(&user).await?;
    if app.tasks.forget(|of| of.user == user).await? > 0 {
        sessions.extend(app.stores.sessions.sessions(Some(&user)).await?);
        app.stores.sessions.remove_user(&user).await?;
    }
    app.runs.forget(|of| of.user == user);
    let notes = app.stores.notes.forget_user(&user).await?;
    for session in &sessions {
        forget(&app, &key(session)).await?;
    }
    Ok(axum::Json(json!({ "removed": removed, "notes": notes })).into_response())
}

/// Lets go of what is bound to a session besides what is kept of it.
async fn forget(app: &App, key: &SessionKey) -> Result<(), ApiError> {
    app.agents().root.forget(key).await.map_err(|error| {
        ApiError::internal(format!("the session is deleted, and what its programs left could not be: {error}"))
    })
}
