//! What is counted of a turn: a fold over its events.

use std::{collections::HashMap, sync::Arc, time::Instant};

use crate::{
    domain::{AgentEvent, CallId, EventKind, FailureCode, ToolOutcome, TurnOutcome},
    server::metrics::Metrics,
};

/// One turn, as the metrics see it.
pub(super) struct Watch {
    metrics: Arc<Metrics>,
    agent: String,
    began: Instant,
    /// The names of the tools of the calls that run.
    calls: HashMap<CallId, String>,
    outcome: Option<String>,
}

impl Watch {
    pub(super) fn new(metrics: Arc<Metrics>, agent: &str) -> Self {
        metrics.turn_began();
        Self { metrics, agent: agent.to_owned(), began: Instant::now(), calls: HashMap::new(), outcome: None }
    }

    pub(super) fn see(&mut self, event: &AgentEvent) {
        match &event.kind {
            EventKind::ToolStarted { call } => {
                self.calls.insert(call.call_id.clone(), call.name.clone());
            }
            EventKind::ToolFinished { call_id, outcome } => {
                if let Some(tool) = self.calls.remove(call_id) {
                    self.metrics.tool_ended(&tool, tool_word(outcome));
                }
            }
            EventKind::TurnFinished { outcome, usage } if event.agent.depth() == 0 => {
                self.metrics.used(&self.agent, usage);
                self.outcome = Some(word(outcome));
            }
            _ => {}
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // One whose caller went away is cancelled, and nobody sees its last event.
        let outcome = self.outcome.take().unwrap_or_else(|| "canceled".to_owned());
        self.metrics.turn_ended(&self.agent, outcome, self.began.elapsed());
    }
}

fn word(outcome: &TurnOutcome) -> String {
    match outcome {
        TurnOutcome::Completed { .. } => "completed".to_owned(),
        TurnOutcome::ToolCalls { .. } => "tool_calls".to_owned(),
        TurnOutcome::Canceled => "canceled".to_owned(),
        TurnOutcome::Failed { code, .. } => failure(*code),
    }
}

/// The code as events have it.
fn failure(code: FailureCode) -> String {
    serde_json::to_value(code).ok().and_then(|code| Some(code.as_str()?.to_owned())).unwrap_or_default()
}

fn tool_word(outcome: &ToolOutcome) -> &'static str {
    match outcome {
        ToolOutcome::Ok { .. } => "ok",
        ToolOutcome::Failed { .. } => "failed",
        ToolOutcome::Denied { .. } => "denied",
        ToolOutcome::Canceled => "canceled",
    }
}
