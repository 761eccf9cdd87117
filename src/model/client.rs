//! One request over HTTP: sends it, watches the clock, turns bytes into deltas by the wire's decoder.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use super::{
    Capabilities, Model, ModelDelta, ModelError, ModelErrorKind, ModelRequest, ModelStream, StopReason, failure, sse,
    wire::Endpoint,
};
use crate::{
    config::agent_file::Price,
    domain::{CallId, Notice, Usage},
    runtime::{http::Http, telemetry::Place},
};

/// How long a provider may take to say whether it is there.
const PROBE: Duration = Duration::from_secs(5);
/// The most of an error's body that is read, in bytes.
const ERROR_BODY: usize = 64 * 1024;

/// A model behind a provider's API, without retries.
pub(super) struct Client {
    endpoint: Arc<Endpoint>,
    http: Arc<Http>,
}

impl Client {
    pub(super) fn new(endpoint: Endpoint, http: Arc<Http>) -> Self {
        Self { endpoint: Arc::new(endpoint), http }
    }

    fn request(&self, method: reqwest::Method, url: &str) -> Result<reqwest::RequestBuilder, ModelError> {
        let endpoint = &self.endpoint;
        let client = self.http.client(url).map_err(|error| endpoint.http_error(&error))?;
        let mut call = client.request(method, url).headers(Place::current().headers());
        for (name, value) in endpoint.protocol_headers() {
            call = call.header(name, sensitive(endpoint, name, &value)?);
        }
        for (name, value) in &endpoint.headers {
            call = call.header(name, sensitive(endpoint, name, value.expose())?);
        }
        Ok(call)
    }
}

/// Both limits of a request. The idle limit also holds for the wait for the first byte, which on a slow machine may
/// be long: that is what `idle_timeout` is for.
#[derive(Clone, Copy)]
struct Clock {
    end: Instant,
    total: Duration,
    idle: Duration,
}

impl Clock {
    async fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, ModelErrorKind> {
        let idle = Instant::now() + self.idle;
        timeout_at(idle.min(self.end), work).await.map_err(|_| self.late(idle))
    }

    /// The error of a wait that might have lasted until `idle`.
    fn late(&self, idle: Instant) -> ModelErrorKind {
        let (after, idle) = if idle < self.end { (self.idle, true) } else { (self.total, false) };
        ModelErrorKind::Timeout { after, idle }
    }
}

/// The clock of an answer that is arriving: one timer for all waits, as each that is set and taken back takes locks.
struct Alarm {
    clock: Clock,
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    fn new(clock: Clock) -> Self {
        Self { clock, sleep: Box::pin(sleep_until(clock.end)) }
    }

    async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Result<T, ModelErrorKind> {
        let idle = Instant::now() + self.clock.idle;
        self.sleep.as_mut().reset(idle.min(self.clock.end));
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = &mut self.sleep => Err(self.clock.late(idle)),
        }
    }
}

#[async_trait]
impl Model for Client {
    fn name(&self) -> &str {
        &self.endpoint.name
    }

    fn capabilities(&self) -> Capabilities {
        self.endpoint.capabilities
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, ModelError> {
        let endpoint = Arc::clone(&self.endpoint);
        let clock =
            Clock { end: Instant::now() + endpoint.timeout, total: endpoint.timeout, idle: endpoint.idle_timeout };
        let body = endpoint.body(&request).map_err(|kind| endpoint.error(kind))?;
        let left_out = endpoint.left_out(&request);
        drop(request);
        let call = self.request(reqwest::Method::POST, &endpoint.url())?.header("accept", "text/event-stream");
        let call = call.json(&body);
        let response = clock.wait(call.send()).await.map_err(|kind| endpoint.error(kind))?;
        let response = response.map_err(|error| endpoint.transport_error(error))?;
        let status = response.status();
        if !status.is_success() {
            let retry_after = failure::retry_after(response.headers(), jiff::Timestamp::now());
            let text = error_body(response, &clock).await;
            return Err(endpoint.status_error(status, retry_after, &text));
        }
        let deltas = answer(endpoint, clock, response.bytes_stream());
        Ok(match left_out {
            None => deltas.boxed(),
            Some(message) => {
                let notice = ModelDelta::Notice(Notice::Warning { message });
                stream::once(async { Ok(notice) }).chain(deltas).boxed()
            }
        })
    }

    /// Many servers have no list of models, and some let everybody read it: only what says that requests would fail
    /// counts.
    async fn probe(&self) -> Result<(), ModelError> {
        let endpoint = &self.endpoint;
        let clock = Clock { end: Instant::now() + PROBE, total: PROBE, idle: PROBE };
        let call = self.request(reqwest::Method::GET, &endpoint.models_url())?;
        let response = clock.wait(call.send()).await.map_err(|kind| endpoint.error(kind))?;
        let response = response.map_err(|error| endpoint.transport_error(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let error = endpoint.status_error(status, None, &error_body(response, &clock).await);
        match error.kind {
            ModelErrorKind::Auth { .. } | ModelErrorKind::Status { status: 402 | 500 | 502.., .. } => Err(error),
            _ => Ok(()),
        }
    }
}

/// A header that is kept out of logs.
fn sensitive(endpoint: &Endpoint, name: &str, value: &str) -> Result<reqwest::header::HeaderValue, ModelError> {
    let mut value = reqwest::header::HeaderValue::from_str(value).map_err(|_| {
        let message = format!("the value of the header `{name}` holds a character that headers cannot carry");
        endpoint.error(ModelErrorKind::Unsupported { message })
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The text of an error answer, as far as it comes.
async fn error_body(mut response: reqwest::Response, clock: &Clock) -> String {
    let mut body = vec![];
    while body.len() < ERROR_BODY {
        match clock.wait(response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// The deltas of one answer. Ends after `Stop` without waiting for the connection to be closed.
fn answer<B: AsRef<[u8]> + Send>(
    endpoint: Arc<Endpoint>,
    clock: Clock,
    body: impl Stream<Item = reqwest::Result<B>> + Send,
) -> impl Stream<Item = Result<ModelDelta, ModelError>> + Send {
    async_stream::try_stream! {
        let mut body = std::pin::pin!(body);
        let mut events = sse::Decoder::default();
        let mut decoder = endpoint.decoder();
        let mut tidy = Tidy::new(endpoint.price);
        let mut head = Some(vec![]);
        let mut out = vec![];
        let mut alarm = Alarm::new(clock);
        while let Some(chunk) = alarm.wait(body.next()).await.map_err(|kind| endpoint.error(kind))? {
            let chunk = chunk.map_err(|error| endpoint.transport_error(error))?;
            if let Some(start) = &mut head {
                start.extend_from_slice(chunk.as_ref());
                if is_stream(start) == Some(false) {
                    let text = rest_of(std::mem::take(start), body.as_mut(), &clock).await;
                    Err(not_a_stream(&endpoint, &text))?;
                }
            }
            let decoded = events.feed(chunk.as_ref(), |event| {
                head = None;
                decoder.event(&event, &mut out).map_err(Broken::Kind)
            });
            for delta in tidy.all(&mut out) {
                let last = matches!(delta, ModelDelta::Stop { .. });
                yield delta;
                if last {
                    return;
                }
            }
            decoded.map_err(|broken| endpoint.error(broken.into()))?;
        }
        decoder.end(&mut out);
        for delta in tidy.all(&mut out) {
            yield delta;
        }
        if let Some(start) = head {
            Err(not_a_stream(&endpoint, &String::from_utf8_lossy(&start)))?;
        }
        if !tidy.stopped {
            Err(endpoint.cut())?;
        }
    }
}

enum Broken {
    TooLong,
    Kind(ModelErrorKind),
}

impl From<sse::TooLong> for Broken {
    fn from(_: sse::TooLong) -> Self {
        Self::TooLong
    }
}

impl From<Broken> for ModelErrorKind {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TooLong => {
                Self::Protocol { message: format!("an event of more than {} MiB", sse::MAX_EVENT / (1024 * 1024)) }
            }
            Broken::Kind(kind) => kind,
        }
    }
}

/// Whether the body is an event stream, by its first character; `None` while there is none. The content type is no
/// help: some servers send streams as text/plain and errors as text/event-stream.
fn is_stream(start: &[u8]) -> Option<bool> {
    start.iter().find(|byte| !byte.is_ascii_whitespace()).map(|byte| !matches!(byte, b'{' | b'[' | b'<'))
}

async fn rest_of<B: AsRef<[u8]>>(
    mut body: Vec<u8>,
    mut chunks: std::pin::Pin<&mut (impl Stream<Item = reqwest::Result<B>> + Send)>,
    clock: &Clock,
) -> String {
    while body.len() < ERROR_BODY {
        match clock.wait(chunks.next()).await {
            Ok(Some(Ok(chunk))) => body.extend_from_slice(chunk.as_ref()),
            Ok(Some(Err(_)) | None) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// The error for a success that carried no events.
fn not_a_stream(endpoint: &Endpoint, body: &str) -> ModelError {
    let value: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let error = value.as_ref().and_then(|value| value.get(0).unwrap_or(value).get("error"));
    if let Some(error) = error.filter(|error| !error.is_null()) {
        return endpoint.error(failure::in_stream(error));
    }
    let start = body.trim_start();
    if [":", "data:", "event:"].iter().any(|field| start.starts_with(field)) {
        return endpoint.cut();
    }
    let what = match start.chars().next() {
        None => "an empty answer instead of an event stream".to_owned(),
        Some('<') => "a web page instead of an event stream".to_owned(),
        Some(_) => format!("no event stream but `{}`", endpoint.quote(body)),
    };
    endpoint.error(ModelErrorKind::Protocol { message: what })
}

/// What holds for the deltas of every wire: usage has its cost; a call without arguments has `{}`; an answer that
/// calls tools stops for them, whatever the provider's word.
struct Tidy {
    price: Option<Price>,
    /// Calls of which no argument has come.
    bare: Vec<CallId>,
    calls: bool,
    stopped: bool,
}

impl Tidy {
    fn new(price: Option<Price>) -> Self {
        Self { price, bare: vec![], calls: false, stopped: false }
    }

    fn all(&mut self, deltas: &mut Vec<ModelDelta>) -> Vec<ModelDelta> {
        let mut out = Vec::with_capacity(deltas.len());
        for delta in deltas.drain(..) {
            match delta {
                ModelDelta::Usage(usage) => out.push(ModelDelta::Usage(with_cost(usage, self.price))),
                ModelDelta::Stop { reason, raw } => {
                    let braces = |call_id| ModelDelta::ToolCallArguments { call_id, delta: "{}".to_owned() };
                    out.extend(self.bare.drain(..).map(braces));
                    let reason = if self.calls && reason == StopReason::End { StopReason::ToolCalls } else { reason };
                    self.stopped = true;
                    out.push(ModelDelta::Stop { reason, raw });
                }
                delta => {
                    match &delta {
                        ModelDelta::ToolCallStart { call_id, .. } => {
                            self.calls = true;
                            self.bare.push(call_id.clone());
                        }
                        ModelDelta::ToolCallArguments { call_id, .. } => self.bare.retain(|bare| bare != call_id),
                        _ => {}
                    }
                    out.push(delta);
                }
            }
        }
        out
    }
}

#[expect(clippy::cast_precision_loss, reason = "no request has 2^52 tokens")]
fn with_cost(mut usage: Usage, price: Option<Price>) -> Usage {
    usage.cost = price.map(|price| {
        let cached = usage.cached_tokens.min(usage.input_tokens);
        let fresh = usage.input_tokens - cached;
        let cached_price = price.cached.unwrap_or(price.input);
        (fresh as f64 * price.input + cached as f64 * cached_price + usage.output_tokens as f64 * price.output) / 1e6
    });
    usage
}

#[cfg(test)]
mod tests {
    use axum::{Router, extract::Path, http::StatusCode, routing::get};
    use serde_json::json;

    use super::*;
    use crate::{
        config::{Env, Keys, Paths, agent_file::ModelSpec, catalog},
        model::open,
        tool::testing::Peer,
    };

    fn client(url: &str) -> Client {
        let env = Env::fake("/", &[("AGENTSCOPE_HOME", "/nowhere")]);
        let keys = Keys::load(&env, &Paths::new(&env), None).unwrap();
        let spec = json!({ "provider": "openai", "model": "m", "base_url": url, "api_key": "sk-very-secret" });
        let spec: ModelSpec = serde_json::from_value(spec).unwrap();
        let endpoint = open::endpoint(catalog::provider("openai").unwrap(), &spec, &keys).unwrap();
        Client::new(endpoint, Arc::new(Http::new(env, true)))
    }

    #[tokio::test]
    async fn a_probe_fails_where_requests_would() {
        let answer = |Path(status): Path<u16>| async move { (StatusCode::from_u16(status).unwrap(), "Says no.") };
        let peer = Peer::serving(Router::new().route("/{status}/models", get(answer))).await;
        let mut told = vec![];
        for status in [200, 404, 405, 429, 501, 401, 402, 403, 500, 503] {
            let probed = client(&peer.url(&format!("/{status}"))).probe().await;
            told.push(format!("{status} {}", probed.err().map_or("ready".to_owned(), |error| error.to_string())));
        }
        let nobody = client("http://127.0.0.1:9/v1").probe().await.unwrap_err();
        told.push(nobody.kind.to_string().split(':').next().unwrap().to_owned());
        insta::assert_snapshot!(told.join("\n"), @"
        200 ready
        404 ready
        405 ready
        429 ready
        501 ready
        401 openai/m: the API key was refused (HTTP 401): Says no.
        402 openai/m: the provider answered HTTP 402: Says no.
        403 openai/m: the API key was refused (HTTP 403): Says no.
        500 openai/m: the provider answered HTTP 500: Says no.
        503 openai/m: the provider answered HTTP 503: Says no.
        could not connect to 127.0.0.1
        ");
    }
}
