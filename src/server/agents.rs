//! The agents of one version of the file, and which of them a request is for.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{FromRequestParts, RawPathParams, State},
    routing::get,
};
use http::request::Parts;
use serde::Serialize;

use super::{ApiError, App, Caller};
use crate::{
    agent::{LocalAgent, OpenError},
    config::agent_file::{AgentSpec, Loaded, ToolEntry},
};

/// The agents, for those who choose one.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/agents", get(list))
}

/// One of them.
#[derive(Serialize)]
struct About {
    name: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    welcome: Option<String>,
}

async fn list(State(app): State<Arc<App>>, _: Caller) -> Json<Vec<About>> {
    let agents = app.agents();
    let about = |name: &str| {
        let spec = agents.spec(name);
        About { name: name.to_owned(), description: spec.description.clone(), welcome: spec.welcome.clone() }
    };
    Json(agents.names().map(about).collect())
}

/// What is served: all agents of a file. Replaced as a whole when the file changes; turns that run keep theirs.
pub struct Agents {
    pub loaded: Arc<Loaded>,
    /// The file's own agent, which the paths without a name lead to.
    pub root: LocalAgent,
    /// By name, the file's own among them.
    named: BTreeMap<String, LocalAgent>,
}

impl Agents {
    /// All agents of the file whose own is `root`.
    ///
    /// # Errors
    /// What one of them lacks.
    pub fn new(loaded: Arc<Loaded>, root: LocalAgent) -> Result<Self, OpenError> {
        let open = |name: String| root.named(&name).map(|agent| (name, agent));
        let named = root.names().into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { loaded, root, named })
    }

    /// The names, the file's own first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let root = self.loaded.file.name.as_str();
        std::iter::once(root).chain(self.named.keys().map(String::as_str).filter(move |name| *name != root))
    }

    /// Whether any of them has a tool that runs in a sandbox.
    #[must_use]
    pub fn need_sandbox(&self) -> bool {
        let file = &self.loaded.file;
        std::iter::once(&file.agent)
            .chain(file.agents.values())
            .flat_map(|agent| &agent.tools)
            .any(|tool| matches!(tool, ToolEntry::Python | ToolEntry::Shell | ToolEntry::Files | ToolEntry::Command(_)))
    }

    /// What the file says of the agent `name`; of its own agent where it has none of that name.
    #[must_use]
    pub fn spec(&self, name: &str) -> &AgentSpec {
        self.loaded.file.agents.get(name).unwrap_or(&self.loaded.file.agent)
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&LocalAgent> {
        self.named.get(name)
    }
}

/// The agent that a request is for: the one in `/agents/{agent}/…`, else the file's own.
#[derive(Clone)]
pub struct Target {
    pub agents: Arc<Agents>,
    pub name: String,
    pub agent: LocalAgent,
}

impl Target {
    /// The file's own agent.
    #[must_use]
    pub fn root(app: &App) -> Self {
        let agents = app.agents();
        Self { name: agents.loaded.file.name.clone(), agent: agents.root.clone(), agents }
    }

    /// The agent called `name`, where a protocol names it in the body; the file's own where `None`.
    ///
    /// # Errors
    /// 404.
    pub fn find(app: &App, name: Option<&str>) -> Result<Self, ApiError> {
        let agents = app.agents();
        let name = name.unwrap_or(&agents.loaded.file.name).to_owned();
        let Some(agent) = agents.get(&name).cloned() else {
            return Err(ApiError::not_found(format!("there is no agent `{name}` here")));
        };
        Ok(Self { agents, name, agent })
    }
}

/// The `{id}` of a path.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state).await.ok();
        let id = params.as_ref().and_then(|params| params.iter().find(|(key, _)| *key == "id"));
        id.map(|(_, id)| Self(id.to_owned())).ok_or_else(|| ApiError::not_found("the path names nothing"))
    }
}

impl FromRequestParts<Arc<App>> for Target {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app).await.ok();
        let name = params.as_ref().and_then(|params| params.iter().find(|(key, _)| *key == "agent"));
        Self::find(app, name.map(|(_, name)| name))
    }
}
