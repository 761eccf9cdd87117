//! What is ours of every request over HTTP: the trace, and that no tool is called before we hear the server.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::stream::BoxStream;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage},
    transport::streamable_http_client::{
        SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
    },
};
use sse_stream::Sse;
use tokio::sync::watch;

use super::trace;

/// How long a server may take to begin the stream on which it speaks of its own accord.
const PATIENCE: Duration = Duration::from_secs(2);

/// A client that sends what `client` sends.
#[derive(Clone)]
pub(super) struct Http<C> {
    client: C,
    hears: Arc<watch::Sender<Hears>>,
}

/// Whether the stream stands on which a server speaks of its own accord (MCP 2025-11-25, "Listening for Messages from the
/// Server"). Questions that it asks there before are lost, and the call that they are about never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    /// There is no session yet, or never one.
    Nothing,
    Soon,
    /// It stands, or there is none.
    Settled,
}

type Headers = HashMap<HeaderName, HeaderValue>;

impl<C> Http<C> {
    pub(super) fn new(client: C) -> Self {
        Self { client, hears: Arc::new(watch::Sender::new(Hears::Nothing)) }
    }

    async fn before(&self, message: &ClientJsonRpcMessage) {
        let JsonRpcMessage::Request(request) = message else { return };
        if matches!(request.request, ClientRequest::CallToolRequest(_)) {
            let mut hears = self.hears.subscribe();
            let settled = tokio::time::timeout(PATIENCE, hears.wait_for(|hears| *hears != Hears::Soon)).await.is_ok();
            if !settled {
                self.hears.send_replace(Hears::Settled);
            }
        }
    }

    /// With a session comes the stream.
    fn after(&self, answer: &StreamableHttpPostResponse) {
        if let StreamableHttpPostResponse::Json(_, Some(_)) | StreamableHttpPostResponse::Sse(_, Some(_)) = answer {
            self.hears.send_if_modified(|hears| {
                let first = *hears == Hears::Nothing;
                if first {
                    *hears = Hears::Soon;
                }
                first
            });
        }
    }
}

type Answer<T, C> = Result<T, StreamableHttpError<<C as StreamableHttpClient>::Error>>;

impl<C: StreamableHttpClient + Sync> StreamableHttpClient for Http<C> {
    type Error = C::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
    ) -> Answer<StreamableHttpPostResponse, C> {
        self.before(&message).await;
        let headers = trace::with_trace(headers, &message);
        self.client.post_message(uri, message, session, token, headers).await.inspect(|answer| self.after(answer))
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
        self.before(&message).await;
        let headers = trace::with_trace(headers, &message);
        self.client
            .post_message_with_max_sse_event_size(uri, message, session, token, headers, most)
            .await
            .inspect(|answer| self.after(answer))
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
        self.before(&message).await;
        let headers = trace::with_trace(headers, &message);
        self.client
            .post_message_with_response_limits(uri, message, session, token, headers, limits)
            .await
            .inspect(|answer| self.after(answer))
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        token: Option<String>,
        headers: Headers,
    ) -> Answer<(), C> {
        self.client.delete_session(uri, session, token, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        token: Option<String>,
        headers: Headers,
    ) -> Answer<BoxStream<'static, Result<Sse, SseError>>, C> {
        let stream = self.client.get_stream(uri, session, last, token, headers).await;
        self.hears.send_replace(Hears::Settled);
        stream
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
        let stream = self.client.get_stream_with_max_sse_event_size(uri, session, last, token, headers, most).await;
        self.hears.send_replace(Hears::Settled);
        stream
    }
}
