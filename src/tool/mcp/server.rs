//! A server of the agent file: idle, starting, ready, restarting or failed; and its tools.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Connection, Running},
    failure::Failure,
    handler::Handler,
};
use crate::{
    config::agent_file::McpServer,
    domain::{Effect, ToolSpec},
    tool::{Tool, ToolCx, ToolDeps, ToolError, ToolResult, cap},
};

/// Of the start and of every call, where the file says nothing.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);
/// How often in a row a server is started before it counts as failed for good.
const MOST_FAILURES: u32 = 5;
/// A connection that held this long counts as a success.
const STEADY: Duration = Duration::from_secs(30);
/// Longest description of a tool that a model is sent.
const LONGEST_DESCRIPTION: usize = 4 * 1024;

/// A server of the agent file. Dropping it ends the server.
pub struct Server {
    shared: Arc<Shared>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    name: String,
    config: McpServer,
    deps: ToolDeps,
    state: watch::Sender<State>,
    started: AtomicBool,
    stop: CancellationToken,
}

/// What a server offers at the moment.
#[derive(Clone)]
pub struct Offer {
    pub tools: Arc<[Arc<dyn Tool>]>,
    /// Why there are no tools, or why there will be none for a moment. Counts up with every failure.
    pub failure: Option<(u64, Failure)>,
    /// Names under `tools` of the file that the server does not have.
    pub unknown: Vec<String>,
}

#[derive(Clone)]
struct State {
    phase: Phase,
    offer: Offer,
}

#[derive(Clone)]
enum Phase {
    /// Neither started nor failed yet.
    Starting,
    Ready(Arc<Connection>),
    /// Was ready and will be again, or so we hope.
    Restarting,
    Failed,
}

impl Server {
    /// Starts nothing.
    #[must_use]
    pub fn new(name: &str, config: McpServer, deps: ToolDeps) -> Self {
        let offer = Offer { tools: Arc::new([]), failure: None, unknown: vec![] };
        let shared = Shared {
            name: name.to_owned(),
            config,
            deps,
            state: watch::Sender::new(State { phase: Phase::Starting, offer }),
            started: AtomicBool::new(false),
            stop: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared), supervisor: Mutex::new(None) }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    #[must_use]
    pub fn config(&self) -> &McpServer {
        &self.shared.config
    }

    /// Begins to connect in the background, once. Must be called within the runtime.
    pub fn start(&self) {
        if !self.shared.started.swap(true, Ordering::SeqCst) {
            let task = tokio::spawn(supervise(Arc::clone(&self.shared)));
            *self.supervisor.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        }
    }

    /// What it offers, after waiting for a first start or its failure.
    pub async fn offer(&self) -> Offer {
        self.start();
        let mut state = self.shared.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state.phase, Phase::Starting)).await;
        settled.map_or_else(|_| self.shared.state.borrow().offer.clone(), |state| state.offer.clone())
    }

    /// Whether it can be called now. Waits for nothing.
    ///
    /// # Errors
    /// Why not.
    pub fn standing(&self) -> Result<(), String> {
        let state = self.shared.state.borrow();
        match (&state.phase, &state.offer.failure) {
            (Phase::Ready(_), _) => Ok(()),
            (Phase::Restarting | Phase::Failed, Some((_, failure))) => Err(failure.to_string()),
            (Phase::Starting | Phase::Restarting | Phase::Failed, _) => Err("it has not started yet".to_owned()),
        }
    }

    /// What a login would be for that may help, after it failed or a call did: what the server said (its
    /// `WWW-Authenticate`), empty where it said nothing.
    #[must_use]
    pub fn challenge(&self) -> Option<Box<str>> {
        let state = self.shared.state.borrow();
        match &state.phase {
            Phase::Ready(connection) => connection.challenge(),
            Phase::Starting | Phase::Restarting | Phase::Failed => {
                state.offer.failure.as_ref().and_then(|(_, failure)| failure.challenge.clone())
            }
        }
    }

    /// Waits until it offers `count` tools.
    #[cfg(test)]
    pub(super) async fn offering(&self, count: usize) {
        let mut state = self.shared.state.subscribe();
        let _ = state.wait_for(|state| state.offer.tools.len() == count).await;
    }

    /// Ends the server and waits until it is gone.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        let task = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // A supervisor that panicked has dropped its process, which ends it.
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        // The tools know the server: kept here, they would keep it alive.
        self.shared.publish(Phase::Failed, |offer| offer.tools = Arc::new([]));
    }
}

impl Shared {
    fn timeout(&self) -> Duration {
        self.config.timeout.map_or(DEFAULT_TIMEOUT, |span| span.0)
    }

    /// The connection, after waiting for a server that is being restarted: the model need not know.
    async fn connection(&self) -> Result<Arc<Connection>, ToolError> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| matches!(state.phase, Phase::Ready(_) | Phase::Failed)).await;
        let Ok(state) = settled else { return Err(ToolError::Canceled) };
        match &state.phase {
            Phase::Ready(connection) => Ok(Arc::clone(connection)),
            Phase::Starting | Phase::Restarting | Phase::Failed => {
                let why = state.offer.failure.as_ref().map(|(_, failure)| format!(": {failure}")).unwrap_or_default();
                Err(ToolError::Failed(format!("the MCP server `{}` is not running{why}", self.name)))
            }
        }
    }

    fn publish(&self, phase: Phase, change: impl FnOnce(&mut Offer)) {
        self.state.send_modify(|state| {
            state.phase = phase;
            change(&mut state.offer);
        });
    }

    fn fail(&self, phase: Phase, failure: Failure) {
        self.publish(phase, |offer| {
            let count = offer.failure.as_ref().map_or(1, |(count, _)| count + 1);
            offer.failure = Some((count, failure));
        });
    }

    async fn connect(&self, handler: Handler) -> Result<(Arc<Connection>, Running, Vec<rmcp::model::Tool>), Failure> {
        let limit = self.timeout();
        let (connection, running) = Connection::open(&self.name, &self.config, &self.deps, handler, limit).await?;
        let tools = connection.tools(limit).await?;
        Ok((Arc::new(connection), running, tools))
    }

    fn offer_tools(self: &Arc<Self>, connection: &Arc<Connection>, tools: Vec<rmcp::model::Tool>) {
        let wanted = self.config.tools.as_deref();
        let unknown = wanted
            .unwrap_or_default()
            .iter()
            .filter(|name| !tools.iter().any(|tool| tool.name == **name))
            .cloned()
            .collect();
        let tools = tools
            .into_iter()
            .filter(|tool| wanted.is_none_or(|names| names.iter().any(|name| *name == tool.name)))
            .map(|tool| Arc::new(McpTool::new(Arc::clone(self), &tool)) as Arc<dyn Tool>)
            .collect();
        self.publish(Phase::Ready(Arc::clone(connection)), |offer| {
            // The count stays, so that a failure after this one is told as a new one.
            offer.tools = tools;
            offer.unknown = unknown;
        });
    }
}

/// Keeps the server running until it is told to stop or there is no hope.
async fn supervise(shared: Arc<Shared>) {
    let mut failures = 0;
    let mut was_ready = false;
    loop {
        let handler =
            Handler { server: shared.name.as_str().into(), calls: Default::default(), changed: Arc::default() };
        let changed = Arc::clone(&handler.changed);
        let connected = tokio::select! {
            connected = shared.connect(handler) => connected,
            () = shared.stop.cancelled() => return,
        };
        let failure = match connected {
            Ok((connection, running, tools)) => {
                was_ready = true;
                let since = Instant::now();
                shared.offer_tools(&connection, tools);
                let Some(failure) = attend(&shared, &connection, running, &changed).await else { return };
                if since.elapsed() > STEADY {
                    failures = 0;
                }
                failure
            }
            Err(failure) => failure,
        };
        failures += 1;
        if failures >= MOST_FAILURES || failure.retry == super::failure::Retry::Useless {
            shared.fail(Phase::Failed, failure);
            shared.publish(Phase::Failed, |offer| offer.tools = Arc::new([]));
            return;
        }
        let phase = if was_ready { Phase::Restarting } else { Phase::Failed };
        shared.fail(phase, failure);
        tokio::select! {
            () = tokio::time::sleep(backoff(failures)) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

/// Follows a connection until it ends; `None` if that was our wish.
async fn attend(
    shared: &Arc<Shared>,
    connection: &Arc<Connection>,
    running: Running,
    changed: &Notify,
) -> Option<Failure> {
    let stopper = running.stopper();
    let mut ended = std::pin::pin!(running.ended());
    loop {
        tokio::select! {
            failure = &mut ended => return Some(failure),
            () = changed.notified() => {
                tokio::select! {
                    // A server that cannot list keeps the tools it had; if it is dying, `ended` will tell.
                    tools = connection.tools(shared.timeout()) => {
                        if let Ok(tools) = tools {
                            shared.offer_tools(connection, tools);
                        }
                    }
                    failure = &mut ended => return Some(failure),
                }
            }
            () = shared.stop.cancelled() => {
                stopper.stop();
                tokio::join!(ended, stopper.gone());
                return None;
            }
        }
    }
}

/// 250 ms, 500 ms, 1 s, 2 s, …
fn backoff(failures: u32) -> Duration {
    Duration::from_millis(250) * 2_u32.saturating_pow(failures.saturating_sub(1).min(6))
}

/// A tool of a server.
struct McpTool {
    shared: Arc<Shared>,
    /// The server's own name for it.
    name: String,
    spec: ToolSpec,
}

impl McpTool {
    fn new(shared: Arc<Shared>, tool: &rmcp::model::Tool) -> Self {
        let mut parameters = Value::Object((*tool.input_schema).clone());
        if parameters["type"] != "object" {
            parameters = json!({ "type": "object" });
        }
        let annotations = tool.annotations.as_ref();
        let reads = annotations.and_then(|hints| hints.read_only_hint).unwrap_or_default();
        let title = tool.title.as_deref().or(annotations.and_then(|hints| hints.title.as_deref()));
        let description = tool.description.as_deref().or(title).unwrap_or(&tool.name);
        let spec = ToolSpec {
            name: tool.name.to_string(),
            description: cap::short(description, LONGEST_DESCRIPTION),
            parameters,
            effect: if reads { Effect::Reads } else { Effect::Writes },
            rule_name: Some(format!("mcp.{}.{}", shared.name, tool.name)),
        };
        Self { name: tool.name.to_string(), spec, shared }
    }
}

#[async_trait]
impl Tool for McpTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let limit = self.shared.timeout();
        let connection = tokio::select! {
            connection = tokio::time::timeout(limit, self.shared.connection()) => {
                connection.map_err(|_| ToolError::Timeout(limit))??
            }
            () = cx.cancel.cancelled() => return Err(ToolError::Canceled),
        };
        connection.call(&self.name, arguments, limit, cx).await
    }
}
