//! From an agent file to agents that can be served, at the start and again when the file changes.

use std::sync::Arc;

use super::{
    super::{CliError, Cx, boxes, default_model, source::AgentSource},
    secrets,
};
use crate::{
    agent::{self, AgentDeps, AgentOptions, ApproveMode, KeptRules, LocalAgent, ModelOpener, Surface},
    config::{
        Keys,
        agent_file::{Loaded, Span},
    },
    model,
    server::Agents,
    store::Stores,
    ui::log,
};

/// What agents are opened from.
pub(in crate::cli) struct Opener<'a> {
    pub(in crate::cli) source: AgentSource,
    pub(in crate::cli) profile: Option<String>,
    /// What the log must not show.
    pub(in crate::cli) hidden: log::Secrets,
    pub(in crate::cli) cx: &'a Cx,
}

impl Opener<'_> {
    /// # Errors
    /// Everything that is wrong with the file.
    pub(in crate::cli) fn read(&self) -> Result<(Loaded, Keys), CliError> {
        let (mut loaded, keys) = self.source.load(self.profile.as_deref(), self.cx)?;
        shorten(&mut loaded);
        self.hidden.add(secrets::of(&loaded.file, &keys));
        Ok((loaded, keys))
    }

    /// Opens the agents and starts what they need.
    ///
    /// # Errors
    /// What they lack.
    pub(in crate::cli) async fn open(&self, loaded: Loaded, keys: Keys, stores: &Stores) -> Result<Agents, CliError> {
        let (loaded, cx) = (Arc::new(loaded), self.cx);
        let default_model = match &loaded.file.agent.model {
            None => Some(default_model::said(&keys, cx).await?),
            Some(_) => None,
        };
        let deps = AgentDeps {
            env: cx.env.clone(),
            paths: cx.paths.clone(),
            http: Arc::clone(&cx.http),
            keys,
            store: Arc::clone(&stores.sessions),
            notes: Arc::clone(&stores.notes),
            models: traced_models(cx),
            boxes: boxes::of_server(&loaded, cx),
            kept: KeptRules::default(),
            tools: vec![],
            options: AgentOptions {
                model: None,
                default_model,
                workspace: cx.env.cwd.join(&loaded.dir),
                context_files: false,
                approve: ApproveMode::Ask,
                surface: Surface::Serve,
                now: jiff::Zoned::now,
            },
        };
        let agent = LocalAgent::open(&loaded, deps)?;
        agent.start();
        Ok(Agents::new(loaded, agent)?)
    }
}

/// Real models, whose requests are spans.
fn traced_models(cx: &Cx) -> ModelOpener {
    let open = agent::models(Arc::clone(&cx.http));
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
