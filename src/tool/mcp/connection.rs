//! One connection to a server, from the handshake to its end.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rmcp::{
    model::{CallToolRequest, CallToolRequestParams, ClientRequest, PaginatedRequestParams, ServerResult},
    service::{Peer, PeerRequestOptions, QuitReason, RequestHandle, RoleClient, RunningService, serve_client_with_ct},
    transport::{
        StreamableHttpClientTransport,
        streamable_http_client::{StreamableHttpClient, StreamableHttpClientTransportConfig},
    },
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    content,
    failure::{Failure, Retry},
    handler::{Calls, Handler},
    http::Http,
    oauth,
    process::Process,
    trace,
};
use crate::{
    config::agent_file::McpServer,
    runtime::{http::HttpError, telemetry::Place},
    tool::{ToolCx, ToolDeps, ToolError, ToolResult},
};

/// More tools than this of one server would fill any model's context.
const MOST_TOOLS: usize = 512;

/// A server that answered.
pub(super) struct Connection {
    name: String,
    peer: Peer<RoleClient>,
    calls: Calls,
    process: Option<Arc<Process>>,
    login: String,
    /// Why the last call was refused that a login may help.
    challenge: Mutex<Option<Box<str>>>,
}

/// What the supervisor keeps of a connection to see its end.
pub(super) struct Running {
    service: RunningService<RoleClient, Handler>,
    stop: CancellationToken,
    process: Option<Arc<Process>>,
}

impl Connection {
    /// Starts or reaches the server and shakes hands. Dropping the future undoes everything.
    pub(super) async fn open(
        name: &str,
        server: &McpServer,
        deps: &ToolDeps,
        handler: Handler,
        limit: Duration,
    ) -> Result<(Self, Running), Failure> {
        let login = format!("agentscope mcp login {name}");
        match &server.url {
            Some(url) => Self::reach(url, server, deps, handler, name.to_owned(), login, limit).await,
            None => Self::start(server, deps, handler, name.to_owned(), login, limit).await,
        }
    }

    async fn start(
        server: &McpServer,
        deps: &ToolDeps,
        handler: Handler,
        name: String,
        login: String,
        limit: Duration,
    ) -> Result<(Self, Running), Failure> {
        let (process, pipes) = Process::start(server, &deps.folder, &deps.env)?;
        let process = Arc::new(process);
        let stop = CancellationToken::new();
        let calls = handler.calls.clone();
        let handshake = serve_client_with_ct(handler, (pipes.stdout, pipes.stdin), stop.clone());
        let Ok(shaken) = tokio::time::timeout(limit, handshake).await else {
            return Err(Failure::timeout(limit).last_words(process.last_words()));
        };
        match shaken {
            Ok(service) => {
                let peer = service.peer().clone();
                let running = Running { service, stop, process: Some(Arc::clone(&process)) };
                let challenge = Mutex::default();
                Ok((Self { name, peer, calls, process: Some(process), login, challenge }, running))
            }
            Err(error) => {
                let failure = Failure::handshake(&error, &login);
                Err(with_exit(failure, &process).await)
            }
        }
    }

    async fn reach(
        url: &str,
        server: &McpServer,
        deps: &ToolDeps,
        handler: Handler,
        name: String,
        login: String,
        limit: Duration,
    ) -> Result<(Self, Running), Failure> {
        let client = deps.http.client(url).map_err(|error| refused(&error))?;
        let mut config = StreamableHttpClientTransportConfig::with_uri(url).reinit_on_expired_session(true);
        config.custom_headers = headers(server)?;
        let own = config.custom_headers.contains_key(&AUTHORIZATION);
        let reached = async {
            match oauth::authorized(url, client.clone(), deps).await {
                Ok(Some(client)) if !own => Self::shake_hands(client, config, handler, name, login).await,
                Ok(_) => Self::shake_hands(client, config, handler, name, login).await,
                Err(error) => Err(Failure::new(error.to_string(), Retry::Useless).hint(format!("run `{login}`"))),
            }
        };
        tokio::time::timeout(limit, reached).await.unwrap_or_else(|_| Err(Failure::timeout(limit)))
    }

    async fn shake_hands<C: StreamableHttpClient + Sync>(
        client: C,
        config: StreamableHttpClientTransportConfig,
        handler: Handler,
        name: String,
        login: String,
    ) -> Result<(Self, Running), Failure> {
        let stop = CancellationToken::new();
        let calls = handler.calls.clone();
        let transport = StreamableHttpClientTransport::with_client(Http::new(client), config);
        let service = serve_client_with_ct(handler, transport, stop.clone())
            .await
            .map_err(|error| Failure::handshake(&error, &login))?;
        let peer = service.peer().clone();
        let connection = Self { name, peer, calls, process: None, login, challenge: Mutex::default() };
        Ok((connection, Running { service, stop, process: None }))
    }

    /// The tools that the server offers, in its order.
    pub(super) async fn tools(&self, limit: Duration) -> Result<Vec<rmcp::model::Tool>, Failure> {
        match tokio::time::timeout(limit, self.all_tools()).await {
            Ok(tools) => tools,
            Err(_) => {
                let failure = Failure::timeout(limit);
                Err(match &self.process {
                    Some(process) => failure.last_words(process.last_words()),
                    None => failure,
                })
            }
        }
    }

    async fn all_tools(&self) -> Result<Vec<rmcp::model::Tool>, Failure> {
        let mut tools = vec![];
        let mut cursor = None;
        loop {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let page = match self.peer.list_tools(Some(page)).await {
                Ok(page) => page,
                Err(error) => return Err(self.explain(Failure::request(&error, &self.login)).await),
            };
            tools.extend(page.tools);
            tools.truncate(MOST_TOOLS);
            cursor = page.next_cursor;
            if cursor.is_none() || tools.len() == MOST_TOOLS {
                return Ok(tools);
            }
        }
    }

    /// Calls `tool`; a server that shows no sign of work for `limit` is told to stop.
    pub(super) async fn call(
        &self,
        tool: &str,
        arguments: Value,
        limit: Duration,
        cx: &ToolCx,
    ) -> Result<ToolResult, ToolError> {
        let running = self.calls.begin(cx.call_id.clone(), Arc::clone(&cx.host));
        let mut params = CallToolRequestParams::new(tool.to_owned());
        if let Value::Object(arguments) = arguments {
            params = params.with_arguments(arguments);
        }
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let options = trace::meta(&Place::current())
            .map_or_else(PeerRequestOptions::no_options, |meta| PeerRequestOptions::no_options().with_meta(meta));
        let handle = match self.peer.send_request_with_option(request, options).await {
            Ok(handle) => handle,
            Err(error) => return Err(self.failed(Failure::request(&error, &self.login)).await),
        };
        running.call.set_token(handle.progress_token.clone());
        let mut sent = Sent(Some(handle));
        let answer = tokio::select! {
            answer = sent.answer() => answer,
            () = running.call.silent_for(limit) => {
                sent.abandon().await;
                return Err(ToolError::Timeout(limit));
            }
            () = cx.cancel.cancelled() => return Err(ToolError::Canceled),
        };
        sent.0 = None;
        match answer {
            Ok(ServerResult::CallToolResult(result)) => content::result(result),
            // Some servers leave out what they should send; rmcp then takes the answer for another kind.
            Ok(other) => serde_json::to_value(other).and_then(serde_json::from_value).map_or_else(
                |_| Err(ToolError::Failed("the server answered with something that is not a result".to_owned())),
                content::result,
            ),
            Err(error) => Err(self.failed(Failure::request(&error, &self.login)).await),
        }
    }

    /// What a login would be for that may let the last call succeed.
    pub(super) fn challenge(&self) -> Option<Box<str>> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn failed(&self, failure: Failure) -> ToolError {
        let failure = self.explain(failure).await;
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&failure.challenge);
        ToolError::Failed(match failure.retry {
            // The server's own words about this call.
            Retry::Useless if failure.hint.is_none() => failure.to_string(),
            Retry::Useless => format!("the MCP server `{}` failed: {failure}", self.name),
            Retry::Useful => format!(
                "the MCP server `{}` failed: {failure}; it is being started again, so another try may work",
                self.name
            ),
        })
    }

    /// Adds what the process said, if it was its end that made the request fail.
    async fn explain(&self, failure: Failure) -> Failure {
        match &self.process {
            Some(process) if failure.retry == Retry::Useful => with_exit(failure, process).await,
            _ => failure,
        }
    }
}

impl Running {
    /// Waits for the end of the connection and says why it ended.
    pub(super) async fn ended(self) -> Failure {
        let quit = self.service.waiting().await;
        let text = match quit {
            Ok(QuitReason::Closed | QuitReason::Cancelled) => "it ended the connection",
            _ => "the connection broke",
        };
        let failure = Failure::new(text, Retry::Useful);
        match &self.process {
            Some(process) => with_exit(failure, process).await,
            None => failure,
        }
    }

    /// What ends the connection from our side.
    pub(super) fn stopper(&self) -> Stopper {
        Stopper { stop: self.stop.clone(), process: self.process.clone() }
    }
}

pub(super) struct Stopper {
    stop: CancellationToken,
    process: Option<Arc<Process>>,
}

impl Stopper {
    /// Closes the connection; `ended` resolves soon after.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until the program is gone, with force if need be.
    pub(super) async fn gone(&self) {
        if let Some(process) = &self.process {
            process.end().await;
        }
    }
}

/// A request that was sent; dropped before its answer came, it tells the server to stop.
struct Sent(Option<RequestHandle<RoleClient>>);

impl Sent {
    async fn answer(&mut self) -> Result<ServerResult, rmcp::service::ServiceError> {
        match &mut self.0 {
            Some(handle) => (&mut handle.rx).await.unwrap_or(Err(rmcp::service::ServiceError::TransportClosed)),
            None => std::future::pending().await,
        }
    }
}

impl Sent {
    /// Tells the server to stop, if it listens.
    async fn abandon(&mut self) {
        if let Some(handle) = self.0.take() {
            let told = handle.cancel(Some("no longer wanted".to_owned()));
            let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let (Some(handle), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(handle.cancel(Some("no longer wanted".to_owned())));
        }
    }
}

async fn with_exit(mut failure: Failure, process: &Process) -> Failure {
    if let Some(status) = process.ended().await {
        failure.reason = format!("it ended with {status}");
    }
    failure.last_words(process.last_words())
}

fn refused(error: &HttpError) -> Failure {
    Failure::new(error.to_string(), Retry::Useless)
}

fn headers(server: &McpServer) -> Result<HashMap<HeaderName, HeaderValue>, Failure> {
    server
        .headers
        .iter()
        .map(|(name, value)| {
            let wrong = |what: &str| {
                Failure::new(format!("the {what} of the header `{name}` cannot be sent"), Retry::Useless)
                    .hint("correct `headers` of the server")
            };
            let header: HeaderName = name.parse().map_err(|_| wrong("name"))?;
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| wrong("value"))?;
            value.set_sensitive(true);
            Ok((header, value))
        })
        .collect()
}
