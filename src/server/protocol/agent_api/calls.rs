//! Calls of tools and what came of them.

use serde_json::{Value, json};

use super::{
    python_json::dumps,
    wire::{Body, Data, Message},
};
use crate::domain::{CallId, Content, Image, ToolOutcome};

/// A call whose arguments are still coming.
pub(super) struct OpenCall {
    pub id: CallId,
    pub name: String,
    pub message: Message,
    /// JSON text, as far as it has come.
    pub arguments: String,
    /// The MCP server that has the tool.
    pub server: Option<String>,
    /// How long the arguments must be to be shown again.
    next: usize,
}

impl OpenCall {
    pub(super) fn new(id: CallId, name: String, message: Message, server: Option<String>) -> Self {
        Self { id, name, message, arguments: String::new(), server, next: 1 }
    }

    /// Takes in more of the arguments. Whether to show them now: as each frame has all of them, long ones are shown in
    /// steps that grow, so that the frames together stay a small multiple of the arguments.
    pub(super) fn grew(&mut self, delta: &str) -> bool {
        self.arguments.push_str(delta);
        let length = self.arguments.len();
        let show = length >= self.next;
        if show {
            self.next = length + length / 8 + 1;
        }
        show
    }
}

/// A call. Those of MCP servers have another order, and the server.
pub(super) fn call_body(id: &CallId, name: &str, arguments: String, server: Option<&str>) -> Body<'static> {
    let (call_id, name) = (id.to_string(), name.to_owned());
    Body::Data(match server {
        Some(server) => Data::McpCall { call_id, arguments, name, server_label: server.to_owned() },
        None => Data::Call { call_id, name, arguments },
    })
}

pub(super) fn output_body(id: &CallId, name: &str, output: String) -> Body<'static> {
    Body::Data(Data::Output { call_id: id.to_string(), name: name.to_owned(), output })
}

/// What came of a call, as the blocks of AgentScope in JSON.
pub(super) fn output(outcome: &ToolOutcome) -> String {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let blocks: Vec<Value> = match outcome {
        ToolOutcome::Ok { content } => content
            .iter()
            .filter_map(|part| match part {
                Content::Text { text: said } => Some(text(said)),
                Content::Image(Image { media_type, data }) => {
                    let source = json!({ "type": "base64", "media_type": media_type, "data": data });
                    Some(json!({ "type": "image", "source": source }))
                }
                _ => None,
            })
            .collect(),
        failed => vec![text(&failed.text())],
    };
    dumps(&blocks)
}
