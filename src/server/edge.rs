//! Where the server stands, as its callers see it: behind which proxies, under which address, open to which web pages.
//!
//! Forwarded headers (`X-Forwarded-For`, `-Proto`, `-Host`, `-Prefix`) are believed only of `serve.trusted_proxies`.

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use http::{HeaderMap, Uri, header, request::Parts};
use url::Url;

use super::ApiError;
use crate::config::agent_file::Serve;

/// What of the agent file says so; made anew with the file.
#[derive(Debug, Default)]
pub(super) struct Edge {
    public: Option<Url>,
    proxies: Vec<Network>,
    /// Origins, normalised.
    cors: Vec<String>,
    /// `*`.
    any_origin: bool,
}

/// Where a request comes from, and how its caller reaches the server.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The caller; behind trusted proxies the one that they say.
    pub peer: IpAddr,
    /// Name and perhaps port, as the caller wrote them.
    pub host: Option<String>,
    /// The same as the request itself has it: what stands in forwarded headers may be another's word.
    pub spoken: Option<String>,
    base: String,
}

/// The address of the server as a caller reaches it, with its path prefix, without a slash at the end. Handlers ask
/// for it as an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(pub String);

impl<S: Sync> FromRequestParts<S> for Base {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let seen = parts.extensions.get::<Seen>();
        seen.map(|seen| Self(seen.base.clone())).ok_or_else(|| ApiError::internal("the request came from nowhere"))
    }
}

impl Edge {
    pub(super) fn new(serve: &Serve) -> Self {
        Self {
            public: serve.public_url.as_deref().and_then(|url| Url::parse(url).ok()),
            proxies: serve.trusted_proxies.iter().filter_map(|text| Network::parse(text)).collect(),
            cors: serve.cors.iter().filter_map(|origin| Some(origin_of(&Url::parse(origin).ok()?))).collect(),
            any_origin: serve.cors.iter().any(|origin| origin == "*"),
        }
    }

    /// Finds out where a request comes from, and takes the path prefix off that a proxy left on it.
    pub(super) fn see(&self, uri: &mut Uri, headers: &HeaderMap, from: SocketAddr) -> Seen {
        let peer = from.ip().to_canonical();
        let trusted = self.trusts(peer);
        let forwarded = |name: &str| if trusted { last(headers, name) } else { None };
        let spoken = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .or_else(|| uri.authority().map(http::uri::Authority::as_str))
            .map(str::to_owned);
        let host = forwarded("x-forwarded-host").map(str::to_owned).or_else(|| spoken.clone());
        let told = forwarded("x-forwarded-prefix").map(|prefix| prefix.trim_end_matches('/')).unwrap_or_default();
        let prefix = self.public.as_ref().map_or(told, |url| url.path().trim_end_matches('/')).to_owned();
        for prefix in [prefix.as_str(), told] {
            if let Some(short) = without(uri, prefix) {
                *uri = short;
                break;
            }
        }
        let base = match &self.public {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => {
                let scheme = if forwarded("x-forwarded-proto") == Some("https") { "https" } else { "http" };
                format!("{scheme}://{}{prefix}", host.as_deref().unwrap_or("localhost"))
            }
        };
        Seen { peer: if trusted { self.caller(headers, peer) } else { peer }, host, spoken, base }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.holds(address))
    }

    /// The nearest address of the chain that is no proxy of ours: what stands before it anybody may have written.
    fn caller(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let chain = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let chain: Vec<_> = chain.flat_map(|value| value.split(',')).map(address).collect();
        let mut nearest = peer;
        for address in chain.into_iter().rev() {
            let Some(address) = address else { break };
            nearest = address;
            if !self.trusts(address) {
                break;
            }
        }
        nearest
    }

    /// Whether `host` is the one of `serve.public_url`.
    pub(super) fn is_public_host(&self, host: &str) -> bool {
        self.public.as_ref().and_then(Url::host_str).is_some_and(|public| public.eq_ignore_ascii_case(host))
    }

    /// Whether pages of `origin`, which is not the server's own, may call.
    pub(super) fn lets_in(&self, origin: &str) -> bool {
        self.any_origin || self.names(origin)
    }

    /// Whether the agent file names `origin`.
    pub(super) fn names(&self, origin: &str) -> bool {
        self.cors.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }

    /// Whether `origin` is the server's own, as the caller of this request reaches it.
    pub(super) fn is_own(&self, origin: &str, host: Option<&str>) -> bool {
        if self.public.as_ref().is_some_and(|public| origin_of(public).eq_ignore_ascii_case(origin)) {
            return true;
        }
        let (Some(host), Ok(origin)) = (host, Url::parse(origin)) else { return false };
        let Ok(own) = Url::parse(&format!("{}://{host}", origin.scheme())) else { return false };
        matches!(origin.scheme(), "http" | "https") && own.origin() == origin.origin()
    }
}

/// `app.example` of `app.example:8080`, `::1` of `[::1]:80`.
pub(super) fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn origin_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The last value: what the nearest proxy wrote.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim).filter(|value| !value.is_empty())
}

/// An address of `X-Forwarded-For`, which some proxies write with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let parsed = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    parsed.or_else(|_| text.trim_matches(['[', ']']).parse()).ok().map(|address: IpAddr| address.to_canonical())
}

fn without(uri: &Uri, prefix: &str) -> Option<Uri> {
    let rest = uri.path().strip_prefix(prefix).filter(|_| !prefix.is_empty())?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{}{query}", rest.trim_start_matches('/')).parse().ok()
}

/// An address, or all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: u128,
    /// Bits that do not count.
    free: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(all), |bits| bits.parse().ok().filter(|bits| *bits <= all))?;
        Some(Self { address: mapped(address), free: all - bits })
    }

    fn holds(self, address: IpAddr) -> bool {
        let differ = self.address ^ mapped(address);
        differ.checked_shr(self.free).unwrap_or(0) == 0
    }
}

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests;
