//! What is counted of a turn, and its spans: a fold over its events.

use std::{collections::HashMap, sync::Arc, time::Instant};

use opentelemetry::{KeyValue, trace::SpanKind};

use crate::{
    domain::{
        AgentEvent, AgentPath, CallId, EventKind, FailureCode, SessionKey, ToolCall, ToolOutcome, TurnOutcome, Usage,
    },
    runtime::telemetry::{self, Place, Span},
    server::{Target, metrics::Metrics},
};

/// One turn, as metrics and traces see it.
pub(super) struct Watch {
    metrics: Arc<Metrics>,
    agent: String,
    began: Instant,
    /// The calls that run: the name of the tool, and the span.
    calls: HashMap<CallId, (String, Option<Span>)>,
    /// Of agents that were called.
    agents: HashMap<AgentPath, Span>,
    outcome: Option<String>,
    /// That of the turn; the last to end.
    span: Span,
}

impl Watch {
    pub(super) fn new(metrics: Arc<Metrics>, target: &Target, key: &SessionKey) -> Self {
        metrics.turn_began();
        let agent = &target.name;
        let mut attributes = agent_attributes(agent);
        attributes.push(KeyValue::new("gen_ai.conversation.id", key.session.as_str().to_owned()));
        let span = Place::current().span(format!("invoke_agent {agent}"), SpanKind::Internal, attributes);
        Self {
            metrics,
            agent: agent.clone(),
            began: Instant::now(),
            calls: HashMap::new(),
            agents: HashMap::new(),
            outcome: None,
            span,
        }
    }

    /// Where the turn stands in its trace.
    pub(super) fn place(&self) -> Place {
        self.span.place()
    }

    pub(super) fn see(&mut self, event: &AgentEvent) {
        let root = event.agent.depth() == 0;
        match &event.kind {
            EventKind::TurnStarted { .. } if !root && telemetry::on() => {
                let name = event.agent.as_str().rsplit('/').next().unwrap_or_default();
                let above = self.above(&event.agent);
                let span = above.span(format!("invoke_agent {name}"), SpanKind::Internal, agent_attributes(name));
                self.agents.insert(event.agent.clone(), span);
            }
            EventKind::ToolStarted { call } => {
                let span = telemetry::on().then(|| self.of_call(&event.agent, call));
                self.calls.insert(call.call_id.clone(), (call.name.clone(), span));
            }
            EventKind::ToolFinished { call_id, outcome } => self.called(call_id, outcome),
            EventKind::TurnFinished { outcome, usage } if root => {
                self.metrics.used(&self.agent, usage);
                tell(&self.span, outcome, usage);
                log(event, outcome);
                self.outcome = Some(word(outcome));
            }
            EventKind::TurnFinished { outcome, usage } => {
                if let Some(span) = self.agents.remove(&event.agent) {
                    tell(&span, outcome, usage);
                }
            }
            _ => {}
        }
    }

    fn of_call(&self, agent: &AgentPath, call: &ToolCall) -> Span {
        let attributes = vec![
            KeyValue::new("gen_ai.operation.name", "execute_tool"),
            KeyValue::new("gen_ai.tool.name", call.name.clone()),
            KeyValue::new("gen_ai.tool.call.id", call.call_id.as_str().to_owned()),
        ];
        let place = self.agents.get(agent).map_or_else(|| self.place(), Span::place);
        place.span(format!("execute_tool {}", call.name), SpanKind::Internal, attributes)
    }

    fn called(&mut self, call: &CallId, outcome: &ToolOutcome) {
        let Some((tool, span)) = self.calls.remove(call) else { return };
        let word = tool_word(outcome);
        self.metrics.tool_ended(&tool, word);
        if let Some(span) = span.filter(|_| word != "ok") {
            span.fail(word);
        }
    }

    /// Of the agent that called the one at `path`.
    fn above(&self, path: &AgentPath) -> Place {
        let caller = path.as_str().rsplit_once('/').map(|(caller, _)| caller);
        let caller = self.agents.iter().find(|(path, _)| Some(path.as_str()) == caller);
        caller.map_or_else(|| self.place(), |(_, span)| span.place())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // What runs ends before what it runs in.
        self.calls.clear();
        self.agents.clear();
        // One whose caller went away is cancelled, and nobody sees its last event.
        let outcome = self.outcome.take().unwrap_or_else(|| "canceled".to_owned());
        self.metrics.turn_ended(&self.agent, outcome, self.began.elapsed());
    }
}

fn agent_attributes(name: &str) -> Vec<KeyValue> {
    vec![KeyValue::new("gen_ai.operation.name", "invoke_agent"), KeyValue::new("gen_ai.agent.name", name.to_owned())]
}

fn tell(span: &Span, outcome: &TurnOutcome, usage: &Usage) {
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    span.set(vec![
        KeyValue::new("gen_ai.usage.input_tokens", count(usage.input_tokens)),
        KeyValue::new("gen_ai.usage.output_tokens", count(usage.output_tokens)),
        KeyValue::new("agentscope.turn.outcome", word(outcome)),
    ]);
    if let TurnOutcome::Failed { code, .. } = outcome {
        span.fail(failure(*code));
    }
}

/// A turn that fails does so within an answer that is a 200 on most protocols, so the line of its request says nothing
/// of it. What a model answered in a wrong shape is a matter of its user.
fn log(event: &AgentEvent, outcome: &TurnOutcome) {
    let TurnOutcome::Failed { code, message, .. } = outcome else { return };
    let reason = if *code == FailureCode::Output { "-" } else { message };
    let (agent, session, turn) = (event.agent.as_str(), event.session.as_str(), event.turn.as_str());
    tracing::warn!(agent, session, turn, code = failure(*code), reason, "a turn failed");
}

/// `completed`, `tool_calls`, `canceled`, or why it failed.
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
