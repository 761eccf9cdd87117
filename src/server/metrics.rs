//! `/metrics`, in the text format of OpenMetrics. No label has more values than the agent file has agents and tools:
//! no session, no user, nothing that a caller writes.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use http::header;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::{ApiError, App};
use crate::domain::Usage;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// A model can ask for tools that there are not; so many names are counted apart.
const TOOLS: usize = 256;
/// Upper bounds of durations, in seconds.
const SECONDS: [f64; 12] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Agent {
    agent: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    agent: String,
    /// `completed`, `tool_calls`, `canceled`, or why it failed.
    outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    agent: String,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tool {
    tool: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

fn durations<L: Clone + Eq + std::hash::Hash>() -> Durations<L> {
    Family::new_with_constructor(|| Histogram::new(SECONDS))
}

/// What is counted.
pub(super) struct Metrics {
    registry: Registry,
    turns: Family<Outcome, Counter>,
    running: Gauge,
    waiting: Gauge,
    /// As the runtime counts them when it is asked.
    tasks: Gauge,
    turn_seconds: Durations<Agent>,
    tokens: Family<Kind, Counter>,
    tools: Family<Tool, Counter>,
    known: Mutex<HashSet<String>>,
    requests: Family<Request, Counter>,
    request_seconds: Durations<Route>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("agentscope"),
            turns: Family::default(),
            running: Gauge::default(),
            waiting: Gauge::default(),
            tasks: Gauge::default(),
            turn_seconds: durations(),
            tokens: Family::default(),
            tools: Family::default(),
            known: Mutex::default(),
            requests: Family::default(),
            request_seconds: durations(),
        };
        let registry = &mut metrics.registry;
        registry.register("turns", "Turns that ended, by how", metrics.turns.clone());
        registry.register("turns_running", "Turns that run", metrics.running.clone());
        registry.register("turns_waiting", "Turns that wait for their session", metrics.waiting.clone());
        let help =
            "Tasks of the program itself, such as one for each connection: they grow without end where something leaks";
        registry.register("runtime_tasks", help, metrics.tasks.clone());
        let help = "How long turns took, questions to the caller among it";
        registry.register("turn_duration_seconds", help, metrics.turn_seconds.clone());
        registry.register(
            "tokens",
            "Tokens of models; cached is part of input, reasoning of output",
            metrics.tokens.clone(),
        );
        registry.register("tool_calls", "Calls of tools, by how they ended", metrics.tools.clone());
        registry.register("http_requests", "Requests that were answered", metrics.requests.clone());
        let help = "How long answers took, to the last byte";
        registry.register("http_request_duration_seconds", help, metrics.request_seconds.clone());
        metrics
    }
}

/// Somebody who waits for a session, until it is dropped.
pub(super) struct Waiting(Gauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(super) fn waiting(&self) -> Waiting {
        self.waiting.inc();
        Waiting(self.waiting.clone())
    }

    pub(super) fn turn_began(&self) {
        self.running.inc();
    }

    pub(super) fn turn_ended(&self, agent: &str, outcome: String, took: Duration) {
        self.running.dec();
        let agent = agent.to_owned();
        self.turn_seconds.get_or_create(&Agent { agent: agent.clone() }).observe(took.as_secs_f64());
        self.turns.get_or_create(&Outcome { agent, outcome }).inc();
    }

    pub(super) fn used(&self, agent: &str, usage: &Usage) {
        let kinds = [
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cached", usage.cached_tokens),
            ("reasoning", usage.reasoning_tokens),
        ];
        for (kind, count) in kinds.into_iter().filter(|(_, count)| *count > 0) {
            self.tokens.get_or_create(&Kind { agent: agent.to_owned(), kind }).inc_by(count);
        }
    }

    pub(super) fn tool_ended(&self, tool: &str, outcome: &'static str) {
        let known = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.contains(tool) || (known.len() < TOOLS && known.insert(tool.to_owned()))
        };
        let tool = if known { tool } else { "other" }.to_owned();
        self.tools.get_or_create(&Tool { tool, outcome }).inc();
    }

    pub(super) fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let route = route.to_owned();
        self.request_seconds.get_or_create(&Route { route: route.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&Request { method, route, status }).inc();
    }

    fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(app): State<Arc<App>>) -> Result<impl IntoResponse, ApiError> {
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    app.metrics().tasks.set(i64::try_from(tasks).unwrap_or(i64::MAX));
    let text = app.metrics().text().map_err(|_| ApiError::internal("the metrics could not be written"))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_makes_up_tools_makes_no_more_series() {
        let metrics = Metrics::default();
        for number in 0..TOOLS * 2 {
            metrics.tool_ended(&format!("made_up_{number}"), "error");
        }
        let text = metrics.text().unwrap();
        assert_eq!(text.matches("agentscope_tool_calls_total{").count(), TOOLS + 1);
        assert!(text.contains(&format!("tool=\"other\",outcome=\"error\"}} {TOOLS}")), "{text}");
    }
}
