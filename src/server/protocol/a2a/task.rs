//! Tasks and what they are made of, and how either version writes them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rpc::Version;

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    Submitted,
    Working,
    InputRequired,
    Completed,
    Failed,
    Canceled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    User,
    Agent,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Part {
    Text(String),
    Data(Value),
    /// As base64, or where it is.
    File {
        name: Option<String>,
        media_type: Option<String>,
        bytes: Option<String>,
        url: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) role: Role,
    pub(super) parts: Vec<Part>,
}

/// What a task made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Artifact {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Status {
    pub(super) state: State,
    pub(super) message: Option<Message>,
    pub(super) at: jiff::Timestamp,
}

/// Which task, and of which conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) task: String,
    pub(super) context: String,
}

#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) ids: Ids,
    pub(super) status: Status,
    pub(super) artifacts: Vec<Artifact>,
    pub(super) history: Vec<Message>,
}

impl State {
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled)
    }

    pub(super) fn named(self, version: Version) -> &'static str {
        let (old, new) = match self {
            Self::Submitted => ("submitted", "TASK_STATE_SUBMITTED"),
            Self::Working => ("working", "TASK_STATE_WORKING"),
            Self::InputRequired => ("input-required", "TASK_STATE_INPUT_REQUIRED"),
            Self::Completed => ("completed", "TASK_STATE_COMPLETED"),
            Self::Failed => ("failed", "TASK_STATE_FAILED"),
            Self::Canceled => ("canceled", "TASK_STATE_CANCELED"),
        };
        if version == Version::V03 { old } else { new }
    }
}

/// Leaves out what 0.3 alone writes.
fn kind(mut value: Value, version: Version, kind: &str) -> Value {
    if version == Version::V03 {
        value["kind"] = json!(kind);
    }
    value
}

impl Part {
    fn write(&self, version: Version) -> Value {
        match (self, version) {
            (Self::Text(text), _) => kind(json!({ "text": text }), version, "text"),
            (Self::Data(data), _) => kind(json!({ "data": data }), version, "data"),
            (Self::File { name, media_type, bytes, url }, Version::V03) => {
                let file = [("name", name), ("mimeType", media_type), ("bytes", bytes), ("uri", url)];
                kind(json!({ "file": present(file) }), version, "file")
            }
            (Self::File { name, media_type, bytes, url }, Version::V1) => {
                present([("filename", name), ("mediaType", media_type), ("raw", bytes), ("url", url)])
            }
        }
    }
}

fn present(fields: [(&str, &Option<String>); 4]) -> Value {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
    Value::Object(present.collect())
}

fn parts(parts: &[Part], version: Version) -> Vec<Value> {
    parts.iter().map(|part| part.write(version)).collect()
}

impl Message {
    fn write(&self, ids: &Ids, version: Version) -> Value {
        let role = match (self.role, version) {
            (Role::User, Version::V03) => "user",
            (Role::Agent, Version::V03) => "agent",
            (Role::User, Version::V1) => "ROLE_USER",
            (Role::Agent, Version::V1) => "ROLE_AGENT",
        };
        let message = json!({
            "messageId": self.id,
            "contextId": ids.context,
            "taskId": ids.task,
            "role": role,
            "parts": parts(&self.parts, version),
        });
        kind(message, version, "message")
    }
}

impl Artifact {
    fn write(&self, version: Version) -> Value {
        json!({ "artifactId": self.id, "name": self.name, "parts": parts(&self.parts, version) })
    }

    /// What a stream says of one that grows, or is there at once.
    pub(super) fn update(&self, ids: &Ids, append: bool, version: Version) -> Value {
        let update = json!({
            "taskId": ids.task,
            "contextId": ids.context,
            "artifact": self.write(version),
            "append": append,
        });
        event(update, version, "artifact-update", "artifactUpdate")
    }
}

impl Status {
    fn write(&self, ids: &Ids, version: Version) -> Value {
        let mut status = json!({ "state": self.state.named(version) });
        if let Some(message) = &self.message {
            status["message"] = message.write(ids, version);
        }
        status["timestamp"] = json!(self.at);
        status
    }

    /// What a stream says of a change; nothing follows where it is the last.
    pub(super) fn update(&self, ids: &Ids, version: Version) -> Value {
        let mut update = json!({ "taskId": ids.task, "contextId": ids.context, "status": self.write(ids, version) });
        if version == Version::V03 {
            update["final"] = json!(self.state.is_final() || self.state == State::InputRequired);
        }
        event(update, version, "status-update", "statusUpdate")
    }
}

/// An event of a stream: 0.3 says what it is inside, 1.0 around it.
fn event(update: Value, version: Version, inside: &str, around: &str) -> Value {
    match version {
        Version::V03 => kind(update, version, inside),
        Version::V1 => json!({ around: update }),
    }
}

impl Task {
    /// By itself, with the last `history` messages.
    pub(super) fn write(&self, history: Option<usize>, version: Version) -> Value {
        let mut task = json!({
            "id": self.ids.task,
            "contextId": self.ids.context,
            "status": self.status.write(&self.ids, version),
        });
        if !self.artifacts.is_empty() {
            task["artifacts"] = self.artifacts.iter().map(|artifact| artifact.write(version)).collect();
        }
        let skipped = self.history.len().saturating_sub(history.unwrap_or(usize::MAX));
        if skipped < self.history.len() {
            task["history"] = self.history[skipped..].iter().map(|message| message.write(&self.ids, version)).collect();
        }
        kind(task, version, "task")
    }

    /// As the answer to a message, or an event of a stream.
    pub(super) fn answer(&self, history: Option<usize>, version: Version) -> Value {
        let task = self.write(history, version);
        if version == Version::V1 { json!({ "task": task }) } else { task }
    }
}
