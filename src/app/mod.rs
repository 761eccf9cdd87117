//! The server as a library: an agent file, and what only Rust can add to it.
//!
//! [`AgentApp`] is what `agentscope run` is made of. It adds tools that are closures, routes of axum behind the same
//! guards, hooks at the start and at the end, and a handler that answers in the agent's place; all else stands in the
//! agent file, and is said in `docs/library.md`. This is `examples/agent_app.rs`, which a test builds and runs:
//!
//! ```ignore
#![doc = include_str!("../../examples/agent_app.rs")]
//! ```

mod builder;
mod error;
mod listening;
mod open;
mod reload;
mod routes;
mod secrets;
mod source;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::Router;
use futures_util::future::BoxFuture;

use self::open::Opener;
pub use self::{builder::AgentAppBuilder, error::AppError, listening::Listening, source::Source};
use crate::{
    agent::{AgentRequest, BoxError, text_of},
    config::{Paths, agent_file::Loaded},
    domain::{Content, SessionKey},
    model::DefaultModel,
    runtime::http::Http,
    server::{self, ApiError, App, Asks, Run, Target},
};

/// Where the agent file does not say.
const PORT: u16 = 8090;

/// What is done at the start or at the end.
type Hook = Box<dyn Fn(AgentApp) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// The agents of a file, ready to be served. A clone is another handle to the same; handlers get one as
/// `State<AgentApp>`.
#[derive(Clone)]
pub struct AgentApp {
    inner: Arc<Inner>,
}

struct Inner {
    app: Arc<App>,
    opener: Opener,
    http: Arc<Http>,
    paths: Paths,
    routes: Router<AgentApp>,
    startup: Vec<Hook>,
    shutdown: Vec<Hook>,
    insecure: bool,
    default_model: Option<DefaultModel>,
}

impl AgentApp {
    /// An app to be.
    pub fn builder() -> AgentAppBuilder {
        AgentAppBuilder::new()
    }

    /// Serves where the agent file says, on `127.0.0.1:8090` where it does not. See [`AgentApp::serve`].
    ///
    /// # Errors
    /// As [`AgentApp::listen`].
    pub async fn run(&self) -> Result<(), AppError> {
        self.serve(self.address()).await
    }

    /// Serves until SIGINT, SIGTERM or [`AgentApp::stop`]; a second signal ends the process at once.
    ///
    /// # Errors
    /// As [`AgentApp::listen`].
    pub async fn serve(&self, address: impl Into<SocketAddr>) -> Result<(), AppError> {
        self.listen(address).await?.run().await
    }

    /// Where the agent file wants it to listen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.inner.app.settings(|serve| {
            let host = serve.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            SocketAddr::new(host, serve.port.unwrap_or(PORT))
        })
    }

    /// The agent file as it is now.
    #[must_use]
    pub fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.inner.app.agents().loaded)
    }

    /// The model that was found for a file that names none.
    #[must_use]
    pub fn default_model(&self) -> Option<&DefaultModel> {
        self.inner.default_model.as_ref()
    }

    /// The agent called `name`, the file's own where `None`.
    ///
    /// # Errors
    /// 404.
    pub fn agent(&self, name: Option<&str>) -> Result<Target, ApiError> {
        Target::find(&self.inner.app, name)
    }

    /// Starts a turn as every protocol does, once its session is free: the stream of its events. Dropping it cancels the
    /// turn. What the turn asks is answered by `run.handle().answer(..)`, or, for [`Asks::Nobody`], by the agent file.
    ///
    /// # Errors
    /// 400 where what the request brings cannot be; 409 where the session is busy and the agent file says `reject`; 429
    /// where the user has his share of the turns; 503 where too many turns run, the store fails or the server is about to
    /// end.
    pub async fn start(&self, agent: &Target, request: AgentRequest, asks: Asks) -> Result<Run, ApiError> {
        self.inner.app.runs.start(agent, request, asks).await
    }

    /// Says `text` to the file's own agent in a session of the store, with nobody to ask: what it answers.
    ///
    /// # Errors
    /// As [`AgentApp::start`]; the failure of the turn.
    pub async fn ask(&self, session: SessionKey, text: impl Into<String>) -> Result<String, ApiError> {
        let request = AgentRequest::message(session, vec![Content::text(text)]);
        let run = self.start(&self.agent(None)?, request, Asks::Nobody).await?;
        Ok(text_of(run).await?)
    }

    /// Tells the server to end, as a signal does.
    pub fn stop(&self) {
        self.inner.app.stop();
    }

    /// All routes, for a server of your own; without a listener there are no limits on connections. `ConnectInfo` says who
    /// calls, where that server provides it. Around it belong [`AgentApp::startup`] and [`AgentApp::shutdown`].
    pub fn router(&self) -> Router {
        server::embedded(&self.inner.app, self.routes())
    }

    /// Runs the startup hooks; where one fails, those of the shutdown, so that nothing stays of what was begun.
    ///
    /// # Errors
    /// [`AppError::Startup`]: that of the first that failed.
    pub async fn startup(&self) -> Result<(), AppError> {
        for hook in &self.inner.startup {
            if let Err(error) = hook(self.clone()).await {
                self.ended().await;
                return Err(AppError::Startup(error));
            }
        }
        Ok(())
    }

    /// Starts no more turns, sees those that run to their end, for ten seconds at most, and runs the shutdown hooks.
    pub async fn shutdown(&self) {
        server::end(&self.inner.app).await;
        self.ended().await;
    }

    /// What the server is made of.
    #[must_use]
    pub fn server(&self) -> &Arc<App> {
        &self.inner.app
    }

    fn routes(&self) -> Router<Arc<App>> {
        self.inner.routes.clone().with_state(self.clone())
    }

    async fn ended(&self) {
        for hook in &self.inner.shutdown {
            if let Err(error) = hook(self.clone()).await {
                tracing::error!(error = %error, "a shutdown hook failed");
            }
        }
    }
}
