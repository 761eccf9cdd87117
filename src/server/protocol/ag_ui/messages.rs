//! The conversation of a front end as ours.

use serde::Deserialize;
use serde_json::{Value, json};

use super::request::{Message as Theirs, RunAgentInput, ToolCall as TheirCall};
use crate::{
    domain::{Content, Message, Role, ToolCall, ToolOutcome},
    server::{ApiError, protocol::media},
};

/// What a request says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Talk {
    /// Up to the last answer.
    pub(super) history: Vec<Message>,
    /// What came since.
    pub(super) news: Vec<Message>,
    pub(super) instructions: Option<String>,
}

impl Talk {
    /// What the user said since the run asked something. A front end that shows no answer has not heard of the question,
    /// and says again what began the run.
    pub(super) fn said(mut self) -> Vec<Message> {
        self.news.retain(|message| message.role == Role::User && !self.history.is_empty());
        self.news
    }
}

/// # Errors
/// 400 for what a model cannot be given.
pub(super) fn read(input: &RunAgentInput) -> Result<Talk, ApiError> {
    let mut instructions = vec![];
    let mut messages = vec![];
    for (index, message) in input.messages.iter().enumerate() {
        let field = format!("messages[{index}].content");
        match message {
            Theirs::System { content } => instructions.push(content.clone()),
            Theirs::Activity {} => {}
            Theirs::User { content } => {
                messages.push(Message::new(Role::User, content_of(content, &field)?));
            }
            Theirs::Assistant { content, tool_calls } => messages.push(assistant(content.as_deref(), tool_calls)),
            Theirs::Tool { content, tool_call_id, error } => {
                let outcome = match error {
                    Some(error) => ToolOutcome::Failed { error: error.clone() },
                    None => ToolOutcome::Ok { content: content_of(content, &field)? },
                };
                messages.push(Message::tool_result(tool_call_id.as_str().into(), outcome));
            }
            Theirs::Reasoning { content, encrypted_value } => {
                messages.extend(reasoning(content, encrypted_value.as_deref()));
            }
        }
    }
    instructions.extend(surroundings(input));
    let old = messages.iter().rposition(|message| message.role == Role::Assistant).map_or(0, |last| last + 1);
    let news = messages.split_off(old);
    let instructions = (!instructions.is_empty()).then(|| instructions.join("\n\n"));
    Ok(Talk { history: messages, news, instructions })
}

fn assistant(text: Option<&str>, calls: &Option<Vec<TheirCall>>) -> Message {
    let mut content: Vec<_> = text.filter(|text| !text.is_empty()).map(Content::text).into_iter().collect();
    content.extend(calls.iter().flatten().map(|call| {
        let arguments = match call.function.arguments.trim() {
            "" => json!({}),
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        Content::ToolCall(ToolCall {
            call_id: call.id.as_str().into(),
            name: call.function.name.clone(),
            arguments,
            opaque: call.encrypted_value.as_deref().and_then(|value| serde_json::from_str(value).ok()),
        })
    }));
    Message::new(Role::Assistant, content)
}

/// Goes back to the provider that it came from, and to no other; without its sealed part, to none.
fn reasoning(content: &Value, sealed: Option<&str>) -> Option<Message> {
    let opaque = serde_json::from_str(sealed?).ok()?;
    let text = content.as_str().unwrap_or_default().to_owned();
    Some(Message::new(Role::Assistant, vec![Content::Reasoning { text, opaque: Some(opaque) }]))
}

/// What the model should know of the application around it.
fn surroundings(input: &RunAgentInput) -> Vec<String> {
    let mut all = vec![];
    let context: String = input
        .context
        .iter()
        .flatten()
        .map(|context| {
            let value = context.value.as_str().map_or_else(|| context.value.to_string(), str::to_owned);
            format!("\n- {}: {value}", context.description)
        })
        .collect();
    if !context.is_empty() {
        all.push(format!("What the application says of itself:{context}"));
    }
    if input.state.as_object().is_some_and(|state| !state.is_empty()) {
        all.push(format!("The state of the application, as JSON: {}", input.state));
    }
    all
}

/// A part of a message; `binary` is how versions before 1.0 wrote files.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Part {
    Text {
        text: String,
    },
    Image {
        source: Source,
    },
    Document {
        source: Source,
    },
    Binary {
        #[serde(alias = "mime_type")]
        mime_type: String,
        #[serde(default)]
        data: Option<String>,
        #[serde(default)]
        url: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Source {
    Data {
        value: String,
        #[serde(alias = "mime_type")]
        mime_type: String,
    },
    Url {
        value: String,
    },
}

fn content_of(content: &Value, field: &str) -> Result<Vec<Content>, ApiError> {
    match content {
        Value::Null => Ok(vec![]),
        Value::String(text) => Ok(vec![Content::text(text)]),
        Value::Array(parts) => {
            parts.iter().enumerate().map(|(index, part)| part_of(part, &format!("{field}[{index}]"))).collect()
        }
        _ => Err(ApiError::invalid(format!("`{field}` must be text or a list of parts"))),
    }
}

fn part_of(part: &Value, field: &str) -> Result<Content, ApiError> {
    let part = Part::deserialize(part)
        .map_err(|error| ApiError::invalid(format!("`{field}` is no part that this server takes: {error}")))?;
    match part {
        Part::Text { text } => Ok(Content::Text { text }),
        Part::Image { source } | Part::Document { source } => match source {
            Source::Data { value, mime_type } => media::file(&mime_type, &value, field),
            Source::Url { value } => media::url(&value, field),
        },
        Part::Binary { mime_type, data: Some(data), .. } => media::file(&mime_type, &data, field),
        Part::Binary { url: Some(url), .. } => media::url(&url, field),
        Part::Binary { .. } => Err(ApiError::invalid(format!("`{field}` has neither `data` nor `url`"))),
    }
}
