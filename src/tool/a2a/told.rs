//! What a peer told us, in either version: a fold over its answers.

use serde_json::Value;

use crate::{
    domain::{Content, Image},
    tool::ToolError,
};

/// Most bytes of text that are kept.
const MOST: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) context: Option<String>,
    pub(super) task: Option<String>,
    /// As 0.3 names it; empty before the first answer.
    state: String,
    /// By id, in the order in which they began.
    artifacts: Vec<(String, Vec<Value>)>,
    /// What came with the latest state, or in place of a task.
    message: Vec<Value>,
    bytes: usize,
}

impl Told {
    /// Takes in the result of a call, or an event of a stream. Gives text that came in pieces.
    pub(super) fn hear(&mut self, result: &Value) -> String {
        let inner = |name: &str| result.get(name).filter(|inner| inner.is_object());
        let kind = result.get("kind").and_then(Value::as_str).unwrap_or_default();
        let mut said = String::new();
        if let Some(update) = inner("statusUpdate").or_else(|| (kind == "status-update").then_some(result)) {
            self.name(update, "taskId");
            self.status(update);
        } else if let Some(update) = inner("artifactUpdate").or_else(|| (kind == "artifact-update").then_some(result)) {
            self.name(update, "taskId");
            let append = update.get("append").and_then(Value::as_bool).unwrap_or(false);
            if let Some(artifact) = update.get("artifact") {
                said = self.artifact(artifact, append);
            }
        } else if let Some(message) = inner("message").or_else(|| (kind == "message").then_some(result)) {
            self.name(message, "taskId");
            self.message = parts(message);
            if self.state.is_empty() {
                "completed".clone_into(&mut self.state);
            }
        } else {
            let task = inner("task").unwrap_or(result);
            self.name(task, "id");
            self.status(task);
            for artifact in task.get("artifacts").and_then(Value::as_array).into_iter().flatten() {
                self.artifact(artifact, false);
            }
        }
        said
    }

    fn name(&mut self, value: &Value, task: &str) {
        let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
        self.context = text("contextId").or_else(|| self.context.take());
        self.task = text(task).or_else(|| self.task.take());
    }

    fn status(&mut self, value: &Value) {
        let Some(status) = value.get("status") else { return };
        if let Some(state) = status.get("state").and_then(Value::as_str) {
            self.state = state.trim_start_matches("TASK_STATE_").to_ascii_lowercase().replace('_', "-");
        }
        self.message = status.get("message").map(parts).unwrap_or_default();
    }

    fn artifact(&mut self, artifact: &Value, append: bool) -> String {
        let id = artifact.get("artifactId").and_then(Value::as_str).unwrap_or_default();
        let new = parts(artifact);
        let said: String = new.iter().filter_map(|part| part.get("text")?.as_str()).collect();
        self.bytes += artifact.to_string().len();
        if self.bytes > MOST {
            return String::new();
        }
        match self.artifacts.iter_mut().find(|(known, _)| known == id) {
            Some((_, there)) if append => there.extend(new),
            Some((_, there)) => *there = new,
            None => self.artifacts.push((id.to_owned(), new)),
        }
        said
    }

    /// Whether the peer still works.
    pub(super) fn works(&self) -> bool {
        matches!(self.state.as_str(), "submitted" | "working")
    }

    /// Whether the peer waits for us.
    pub(super) fn waits(&self) -> bool {
        self.state == "input-required"
    }

    /// What the model is told.
    ///
    /// # Errors
    /// The peer failed, refused, or wants what we cannot give.
    pub(super) fn content(&self, name: &str) -> Result<Vec<Content>, ToolError> {
        let made = self.artifacts.iter().flat_map(|(_, parts)| contents(parts)).collect::<Vec<_>>();
        let said = contents(&self.message);
        let words = || text(&said);
        let content = match self.state.as_str() {
            "completed" if made.is_empty() => said,
            "completed" => made,
            "input-required" => {
                let asks = format!("The agent asks: {}\n\nCall `{name}` again with the answer.", words());
                made.into_iter().chain([Content::text(asks)]).collect()
            }
            "auth-required" => {
                return Err(ToolError::Failed(format!("the agent wants somebody to sign in first: {}", words())));
            }
            state => {
                let state = if state.is_empty() { "said nothing" } else { state };
                let why = if said.is_empty() { String::new() } else { format!(": {}", words()) };
                return Err(ToolError::Failed(format!("the agent's task ended as `{state}`{why}")));
            }
        };
        Ok(if content.is_empty() { vec![Content::text("The agent is done, and said nothing.")] } else { content })
    }
}

fn parts(value: &Value) -> Vec<Value> {
    value.get("parts").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn text(content: &[Content]) -> String {
    let texts = content.iter().filter_map(|part| match part {
        Content::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// Text that follows text belongs to it: a stream cuts anywhere.
fn contents(parts: &[Value]) -> Vec<Content> {
    let mut all: Vec<Content> = vec![];
    for part in parts {
        match (part.get("text").and_then(Value::as_str), all.last_mut()) {
            (Some(more), Some(Content::Text { text })) => text.push_str(more),
            (Some(text), _) => all.push(Content::text(text)),
            (None, _) => all.push(other(part)),
        }
    }
    all
}

fn other(part: &Value) -> Content {
    if let Some(data) = part.get("data") {
        return Content::text(data.to_string());
    }
    let file = part.get("file").unwrap_or(part);
    let field = |names: [&str; 2]| names.iter().find_map(|name| file.get(*name)?.as_str());
    let media_type = field(["mimeType", "mediaType"]).unwrap_or("unknown");
    match field(["bytes", "raw"]) {
        Some(data) if media_type.starts_with("image/") => {
            Content::Image(Image { media_type: media_type.to_owned(), data: data.to_owned() })
        }
        _ => {
            let name = field(["name", "filename"]).or(field(["uri", "url"])).unwrap_or("without a name");
            Content::text(format!("[a file: {name}, {media_type}]"))
        }
    }
}
