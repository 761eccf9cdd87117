//! The HTTP proxy itself: requests in absolute form, and CONNECT.
//!
//! A request is judged by its target alone, which the connection is then made to: the name is resolved here, once, and
//! the address that was checked is the one connected to. What is inside a CONNECT is not looked at: the name in the TLS
//! handshake may be another than that of the tunnel, so on servers that many names share, such as those of a content
//! network, an allowed name can lead to its neighbours. Requests are parsed and written anew by hyper, so that what one
//! side takes for one request cannot be two for the other.

use std::{convert::Infallible, fmt::Display, io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{
    Method, Request, Response, StatusCode, Uri, Version,
    body::Incoming,
    header::{self, HeaderMap, HeaderName, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
};
use url::Host;

use super::{
    allow::{AllowList, Verdict, parse_host},
    idle::Idle,
    refused::{Log, Refused},
};
use crate::runtime::address::special;

/// Connections at once; more wait.
const CONNECTIONS: usize = 256;
/// Of a request's or response's head, in bytes.
const HEAD: usize = 64 << 10;
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Without a byte in either direction.
const IDLE: Duration = Duration::from_secs(300);

/// How names become addresses, and which of those are out of bounds.
#[async_trait]
pub(super) trait Reach: Send + Sync {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// What kind of address it is, where a name may not lead to it.
    fn refuses(&self, address: SocketAddr) -> Option<&'static str>;
}

/// The system's resolver and the public Internet.
pub(super) struct Public;

#[async_trait]
impl Reach for Public {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    fn refuses(&self, address: SocketAddr) -> Option<&'static str> {
        special(address.ip())
    }
}

pub(super) struct Proxy {
    allow: AllowList,
    reach: Box<dyn Reach>,
    log: Log,
}

/// Where a request wants to go.
struct Target {
    host: Host,
    port: u16,
}

/// Why a request was not passed on.
#[derive(Debug)]
enum Denial {
    /// By the policy: told to the agent and written down.
    Policy { host: String, port: u16, reason: String },
    /// Not a request that a proxy can pass on.
    Malformed(&'static str),
    /// The host did not answer.
    Upstream(String),
}

type Body = Either<Incoming, Full<Bytes>>;

impl Proxy {
    pub(super) fn new(allow: AllowList, reach: Box<dyn Reach>, log: Log) -> Arc<Self> {
        Arc::new(Self { allow, reach, log })
    }

    /// Serves what connects, for ever.
    pub(super) async fn serve(self: Arc<Self>, listener: UnixListener) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let this = Arc::clone(&self);
                    tokio::spawn(async move {
                        this.connection(stream).await;
                        drop(permit);
                    });
                }
                // Out of descriptors: those in use come back.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: UnixStream) {
        let service = service_fn(|request| {
            let this = Arc::clone(&self);
            async move { Ok::<_, Infallible>(this.answer(request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_WITHIN)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(Idle::new(stream, IDLE)), service)
            .with_upgrades();
        // A program inside that breaks off or talks nonsense has had its answer.
        let _ = connection.await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let done =
            if request.method() == Method::CONNECT { self.tunnel(request).await } else { self.forward(request).await };
        done.unwrap_or_else(|denial| self.deny(&denial))
    }

    async fn tunnel(&self, request: Request<Incoming>) -> Result<Response<Body>, Denial> {
        let target = Target::of_connect(&request)?;
        let mut upstream = self.connect(&target).await?;
        tokio::spawn(async move {
            if let Ok(upgraded) = hyper::upgrade::on(request).await {
                // Either side may break off.
                let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(upgraded), &mut upstream).await;
            }
        });
        Ok(Response::new(Either::Right(Full::default())))
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Body>, Denial> {
        let target = Target::of_absolute(&request)?;
        let upstream = self.connect(&target).await?;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(HEAD)
            .handshake(TokioIo::new(upstream))
            .await
            .map_err(|error| Denial::upstream(&target, &error))?;
        tokio::spawn(connection);
        let outgoing = rewritten(request, &target)?;
        let mut response = sender.send_request(outgoing).await.map_err(|error| Denial::upstream(&target, &error))?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Denial::Upstream("the server changed the protocol unasked".to_owned()));
        }
        strip_hops(response.headers_mut());
        *response.version_mut() = Version::HTTP_11;
        Ok(response.map(Either::Left))
    }

    /// A connection to `target`, if the policy lets it be reached.
    async fn connect(&self, target: &Target) -> Result<Idle<TcpStream>, Denial> {
        match self.allow.permits(&target.host, target.port) {
            Verdict::Permitted => {}
            Verdict::Host => return Err(target.refused(format!("it is not on the list ({})", self.allow))),
            Verdict::Port => {
                return Err(target.refused(format!("the host is on the list, this port is not ({})", self.allow)));
            }
        }
        let connecting = async {
            let addresses = self.addresses(target).await?;
            let mut last = io::Error::from(io::ErrorKind::NotFound);
            for address in addresses {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = error,
                }
            }
            Err(Denial::upstream(target, &last))
        };
        let stream = tokio::time::timeout(CONNECT_WITHIN, connecting)
            .await
            .map_err(|_| Denial::upstream(target, &"no answer within 10 s"))??;
        // Only speed is lost.
        let _ = stream.set_nodelay(true);
        Ok(Idle::new(stream, IDLE))
    }

    /// The addresses of a permitted host that may be connected to.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Denial> {
        let name = match &target.host {
            Host::Domain(name) => name,
            Host::Ipv4(address) => return Ok(vec![SocketAddr::from((*address, target.port))]),
            Host::Ipv6(address) => return Ok(vec![SocketAddr::from((*address, target.port))]),
        };
        let found = self
            .reach
            .resolve(name, target.port)
            .await
            .map_err(|_| Denial::upstream(target, &"there is no such host"))?;
        let (private, public): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|address| self.reach.refuses(*address).is_some());
        match private.first().and_then(|address| self.reach.refuses(*address)) {
            Some(kind) if public.is_empty() => Err(target.refused(format!("the name leads to {kind}"))),
            _ => Ok(public),
        }
    }

    fn deny(&self, denial: &Denial) -> Response<Body> {
        let (status, text) = match denial {
            Denial::Policy { host, port, reason } => {
                self.log.add(&Refused {
                    time: jiff::Timestamp::now(),
                    host: host.clone(),
                    port: *port,
                    reason: reason.clone(),
                });
                let text = format!("the network policy of this sandbox refused {host}:{port}: {reason}\n");
                (StatusCode::FORBIDDEN, text)
            }
            Denial::Malformed(what) => (StatusCode::BAD_REQUEST, format!("{what}\n")),
            Denial::Upstream(what) => (StatusCode::BAD_GATEWAY, format!("{what}\n")),
        };
        let mut response = Response::new(Either::Right(Full::from(text)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        // What of the request was not read must not be taken for the next one.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

impl Denial {
    fn upstream(target: &Target, reason: &dyn Display) -> Self {
        Self::Upstream(format!("could not reach {}:{}: {reason}", target.host, target.port))
    }
}

impl Target {
    fn of_connect(request: &Request<Incoming>) -> Result<Self, Denial> {
        let uri = request.uri();
        let target = Self::read(uri, None)?;
        target.agrees_with(request.headers(), target.port)?;
        Ok(target)
    }

    fn of_absolute(request: &Request<Incoming>) -> Result<Self, Denial> {
        match request.uri().scheme_str() {
            Some("http") => {}
            Some(_) => {
                return Err(Denial::Malformed("this proxy passes on `http://` addresses; use CONNECT for others"));
            }
            None => return Err(Denial::Malformed("this is a proxy: the request must name a whole address")),
        }
        let target = Self::read(request.uri(), Some(80))?;
        target.agrees_with(request.headers(), 80)?;
        Ok(target)
    }

    fn read(uri: &Uri, default_port: Option<u16>) -> Result<Self, Denial> {
        let authority = uri.authority().ok_or(Denial::Malformed("the request does not say which host it is for"))?;
        Self::parse(authority.as_str(), default_port).ok_or(Denial::Malformed("the request's host or port is not one"))
    }

    /// `HOST[:PORT]`.
    fn parse(text: &str, default_port: Option<u16>) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            // The last colon of `[::1]` is part of the address.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
            _ => (text, None),
        };
        Some(Self { host: parse_host(host)?, port: port.or(default_port)? })
    }

    /// A `Host` that names another host would have the server act for that one.
    fn agrees_with(&self, headers: &HeaderMap, default_port: u16) -> Result<(), Denial> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let Some(host) = hosts.next() else { return Ok(()) };
        let named = host.to_str().ok().and_then(|host| Self::parse(host, Some(default_port)));
        match named {
            Some(named) if named.host == self.host && named.port == self.port && hosts.next().is_none() => Ok(()),
            _ => Err(Denial::Malformed("the `Host` header and the address of the request name different hosts")),
        }
    }

    fn refused(&self, reason: String) -> Denial {
        Denial::Policy { host: self.host.to_string(), port: self.port, reason }
    }
}

/// The request as the server gets it.
fn rewritten(request: Request<Incoming>, target: &Target) -> Result<Request<Incoming>, Denial> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = path.parse().map_err(|_| Denial::Malformed("the request's path is not one"))?;
    parts.version = Version::HTTP_11;
    strip_hops(&mut parts.headers);
    let host = if target.port == 80 { target.host.to_string() } else { format!("{}:{}", target.host, target.port) };
    let host = HeaderValue::from_str(&host).map_err(|_| Denial::Malformed("the request's host is not one"))?;
    parts.headers.insert(header::HOST, host);
    Ok(Request::from_parts(parts, body))
}

/// Takes out what is meant for the next hop alone (RFC 9110, section 7.6.1), and what only a proxy is to know.
fn strip_hops(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // The framing is hyper's to decide, whatever the sender says of it.
        .filter(|name| *name != header::CONTENT_LENGTH)
        .collect();
    let always = [
        header::CONNECTION,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    for name in named.iter().chain(&always) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

#[cfg(test)]
mod tests;
