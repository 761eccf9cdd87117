//! What methods are called with, in either version.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    rpc::{Code, Refusal},
    task::{Message, Part, Role},
};
use crate::{
    domain::{Content, Message as Ours, Role as OurRole},
    server::protocol::media,
};

/// `message/send`, `message/stream`.
#[derive(Debug, Deserialize)]
pub(super) struct Send {
    pub(super) message: Incoming,
    #[serde(default)]
    pub(super) configuration: Option<Configuration>,
    #[serde(default)]
    metadata: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Configuration {
    accepted_output_modes: Option<Vec<String>>,
    history_length: Option<i64>,
    /// 0.3.
    blocking: Option<bool>,
    /// 1.0.
    return_immediately: Option<bool>,
    push_notification_config: Option<Value>,
    task_push_notification_config: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Incoming {
    message_id: String,
    role: String,
    parts: Vec<Value>,
    #[serde(default)]
    pub(super) context_id: Option<String>,
    #[serde(default)]
    pub(super) task_id: Option<String>,
    #[serde(default)]
    metadata: Value,
}

/// `tasks/get`, `tasks/cancel`, `tasks/resubscribe`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OneTask {
    pub(super) id: String,
    #[serde(default)]
    pub(super) history_length: Option<i64>,
}

/// `ListTasks`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct List {
    pub(super) context_id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) page_size: Option<i64>,
    pub(super) page_token: Option<String>,
    pub(super) history_length: Option<i64>,
    pub(super) status_timestamp_after: Option<jiff::Timestamp>,
    pub(super) include_artifacts: Option<bool>,
}

/// # Errors
/// What does not fit.
pub(super) fn read<T: DeserializeOwned>(params: &Value) -> Result<T, Refusal> {
    let empty = Value::Object(serde_json::Map::new());
    let params = if params.is_null() { &empty } else { params };
    T::deserialize(params).map_err(|error| Refusal::params(format!("`params`: {error}")))
}

/// How many messages of a task's history are wanted; all where `None`.
pub(super) fn history_length(length: Option<i64>) -> Result<Option<usize>, Refusal> {
    let wrong = |_| Refusal::params("`historyLength` cannot be negative");
    length.map(|length| usize::try_from(length).map_err(wrong)).transpose()
}

impl Send {
    /// Whom the caller says it acts for.
    pub(super) fn user(&self) -> Option<&str> {
        let all = [&self.metadata, &self.message.metadata];
        all.into_iter().find_map(|metadata| ["user_id", "userId"].iter().find_map(|name| metadata.get(name)?.as_str()))
    }

    pub(super) fn history_length(&self) -> Result<Option<usize>, Refusal> {
        history_length(self.configuration.as_ref().and_then(|configuration| configuration.history_length))
    }

    /// Whether the answer is the task as it ends, or as it begins.
    pub(super) fn waits(&self) -> bool {
        let Some(configuration) = &self.configuration else { return true };
        configuration.blocking.unwrap_or(true) && !configuration.return_immediately.unwrap_or(false)
    }

    /// # Errors
    /// What is asked for and not offered.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if !matches!(self.message.role.as_str(), "user" | "ROLE_USER") {
            return Err(Refusal::params("`message.role` must be that of the user"));
        }
        if self.message.parts.is_empty() {
            return Err(Refusal::params("`message.parts` must not be empty"));
        }
        let Some(configuration) = &self.configuration else { return Ok(()) };
        if configuration.push_notification_config.is_some() || configuration.task_push_notification_config.is_some() {
            return Err(Refusal::new(Code::PushNotSupported, "push notifications are not supported"));
        }
        let modes = configuration.accepted_output_modes.as_deref().unwrap_or_default();
        let spoken = |mode: &String| {
            matches!(
                mode.as_str(),
                "text" | "text/plain" | "text/*" | "text/markdown" | "*/*" | "application/json" | "data"
            )
        };
        if modes.is_empty() || modes.iter().any(spoken) {
            return Ok(());
        }
        Err(Refusal::new(Code::ContentType, "answers are `text/plain` and `application/json`"))
    }
}

impl Incoming {
    /// As it is kept.
    ///
    /// # Errors
    /// A part that cannot be read.
    pub(super) fn message(&self) -> Result<Message, Refusal> {
        let parts = self.parts.iter().enumerate().map(|(index, part)| self::part(part, index));
        Ok(Message { id: self.message_id.clone(), role: Role::User, parts: parts.collect::<Result<_, _>>()? })
    }
}

fn part(part: &Value, index: usize) -> Result<Part, Refusal> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(words) = text(part, "text") {
        return Ok(Part::Text(words));
    }
    if let Some(data) = part.get("data").filter(|_| part.get("raw").is_none()) {
        return Ok(Part::Data(data.clone()));
    }
    // 0.3 has an object of its own for a file.
    let file = part.get("file").unwrap_or(part);
    let media_type = text(file, "mimeType").or_else(|| text(file, "mediaType"));
    let name = text(file, "name").or_else(|| text(file, "filename"));
    let bytes = text(file, "bytes").or_else(|| text(file, "raw"));
    let url = text(file, "uri").or_else(|| text(file, "url"));
    if bytes.is_none() && url.is_none() {
        return Err(Refusal::params(format!("`message.parts[{index}]` is neither text, data nor a file")));
    }
    Ok(Part::File { name, media_type, bytes, url })
}

/// A message for the agent.
///
/// # Errors
/// A file that models cannot be given.
pub(super) fn ours(message: &Message) -> Result<Ours, Refusal> {
    let content = message.parts.iter().enumerate().map(|(index, part)| match part {
        Part::Text(text) => Ok(Content::text(text)),
        Part::Data(data) => Ok(Content::text(data.to_string())),
        Part::File { media_type, bytes, url, .. } => {
            let field = format!("message.parts[{index}]");
            let media_type = media_type.as_deref().unwrap_or("application/octet-stream");
            match (bytes, url) {
                (Some(bytes), _) => media::file(media_type, bytes, &field),
                (None, url) => media::url(url.as_deref().unwrap_or_default(), &field),
            }
        }
    });
    let content = content.collect::<Result<_, _>>().map_err(|error| Refusal::new(Code::ContentType, error.message))?;
    Ok(Ours::new(OurRole::User, content))
}
