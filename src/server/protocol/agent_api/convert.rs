//! From the messages of a request to ours: what is history, what is new, what answers a question.

use serde::Deserialize;
use serde_json::Value;

use super::{
    parts::{self, Place},
    request::{InContent, InMessage, InPart, InRole},
};
use crate::{
    domain::{CallId, Content, Message, Role, ToolCall},
    server::ApiError,
};

/// What a request says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Messages of one role each, in order.
    pub messages: Vec<Message>,
    /// What messages of the system say.
    pub instructions: Vec<String>,
    /// Answers to what the agent asked.
    pub answers: Vec<Approval>,
}

/// The answer to a request for approval.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Approval {
    pub approve: bool,
    #[serde(default)]
    approval_request_id: Option<String>,
    #[serde(default)]
    id: Option<String>,
    /// Why not; or the answer, where a question was asked.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Approval {
    /// What is answered. The web page sends both.
    pub(super) fn asked(&self) -> Option<&str> {
        self.approval_request_id.as_deref().or(self.id.as_deref()).filter(|id| !id.is_empty())
    }
}

/// The data of a call.
#[derive(Debug, Deserialize)]
struct Call {
    #[serde(default)]
    call_id: Option<String>,
    name: String,
    #[serde(default)]
    arguments: Value,
}

/// The data of a result.
#[derive(Debug, Deserialize)]
struct Output {
    call_id: String,
    #[serde(default)]
    output: Value,
}

impl Said {
    /// # Errors
    /// 400 for what cannot be understood, or not be given to a model, naming it.
    pub(super) fn read(input: Vec<InMessage>) -> Result<Self, ApiError> {
        let mut said = Self::default();
        for (index, message) in input.into_iter().enumerate() {
            said.add(message, &Place::message(index))?;
        }
        Ok(said)
    }

    fn add(&mut self, message: InMessage, place: &Place) -> Result<(), ApiError> {
        match message.kind.as_deref().unwrap_or("message") {
            "function_call" | "plugin_call" | "mcp_call" | "component_call" => {
                for data in all_data(message, place)? {
                    let call: Call = read(data, place)?;
                    self.push(Role::Assistant, vec![Content::ToolCall(tool_call(call))]);
                }
            }
            "function_call_output" | "plugin_call_output" | "mcp_call_output" | "component_call_output" => {
                for data in all_data(message, place)? {
                    let Output { call_id, output } = read(data, place)?;
                    self.messages.push(Message::tool_result(CallId::from(call_id), parts::outcome(output)));
                }
            }
            "mcp_approval_response" => {
                for data in all_data(message, place)? {
                    let answer: Approval = read(data, place)?;
                    if answer.asked().is_none() {
                        return Err(place.invalid("says what it answers in neither `approval_request_id` nor `id`"));
                    }
                    self.answers.push(answer);
                }
            }
            "reasoning" => {
                let text = text_of(parts::contents(content(message, place)?, place)?);
                self.push(Role::Assistant, vec![Content::Reasoning { text, opaque: None }]);
            }
            // What a client shows and sends back with the rest: nothing that a model was or is told.
            "mcp_approval_request" | "mcp_list_tools" | "heartbeat" | "error" => {}
            _ => self.ordinary(message, place)?,
        }
        Ok(())
    }

    fn ordinary(&mut self, message: InMessage, place: &Place) -> Result<(), ApiError> {
        let role = message.role.unwrap_or(InRole::User);
        let content = parts::contents(content(message, place)?, place)?;
        match role {
            InRole::User => self.messages.push(Message::new(Role::User, content)),
            InRole::Assistant => self.push(Role::Assistant, content),
            InRole::System => {
                if content.iter().any(|part| !matches!(part, Content::Text { .. })) {
                    return Err(place.invalid("is of the system, which can only say text"));
                }
                self.instructions.push(text_of(content));
            }
            InRole::Tool => {
                return Err(place.invalid("is of a tool: send its result as a message of type `function_call_output`"));
            }
        }
        Ok(())
    }

    /// Adds to the end; an answer in several messages is one.
    fn push(&mut self, role: Role, content: Vec<Content>) {
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            _ => self.messages.push(Message::new(role, content)),
        }
    }
}

fn content(message: InMessage, place: &Place) -> Result<Vec<InPart>, ApiError> {
    match message.content {
        Some(InContent::Parts(parts)) => Ok(parts),
        Some(InContent::Text(text)) => Ok(vec![InPart::Text { text: Some(text) }]),
        None => Err(place.invalid("has no `content`")),
    }
}

/// The data parts of a message that has to consist of them.
fn all_data(message: InMessage, place: &Place) -> Result<Vec<Value>, ApiError> {
    let parts = content(message, place)?;
    let data: Vec<_> = parts
        .into_iter()
        .map(|part| match part {
            InPart::Data { data: Some(data) } => Ok(data),
            _ => Err(place.invalid("is of a type whose content is parts of `data`")),
        })
        .collect::<Result<_, _>>()?;
    if data.is_empty() { Err(place.invalid("has no part of `data`")) } else { Ok(data) }
}

fn read<T: serde::de::DeserializeOwned>(data: Value, place: &Place) -> Result<T, ApiError> {
    serde_json::from_value(data).map_err(|error| place.invalid(&format!("has `data` that does not fit: {error}")))
}

/// Arguments are an object, or one as text; what is neither stays text.
fn tool_call(call: Call) -> ToolCall {
    let arguments = match call.arguments {
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(object @ Value::Object(_)) => object,
            _ if text.trim().is_empty() => Value::Object(serde_json::Map::new()),
            _ => Value::String(text),
        },
        Value::Null => Value::Object(serde_json::Map::new()),
        other => other,
    };
    let call_id = call.call_id.map(CallId::from).unwrap_or_default();
    ToolCall { call_id, name: call.name, arguments, opaque: None }
}

fn text_of(content: Vec<Content>) -> String {
    Message::new(Role::User, content).text()
}
