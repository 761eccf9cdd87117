//! Where an agent is and what it speaks, which its card says.

use std::time::Duration;

use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, HeaderMap, HeaderValue},
};
use serde_json::Value;
use url::Url;

use crate::{
    runtime::http::Http,
    tool::{ToolError, web},
};

const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V03,
    V1,
}

/// Where the calls go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) url: Url,
    pub(super) version: Version,
    pub(super) streams: bool,
}

/// Asks for the card: beside `url`, then at the root of its server. Without one, `url` itself takes the calls.
///
/// # Errors
/// A server that cannot be reached, or wants other credentials; a card of an agent that speaks no JSON-RPC, or sits
/// elsewhere.
pub(super) async fn find(http: &Http, url: &Url, headers: &HeaderMap) -> Result<Endpoint, ToolError> {
    for at in places(url) {
        let mut headers = headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let request = web::WebRequest { method: Method::GET, url: at, headers, body: None };
        let answer = web::send(http, request, TIMEOUT).await?;
        if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let status = answer.status;
            return Err(ToolError::Failed(format!(
                "HTTP {status}: the agent wants credentials, as `headers` of the tool"
            )));
        }
        let card = answer.status.is_success().then(|| serde_json::from_slice::<Value>(&answer.bytes).ok()).flatten();
        if let Some(card) = card.filter(|card| card.get("name").is_some()) {
            return read(&card, url);
        }
    }
    Ok(Endpoint { url: url.clone(), version: Version::V03, streams: false })
}

/// Where a card may be.
fn places(url: &Url) -> Vec<Url> {
    let mut places = vec![];
    if url.path().ends_with(".json") {
        places.push(url.clone());
    }
    for name in ["agent-card.json", "agent.json"] {
        let below = format!("{}/.well-known/{name}", url.path().trim_end_matches('/'));
        for path in [below, format!("./.well-known/{name}"), format!("/.well-known/{name}")] {
            if let Ok(mut place) = url.join(&path) {
                place.set_query(None);
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
    }
    places
}

/// Takes the newest version that the card offers over JSON-RPC.
fn read(card: &Value, asked: &Url) -> Result<Endpoint, ToolError> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let is_rpc = |name: Option<String>| name.is_none_or(|name| name.eq_ignore_ascii_case("JSONRPC"));
    let listed = |name: &str| card.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let new = listed("supportedInterfaces")
        .iter()
        .filter(|interface| is_rpc(text(interface, "protocolBinding")))
        .filter_map(|interface| {
            let version = match text(interface, "protocolVersion")?.split('.').next() {
                Some("1") => Version::V1,
                Some("0") => Version::V03,
                _ => return None,
            };
            Some((text(interface, "url")?, version))
        })
        .max_by_key(|(_, version)| *version == Version::V1);
    let old = || {
        let main = text(card, "url").filter(|_| is_rpc(text(card, "preferredTransport")));
        let more = || {
            let interfaces = listed("additionalInterfaces");
            let found = interfaces.iter().find(|interface| is_rpc(text(interface, "transport")))?;
            text(found, "url")
        };
        Some((main.or_else(more)?, Version::V03))
    };
    let (at, version) = new
        .or_else(old)
        .ok_or_else(|| ToolError::Failed("the agent offers no JSON-RPC, which is what this tool speaks".to_owned()))?;
    let url =
        asked.join(&at).map_err(|_| ToolError::Failed(format!("the agent's card names `{at}`, which is no URL")))?;
    if url.origin() != asked.origin() {
        // What is told to one agent, with its credentials, is not for whomever its card names.
        return Err(ToolError::Failed(format!(
            "the agent's card sends its callers to another server, {}: if that is right, make it the `url` of the tool",
            web::shown(&url)
        )));
    }
    let streams = card.pointer("/capabilities/streaming").and_then(Value::as_bool).unwrap_or(false);
    Ok(Endpoint { url, version, streams })
}
