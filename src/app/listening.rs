//! An app that listens.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, sync::mpsc};

use super::{AgentApp, AppError};
use crate::{
    config::{LINGER, agent_file::Serve},
    runtime::{
        shutdown::Signals,
        telemetry::{self, Traces},
    },
    server::{self, Move},
};

/// An app whose address callers can reach; [`Listening::until`] answers them.
#[must_use = "nobody is answered before `until`"]
pub struct Listening {
    app: AgentApp,
    listener: TcpListener,
    moves: mpsc::Receiver<Move>,
    address: SocketAddr,
    traces: Option<Traces>,
}

impl AgentApp {
    /// Runs the startup hooks, then takes the address; port 0 is any that is free.
    ///
    /// # Errors
    /// An address beyond this machine for a file without tokens, or one that cannot be had; a hook that failed.
    pub async fn listen(&self, address: impl Into<SocketAddr>) -> Result<Listening, AppError> {
        let address = address.into();
        self.inner.app.settings(|serve| self.permit(address.ip(), serve))?;
        self.startup().await?;
        let listener = match server::bind(address).await {
            Ok(listener) => listener,
            Err(source) => {
                self.ended().await;
                return Err(AppError::Listen { address, source });
            }
        };
        let address = listener.local_addr().unwrap_or(address);
        // Nobody moves it.
        let (_, moves) = mpsc::channel(1);
        Ok(Listening { traces: self.traces(), app: self.clone(), listener, moves, address })
    }

    /// Runs the startup hooks, then listens where somebody else already does on its behalf, and where `moves` says
    /// afterwards; callers will come by `host`.
    ///
    /// # Errors
    /// As [`AgentApp::listen`].
    pub(crate) async fn listen_on(
        &self,
        listener: std::net::TcpListener,
        moves: mpsc::Receiver<Move>,
        host: IpAddr,
    ) -> Result<Listening, AppError> {
        self.inner.app.settings(|serve| self.permit(host, serve))?;
        self.startup().await?;
        let address = SocketAddr::new(host, 0);
        let ours = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
        let listener = ours.map_err(|source| AppError::Listen { address, source })?;
        let address = listener.local_addr().unwrap_or(address);
        Ok(Listening { traces: self.traces(), app: self.clone(), listener, moves, address })
    }

    /// Beyond this machine only with tokens, or where that was said; open to every web page only within it.
    pub(super) fn permit(&self, host: IpAddr, serve: &Serve) -> Result<(), AppError> {
        if host.is_loopback() {
            return Ok(());
        }
        if serve.cors.iter().any(|origin| origin == "*") {
            return Err(AppError::OpenToPages(host));
        }
        if serve.tokens.is_empty() && !self.inner.insecure {
            return Err(AppError::Exposed(host));
        }
        Ok(())
    }

    /// Begins to send traces where that is asked for. A collector that cannot be used is no reason not to serve.
    fn traces(&self) -> Option<Traces> {
        let (loaded, opener) = (self.loaded(), &self.inner.opener);
        let wanted = telemetry::Wanted::find(loaded.file.telemetry.as_ref(), &loaded.file.name, &opener.env)?;
        telemetry::start(wanted, &self.inner.http)
            .inspect_err(|error| tracing::warn!(%error, "no traces are sent"))
            .ok()
    }
}

impl Listening {
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until SIGINT, SIGTERM or [`AgentApp::stop`]; a second signal ends the process at once. See
    /// [`Listening::until`].
    ///
    /// # Errors
    /// A system that does not let us listen for signals.
    pub async fn run(self) -> Result<(), AppError> {
        let signals = Signals::new().map_err(AppError::Signals)?;
        self.until(signals.told()).await;
        Ok(())
    }

    /// Serves until `told`, or [`AgentApp::stop`]. Then no more turns start, those that run have ten seconds to end, all is
    /// saved, and the shutdown hooks run.
    pub async fn until(self, told: impl Future<Output = ()>) {
        let Self { app, listener, moves, traces, .. } = self;
        let linger = app.inner.opener.env.var(LINGER).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let told = async {
            told.await;
            if let Some(linger) = linger {
                app.inner.app.leave();
                tokio::time::sleep(linger).await;
            }
        };
        server::serve((listener, moves), Arc::clone(&app.inner.app), app.routes(), told).await;
        app.ended().await;
        if let Some(traces) = traces {
            traces.end().await;
        }
    }
}
