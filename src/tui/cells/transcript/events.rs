//! What each event changes.

use std::time::Instant;

use super::{Due, Transcript};
use crate::{
    domain::{
        AgentEvent, AgentPath, CallId, Content, EventKind, Message, Notice, QuestionId, ToolCall, ToolOutcome,
        TurnOutcome,
    },
    tui::{
        cells::{
            Cell, Kind, Wait,
            reasoning::Reasoning,
            tool::{Running, State, Tool},
        },
        markdown::Stream,
        theme::Role,
    },
};

/// Width of what comes before the first frame.
const WIDTH: usize = 80;
/// Bytes of what an agent's agent writes that are kept for its one row.
const KEPT: usize = 1 << 10;

impl Transcript {
    /// The next event of a turn, which came at `now`.
    pub fn on_event(&mut self, event: &AgentEvent, now: Instant) {
        let by = (event.agent.depth() > 0).then(|| event.agent.clone());
        if !matches!(event.kind, EventKind::Notice { .. }) {
            self.waited(&by);
        }
        match &event.kind {
            EventKind::TextDelta { text } => self.on_text(by, text, now),
            EventKind::ReasoningDelta { text } if by.is_none() => {
                self.reasoned = true;
                self.thought.get_or_insert_with(|| (String::new(), now)).0.push_str(text);
            }
            EventKind::MessageCompleted { message, .. } => self.on_message(by.as_ref(), message, now),
            EventKind::ToolArgumentsDelta { call_id, name, delta } => self.on_arguments(by, call_id, name, delta, now),
            EventKind::ToolStarted { call } => self.on_tool_started(by, call, now),
            EventKind::ToolOutput { call_id, chunk } => {
                if let Some(running) = self.call(call_id) {
                    running.on_output(chunk);
                }
            }
            EventKind::ToolFinished { call_id, outcome } => self.on_tool_finished(call_id, outcome, now),
            EventKind::ApprovalRequested { call, .. } => self.set_state(&call.call_id, State::Waits, now),
            EventKind::ApprovalResolved { call_id, .. } => self.set_state(call_id, State::Runs, now),
            EventKind::QuestionAsked { id, question } => self.questions.push((id.clone(), question.text.clone())),
            EventKind::QuestionAnswered { id, answer } => self.on_answered(by, id, answer.as_deref()),
            EventKind::HandedOff { to } => {
                self.end_text();
                self.push(by, Kind::Note(Role::Dim, format!("⇢ handed over to {to}")));
            }
            EventKind::Notice { notice } => self.on_notice(by, notice, now),
            EventKind::TurnStarted { .. } => self.on_started(by),
            EventKind::TurnFinished { outcome, .. } => self.on_finished(by, outcome, now),
            EventKind::ReasoningDelta { .. } | EventKind::StateChanged { .. } => {}
        }
    }

    fn on_started(&mut self, by: Option<AgentPath>) {
        self.works = true;
        if let Some(path) = by {
            // Its colour is decided now, before it has anything to show.
            self.color(&path);
            self.nested.push((path, String::new()));
        }
    }

    fn on_text(&mut self, by: Option<AgentPath>, delta: &str, now: Instant) {
        if let Some(path) = by {
            if let Some((_, text)) = self.nested.iter_mut().find(|(agent, _)| *agent == path) {
                text.push_str(delta);
                let start = text.ceil_char_boundary(text.len().saturating_sub(KEPT));
                text.drain(..start);
            }
            return;
        }
        self.end_thought(now);
        if self.open().is_none() && !delta.is_empty() {
            let width = if self.width == 0 { WIDTH } else { self.width };
            let stream = Box::new(Stream::new(width, &self.theme));
            self.due.push_back(Due::Answer { cell: self.cells.len(), stream, ended: false, begun: false });
            self.cells.push(Cell { by: None, kind: Kind::Answer(String::new()) });
            self.wrote = true;
        }
        if let Some((text, stream, _)) = self.open() {
            text.push_str(delta);
            stream.push(delta);
        }
    }

    fn on_message(&mut self, by: Option<&AgentPath>, message: &Message, now: Instant) {
        let text = message.text();
        if by.is_some() {
            // Its last words are the result of the call that it was made by, and are shown as that.
            if message.calls().next().is_some() && !text.trim().is_empty() {
                self.push(by.cloned(), Kind::Answer(text));
            }
            if let Some((_, written)) = self.nested.iter_mut().find(|(agent, _)| Some(agent) == by) {
                written.clear();
            }
            return;
        }
        self.end_thought(now);
        self.end_text();
        let (wrote, reasoned) = (std::mem::take(&mut self.wrote), std::mem::take(&mut self.reasoned));
        if !reasoned {
            self.push_reasoning(message);
        }
        if !wrote && !text.trim().is_empty() {
            self.push(None, Kind::Answer(text));
        }
    }

    pub(super) fn push_reasoning(&mut self, message: &Message) {
        for part in &message.content {
            if let Content::Reasoning { text, .. } = part
                && !text.trim().is_empty()
            {
                self.push(None, Kind::Reasoning(Reasoning { text: text.clone(), took: None }));
            }
        }
    }

    fn on_arguments(&mut self, by: Option<AgentPath>, id: &CallId, name: &str, delta: &str, now: Instant) {
        if by.is_none() {
            self.end_thought(now);
        }
        match self.call(id) {
            Some(running) => {
                if let State::Written(bytes) = &mut running.state {
                    *bytes += delta.len();
                }
            }
            None => {
                let arguments = serde_json::Value::Null;
                let call = ToolCall { call_id: id.clone(), name: name.to_owned(), arguments, opaque: None };
                self.running.push((by, Running::new(call, State::Written(delta.len()), now)));
            }
        }
    }

    fn on_tool_started(&mut self, by: Option<AgentPath>, call: &ToolCall, now: Instant) {
        if by.is_none() {
            self.end_thought(now);
            self.end_text();
        }
        let started = Running::new(call.clone(), State::Runs, now);
        match self.call(&call.call_id) {
            Some(running) => *running = started,
            None => self.running.push((by, started)),
        }
    }

    fn on_tool_finished(&mut self, id: &CallId, outcome: &ToolOutcome, now: Instant) {
        let Some(at) = self.running.iter().position(|(_, running)| running.call.call_id == *id) else { return };
        let (by, running) = self.running.remove(at);
        self.push(by, Kind::Tool(Box::new(running.ended(outcome.clone(), now))));
    }

    fn set_state(&mut self, id: &CallId, state: State, now: Instant) {
        if let Some(running) = self.call(id) {
            (running.state, running.since) = (state, now);
        }
    }

    fn call(&mut self, id: &CallId) -> Option<&mut Running> {
        self.running.iter_mut().map(|(_, running)| running).find(|running| running.call.call_id == *id)
    }

    fn on_answered(&mut self, by: Option<AgentPath>, id: &QuestionId, answer: Option<&str>) {
        let Some(at) = self.questions.iter().position(|(asked, _)| asked == id) else { return };
        let (_, question) = self.questions.remove(at);
        // The tool that asks the user shows both itself.
        if !self.running.iter().any(|(agent, running)| *agent == by && running.call.name == "ask_user") {
            let answer = answer.unwrap_or("no answer");
            self.push(by, Kind::Note(Role::Dim, format!("? {question}\n  {answer}")));
        }
    }

    fn on_notice(&mut self, by: Option<AgentPath>, notice: &Notice, now: Instant) {
        self.waited(&by);
        match Wait::of(notice, now) {
            Some(wait) => self.waits.push((by, wait)),
            None => self.push(by, Kind::Notice(notice.clone())),
        }
    }

    fn on_finished(&mut self, by: Option<AgentPath>, outcome: &TurnOutcome, now: Instant) {
        self.end_calls(&by, now);
        self.nested.retain(|(path, _)| by.as_ref().is_some_and(|by| path != by));
        if by.is_none() {
            self.end_thought(now);
            self.end_text();
            (self.wrote, self.reasoned) = (false, false);
            self.works = false;
            self.questions.clear();
        }
        let silent = match outcome {
            TurnOutcome::Completed { output: None } => true,
            TurnOutcome::Completed { output: Some(output) } => by.is_some() || self.has_shown(output),
            // What became of an agent's agent is the result of the call that it was made by.
            TurnOutcome::ToolCalls { .. } | TurnOutcome::Canceled | TurnOutcome::Failed { .. } => by.is_some(),
        };
        if !silent {
            self.push(by, Kind::End(outcome.clone()));
        }
    }

    /// Whether the answer was `output` as text.
    fn has_shown(&self, output: &serde_json::Value) -> bool {
        let said = self.last_answer().and_then(|text| serde_json::from_str(text).ok());
        said.is_some_and(|said: serde_json::Value| said == *output)
    }

    /// Calls that never ran vanish; one that ran has ended by law, but a broken connection keeps none.
    fn end_calls(&mut self, by: &Option<AgentPath>, now: Instant) {
        let all = std::mem::take(&mut self.running);
        for (agent, running) in all {
            match running.state {
                _ if by.is_some() && agent != *by => self.running.push((agent, running)),
                State::Written(_) => {}
                State::Runs | State::Waits => {
                    let tool: Tool = running.ended(ToolOutcome::Canceled, now);
                    self.push(agent, Kind::Tool(Box::new(tool)));
                }
            }
        }
    }

    fn end_thought(&mut self, now: Instant) {
        if let Some((text, since)) = self.thought.take()
            && !text.trim().is_empty()
        {
            let took = Some(now.saturating_duration_since(since));
            self.push(None, Kind::Reasoning(Reasoning { text, took }));
        }
    }

    fn end_text(&mut self) {
        if let Some((_, _, ended)) = self.open() {
            *ended = true;
        }
    }

    /// What an agent waited for is over.
    fn waited(&mut self, by: &Option<AgentPath>) {
        let all = std::mem::take(&mut self.waits);
        for (agent, wait) in all {
            if agent == *by {
                self.push(agent, Kind::Notice(wait.notice));
            } else {
                self.waits.push((agent, wait));
            }
        }
    }

    pub(super) fn end_waits(&mut self, now: Instant) {
        let all = std::mem::take(&mut self.waits);
        for (agent, wait) in all {
            if wait.until <= now {
                self.push(agent, Kind::Notice(wait.notice));
            } else {
                self.waits.push((agent, wait));
            }
        }
    }
}
