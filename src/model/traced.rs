//! A model whose requests are spans, `chat MODEL`, of the trace that they are made in.

use std::{sync::Arc, task::Poll};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use opentelemetry::{Array, KeyValue, StringValue, Value, trace::SpanKind};

use super::{Capabilities, Model, ModelDelta, ModelError, ModelErrorKind, ModelRequest, ModelStream};
use crate::{
    domain::Usage,
    runtime::telemetry::{Place, Span},
};

struct Traced {
    model: Arc<dyn Model>,
}

/// The same model; outside of traces it costs nothing.
#[must_use]
pub fn traced(model: Arc<dyn Model>) -> Arc<dyn Model> {
    Arc::new(Traced { model })
}

#[async_trait]
impl Model for Traced {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.model.capabilities()
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, ModelError> {
        let place = Place::current();
        if place.is_none() {
            return self.model.stream(request).await;
        }
        let (provider, model) = self.name().split_once('/').unwrap_or(("", self.name()));
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", provider_name(provider).to_owned()),
            KeyValue::new("gen_ai.request.model", model.to_owned()),
        ];
        let sampling = &request.sampling;
        attributes.extend(sampling.temperature.map(|value| KeyValue::new("gen_ai.request.temperature", value)));
        attributes.extend(sampling.top_p.map(|value| KeyValue::new("gen_ai.request.top_p", value)));
        attributes
            .extend(sampling.max_output_tokens.map(|value| KeyValue::new("gen_ai.request.max_tokens", signed(value))));
        let span = place.span(format!("chat {model}"), SpanKind::Client, attributes);
        match span.place().scope(self.model.stream(request)).await {
            Ok(stream) => Ok(watched(stream, span)),
            Err(error) => {
                span.fail(word(&error.kind));
                Err(error)
            }
        }
    }

    async fn probe(&self) -> Result<(), ModelError> {
        self.model.probe().await
    }
}

/// The span ends with the stream. Requests that are made again while it is read are in it, too.
fn watched(mut inner: ModelStream, span: Span) -> ModelStream {
    let place = span.place();
    stream::poll_fn(move |cx| {
        let item = std::task::ready!(place.within(|| inner.poll_next_unpin(cx)));
        match &item {
            Some(Ok(ModelDelta::Usage(usage))) => span.set(used(usage)),
            Some(Ok(ModelDelta::Stop { raw, .. })) => {
                let reasons = Value::Array(Array::String(vec![StringValue::from(raw.clone())]));
                span.set(vec![KeyValue::new("gen_ai.response.finish_reasons", reasons)]);
            }
            Some(Err(error)) => span.fail(word(&error.kind)),
            _ => {}
        }
        Poll::Ready(item)
    })
    .boxed()
}

fn used(usage: &Usage) -> Vec<KeyValue> {
    vec![
        KeyValue::new("gen_ai.usage.input_tokens", signed(usage.input_tokens)),
        KeyValue::new("gen_ai.usage.output_tokens", signed(usage.output_tokens)),
    ]
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// As the semantic conventions call it; ours where they do not know it.
fn provider_name(provider: &str) -> &str {
    match provider {
        "gemini" => "gcp.gemini",
        other => other,
    }
}

fn word(kind: &ModelErrorKind) -> String {
    match kind {
        ModelErrorKind::Auth { status, .. } | ModelErrorKind::Status { status, .. } => status.to_string(),
        ModelErrorKind::RateLimited { .. } => "429".to_owned(),
        ModelErrorKind::ContextFull { .. } => "context_full".to_owned(),
        ModelErrorKind::Stream { .. } => "stream".to_owned(),
        ModelErrorKind::Transport { .. } => "transport".to_owned(),
        ModelErrorKind::Timeout { .. } => "timeout".to_owned(),
        ModelErrorKind::Protocol { .. } => "protocol".to_owned(),
        ModelErrorKind::Unsupported { .. } => "unsupported".to_owned(),
        ModelErrorKind::Offline { .. } => "offline".to_owned(),
    }
}
