//! From an agent file to agents that can be served, at the start and again when the file changes.

use std::sync::Arc;

use super::{AppError, Source, secrets};
use crate::{
    agent::{
        self, AgentDeps, AgentOptions, ApproveMode, KeptRules, LocalAgent, ModelOpener, OpenError, QueryHandler,
        Surface,
    },
    config::{
        Env, Keys, Paths, SERVE_TOKEN,
        agent_file::{Loaded, Span, Token},
    },
    model::{self, DefaultModel},
    runtime::http::Http,
    sandbox::{Sandboxes, WorkspaceMode},
    server::Agents,
    store::Stores,
    tool::{
        Tool,
        boxed::{BoxSettings, Boxes},
    },
};

/// What agents are opened from.
pub(super) struct Opener {
    pub(super) source: Source,
    pub(super) profile: Option<String>,
    pub(super) env: Env,
    /// Given to every agent besides those of the file.
    pub(super) tools: Vec<Arc<dyn Tool>>,
    pub(super) query: Option<QueryHandler>,
    /// Whether it is served over HTTP, so that this part of the file counts.
    pub(super) http: bool,
    /// Is told what the log must not show.
    pub(super) hide: Arc<dyn Fn(Vec<String>) + Send + Sync>,
}

/// An agent file that was read.
pub(super) struct Read {
    pub(super) loaded: Loaded,
    pub(super) keys: Keys,
    pub(super) default_model: Option<DefaultModel>,
}

impl Opener {
    /// The file, its keys, and the model that was found where it names none.
    ///
    /// # Errors
    /// Everything that is wrong with the file, or not there.
    pub(super) async fn read(&self, (http, paths): (&Arc<Http>, &Paths)) -> Result<Read, AppError> {
        let keys = self.source.keys(&self.env, paths)?;
        let mut loaded = self.source.read(self.profile.as_deref(), &keys, &self.env)?;
        shorten(&mut loaded);
        let token = self.env.var(SERVE_TOKEN).filter(|_| self.http);
        loaded.file.serve.tokens.extend(token.map(|value| Token {
            name: "deployment".to_owned(),
            value: value.into(),
            user: None,
            admin: false,
        }));
        (self.hide)(secrets::of(&loaded.file, &keys));
        let default_model = match &loaded.file.agent.model {
            None => Some(DefaultModel::find(&keys, paths, http).await?),
            Some(_) => None,
        };
        // Before anything is made of it: a token that is not set would be the text that refers to it.
        let parts: &[&str] = if self.http { &["/storage/", "/serve/", "/telemetry/"] } else { &["/storage/"] };
        let found = default_model.as_ref().map(|found| found.reference.as_str());
        agent::require_all(&loaded, found, parts)?;
        Ok(Read { loaded, keys, default_model })
    }

    /// Opens the agents and starts what they need. To be called within the runtime.
    ///
    /// # Errors
    /// What they lack.
    pub(super) fn open(
        &self,
        read: Read,
        stores: &Stores,
        (http, paths): (&Arc<Http>, &Paths),
    ) -> Result<Agents, OpenError> {
        let Read { loaded, keys, default_model } = read;
        let loaded = Arc::new(loaded);
        let deps = AgentDeps {
            env: self.env.clone(),
            paths: paths.clone(),
            http: Arc::clone(http),
            keys,
            store: Arc::clone(&stores.sessions),
            notes: Arc::clone(&stores.notes),
            models: traced_models(http),
            boxes: self.boxes(&loaded, paths),
            kept: KeptRules::default(),
            tools: self.tools.clone(),
            options: AgentOptions {
                model: None,
                default_model: default_model.map(|found| found.reference),
                workspace: self.env.cwd.join(&loaded.dir),
                context_files: false,
                approve: ApproveMode::Ask,
                surface: Surface::Serve,
                now: jiff::Zoned::now,
            },
        };
        let agents = self.agents(loaded, deps)?;
        agents.root.start();
        Ok(agents)
    }

    fn agents(&self, loaded: Arc<Loaded>, deps: AgentDeps) -> Result<Agents, OpenError> {
        let agent = LocalAgent::open(&loaded, deps)?;
        let agent = match &self.query {
            Some(handler) => agent.answered_by(Arc::clone(handler)),
            None => agent,
        };
        Agents::new(loaded, agent)
    }

    /// The sandboxes: each session works in a folder of its own, empty at first. Makes none yet.
    fn boxes(&self, loaded: &Loaded, paths: &Paths) -> Arc<Boxes> {
        let folder = self.env.cwd.join(&loaded.dir);
        let settings = BoxSettings {
            sandbox: loaded.file.agent.sandbox.clone(),
            folder: folder.clone(),
            mode: WorkspaceMode::None,
            workspace: folder,
            tied: false,
        };
        Boxes::new(Sandboxes::open(&self.env, paths), settings)
    }
}

/// Real models, whose requests are spans.
fn traced_models(http: &Arc<Http>) -> ModelOpener {
    let open = agent::models(Arc::clone(http));
    Arc::new(move |reference, models, keys| Ok(model::traced(open(reference, models, keys)?)))
}

/// No agent takes longer for a turn than the server allows: an agent's own limit ends its turn as every protocol tells it.
fn shorten(loaded: &mut Loaded) {
    let Some(Span(most)) = loaded.file.serve.limits.time else { return };
    let file = &mut loaded.file;
    for agent in std::iter::once(&mut file.agent).chain(file.agents.values_mut()) {
        let time = agent.limits.time.map_or(most, |Span(time)| time);
        agent.limits.time = Some(Span(time.min(most)));
    }
}
