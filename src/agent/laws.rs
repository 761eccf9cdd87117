//! The laws of the event stream, as a checker: for the tests of the loop, and for any test that gets a stream from
//! somewhere else.

use std::collections::{HashMap, HashSet};

use crate::domain::{AgentEvent, AgentPath, CallId, EventKind, Message, QuestionId, ToolCall, TurnOutcome};

/// Checks that `events` are a whole turn that keeps every law of [`EventKind`].
///
/// # Panics
/// Says which law is broken, and by which event.
#[track_caller]
pub fn assert_laws(events: &[AgentEvent]) {
    if let Err(broken) = check_laws(events) {
        panic!("{broken}\n{events:#?}");
    }
}

/// As [`assert_laws`], for callers that want to know rather than stop.
///
/// # Errors
/// Which law is broken, and by which event.
pub fn check_laws(events: &[AgentEvent]) -> Result<(), String> {
    check_laws_with(events, &[])
}

/// As [`check_laws`], of a turn whose caller brought the tools of these names: their calls are never started, and end
/// the turn unless something else does.
///
/// # Errors
/// Which law is broken, and by which event.
pub fn check_laws_with(events: &[AgentEvent], elsewhere: &[&str]) -> Result<(), String> {
    let mut fold = Fold { elsewhere: elsewhere.iter().map(|name| (*name).to_owned()).collect(), ..Fold::default() };
    for (index, event) in events.iter().enumerate() {
        fold.on_event(index as u64, event).map_err(|law| format!("event {index}: {law}"))?;
    }
    fold.end()
}

#[derive(Default)]
struct Fold {
    ended: bool,
    /// Text since the last whole message of every agent that is at work.
    agents: HashMap<AgentPath, String>,
    calls: HashMap<CallId, bool>,
    asked: HashSet<CallId>,
    /// The names of the caller's tools, and their calls.
    elsewhere: HashSet<String>,
    handed_out: HashSet<CallId>,
    approvals: HashSet<CallId>,
    questions: HashMap<QuestionId, bool>,
}

impl Fold {
    fn on_event(&mut self, index: u64, event: &AgentEvent) -> Result<(), String> {
        let AgentEvent { seq, agent, kind, session: _, turn: _ } = event;
        ensure(!self.ended, || "nothing follows the end of the turn".to_owned())?;
        ensure(*seq == index, || format!("`seq` counts up from 0, not to {seq}"))?;
        if let EventKind::TurnStarted { .. } = kind {
            let fresh = self.agents.insert(agent.clone(), String::new()).is_none();
            return ensure(fresh, || format!("`{agent}` starts once"));
        }
        ensure(self.agents.contains_key(agent), || format!("`{agent}` starts before it does anything"))?;
        match kind {
            EventKind::TextDelta { text } => {
                self.agents.entry(agent.clone()).or_default().push_str(text);
                Ok(())
            }
            EventKind::MessageCompleted { message, .. } => self.on_message(agent, message),
            EventKind::ToolStarted { call } => {
                ensure(self.asked.remove(&call.call_id), || format!("{} is part of a message", call.call_id))?;
                let fresh = self.calls.insert(call.call_id.clone(), true).is_none();
                ensure(fresh, || format!("{} starts once", call.call_id))
            }
            EventKind::ToolOutput { call_id, .. } => self.running(call_id),
            EventKind::ToolFinished { call_id, .. } => {
                self.running(call_id)?;
                self.calls.insert(call_id.clone(), false);
                ensure(!self.approvals.contains(call_id), || format!("{call_id} ends after it was decided about"))
            }
            EventKind::ApprovalRequested { call: ToolCall { call_id, .. }, .. } => {
                self.running(call_id)?;
                ensure(self.approvals.insert(call_id.clone()), || format!("{call_id} is asked about once"))
            }
            EventKind::ApprovalResolved { call_id, .. } => {
                ensure(self.approvals.remove(call_id), || format!("{call_id} was asked about"))
            }
            EventKind::QuestionAsked { id, .. } => {
                ensure(self.questions.insert(id.clone(), true).is_none(), || format!("{id} is asked once"))
            }
            EventKind::QuestionAnswered { id, .. } => {
                ensure(self.questions.insert(id.clone(), false) == Some(true), || format!("{id} was asked"))
            }
            EventKind::HandedOff { .. } | EventKind::TurnFinished { .. } => {
                if let EventKind::TurnFinished { outcome: TurnOutcome::ToolCalls { calls }, .. } = kind {
                    self.on_handed_out(agent, calls)?;
                }
                self.ended = agent.depth() == 0 && matches!(kind, EventKind::TurnFinished { .. });
                let text = self.agents.remove(agent).unwrap_or_default();
                ensure(text.is_empty(), || format!("`{agent}` completes the message that began with {text:?}"))
            }
            EventKind::TurnStarted { .. }
            | EventKind::ReasoningDelta { .. }
            | EventKind::ToolArgumentsDelta { .. }
            | EventKind::StateChanged { .. }
            | EventKind::Notice { .. } => Ok(()),
        }
    }

    fn on_message(&mut self, agent: &AgentPath, message: &Message) -> Result<(), String> {
        let shown = self.agents.insert(agent.clone(), String::new()).unwrap_or_default();
        ensure(shown == message.text(), || format!("the text deltas add up to {:?}, not {shown:?}", message.text()))?;
        for call in message.calls() {
            // Only the agent that the user talks to has tools of the caller.
            let elsewhere = agent.depth() == 0 && self.elsewhere.contains(&call.name);
            let of = if elsewhere { &mut self.handed_out } else { &mut self.asked };
            of.insert(call.call_id.clone());
        }
        Ok(())
    }

    fn on_handed_out(&mut self, agent: &AgentPath, calls: &[ToolCall]) -> Result<(), String> {
        ensure(agent.depth() == 0, || format!("`{agent}` has no tools of the caller"))?;
        ensure(!calls.is_empty(), || "there is a call for the caller".to_owned())?;
        for ToolCall { call_id, .. } in calls {
            // Where it is not known whose tools they are, what was not started is the caller's.
            let known = self.handed_out.remove(call_id) || self.elsewhere.is_empty() && self.asked.remove(call_id);
            ensure(known, || format!("{call_id} is part of a message, and the caller's"))?;
        }
        ensure(self.handed_out.is_empty(), || format!("all calls are handed out, also {:?}", self.handed_out))
    }

    fn running(&self, id: &CallId) -> Result<(), String> {
        ensure(self.calls.get(id) == Some(&true), || format!("{id} is running"))
    }

    fn end(self) -> Result<(), String> {
        let law = |broken: bool, law: &str| if broken { Err(format!("at the end: {law}")) } else { Ok(()) };
        law(!self.ended, "the root agent's `TurnFinished` is last")?;
        law(!self.agents.is_empty(), "every agent that started has finished")?;
        law(self.calls.values().any(|open| *open), "every call that started has finished")?;
        law(!self.asked.is_empty(), "every call of a message was started")?;
        law(!self.approvals.is_empty(), "every approval was resolved")?;
        law(self.questions.values().any(|open| *open), "every question was answered")
    }
}

fn ensure(holds: bool, law: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(law()) }
}

/// Checks that `messages` are a history that providers accept: each answer's calls are followed by exactly one result
/// each, in the order of the calls, before anything else.
///
/// # Errors
/// What does not pair up.
pub fn check_pairing(messages: &[Message]) -> Result<(), String> {
    let mut open: std::collections::VecDeque<&CallId> = std::collections::VecDeque::new();
    for (index, message) in messages.iter().enumerate() {
        let results: Vec<_> = message
            .content
            .iter()
            .filter_map(|part| match part {
                crate::domain::Content::ToolResult { call_id, .. } => Some(call_id),
                _ => None,
            })
            .collect();
        if results.is_empty() {
            ensure(open.is_empty(), || format!("message {index}: {open:?} have no result"))?;
        }
        for id in results {
            let expected = open.pop_front();
            ensure(expected == Some(id), || format!("message {index}: result of {id}, expected {expected:?}"))?;
        }
        open.extend(message.calls().map(|call| &call.call_id));
        ensure(!message.content.is_empty(), || format!("message {index} is empty"))?;
    }
    ensure(open.is_empty(), || format!("at the end: {open:?} have no result"))
}
