//! An address of this machine that leads to a deployment which has none.

use std::{
    net::{Ipv4Addr, TcpListener as StdListener},
    thread::{self, JoinHandle},
};

use tokio::{net::TcpListener, sync::oneshot};

use super::DeployError;

/// Leads there until it is dropped. It has a thread and a runtime of its own, so that it outlives the one that it was
/// made on.
pub struct Forward {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Forward {
    /// Has `serve` take connections until it is told to stop.
    ///
    /// # Errors
    /// A system that gives no port or no thread.
    pub(super) fn start<Serving: Future<Output = ()>>(
        serve: impl FnOnce(TcpListener, oneshot::Receiver<()>) -> Serving + Send + 'static,
    ) -> Result<Self, DeployError> {
        let listening = || {
            let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            Ok((listener, port))
        };
        let (listener, port) = listening().map_err(DeployError::io("listen on a port of this machine"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(DeployError::io("start the async runtime"))?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("forward".to_owned()).spawn(move || {
            runtime.block_on(async {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    serve(listener, stopped).await;
                }
            });
        });
        let thread = thread.map_err(DeployError::io("start a thread"))?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
