//! Connections: accepted, served and let go of.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use super::{App, router::router};

/// A caller that has not sent the head of its request by then is let go of.
const HEAD: Duration = Duration::from_secs(30);
/// How long turns may go on once the server is told to end.
const GRACE: Duration = Duration::from_secs(10);
/// How long answers may take to leave after that.
const LAST: Duration = Duration::from_secs(5);
/// How long nobody is accepted when the process has no descriptor left.
const FULL: Duration = Duration::from_millis(50);

/// A listener that callers can reach from now on.
///
/// # Errors
/// An address that is taken or not ours.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until `shutdown`, then lets turns end, and returns when all is saved and sent.
pub async fn serve(listener: TcpListener, app: Arc<App>, shutdown: impl Future<Output = ()>) {
    let router = router(Arc::clone(&app));
    // Whoever waits for an answer need not wait for this.
    let orphans = tokio::spawn({
        let tasks = app.tasks.clone();
        async move { tasks.report_orphans().await }
    });
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, most likely: those that are open end sometime.
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(FULL).await;
                continue;
            }
        };
        // A frame is sent when it is there, not when there is more.
        let _ = stream.set_nodelay(true);
        let service = router.clone().map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.map(axum::body::Body::new)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // Whoever is at the other end is gone, or speaks no HTTP.
            let _ = connection.await;
        });
    }
    drop(listener);
    app.runs.drain(GRACE).await;
    let _ = tokio::time::timeout(LAST, app.tasks.drained()).await;
    orphans.abort();
    let _ = tokio::time::timeout(LAST, graceful.shutdown()).await;
    app.agents().root.drained().await;
}
