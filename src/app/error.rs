//! Why an app cannot be built, or cannot serve.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
};

use crate::{
    agent::{BoxError, OpenError, chain},
    config::{KeysError, SettingsError, agent_file::Diagnostics},
    store::StoreError,
};

/// What keeps an app from serving. As `Debug` it is a text for people, so that `main` may return it.
#[derive(thiserror::Error)]
pub enum AppError {
    /// Everything that is wrong with the agent file, or that it is not there.
    #[error("{0}")]
    File(#[from] Diagnostics),
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The user's own settings, which are read where the agent file names no model.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the tool `{name}` cannot be added: {why}")]
    Tool { name: String, why: &'static str },
    #[error("the route `{path}` cannot be added: {why}")]
    Route { path: String, why: String },
    /// See [`AgentAppBuilder::insecure`](super::AgentAppBuilder::insecure).
    #[error("without a token, everybody who reaches {0} could use this agent")]
    Exposed(IpAddr),
    #[error("`*` in `serve.cors` would let every web page use what listens on {0}")]
    OpenToPages(IpAddr),
    #[error("could not listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("could not listen for signals")]
    Signals(#[source] io::Error),
    #[error("a startup hook failed: {0}")]
    Startup(#[source] BoxError),
}

impl fmt::Debug for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", chain(self).trim_end())
    }
}
