//! A turn as the frames of `/process`.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{
    calls::{OpenCall, call_body, output_body},
    codes,
    python_json::{closed, dumps},
    wire::{Body, Data, Kind, Message, Metadata, Part, Status, Tokens},
    writer::{End, Head, Mode, Writer},
};
use crate::{
    agent::LocalAgent,
    domain::{
        self, AgentEvent, AgentPath, CallId, Content, EventKind, Image, Question, QuestionId, ToolCall, ToolOutcome,
        TurnOutcome, Usage,
    },
    server::{Encoder, Flow, Frames},
};

/// What a question of the agent is called in a request for approval, which is the only question that this protocol has.
pub(super) const ASK_USER: &str = "ask_user";

/// Which MCP server the tool of an agent comes from, if one.
pub(super) type Servers = Box<dyn Fn(&AgentPath, &str) -> Option<String> + Send + Sync>;

/// Those of an agent.
pub(super) fn servers_of(agent: LocalAgent) -> Servers {
    Box::new(move |path, tool| agent.server_of(path, tool))
}

/// The fold from events to frames.
pub(super) struct ProcessEncoder {
    writer: Writer,
    /// Messages of text and of reasoning that are being written, in the order in which they began.
    texts: Vec<OpenText>,
    calls: Vec<OpenCall>,
    /// The calls that have no result yet, by name.
    running: HashMap<CallId, String>,
    /// The tools that the caller runs.
    theirs: HashSet<String>,
    servers: Servers,
    /// Whether the answer ends at a question, for the caller to answer it with its next request.
    parks: bool,
    /// When the turn ended, where that is long ago.
    finished_at: Option<i64>,
}

struct OpenText {
    message: Message,
    text: String,
}

impl ProcessEncoder {
    pub(super) fn new(servers: Servers, head: Head, mode: Mode) -> Self {
        Self {
            writer: Writer::new(head, mode),
            texts: vec![],
            calls: vec![],
            running: HashMap::new(),
            theirs: HashSet::new(),
            servers,
            parks: true,
            finished_at: None,
        }
    }

    /// The tools that the caller runs.
    pub(super) fn theirs(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.theirs.extend(names);
        self
    }

    /// Calls that began in an earlier response.
    pub(super) fn running(mut self, calls: impl IntoIterator<Item = (CallId, String)>) -> Self {
        self.running.extend(calls);
        self
    }

    /// Goes on at a question: somebody else answers it.
    pub(super) fn followed(mut self) -> Self {
        self.parks = false;
        self
    }

    /// The turn ended at this second.
    pub(super) fn finished_at(mut self, at: Option<i64>) -> Self {
        self.finished_at = at;
        self
    }

    /// The response as it stands.
    pub(super) fn response(&self) -> Value {
        serde_json::to_value(self.writer.last()).unwrap_or_default()
    }

    /// What the agent that the user talks to does.
    fn own(&mut self, agent: &AgentPath, kind: &EventKind, out: &mut Frames) {
        match kind {
            EventKind::TextDelta { text } => self.text(Kind::Message, text, out),
            EventKind::ReasoningDelta { text } => self.text(Kind::Reasoning, text, out),
            EventKind::ToolArgumentsDelta { call_id, name, delta } => self.arguments(agent, call_id, name, delta, out),
            EventKind::MessageCompleted { message, usage, .. } => {
                self.completed(agent, message, usage.map(Tokens::from), out);
            }
            EventKind::ToolFinished { call_id, outcome } => self.output(agent, call_id, outcome, out),
            EventKind::TurnFinished { outcome, usage } => self.finish(outcome, *usage, out),
            _ => {}
        }
    }

    /// An answer of the model is whole. What it took is told with the last of the messages that it comes to, so that
    /// theirs add up.
    fn completed(&mut self, agent: &AgentPath, said: &domain::Message, mut usage: Option<Tokens>, out: &mut Frames) {
        let images = said.content.iter().any(|part| matches!(part, Content::Image(_)));
        let mut calls = said.calls().peekable();
        self.close_texts(usage.take_if(|_| !images && calls.peek().is_none()), out);
        self.images(&said.content, usage.take_if(|_| calls.peek().is_none()), out);
        while let Some(call) = calls.next() {
            self.call(agent, call, usage.take_if(|_| calls.peek().is_none()), out);
        }
        self.drop_calls(out);
    }

    fn text(&mut self, kind: Kind, text: &str, out: &mut Frames) {
        let at = self.texts.iter().position(|open| open.message.kind == kind).unwrap_or_else(|| {
            let message = self.writer.open(kind, out);
            self.texts.push(OpenText { message, text: String::new() });
            self.texts.len() - 1
        });
        let open = &mut self.texts[at];
        open.text.push_str(text);
        self.writer.part(&open.message, Status::InProgress, (0, Some(true)), Body::Text(text.into()), out);
    }

    /// Ends what is being written; the last of it tells of `usage`.
    fn close_texts(&mut self, mut usage: Option<Tokens>, out: &mut Frames) {
        let mut texts = std::mem::take(&mut self.texts).into_iter().peekable();
        while let Some(OpenText { mut message, text }) = texts.next() {
            message.usage = usage.take_if(|_| texts.peek().is_none());
            let part = self.complete(&message, 0, Body::Text(text.into()), out);
            self.writer.close(message, vec![part], Status::Completed, out);
        }
    }

    /// A whole message of text.
    fn say(&mut self, text: &str, out: &mut Frames) {
        self.text(Kind::Message, text, out);
        self.close_texts(None, out);
    }

    /// The closing frame of a part; as it stands in its message, too.
    fn complete(&mut self, message: &Message, index: u32, body: Body<'static>, out: &mut Frames) -> Part<'static> {
        let number = self.writer.part(message, Status::Completed, (index, None), body.clone(), out);
        Part {
            sequence_number: Some(number),
            status: Some(Status::Completed),
            index: Some(index),
            delta: None,
            msg_id: Some(message.id.clone().into()),
            body,
        }
    }

    /// The images of an answer are a message of their own.
    fn images(&mut self, content: &[Content], usage: Option<Tokens>, out: &mut Frames) {
        let images = content.iter().filter_map(|part| match part {
            Content::Image(image) => Some(image),
            _ => None,
        });
        let mut open: Option<(Message, Vec<Part<'static>>)> = None;
        for (index, Image { media_type, data }) in (0..).zip(images) {
            let (message, parts) = open.get_or_insert_with(|| (self.writer.open(Kind::Message, out), vec![]));
            let body = Body::Image(format!("data:{media_type};base64,{data}"));
            self.writer.part(message, Status::InProgress, (index, Some(true)), body.clone(), out);
            let number = self.writer.part(message, Status::Completed, (index, None), body.clone(), out);
            parts.push(Part {
                sequence_number: Some(number),
                status: Some(Status::Completed),
                index: Some(index),
                delta: None,
                msg_id: Some(message.id.clone().into()),
                body,
            });
        }
        if let Some((mut message, parts)) = open {
            message.usage = usage;
            self.writer.close(message, parts, Status::Completed, out);
        }
    }

    /// Arguments as they come: each frame has all so far, closed to valid JSON.
    fn arguments(&mut self, agent: &AgentPath, id: &CallId, name: &str, delta: &str, out: &mut Frames) {
        let at =
            self.calls.iter().position(|call| call.id == *id).unwrap_or_else(|| self.open_call(agent, id, name, out));
        let call = &mut self.calls[at];
        if call.grew(delta)
            && let Some(value) = closed(&call.arguments)
        {
            let body = call_body(id, name, dumps(&value), call.server.as_deref());
            self.writer.part(&call.message, Status::InProgress, (0, Some(false)), body, out);
        }
    }

    fn open_call(&mut self, agent: &AgentPath, id: &CallId, name: &str, out: &mut Frames) -> usize {
        self.close_texts(None, out);
        let server = (self.servers)(agent, name);
        let kind = match &server {
            Some(_) => Kind::McpCall,
            None if self.theirs.contains(name) => Kind::FunctionCall,
            None => Kind::PluginCall,
        };
        let message = self.writer.open(kind, out);
        let body = call_body(id, name, String::new(), server.as_deref());
        self.writer.part(&message, Status::InProgress, (0, Some(false)), body, out);
        self.calls.push(OpenCall::new(id.clone(), name.to_owned(), message, server));
        self.calls.len() - 1
    }

    /// A call is whole.
    fn call(&mut self, agent: &AgentPath, call: &ToolCall, usage: Option<Tokens>, out: &mut Frames) {
        let id = &call.call_id;
        let at = self.calls.iter().position(|open| open.id == *id);
        let at = at.unwrap_or_else(|| self.open_call(agent, id, &call.name, out));
        let mut open = self.calls.remove(at);
        open.message.usage = usage;
        let arguments = match &call.arguments {
            // What is no JSON stays as the model wrote it.
            Value::String(raw) => raw.clone(),
            value => dumps(value),
        };
        let body = call_body(id, &call.name, arguments, open.server.as_deref());
        self.close_data(open.message, body, Status::Completed, out);
        if !self.theirs.contains(&call.name) {
            self.running.insert(id.clone(), call.name.clone());
        }
    }

    /// Calls that the model never finished asking for.
    fn drop_calls(&mut self, out: &mut Frames) {
        for call in std::mem::take(&mut self.calls) {
            let body = call_body(&call.id, &call.name, call.arguments, call.server.as_deref());
            self.close_data(call.message, body, Status::Canceled, out);
        }
    }

    fn output(&mut self, agent: &AgentPath, id: &CallId, outcome: &ToolOutcome, out: &mut Frames) {
        let name = self.running.remove(id).unwrap_or_default();
        let server = (self.servers)(agent, &name);
        let message =
            self.writer.open(if server.is_some() { Kind::McpCallOutput } else { Kind::PluginCallOutput }, out);
        let body = output_body(id, &name, String::new());
        self.writer.part(&message, Status::InProgress, (0, Some(false)), body, out);
        let body = output_body(id, &name, super::calls::output(outcome));
        self.writer.part(&message, Status::InProgress, (0, Some(false)), body.clone(), out);
        self.close_data(message, body, Status::Completed, out);
    }

    /// Ends a message of one part of data. Within its message the part says nothing of itself, as there.
    fn close_data(&mut self, message: Message, body: Body<'static>, status: Status, out: &mut Frames) {
        self.writer.part(&message, status, (0, Some(false)), body.clone(), out);
        let part = Part { sequence_number: None, status: None, index: None, delta: Some(false), msg_id: None, body };
        self.writer.close(message, vec![part], status, out);
    }

    fn ask(&mut self, data: Data, reason: Option<&str>, out: &mut Frames) -> Flow {
        let mut message = self.writer.open(Kind::McpApprovalRequest, out);
        let reason = reason.filter(|reason| !reason.is_empty()).map(str::to_owned);
        message.metadata = Metadata { reason };
        let body = Body::Data(data);
        self.writer.part(&message, Status::InProgress, (0, Some(false)), body.clone(), out);
        self.close_data(message, body, Status::Completed, out);
        if self.parks { Flow::Park } else { Flow::On }
    }

    fn ask_approval(&mut self, agent: &AgentPath, call: &ToolCall, reason: &str, out: &mut Frames) -> Flow {
        let server = (self.servers)(agent, &call.name).unwrap_or_else(|| agent.as_str().to_owned());
        let data = Data::Approval {
            id: call.call_id.to_string(),
            arguments: dumps(&call.arguments),
            name: call.name.clone(),
            server_label: server,
        };
        self.ask(data, Some(reason), out)
    }

    fn ask_question(&mut self, agent: &AgentPath, id: &QuestionId, question: &Question, out: &mut Frames) -> Flow {
        let Question { text, choices, .. } = question;
        let arguments = serde_json::json!({ "question": text, "choices": choices });
        let data = Data::Approval {
            id: id.to_string(),
            arguments: dumps(&arguments),
            name: ASK_USER.to_owned(),
            server_label: agent.as_str().to_owned(),
        };
        self.ask(data, None, out)
    }

    fn finish(&mut self, outcome: &TurnOutcome, usage: Usage, out: &mut Frames) {
        self.close_texts(None, out);
        self.drop_calls(out);
        let (status, failure) = match outcome {
            TurnOutcome::Completed { output } => {
                if let Some(answer) = output
                    && !self.has_said(answer)
                {
                    self.say(&answer.to_string(), out);
                }
                (Status::Completed, None)
            }
            TurnOutcome::ToolCalls { .. } => (Status::Completed, None),
            TurnOutcome::Canceled => (Status::Canceled, None),
            TurnOutcome::Failed { code, message, .. } => (Status::Failed, Some(codes::failure(*code, message))),
        };
        self.end_with(status, failure, Some(usage.into()), out);
    }

    /// Whether the last that was said is this answer.
    fn has_said(&self, answer: &Value) -> bool {
        let last = self.writer.latest().filter(|message| message.kind == Kind::Message);
        let parts = last.and_then(|message| message.content.as_deref()).unwrap_or_default();
        parts.iter().any(|part| match &part.body {
            Body::Text(text) => serde_json::from_str::<Value>(text).is_ok_and(|said| said == *answer),
            _ => false,
        })
    }

    fn end_with(
        &mut self,
        status: Status,
        failure: Option<super::wire::Failure>,
        usage: Option<Tokens>,
        out: &mut Frames,
    ) {
        let now = || self.finished_at.unwrap_or_else(|| jiff::Timestamp::now().as_second());
        let completed_at = (status == Status::Completed).then(now);
        self.writer.finish(End { status, failure, completed_at, usage }, out);
    }
}

impl Encoder for ProcessEncoder {
    fn begin(&mut self, out: &mut Frames) {
        self.writer.announce(Status::Created, out);
        self.writer.announce(Status::InProgress, out);
    }

    fn event(&mut self, event: &AgentEvent, out: &mut Frames) -> Flow {
        match &event.kind {
            // A question is the caller's, whichever agent of the team asks it.
            EventKind::ApprovalRequested { call, reason, .. } => self.ask_approval(&event.agent, call, reason, out),
            EventKind::QuestionAsked { id, question } => self.ask_question(&event.agent, id, question, out),
            kind => {
                if event.agent.depth() == 0 {
                    self.own(&event.agent, kind, out);
                }
                Flow::On
            }
        }
    }

    fn end(&mut self, parked: bool, out: &mut Frames) {
        if self.writer.has_ended() {
            return;
        }
        self.close_texts(None, out);
        self.drop_calls(out);
        if parked {
            self.end_with(Status::Completed, None, None, out);
        } else {
            self.end_with(Status::Failed, Some(codes::unknown("the turn ended without saying how")), None, out);
        }
    }
}
