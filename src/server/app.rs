//! What all handlers share.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::{ArcSwap, Guard};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Agents, Runs, Tasks, bodies::Bodies, edge::Edge, health::Probed, limits::Limits, metrics::Metrics,
    protocol::McpSessions,
};
use crate::{
    config::agent_file::{Serve, Token},
    store::Stores,
};

/// The state of a server. Handlers get it as `State<Arc<App>>`.
pub struct App {
    agents: ArcSwap<Agents>,
    edge: ArcSwap<Edge>,
    pub stores: Stores,
    pub runs: Runs,
    pub tasks: Tasks,
    /// Whether browsers get the page.
    pub(super) page: bool,
    pub mcp: McpSessions,
    pub(super) limits: Limits,
    pub(super) bodies: Arc<Bodies>,
    pub(super) probed: Probed,
    bound: OnceLock<IpAddr>,
    stop: CancellationToken,
    /// Another has its place: who asks is to ask there from then on.
    leaving: AtomicBool,
    /// Agents of versions of the file before, whose turns are not over.
    old: TaskTracker,
}

impl App {
    #[must_use]
    pub fn new(agents: Agents, stores: Stores, page: bool) -> Arc<Self> {
        let serve = &agents.loaded.file.serve;
        let runs = Runs::new(serve, Arc::clone(&stores.interrupts));
        Arc::new(Self {
            edge: ArcSwap::from_pointee(Edge::new(serve)),
            tasks: Tasks::new(runs.clone(), &stores),
            runs,
            limits: Limits::new(serve),
            bodies: Arc::default(),
            agents: ArcSwap::from_pointee(agents),
            stores,
            page,
            mcp: McpSessions::default(),
            probed: Probed::default(),
            bound: OnceLock::new(),
            stop: CancellationToken::new(),
            leaving: AtomicBool::new(false),
            old: TaskTracker::new(),
        })
    }

    /// The agents as they are now. To be asked once a request, so that a change of the file does not divide it.
    #[must_use]
    pub fn agents(&self) -> Arc<Agents> {
        self.agents.load_full()
    }

    /// Serves another version of the file from now on. Turns that run go on with theirs, whose agents then end.
    pub fn replace(&self, agents: Agents) {
        let serve = &agents.loaded.file.serve;
        self.edge.store(Arc::new(Edge::new(serve)));
        self.runs.adopt(serve);
        self.limits.adopt(serve);
        let old = self.agents.swap(Arc::new(agents));
        self.old.spawn(async move { old.root.drained().await });
    }

    /// How the agent file wants to be served.
    pub fn settings<T>(&self, read: impl FnOnce(&Serve) -> T) -> T {
        read(&self.agents.load().loaded.file.serve)
    }

    pub(super) fn tokens(&self) -> Vec<Token> {
        self.settings(|serve| serve.tokens.clone())
    }

    pub(super) fn edge(&self) -> Guard<Arc<Edge>> {
        self.edge.load()
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        self.runs.metrics()
    }

    /// Where it listens.
    pub(super) fn bind(&self, address: IpAddr) {
        // Nobody binds twice.
        let _ = self.bound.set(address);
    }

    pub(crate) fn bound(&self) -> IpAddr {
        self.bound.get().copied().unwrap_or(Ipv4Addr::LOCALHOST.into())
    }

    /// Tells the server to end, as a signal does.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until it is told to end.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// From now on every answer closes its connection, so that callers are elsewhere when the server ends.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits until the turns of every version of the file are over and saved.
    pub(super) async fn drained(&self) {
        self.agents().root.drained().await;
        self.old.close();
        self.old.wait().await;
    }
}
