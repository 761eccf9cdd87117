//! The page of `agentscope web`: a few files, compiled in. It speaks our own API like any other client.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};

use super::{ApiError, App, Id, auth, edge::Seen, health};

/// Only what is served from here runs, and nothing is fetched from elsewhere, whatever a model writes.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct File {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

const INDEX: File = File { name: "index.html", media_type: HTML, text: include_str!("index.html") };

const FILES: &[File] = &[
    File { name: "style.css", media_type: "text/css; charset=utf-8", text: include_str!("style.css") },
    File { name: "app.js", media_type: SCRIPT, text: include_str!("app.js") },
    File { name: "api.js", media_type: SCRIPT, text: include_str!("api.js") },
    File { name: "markdown.js", media_type: SCRIPT, text: include_str!("markdown.js") },
    File { name: "transcript.js", media_type: SCRIPT, text: include_str!("transcript.js") },
    File { name: "marked.js", media_type: SCRIPT, text: include_str!("vendor/marked.js") },
    File { name: "purify.js", media_type: SCRIPT, text: include_str!("vendor/purify.js") },
];

/// Where the files of the page are.
pub(super) const FILE: &str = "/ui/{id}";

/// What the page is made of. It holds nothing of anybody, so it needs no token; what it asks for does.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/", get(root)).route(FILE, get(file))
}

/// The page for a browser, else what the server says of itself to those who may ask.
async fn root(
    State(app): State<Arc<App>>,
    seen: Option<Extension<Seen>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/html") {
        return Ok(send(&INDEX, &headers));
    }
    auth::admitted(&app, seen.as_deref(), &headers)?;
    Ok(health::root().await.into_response())
}

async fn file(headers: HeaderMap, Id(name): Id) -> Result<Response, ApiError> {
    let file = FILES.iter().find(|file| file.name == name);
    file.map(|file| send(file, &headers)).ok_or_else(|| ApiError::not_found(format!("the page has no `{name}`")))
}

fn send(file: &File, headers: &HeaderMap) -> Response {
    let hash = Sha256::digest(file.text.as_bytes());
    let tag: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { file.text.into_response() };
    let fixed = [
        (header::CONTENT_TYPE, file.media_type),
        // Asked for again each time, so that a new version is never mixed with an old one.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // Where `/` is also JSON for programs.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
