//! Which agent a request is for: the one in its path, else the one that `model` names.

use axum::extract::{FromRequestParts, RawPathParams};
use http::{HeaderMap, StatusCode, request::Parts};

use crate::{
    domain::SessionId,
    server::{ApiError, App, Target},
};

/// The header that asks for a session.
pub(in crate::server::protocol) const SESSION: &str = "x-session-id";

/// The agent in `/agents/{agent}/…`, where the path has one.
pub(in crate::server::protocol) struct Named(Option<String>);

impl Named {
    /// The agent that is asked: `model` counts only where the path names none.
    ///
    /// # Errors
    /// 404 with OpenAI's own code.
    pub(in crate::server::protocol) fn target(&self, app: &App, model: Option<&str>) -> Result<Target, ApiError> {
        if let Some(name) = &self.0 {
            return Target::find(app, Some(name));
        }
        let model = model.filter(|model| !model.is_empty());
        Target::find(app, model).map_err(|error| match model {
            Some(model) => {
                let names: Vec<_> = app.agents().names().map(|name| format!("`{name}`")).collect();
                let message =
                    format!("the model `{model}` does not exist here: name one of the agents, {}", names.join(", "));
                ApiError::new(StatusCode::NOT_FOUND, "model_not_found", message)
            }
            None => error,
        })
    }

    /// The agents that a caller of this path sees.
    pub(in crate::server::protocol) fn names(&self, app: &App) -> Result<Vec<String>, ApiError> {
        match &self.0 {
            Some(name) => Ok(vec![Target::find(app, Some(name))?.name]),
            None => Ok(app.agents().names().map(str::to_owned).collect()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state).await.ok();
        let name = params.as_ref().and_then(|params| params.iter().find(|(key, _)| *key == "agent"));
        Ok(Self(name.map(|(_, name)| name.to_owned())))
    }
}

/// The session that the server is to keep the conversation in, where the caller wants that.
///
/// # Errors
/// 400 for what is no id.
pub(in crate::server::protocol) fn session(headers: &HeaderMap) -> Result<Option<SessionId>, ApiError> {
    let Some(value) = headers.get(SESSION) else { return Ok(None) };
    let id = value.to_str().ok().map(SessionId::parse).transpose();
    let id = id.map_err(|error| ApiError::invalid(format!("`X-Session-Id`: {error}")))?;
    id.map(Some).ok_or_else(|| ApiError::invalid("`X-Session-Id`: its characters are those of ASCII"))
}
