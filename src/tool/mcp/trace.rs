//! The trace of a call, told to its server: in the call's `_meta` (MCP SEP-414, "OpenTelemetry Trace Context Propagation
//! Conventions"), which every transport carries, and over HTTP in the headers too (W3C Trace Context), where proxies see it.

use std::{collections::HashMap, sync::Arc};

use futures_util::stream::BoxStream;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
    model::{ClientJsonRpcMessage, GetMeta as _, JsonRpcMessage, RequestMetaObject},
    transport::streamable_http_client::{
        SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
    },
};
use sse_stream::Sse;

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

/// A client that copies the trace of a message into the headers of its request.
#[derive(Clone)]
pub(super) struct Traced<C>(pub(super) C);

type Headers = HashMap<HeaderName, HeaderValue>;

/// A header that the agent file sets stays as it is.
fn with_trace(mut headers: Headers, message: &ClientJsonRpcMessage) -> Headers {
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

type Answer<T, C> = Result<T, StreamableHttpError<<C as StreamableHttpClient>::Error>>;

impl<C: StreamableHttpClient + Sync> StreamableHttpClient for Traced<C> {
    type Error = C::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
    ) -> Answer<StreamableHttpPostResponse, C> {
        let headers = with_trace(headers, &message);
        self.0.post_message(uri, message, session, token, headers).await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Answer<StreamableHttpPostResponse, C> {
        let headers = with_trace(headers, &message);
        self.0.post_message_with_max_sse_event_size(uri, message, session, token, headers, most).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Answer<StreamableHttpPostResponse, C> {
        let headers = with_trace(headers, &message);
        self.0.post_message_with_response_limits(uri, message, session, token, headers, limits).await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        token: Option<String>,
        headers: Headers,
    ) -> Answer<(), C> {
        self.0.delete_session(uri, session, token, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        token: Option<String>,
        headers: Headers,
    ) -> Answer<BoxStream<'static, Result<Sse, SseError>>, C> {
        self.0.get_stream(uri, session, last, token, headers).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        token: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Answer<BoxStream<'static, Result<Sse, SseError>>, C> {
        self.0.get_stream_with_max_sse_event_size(uri, session, last, token, headers, most).await
    }
}
