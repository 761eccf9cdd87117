//! The trace of a call, told to its server: in the call's `_meta` (MCP SEP-414, "OpenTelemetry Trace Context Propagation
//! Conventions"), which every transport carries, and over HTTP in the headers too (W3C Trace Context), where proxies see it.

use std::collections::HashMap;

use reqwest::header::{HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, GetMeta as _, JsonRpcMessage, RequestMetaObject};

use crate::runtime::telemetry::Place;

/// The keys of `_meta`, which are the names of the headers.
const NAMES: [&str; 2] = ["traceparent", "tracestate"];

/// What a call from `place` tells its server; nothing where there is no trace.
pub(super) fn meta(place: &Place) -> Option<RequestMetaObject> {
    let headers = place.headers();
    let told = NAMES.iter().filter_map(|name| Some((*name, headers.get(*name)?.to_str().ok()?)));
    let told = told.map(|(name, value)| (name.to_owned(), value.into())).collect::<serde_json::Map<_, _>>();
    (!told.is_empty()).then(|| serde_json::from_value(told.into()).unwrap_or_default())
}

/// The headers of the request that carries `message`. One that the agent file sets stays as it is.
pub(super) fn with_trace(
    mut headers: HashMap<HeaderName, HeaderValue>,
    message: &ClientJsonRpcMessage,
) -> HashMap<HeaderName, HeaderValue> {
    let JsonRpcMessage::Request(request) = message else { return headers };
    let meta = request.request.get_meta();
    let values = [meta.get_traceparent(), meta.get_tracestate()];
    for (name, value) in NAMES.into_iter().zip(values) {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.entry(HeaderName::from_static(name)).or_insert(value);
        }
    }
    headers
}
