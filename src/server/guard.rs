//! What keeps a web page from driving the server that its visitor can reach and it cannot.
//!
//! A page can have its own name resolve to this machine (DNS rebinding), which the `Host` header then tells, and it can
//! send requests whose answers it may not read, which the `Origin` header tells. Browsers let no page change either.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::Limited;
use tower_http::cors::{AllowCredentials, AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use super::{
    ApiError, App,
    bodies::Share,
    edge::{Seen, name_of},
};

/// Longest body, in bytes, where the agent file does not say.
const BODY: u64 = 10 << 20;
/// How long browsers remember what a preflight said.
const PREFLIGHT: Duration = Duration::from_mins(10);

/// Refuses what a page of somebody else sends, and bodies that are too long.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let seen = request.extensions().get::<Seen>();
    let host = seen.and_then(|seen| seen.host.as_deref());
    let body = app.settings(|serve| serve.limits.body).map_or(BODY, |limit| limit.0);
    // A page whose name leads here can send forwarded headers of its own, and where a proxy of this machine is trusted
    // they are believed: what it cannot change is the name that it asked for.
    let spoken = seen.and_then(|seen| seen.spoken.as_deref());
    let refused = host_refused(&app, host)
        .or_else(|| host_refused(&app, spoken))
        .or_else(|| origin_refused(&app, request.headers(), host))
        .or_else(|| body_refused(request.headers(), body));
    if let Some(refused) = refused {
        return refused.into_response();
    }
    // Whoever reads it: not only our own handlers do.
    let most = usize::try_from(body).unwrap_or(usize::MAX);
    let peer = request.extensions().get::<Seen>().map_or(Ipv4Addr::UNSPECIFIED.into(), |seen| seen.peer);
    let share = Share::new(&app.bodies, most, peer);
    let mut request = request.map(|body| Body::new(share.counted(Limited::new(body, most))));
    DefaultBodyLimit::disable().apply(&mut request);
    let response = next.run(request).await;
    if share.was_refused() {
        let message = "as much is being read as this server has room for";
        return ApiError::unavailable("too_much_at_once", message, Duration::from_secs(1)).into_response();
    }
    response
}

/// A server that asks nobody for a token answers only to names that no page of somebody else can have: on this machine
/// to its own, beyond it to any that nobody outside can make lead here.
fn host_refused(app: &App, host: Option<&str>) -> Option<ApiError> {
    if app.settings(|serve| !serve.tokens.is_empty()) {
        return None;
    }
    let name = host.map(name_of).unwrap_or_default();
    let known = is_local(name)
        || app.edge().is_public_host(name)
        // No browser leaves the name out, and some that look whether a server lives do.
        || !app.bound().is_loopback() && (host.is_none() || is_private(name));
    (!known).then(|| {
        ApiError::new(
            StatusCode::FORBIDDEN,
            "wrong_host",
            format!("this server does not answer to the name `{name}`: set `serve.public_url`, or `serve.tokens`"),
        )
    })
}

fn is_local(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An address; a name without a dot, or one that is for local networks alone (RFC 6762, RFC 8375, and `internal`, which
/// ICANN keeps free): no such name can be had in the DNS that all share. Or the name of this machine.
fn is_private(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name.parse::<IpAddr>().is_ok()
        || !name.is_empty() && !name.contains('.')
        || [".local", ".internal", ".home.arpa"].iter().any(|zone| name.ends_with(zone))
        || *OWN == name
}

/// What this machine calls itself.
static OWN: LazyLock<String> = LazyLock::new(own);

#[cfg(unix)]
fn own() -> String {
    rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase()
}

#[cfg(not(unix))]
fn own() -> String {
    String::new()
}

fn origin_refused(app: &App, headers: &HeaderMap, host: Option<&str>) -> Option<ApiError> {
    let edge = app.edge();
    let wrong = |origin: &str| {
        ApiError::new(
            StatusCode::FORBIDDEN,
            "wrong_origin",
            format!("pages of `{origin}` may not call this server: `serve.cors` names those that may"),
        )
    };
    let Some(origin) = headers.get(header::ORIGIN) else {
        // A picture or a script of another site; a link is a navigation, and harmless.
        let says = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let foreign = matches!(says("sec-fetch-site"), Some("cross-site" | "same-site"));
        let follows = says("sec-fetch-mode") == Some("navigate");
        return (foreign && !follows).then(|| wrong("another site"));
    };
    let origin = origin.to_str().unwrap_or_default();
    (!edge.is_own(origin, host) && !edge.lets_in(origin)).then(|| wrong(origin))
}

fn body_refused(headers: &HeaderMap, most: u64) -> Option<ApiError> {
    let length: u64 = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    (length > most).then(ApiError::body_too_large)
}

/// What pages of the origins in `serve.cors` are told, preflights among it. `*` never brings credentials along.
pub(super) fn cors(app: &Arc<App>) -> CorsLayer {
    let (lets_in, names) = (Arc::clone(app), Arc::clone(app));
    let text = |origin: &HeaderValue| origin.to_str().unwrap_or_default().to_owned();
    let methods =
        [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| lets_in.edge().lets_in(&text(origin))))
        .allow_credentials(AllowCredentials::predicate(move |origin, _| names.edge().names(&text(origin))))
        .allow_methods(AllowMethods::list(methods))
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            header::RETRY_AFTER,
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("x-session-id"),
            HeaderName::from_static("x-turn-id"),
            HeaderName::from_static("mcp-session-id"),
        ])
        .max_age(PREFLIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_that_others_can_have_is_private() {
        for name in ["10.1.2.3", "::1", "fe80::1", "agent", "AGENT.", "box.local", "a.b.internal", "nas.home.arpa"] {
            assert!(is_private(name), "{name}");
        }
        for name in ["", ".", "evil.example", "10.1.2.3.evil.example", "local", "evil.example.", "xlocal.io"] {
            assert_eq!(is_private(name), name == "local", "{name}");
        }
        assert!(is_private(&own()));
    }
}
