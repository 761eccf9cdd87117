//! What all handlers share.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Agents, Runs, protocol::McpSessions};
use crate::{
    config::agent_file::{Serve, Token},
    store::Stores,
};

/// The state of a server. Handlers get it as `State<Arc<App>>`.
pub struct App {
    agents: ArcSwap<Agents>,
    pub stores: Stores,
    pub runs: Runs,
    pub mcp: McpSessions,
}

impl App {
    #[must_use]
    pub fn new(agents: Agents, stores: Stores) -> Arc<Self> {
        let runs = Runs::new(&agents.loaded.file.serve);
        Arc::new(Self { agents: ArcSwap::from_pointee(agents), stores, runs, mcp: McpSessions::default() })
    }

    /// The agents as they are now. To be asked once a request, so that a change of the file does not divide it.
    #[must_use]
    pub fn agents(&self) -> Arc<Agents> {
        self.agents.load_full()
    }

    /// How the agent file wants to be served.
    pub fn settings<T>(&self, read: impl FnOnce(&Serve) -> T) -> T {
        read(&self.agents.load().loaded.file.serve)
    }

    pub(super) fn tokens(&self) -> Vec<Token> {
        self.settings(|serve| serve.tokens.clone())
    }
}
