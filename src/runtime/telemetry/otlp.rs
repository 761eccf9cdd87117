//! The way to a collector: OTLP over HTTP, by the one HTTP client. Spans are sent in batches by a thread of their own,
//! and those that find no place in its queue are dropped: nothing waits for a collector, dead or alive.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;

use super::TRACER;
use crate::{
    config::{Env, agent_file::Telemetry},
    runtime::http::Http,
};

/// How long a collector may take to answer, where the environment does not say.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the end of the process waits for the last spans to be sent.
const LAST: Duration = Duration::from_secs(3);

/// What the user wants to be sent, and where to.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    /// With its path.
    url: String,
    headers: Vec<(String, String)>,
    patience: Duration,
    /// The attributes of the resource.
    resource: Vec<(String, String)>,
}

/// Why no spans are sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    #[error("`{0}` is not a header that can be sent to a collector of traces")]
    Header(String),
    #[error("traces cannot be sent to `{url}`: {reason}")]
    Collector { url: String, reason: String },
}

impl Wanted {
    /// What the agent file asks for, else the standard variables of OpenTelemetry. `None` where neither does.
    #[must_use]
    pub fn find(file: Option<&Telemetry>, name: &str, env: &Env) -> Option<Self> {
        let off = |variable: &str, word: &str| env.var(variable).is_some_and(|value| value.eq_ignore_ascii_case(word));
        if off("OTEL_SDK_DISABLED", "true") || off("OTEL_TRACES_EXPORTER", "none") {
            return None;
        }
        let below = |root: &str| format!("{}/v1/traces", root.trim_end_matches('/'));
        let variable = || {
            let whole = env.var("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").map(str::to_owned);
            whole.or_else(|| env.var("OTEL_EXPORTER_OTLP_ENDPOINT").map(below))
        };
        let url = file.map(|file| below(&file.otlp)).or_else(variable)?;
        let of_env = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"];
        let mut headers: Vec<_> = of_env.iter().filter_map(|name| env.var(name)).flat_map(pairs).collect();
        if let Some(file) = file {
            // Those of the environment are for the collector that the environment names.
            headers = file.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
        }
        let patience = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
        let patience = patience.iter().find_map(|name| env.var(name)?.parse().ok()).map(Duration::from_millis);
        let mut resource = vec![
            ("service.name".to_owned(), name.to_owned()),
            ("telemetry.sdk.name".to_owned(), "opentelemetry".to_owned()),
            ("telemetry.sdk.language".to_owned(), "rust".to_owned()),
            ("agentscope.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ];
        resource.extend(env.var("OTEL_RESOURCE_ATTRIBUTES").into_iter().flat_map(pairs));
        resource.extend(env.var("OTEL_SERVICE_NAME").map(|name| ("service.name".to_owned(), name.to_owned())));
        Some(Self { url, headers, patience: patience.unwrap_or(PATIENCE), resource })
    }
}

/// `a=b,c=d`, the values percent-encoded.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8().ok()?;
        Some((name.trim().to_owned(), value.into_owned()))
    };
    text.split(',').filter_map(pair).collect()
}

/// The spans on their way.
pub struct Traces {
    provider: SdkTracerProvider,
}

/// Makes spans and sends them from now on. To be called within the runtime, once.
///
/// # Errors
/// An address or a header that cannot be used; `--offline`.
pub fn start(wanted: Wanted, http: &Arc<Http>) -> Result<Traces, TracesError> {
    let Wanted { url, headers, patience, resource } = wanted;
    let wrong = |reason: String| TracesError::Collector { url: url.clone(), reason };
    http.permit(&url).map_err(|error| wrong(error.to_string()))?;
    let headers: HashMap<_, _> = headers.into_iter().collect();
    for (name, value) in &headers {
        let fits = name.parse::<HeaderName>().is_ok() && HeaderValue::from_str(value).is_ok();
        if !fits {
            return Err(TracesError::Header(name.clone()));
        }
    }
    let sender = Sender {
        http: Arc::clone(http),
        runtime: Handle::current(),
        patience,
        silent: Arc::new(AtomicBool::new(false)),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(sender)
        .with_headers(headers)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&url)
        .with_timeout(patience)
        .build()
        .map_err(|error| wrong(error.to_string()))?;
    let resource = resource.into_iter().map(|(name, value)| KeyValue::new(name, value));
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder_empty().with_attributes(resource).build())
        .build();
    // A second start of the process would find the first one's.
    let _ = TRACER.set(provider.tracer("agentscope"));
    Ok(Traces { provider })
}

impl Traces {
    /// Sends what is left, as far as the collector takes it in time.
    pub async fn end(self) {
        let sent = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(LAST));
        // Who cannot be reached at the end gets no more.
        let _ = tokio::time::timeout(LAST + LAST, sent).await;
    }
}

/// Sends from the thread of the batches, by the client that lives in the runtime.
struct Sender {
    http: Arc<Http>,
    runtime: Handle,
    patience: Duration,
    /// The collector did not take the last batch, and that was said.
    silent: Arc<AtomicBool>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let call = self.http.client(&url)?.request(parts.method, &url).headers(parts.headers).body(body);
        let call = call.timeout(self.patience);
        let answered = self.runtime.spawn(async move {
            let response = call.send().await?;
            let status = response.status();
            Ok::<_, reqwest::Error>((status, response.bytes().await?))
        });
        let answered = answered.await.map_err(Into::into).and_then(|answer| answer.map_err(HttpError::from));
        self.say(&parts.uri, answered.as_ref().map(|(status, _)| *status).map_err(|error| error.as_ref()));
        let (status, body) = answered?;
        let mut response = Response::new(body);
        *response.status_mut() = status;
        Ok(response)
    }
}

impl Sender {
    /// Says once that the collector takes no traces, and once that it takes them again.
    fn say(&self, collector: &http::Uri, answer: Result<http::StatusCode, &(dyn std::error::Error + Send + Sync)>) {
        let collector = collector.host().unwrap_or_default();
        let wrong = match answer {
            Ok(status) if status.is_success() => None,
            Ok(status) => Some(format!("HTTP {}", status.as_u16())),
            Err(error) => Some(error.to_string()),
        };
        let before = self.silent.swap(wrong.is_some(), Ordering::Relaxed);
        match wrong {
            Some(reason) if !before => {
                tracing::warn!(collector, reason, "the collector takes no traces; they are dropped until it does");
            }
            None if before => tracing::info!(collector, "the collector takes traces again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(file: Option<&str>, vars: &[(&str, &str)]) -> Option<Wanted> {
        let file = file.map(|otlp| Telemetry { otlp: otlp.to_owned(), headers: std::collections::BTreeMap::new() });
        Wanted::find(file.as_ref(), "demo", &Env::fake("/", vars))
    }

    #[test]
    fn nothing_is_sent_unasked() {
        assert_eq!(find(None, &[]), None);
        assert_eq!(find(Some("http://c:4318"), &[("OTEL_SDK_DISABLED", "true")]), None);
        assert_eq!(find(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"), ("OTEL_TRACES_EXPORTER", "none")]), None);
    }

    #[test]
    fn the_file_comes_before_the_environment() {
        let url = |file, vars: &[(&str, &str)]| find(file, vars).unwrap().url;
        let root = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env:4318/");
        let whole = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://env/mine");
        assert_eq!(url(None, &[root]), "http://env:4318/v1/traces");
        assert_eq!(url(None, &[root, whole]), "http://env/mine");
        assert_eq!(url(Some("http://file:4318"), &[root, whole]), "http://file:4318/v1/traces");
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, team = docs");
        let wanted = find(None, &[root, headers, ("OTEL_SERVICE_NAME", "mine")]).unwrap();
        assert_eq!(wanted.headers, [("authorization".into(), "Bearer x".into()), ("team".into(), "docs".into())]);
        assert_eq!(wanted.resource.last(), Some(&("service.name".to_owned(), "mine".to_owned())));
        assert!(find(Some("http://file"), &[root, headers]).unwrap().headers.is_empty());
    }
}
