//! What providers say when they fail, made into one kind of error with a next step.

use std::{error::Error as _, time::Duration};

use reqwest::StatusCode;
use serde_json::Value;

use super::{ModelError, ModelErrorKind, wire::Endpoint};
use crate::runtime::http::HttpError;

/// The most of a provider's own words that an error quotes, in characters.
const QUOTE: usize = 400;

/// How the providers word that the prompt is too long; matched in lower case. In this order: OpenAI's code, OpenAI
/// and vLLM, Anthropic (two), Gemini, llama.cpp (two), DashScope, Moonshot, LM Studio (two), Responses.
const CONTEXT_FULL: &[&str] = &[
    "context_length_exceeded",
    "maximum context length",
    "prompt is too long",
    "exceed context limit",
    "exceeds the maximum number of tokens",
    "exceed_context_size",
    "exceeds the available context size",
    "range of input length should be",
    "exceeded model token limit",
    "greater than the context length",
    "when context the overflows",
    "exceeds the context window",
];

impl Endpoint {
    /// An error of this model, with the hint that fits.
    pub(super) fn error(&self, kind: ModelErrorKind) -> ModelError {
        let hint = self.hint(&kind);
        ModelError { model: self.name.clone(), kind, hint }
    }

    /// The error for an answer with `status`, which is not a success.
    pub(super) fn status_error(&self, status: StatusCode, retry_after: Option<Duration>, body: &str) -> ModelError {
        let text = self.quote(body);
        let lower = body.to_ascii_lowercase();
        // DashScope and others answer 400 for a wrong key; llama.cpp 500 for a full context.
        let full = CONTEXT_FULL.iter().any(|words| lower.contains(words));
        let bad_key = status == StatusCode::BAD_REQUEST
            && (lower.contains("api_key_invalid")
                || lower.contains("invalid_api_key")
                || lower.contains("api key not valid"));
        let kind = match status.as_u16() {
            401 | 403 => ModelErrorKind::Auth { status: status.as_u16(), body: text },
            400 if bad_key => ModelErrorKind::Auth { status: 400, body: text },
            _ if full => ModelErrorKind::ContextFull { body: text },
            // OpenAI's word for no credit: waiting does not help.
            429 if !lower.contains("insufficient_quota") => ModelErrorKind::RateLimited { retry_after, body: text },
            status => ModelErrorKind::Status { status, retry_after, body: text },
        };
        self.error(kind)
    }

    pub(super) fn transport_error(&self, error: reqwest::Error) -> ModelError {
        let connect = error.is_connect();
        // The URL may carry what is secret; the innermost cause says most.
        let error = error.without_url();
        let mut cause = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            cause = inner.to_string();
            source = inner.source();
        }
        let (host, cause) = (self.host(), self.quote(&cause));
        let message = if connect {
            format!("could not connect to {host}: {cause}")
        } else {
            format!("the connection to {host} broke: {cause}")
        };
        let hint = match (connect, self.is_local()) {
            (false, _) => "try again, or set `fallback`".to_owned(),
            (true, true) => format!("is the server running at {}?", self.base_url),
            (true, false) => "check the network; HTTPS_PROXY and SSL_CERT_FILE are honoured".to_owned(),
        };
        ModelError { hint: Some(hint), ..self.error(ModelErrorKind::Transport { message }) }
    }

    /// The error for a body that ended before the answer did.
    pub(super) fn cut(&self) -> ModelError {
        let message = format!("{} closed the connection in the middle of the answer", self.host());
        self.error(ModelErrorKind::Transport { message })
    }

    pub(super) fn http_error(&self, error: &HttpError) -> ModelError {
        self.error(match error {
            HttpError::Offline { host } => ModelErrorKind::Offline { host: host.clone() },
            HttpError::Certificates { .. } | HttpError::Build(_) | HttpError::Url { .. } | HttpError::Proxy { .. } => {
                ModelErrorKind::Unsupported { message: error.to_string() }
            }
        })
    }

    /// The provider's words, short, on one line, without any secret of ours that it echoes.
    pub(super) fn quote(&self, body: &str) -> String {
        let mut text = message_of(body);
        for secret in self.key.iter().map(|(key, _)| key).chain(self.headers.values()) {
            // Shorter values would blacken ordinary words.
            if secret.expose().len() >= 6 {
                text = text.replace(secret.expose(), "[secret]");
            }
        }
        short(&text)
    }

    fn host(&self) -> String {
        let url = url::Url::parse(&self.base_url).ok();
        let host = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
        host.map_or_else(|| self.base_url.clone(), |(host, port)| format!("{host}:{port}"))
    }

    fn hint(&self, kind: &ModelErrorKind) -> Option<String> {
        let provider = self.provider;
        let hint = match kind {
            ModelErrorKind::Auth { .. } => match (&self.key, provider.key_variables.first()) {
                (Some((_, source)), _) => format!("check the key in {source}; `agentscope setup` stores another"),
                (None, Some(variable)) => format!("set {variable}, or store a key with `agentscope setup`"),
                (None, None) => "set `api_key` or `headers` of this model in the agent file".to_owned(),
            },
            ModelErrorKind::RateLimited { .. } => {
                "wait and try again, ask for a higher limit, or set `fallback`".to_owned()
            }
            ModelErrorKind::Status { status: 429 | 402, .. } => {
                "check the plan and the credit of your account".to_owned()
            }
            ModelErrorKind::ContextFull { .. } => match self.capabilities.context_window {
                Some(window) => format!("the model takes {window} tokens: start a new session or use another model"),
                None => "start a new session, or set `context_window` of this model in the agent file".to_owned(),
            },
            ModelErrorKind::Status { status: 404, .. } if provider.name == "ollama" => {
                format!("`ollama pull {}` fetches the model; `ollama list` shows what is there", self.model)
            }
            ModelErrorKind::Status { status: 404, .. } => format!(
                "check the model name `{}` and the address {}; `agentscope models` lists what is known",
                self.model, self.base_url
            ),
            ModelErrorKind::Status { status, .. } if *status >= 500 => {
                "the provider is in trouble: try again later, or set `fallback`".to_owned()
            }
            ModelErrorKind::Transport { .. } => "try again, or set `fallback`".to_owned(),
            ModelErrorKind::Timeout { idle: true, .. } => {
                "raise `idle_timeout` of this model in the agent file".to_owned()
            }
            ModelErrorKind::Timeout { idle: false, .. } => "raise `timeout` of this model in the agent file".to_owned(),
            ModelErrorKind::Protocol { .. } => format!("is {} the root of the provider's API?", self.base_url),
            ModelErrorKind::Offline { .. } => "leave out `--offline`, or use a model on this machine".to_owned(),
            ModelErrorKind::Status { .. } | ModelErrorKind::Stream { .. } | ModelErrorKind::Unsupported { .. } => {
                return None;
            }
        };
        Some(hint)
    }

    fn is_local(&self) -> bool {
        url::Url::parse(&self.base_url).is_ok_and(|url| match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        })
    }
}

/// The error for an object that the provider sent within its stream: `{code, message}`, `{type, message}`, a string.
pub(super) fn in_stream(error: &Value) -> ModelErrorKind {
    let message = short(&message_of(&error.to_string()));
    let lower = error.to_string().to_ascii_lowercase();
    if CONTEXT_FULL.iter().any(|words| lower.contains(words)) {
        return ModelErrorKind::ContextFull { body: message };
    }
    let code = error.get("code").map(ToString::to_string).unwrap_or_default();
    let kind = error.get("type").and_then(Value::as_str).unwrap_or_default();
    let of = |words: &[&str]| words.iter().any(|word| code.contains(word) || kind.contains(word));
    if of(&["rate_limit", "429", "RESOURCE_EXHAUSTED"]) {
        return ModelErrorKind::RateLimited { retry_after: None, body: message };
    }
    let retry =
        of(&["server_error", "overloaded", "api_error", "timeout", "unavailable", "500", "502", "503", "504", "529"]);
    ModelErrorKind::Stream { message, retry }
}

/// The error for an event whose data is not what the protocol says.
pub(super) fn protocol(data: &str, error: &serde_json::Error) -> ModelErrorKind {
    ModelErrorKind::Protocol { message: format!("{error} in `{}`", short(data)) }
}

/// The human part of an error body in the forms that providers use, else the body.
fn message_of(body: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    // Gemini wraps an error that comes without a stream into an array.
    let value = value.get(0).unwrap_or(&value);
    let places = ["/error/message", "/message", "/error", "/detail", "/errors/message", "/msg"];
    let found = places.iter().find_map(|place| value.pointer(place).and_then(Value::as_str));
    found.or(value.as_str()).map_or_else(|| body.to_owned(), str::to_owned)
}

fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "(no message)".to_owned(),
        None => line,
    }
}

/// `Retry-After` in its two forms, seconds and a date (RFC 9110, section 10.2.3), and OpenAI's `retry-after-ms`. A date is
/// one of the provider's clock, which its `Date` tells; `now` is ours, where it does not.
pub(super) fn retry_after(headers: &reqwest::header::HeaderMap, now: jiff::Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(milliseconds) = text("retry-after-ms").and_then(|value| value.parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let value = text("retry-after")?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |value: &str| jiff::fmt::rfc2822::parse(value).ok().map(|date| date.timestamp());
    let now = text("date").and_then(date).unwrap_or(now);
    let date = date(value)?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn retry_after_in_all_its_forms() {
        let now: jiff::Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let after = |headers: &[(&'static str, &'static str)]| {
            let headers =
                headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            retry_after(&headers.collect::<HeaderMap>(), now)
        };
        assert_eq!(after(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(after(&[("retry-after", " 0.5 ")]), Some(Duration::from_millis(500)));
        assert_eq!(after(&[("retry-after", "Sun, 22 Nov 2026 10:00:30 GMT")]), Some(Duration::from_secs(30)));
        assert_eq!(after(&[("retry-after", "Sun, 22 Nov 2026 09:59:00 GMT")]), Some(Duration::ZERO));
        let both = [("date", "Sun, 22 Nov 2026 23:00:00 GMT"), ("retry-after", "Sun, 22 Nov 2026 23:00:05 GMT")];
        assert_eq!(after(&both), Some(Duration::from_secs(5)), "the provider's clock is not ours");
        assert_eq!(after(&[("retry-after", "9"), ("retry-after-ms", "20")]), Some(Duration::from_millis(20)));
        for nonsense in ["", "soon", "-1", "NaN", "1e300", "Sun, 99 Nov 2026 10:00:30 GMT"] {
            assert_eq!(after(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
    }
}
