//! What callers of `/process` send.
//!
//! Source: agentscope-runtime 1.1.5, `engine/schemas/agent_schemas.py`, and its web page, which adds keys of its own.

use serde::Deserialize;
use serde_json::Value;

use crate::server::protocol::openai::Stops;

/// A request. Keys that are not here are taken without effect, such as the `biz_params` of the web page.
#[derive(Debug, Deserialize)]
pub(super) struct ProcessRequest {
    pub input: Vec<InMessage>,
    #[serde(default)]
    pub stream: Option<bool>,
    /// Becomes the id of the response.
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub temperature: Option<f64>,
    #[serde(default)]
    pub top_p: Option<f64>,
    #[serde(default)]
    pub max_tokens: Option<u64>,
    #[serde(default)]
    pub stop: Option<Stops>,
    #[serde(default)]
    pub n: Option<u64>,
    #[serde(default)]
    pub seed: Option<i64>,
    #[serde(default)]
    pub frequency_penalty: Option<f64>,
    #[serde(default)]
    pub presence_penalty: Option<f64>,
    #[serde(default)]
    pub tools: Option<Vec<InTool>>,
    #[serde(default)]
    pub session_id: Option<String>,
    #[serde(default)]
    pub user_id: Option<String>,
}

/// A message. `type` is free there: what is not known is an ordinary message.
#[derive(Debug, Deserialize)]
pub(super) struct InMessage {
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub role: Option<InRole>,
    #[serde(default)]
    pub content: Option<InContent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum InRole {
    User,
    Assistant,
    System,
    Tool,
}

/// Parts; or text, which is taken as one.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`content` is text, or a list of parts each of a known `type`")]
pub(super) enum InContent {
    Text(String),
    Parts(Vec<InPart>),
}

/// A part of a message.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum InPart {
    Text {
        #[serde(default)]
        text: Option<String>,
    },
    Refusal {
        #[serde(default)]
        refusal: Option<String>,
    },
    Image {
        #[serde(default)]
        image_url: Option<String>,
    },
    Data {
        #[serde(default)]
        data: Option<Value>,
    },
    File {
        #[serde(default)]
        file_url: Option<String>,
        #[serde(default)]
        file_id: Option<String>,
        /// The web page says `file_name`.
        #[serde(default, alias = "file_name")]
        filename: Option<String>,
        #[serde(default)]
        file_data: Option<String>,
    },
    Audio {},
    Video {},
}

/// A tool that the caller runs: as chat completions have it, or its function alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a tool is `{\"type\": \"function\", \"function\": {\"name\": …}}`")]
pub(super) enum InTool {
    Wrapped {
        #[serde(default, rename = "type")]
        kind: Option<String>,
        function: InFunction,
    },
    Bare(InFunction),
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct InFunction {
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default, alias = "input_schema")]
    pub parameters: Option<Value>,
}
