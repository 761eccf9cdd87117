//! One HTTP request of a tool: bounded in time and size, redirects followed by hand so that what is secret stays with
//! the host it was meant for.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{
    Method, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use url::Url;

use super::{ToolError, ToolResult, cap};
use crate::{
    config::Secret,
    domain::{Content, Image},
    runtime::{http::Http, telemetry::Place},
};

const MOST_REDIRECTS: usize = 5;
/// Longest answer that is read.
const LONGEST: usize = 5 * 1024 * 1024;

/// What is sent.
pub(super) struct WebRequest {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

/// What came back, whatever its status.
pub(super) struct WebAnswer {
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) content_type: Option<String>,
    pub(super) bytes: Vec<u8>,
    /// The answer went on after what was read.
    pub(super) cut: bool,
}

/// Headers of the agent file, ready to be sent and marked as secret.
///
/// # Errors
/// The name of a header that cannot be sent.
pub(super) fn headers(configured: &BTreeMap<String, Secret>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in configured {
        let header: HeaderName = name.parse().map_err(|_| name.clone())?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| name.clone())?;
        value.set_sensitive(true);
        headers.append(header, value);
    }
    Ok(headers)
}

/// Sends the request and follows redirects. Headers and body go to no other origin than that of the request.
///
/// # Errors
/// A server that cannot be reached or does not answer in time.
pub(super) async fn send(http: &Http, mut request: WebRequest, limit: Duration) -> Result<WebAnswer, ToolError> {
    request.headers.extend(Place::current().headers());
    tokio::time::timeout(limit, follow(http, request)).await.unwrap_or(Err(ToolError::Timeout(limit)))
}

async fn follow(http: &Http, mut request: WebRequest) -> Result<WebAnswer, ToolError> {
    for _ in 0..=MOST_REDIRECTS {
        let client = http.client(request.url.as_str()).map_err(|error| ToolError::Failed(error.to_string()))?;
        let mut builder = client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = builder.send().await.map_err(|error| unreachable(&request.url, error))?;
        match redirect(&response) {
            Some(target) => request.turn_to(target, response.status())?,
            None => return read(request.url, response).await,
        }
    }
    Err(ToolError::Failed(format!("{} redirects more than {MOST_REDIRECTS} times", shown(&request.url))))
}

/// Where the answer sends us, if it does.
pub(super) fn redirect(response: &reqwest::Response) -> Option<Url> {
    let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection())?;
    response.url().join(location.to_str().ok()?).ok()
}

impl WebRequest {
    fn turn_to(&mut self, target: Url, status: StatusCode) -> Result<(), ToolError> {
        let keeps_method = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        if !keeps_method && self.method != Method::HEAD {
            self.method = Method::GET;
            self.body = None;
            self.headers.remove(CONTENT_TYPE);
        }
        if target.origin() != self.url.origin() {
            if self.body.is_some() {
                return Err(ToolError::Failed(format!(
                    "{} redirects to {}, which is another server: it is not sent the request",
                    shown(&self.url),
                    shown(&target)
                )));
            }
            self.headers.clear();
        }
        self.url = target;
        Ok(())
    }
}

pub(super) async fn read(url: Url, mut response: reqwest::Response) -> Result<WebAnswer, ToolError> {
    let status = response.status();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut bytes = vec![];
    let mut cut = false;
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&url, error))? {
        let room = LONGEST - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    Ok(WebAnswer { url, status, content_type, bytes, cut })
}

/// A connection that failed, with its cause; without the query, which may hold a key.
pub(super) fn unreachable(url: &Url, error: reqwest::Error) -> ToolError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    ToolError::Failed(format!("could not reach {}: {}", shown(url), cap::short(&text, 300)))
}

/// The address without what may be secret.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only an address without a host refuses this, and none of ours is.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    format!("`{url}`")
}

impl WebAnswer {
    /// The media type, without parameters, in lower case.
    pub(super) fn media_type(&self) -> Option<String> {
        let kind = self.content_type.as_deref()?.split(';').next()?.trim().to_ascii_lowercase();
        (!kind.is_empty()).then_some(kind)
    }

    pub(super) fn is_text(&self) -> bool {
        match self.media_type().as_deref() {
            Some(kind) => is_text(kind),
            None => std::str::from_utf8(&self.bytes).is_ok() && !self.bytes.contains(&0),
        }
    }

    /// The text, in the charset that the server named, or that an HTML page names itself.
    pub(super) async fn text(self) -> Result<String, ToolError> {
        let declared = self.content_type.clone().unwrap_or_else(|| "text/plain".to_owned());
        let content_type = match meta_charset(&self.bytes) {
            Some(charset) if !declared.to_ascii_lowercase().contains("charset=") => {
                format!("{declared}; charset={charset}")
            }
            _ => declared,
        };
        let mut whole = http::Response::new(self.bytes);
        if let Ok(value) = HeaderValue::from_str(&content_type) {
            whole.headers_mut().insert(CONTENT_TYPE, value);
        }
        // Decodes as it would have done while reading.
        let decoded = reqwest::Response::from(whole).text().await;
        decoded.map_err(|_| ToolError::Failed("the answer could not be decoded".to_owned()))
    }

    /// The answer for a model: text as it is, an image as such; an error status is an error.
    ///
    /// # Errors
    /// A status that is not a success; an answer that is neither text nor image.
    pub(super) async fn result(self) -> Result<ToolResult, ToolError> {
        let status = self.status;
        let media_type = self.media_type().unwrap_or_default();
        if status.is_success() && media_type.starts_with("image/") && media_type != "image/svg+xml" && !self.cut {
            use base64::Engine as _;
            let data = base64::engine::general_purpose::STANDARD.encode(&self.bytes);
            return Ok(ToolResult { content: vec![Content::Image(Image { media_type, data })], state: None });
        }
        if !self.is_text() {
            let what = format!("{} bytes of {media_type}", self.bytes.len());
            return if status.is_success() {
                Ok(ToolResult::text(format!("HTTP {status}, {what}, which are not text")))
            } else {
                Err(ToolError::Failed(format!("HTTP {status} with {what}")))
            };
        }
        let text = self.text().await?;
        if !status.is_success() {
            return Err(ToolError::Failed(format!("HTTP {status}: {}", cap::short(text.trim(), 2000))));
        }
        Ok(ToolResult::text(if text.is_empty() { format!("HTTP {status}, no content") } else { text }))
    }
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || kind.ends_with("+yaml")
        || matches!(
            kind,
            "application/json"
                | "application/xml"
                | "application/yaml"
                | "application/x-yaml"
                | "application/toml"
                | "application/javascript"
                | "application/ecmascript"
                | "application/x-ndjson"
                | "application/jsonl"
                | "application/sql"
                | "application/graphql"
                | "application/x-sh"
                | "application/x-www-form-urlencoded"
        )
}

/// `<meta charset=…>` within the first kilobyte, as browsers look for it.
fn meta_charset(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let meta = &head[head.find("<meta")?..];
    let value = &meta[meta.find("charset=")? + "charset=".len()..];
    let value = value.trim_start_matches(['"', '\'']);
    let end = value.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(value.len());
    (end > 0).then(|| value[..end].to_owned())
}
