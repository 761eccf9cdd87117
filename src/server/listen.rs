//! Connections: accepted, served and let go of.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{HeaderValue, StatusCode, header};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tower::ServiceExt as _;

use super::{
    App,
    connections::{Connections, Kept, Seat, Working, arriving},
    router::router,
};

/// A caller that has not sent the head of its request by then is let go of, and so is one that asks nothing more.
const HEAD: Duration = Duration::from_secs(30);
/// How long a caller may take nothing of its answer, in milliseconds. One that never reads would keep the place of a turn.
#[cfg(target_os = "linux")]
const STALLED: u32 = 5 * 60 * 1000;
/// How long turns may go on once the server is told to end.
const GRACE: Duration = Duration::from_secs(10);
/// How long those may ask who have a connection, when another has the place of the server.
const LINGER: Duration = Duration::from_secs(1);
/// How long answers may take to leave after that.
const LAST: Duration = Duration::from_secs(5);
/// How long nobody is accepted when the process has no descriptor left.
const FULL: Duration = Duration::from_millis(50);
/// Descriptors that this process asks for: programs that it starts may look through all that they could have.
const DESCRIPTORS: u64 = 1 << 16;
/// The address of a caller whose address is not known.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
/// What callers are told where every connection that there can be is being answered.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
connection: close\r\ncontent-length: 77\r\n\r\n\
{\"code\":\"too_many_connections\",\"message\":\"this server has no place left now\"}";

/// A listener that callers can reach from now on.
///
/// # Errors
/// An address that is taken or not ours.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Where a server is to listen from now on.
#[derive(Debug)]
pub enum Move {
    /// Here, and no more where it did before.
    To(std::net::TcpListener),
    /// Nowhere: another has its place. What is being answered is answered to the end.
    Away,
}

/// Serves, with `more` routes besides, until `shutdown` or [`Move::Away`], then starts no more turns, lets those that run
/// end, and returns when all is saved and sent.
pub async fn serve(
    (listener, moves): (TcpListener, mpsc::Receiver<Move>),
    app: Arc<App>,
    more: Router<Arc<App>>,
    shutdown: impl Future<Output = ()>,
) {
    // Whoever waits for an answer need not wait for this.
    let tidying = tokio::spawn({
        let tasks = app.tasks.clone();
        async move { tasks.tidy().await }
    });
    if let Ok(address) = listener.local_addr() {
        app.bind(address.ip());
    }
    let graceful = GracefulShutdown::new();
    let router = router(Arc::clone(&app), more);
    // Who asks meanwhile is told that the server is about to end.
    let away = tokio::select! {
        () = accept((listener, moves), &app, &router, &graceful) => true,
        () = ended(&app, shutdown) => false,
    };
    if away {
        // Callers who keep their connections are to come again, and then to the other. One who asks just when his
        // connection is closed would be refused: so it is closed after an answer.
        app.leave();
        tokio::time::sleep(LINGER).await;
        let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
        ended(&app, std::future::ready(())).await;
        let _ = tokio::time::timeout(LAST, app.tasks.drained()).await;
    } else {
        let _ = tokio::time::timeout(LAST, app.tasks.drained()).await;
        let _ = tokio::time::timeout(LAST, graceful.shutdown()).await;
    }
    tidying.abort();
    app.drained().await;
}

async fn ended(app: &App, shutdown: impl Future<Output = ()>) {
    tokio::select! {
        () = shutdown => {}
        () = app.stopping() => {}
    }
    tracing::info!(turns = app.runs.count(), "ending");
    app.stop();
    app.runs.drain(GRACE).await;
}

/// Returns once the server is to listen nowhere.
async fn accept(
    (mut listener, mut moves): (TcpListener, mpsc::Receiver<Move>),
    app: &Arc<App>,
    router: &Router,
    graceful: &GracefulShutdown,
) {
    // The rest is for files, and for the connections to models and tools.
    let connections = Connections::new(descriptors() / 4 * 3);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(place) = moves.recv() => match place {
                Move::To(other) => {
                    match other.set_nonblocking(true).and_then(|()| TcpListener::from_std(other)) {
                        Ok(other) => listener = other,
                        Err(error) => tracing::error!(%error, "could not listen elsewhere"),
                    }
                    continue;
                }
                Move::Away => return,
            },
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
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, STALLED);
        let Some(seat) = connections.admit() else {
            let _ = stream.try_write(BUSY);
            continue;
        };
        talk(stream, peer, seat, (app, router), graceful);
    }
}

fn talk(stream: TcpStream, peer: SocketAddr, seat: Arc<Seat>, with: (&Arc<App>, &Router), graceful: &GracefulShutdown) {
    let (app, router, gone) = (Arc::clone(with.0), with.1.clone(), seat.gone.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let working = Working::new(Arc::clone(&seat));
        see(&app, &mut request, peer);
        let answer = router.clone().oneshot(request.map(|body| arriving(body, &seat)));
        let app = Arc::clone(&app);
        async move {
            let mut answer = answer.await?.map(|body| Body::new(Kept { body, kept: working }));
            if app.is_leaving() && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            // Whoever is at the other end is gone, or speaks no HTTP.
            _ = connection => {}
            () = gone.cancelled() => {}
        }
    });
}

/// Notes where a request comes from.
fn see<B>(app: &App, request: &mut Request<B>, peer: SocketAddr) {
    let mut uri = std::mem::take(request.uri_mut());
    let seen = app.edge().see(&mut uri, request.headers(), peer);
    *request.uri_mut() = uri;
    request.extensions_mut().insert(seen);
}

/// All routes, with `more` besides, for a server of somebody else. Who calls is what its `ConnectInfo` says.
pub fn embedded(app: &Arc<App>, more: Router<Arc<App>>) -> Router {
    let router = router(Arc::clone(app), more);
    let app = Arc::clone(app);
    Router::new().fallback_service(router.map_request(move |mut request: Request<Body>| {
        let known = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
        see(&app, &mut request, known.unwrap_or(NOBODY));
        request
    }))
}

/// Starts no more turns, lets those that run end, and returns when all is saved.
pub async fn end(app: &App) {
    ended(app, std::future::ready(())).await;
    let _ = tokio::time::timeout(LAST, app.tasks.drained()).await;
    app.drained().await;
}

/// How many descriptors the process may have, once it asked for as many as it gets.
#[cfg(unix)]
fn descriptors() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let has = getrlimit(Resource::Nofile);
    let wants = has.maximum.unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
    if has.current.is_some_and(|current| current < wants) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wants), maximum: has.maximum });
    }
    let has = getrlimit(Resource::Nofile).current.unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
    usize::try_from(has).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn descriptors() -> usize {
    usize::try_from(DESCRIPTORS).unwrap_or(usize::MAX)
}
