//! The items of a request.

use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::new_id;
use crate::{
    domain::{CallId, Content, Message, Role, ToolCall, ToolOutcome},
    server::{
        ApiError,
        protocol::openai::{Conversation, Parts, arguments_value},
    },
};

/// Text, or items.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`input` is text, or a list of items")]
pub(super) enum Input {
    Text(String),
    Items(Vec<Value>),
}

/// An answer to what an earlier response asked.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    #[serde(rename = "approval_request_id")]
    pub(super) id: String,
    pub(super) approve: bool,
    /// Why not; to a question, the answer.
    #[serde(default)]
    pub(super) reason: Option<String>,
}

/// What is said, what is answered, and all of it as it can be listed later.
///
/// # Errors
/// 400 for an item that an agent cannot take, and where there is nothing to answer.
pub(super) fn read(input: Option<Input>) -> Result<(Conversation, Vec<Answer>, Vec<Value>), ApiError> {
    let items = match input {
        None => vec![],
        Some(Input::Text(text)) => vec![json!({ "role": "user", "content": text })],
        Some(Input::Items(items)) => items,
    };
    let (mut conversation, mut answers) = (Conversation::default(), vec![]);
    for item in &items {
        take(item, &mut conversation, &mut answers)?;
    }
    if answers.is_empty() {
        conversation.check()?;
    }
    Ok((conversation, answers, items.into_iter().map(listed).collect()))
}

fn take(item: &Value, into: &mut Conversation, answers: &mut Vec<Answer>) -> Result<(), ApiError> {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or("message");
    match kind {
        "message" => message(parse(item)?, into)?,
        "function_call" => {
            let Call { call_id, name, arguments } = parse(item)?;
            into.answer(calls(call_id.into(), name, arguments));
        }
        "function_call_output" => {
            let Output { call_id, output } = parse(item)?;
            let outcome = ToolOutcome::Ok { content: output.content()? };
            into.say(Message::tool_result(call_id.into(), outcome));
        }
        // What the agent did by itself, and told of.
        "mcp_call" => mcp(parse(item)?, into),
        "mcp_approval_response" => answers.push(parse(item)?),
        // Thoughts belong to the model that had them, and questions were answered.
        "reasoning" | "mcp_approval_request" | "mcp_list_tools" => {}
        kind => return Err(ApiError::invalid(format!("`{kind}`: an agent takes no such item"))),
    }
    Ok(())
}

fn parse<'a, T: Deserialize<'a>>(item: &'a Value) -> Result<T, ApiError> {
    T::deserialize(item).map_err(|error| {
        let kind = item.get("type").and_then(Value::as_str).unwrap_or("message");
        ApiError::invalid(format!("`input`: an item of the type `{kind}` does not fit: {error}"))
    })
}

#[derive(Deserialize)]
struct Said {
    role: String,
    content: Parts,
}

#[derive(Deserialize)]
struct Call {
    call_id: String,
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct Output {
    call_id: String,
    output: Parts,
}

#[derive(Deserialize)]
struct Mcp {
    id: String,
    name: String,
    #[serde(default)]
    arguments: String,
    #[serde(default)]
    output: Option<String>,
    #[serde(default)]
    error: Option<Value>,
}

fn message(said: Said, into: &mut Conversation) -> Result<(), ApiError> {
    match said.role.as_str() {
        "system" | "developer" => into.instruct(&said.content.text("a system message")?),
        "user" => into.say(Message::new(Role::User, said.content.content()?)),
        "assistant" => into.answer(Message::new(Role::Assistant, said.content.content()?)),
        role => {
            let message = format!("`{role}` is none of the roles `system`, `developer`, `user` and `assistant`");
            return Err(ApiError::invalid(message));
        }
    }
    Ok(())
}

fn calls(call_id: CallId, name: String, arguments: String) -> Message {
    let call = ToolCall { call_id, name, arguments: arguments_value(arguments), opaque: None };
    Message::new(Role::Assistant, vec![Content::ToolCall(call)])
}

fn mcp(call: Mcp, into: &mut Conversation) {
    let id = CallId::from(call.id);
    let outcome = match (call.output, call.error) {
        (Some(output), _) => ToolOutcome::ok(output),
        (None, Some(Value::String(error))) => ToolOutcome::Failed { error },
        (None, Some(error)) => {
            let text = error.pointer("/content/0/text").or_else(|| error.get("message")).and_then(Value::as_str);
            ToolOutcome::Failed { error: text.unwrap_or("the call failed").to_owned() }
        }
        // Told of before it ended: what it was asked for is told again where it ended.
        (None, None) => return,
    };
    into.answer(calls(id.clone(), call.name, call.arguments));
    into.history.push(Message::tool_result(id, outcome));
}

/// An item with an id, and without its images, which are long.
fn listed(mut item: Value) -> Value {
    let Some(object) = item.as_object_mut() else { return item };
    let kind = object.get("type").and_then(Value::as_str).unwrap_or("message").to_owned();
    let prefix = match kind.as_str() {
        "message" => "msg",
        "function_call" => "fc",
        "function_call_output" => "fco",
        _ => "item",
    };
    if let Some(text) = object.get("content").and_then(Value::as_str).filter(|_| kind == "message") {
        let output = object.get("role").is_some_and(|role| role == "assistant");
        let content = json!([{ "type": if output { "output_text" } else { "input_text" }, "text": text }]);
        object.insert("content".to_owned(), content);
    }
    for part in object.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
        part.as_object_mut().and_then(|part| part.remove("image_url"));
    }
    object.insert("type".to_owned(), kind.into());
    object.entry("id").or_insert_with(|| new_id(prefix).into());
    item
}
