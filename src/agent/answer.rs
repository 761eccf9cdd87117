//! An answer of the model while it arrives: deltas become the parts of a message.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::{
    domain::{CallId, Content, EventKind, Message, Notice, Role, ToolCall, Usage},
    model::{ModelDelta, StopReason},
};

/// The call ids of one agent. Every call of a turn, whichever agent makes it, has an id of its own: events and answers
/// of the user name calls by it.
#[derive(Debug)]
pub(super) struct Ids {
    taken: HashSet<CallId>,
    /// Providers' ids are kept where they are free. Not for an agent that another called: it knows nothing of the ids
    /// of the others.
    keep: bool,
}

impl Ids {
    pub(super) fn new(context: &[Message], keep: bool) -> Self {
        Self { taken: context.iter().flat_map(Message::calls).map(|call| call.call_id.clone()).collect(), keep }
    }

    /// An id for the call that a provider calls `theirs`. Some local servers number their calls from 0 in each answer.
    fn claim(&mut self, theirs: &CallId) -> CallId {
        if self.keep && self.taken.insert(theirs.clone()) {
            return theirs.clone();
        }
        let ours = CallId::new();
        self.taken.insert(ours.clone());
        ours
    }

    pub(super) fn release(&mut self, id: &CallId) {
        self.taken.remove(id);
    }
}

/// What has arrived of one answer, in the order in which its parts began.
#[derive(Debug, Default)]
pub(super) struct Partial {
    parts: Vec<Part>,
    usage: Usage,
    stop: Option<(StopReason, String)>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Reasoning { text: String, opaque: Option<Value> },
    Call(PartialCall),
}

#[derive(Debug)]
struct PartialCall {
    /// As the provider calls it in this stream.
    theirs: CallId,
    /// As everybody else knows it.
    call_id: CallId,
    name: String,
    /// JSON text, as far as it has come.
    arguments: String,
    opaque: Option<Value>,
}

impl Partial {
    /// Takes in a delta.
    pub(super) fn push(&mut self, delta: ModelDelta, ids: &mut Ids) -> Option<EventKind> {
        match delta {
            ModelDelta::Text(text) => self.push_text(text),
            ModelDelta::Reasoning { text, opaque } => self.push_reasoning(text, opaque),
            ModelDelta::ToolCallStart { call_id, name, opaque } => {
                let ours = ids.claim(&call_id);
                let event =
                    EventKind::ToolArgumentsDelta { call_id: ours.clone(), name: name.clone(), delta: String::new() };
                self.parts.push(Part::Call(PartialCall {
                    theirs: call_id,
                    call_id: ours,
                    name,
                    arguments: String::new(),
                    opaque,
                }));
                Some(event)
            }
            ModelDelta::ToolCallArguments { call_id, delta } => {
                // The latest of that id: a provider that repeats ids has finished with the earlier one.
                let call = self.parts.iter_mut().rev().find_map(|part| match part {
                    Part::Call(call) if call.theirs == call_id => Some(call),
                    Part::Call(_) | Part::Text(_) | Part::Reasoning { .. } => None,
                })?;
                call.arguments.push_str(&delta);
                Some(EventKind::ToolArgumentsDelta { call_id: call.call_id.clone(), name: call.name.clone(), delta })
            }
            ModelDelta::Usage(usage) => {
                self.usage = usage;
                None
            }
            ModelDelta::Stop { reason, raw } => {
                self.stop = Some((reason, raw));
                None
            }
            ModelDelta::Notice(notice) => Some(EventKind::Notice { notice }),
            ModelDelta::Restart => None,
        }
    }

    fn push_text(&mut self, text: String) -> Option<EventKind> {
        if text.is_empty() {
            return None;
        }
        match self.parts.last_mut() {
            Some(Part::Text(all)) => all.push_str(&text),
            _ => self.parts.push(Part::Text(text.clone())),
        }
        Some(EventKind::TextDelta { text })
    }

    /// An opaque part ends a block of reasoning: what follows is another block.
    fn push_reasoning(&mut self, text: String, opaque: Option<Value>) -> Option<EventKind> {
        if let Some(Part::Reasoning { text: all, opaque: end @ None }) = self.parts.last_mut() {
            all.push_str(&text);
            *end = opaque;
        } else if !text.is_empty() || opaque.is_some() {
            self.parts.push(Part::Reasoning { text: text.clone(), opaque });
        }
        (!text.is_empty()).then_some(EventKind::ReasoningDelta { text })
    }

    pub(super) fn has_text(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Text(_)))
    }

    pub(super) fn call_ids(&self) -> impl Iterator<Item = &CallId> {
        self.parts.iter().filter_map(|part| match part {
            Part::Call(call) => Some(&call.call_id),
            Part::Text(_) | Part::Reasoning { .. } => None,
        })
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.is_some()
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// The whole message, what the user should know of it, and why the model stopped in its provider's word.
    pub(super) fn finish(self) -> (Message, Option<Notice>, Option<String>) {
        let (reason, raw) = self.stop.unzip();
        let content: Vec<_> = self.parts.into_iter().map(Part::into_content).collect();
        let message = Message::new(Role::Assistant, content);
        let notice = warning(reason, &message).map(|message| Notice::Warning { message: message.to_owned() });
        (message, notice, raw)
    }

    /// What is kept of an answer that broke off: its text. Reasoning without its end is refused by the provider that
    /// made it, and half a call cannot be run.
    pub(super) fn interrupted(self) -> Option<Message> {
        let content: Vec<_> =
            self.parts.into_iter().filter(|part| matches!(part, Part::Text(_))).map(Part::into_content).collect();
        (!content.is_empty()).then(|| Message { broken_off: true, ..Message::new(Role::Assistant, content) })
    }
}

fn warning(reason: Option<StopReason>, message: &Message) -> Option<&'static str> {
    match reason {
        Some(StopReason::Length) => Some("the answer was cut off: it reached the model's output limit"),
        Some(StopReason::Filtered) => Some("the provider withheld the answer, or a part of it"),
        Some(StopReason::End | StopReason::ToolCalls | StopReason::Other) | None => {
            (message.text().is_empty() && message.calls().next().is_none()).then_some("the model gave an empty answer")
        }
    }
}

impl Part {
    fn into_content(self) -> Content {
        match self {
            Self::Text(text) => Content::Text { text },
            Self::Reasoning { text, opaque } => Content::Reasoning { text, opaque },
            Self::Call(call) => Content::ToolCall(ToolCall {
                call_id: call.call_id,
                name: call.name,
                arguments: arguments(call.arguments),
                opaque: call.opaque,
            }),
        }
    }
}

/// Reads the arguments of a call: an object, or the raw text as a JSON string where the model wrote something else.
/// Nothing and `null` mean no arguments; a JSON string that holds an object is that object, as some models encode
/// twice.
fn arguments(raw: String) -> Value {
    if raw.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(&raw) {
        Ok(Value::Null) => Value::Object(Map::new()),
        Ok(object @ Value::Object(_)) => object,
        Ok(Value::String(inner)) => match serde_json::from_str(&inner) {
            Ok(object @ Value::Object(_)) => object,
            Ok(_) | Err(_) => Value::String(raw),
        },
        Ok(_) | Err(_) => Value::String(raw),
    }
}
