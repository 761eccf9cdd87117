//! The `tools` and `mcp` parts of the agent file.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::units::Span;
use crate::config::Secret;

/// Name of an agent under `agents`.
pub type HandoffName = String;

/// A tool: a name, or a mapping with one key that says where it comes from.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolEntry {
    /// Runs Python, in the sandbox.
    Python,
    /// Runs shell commands, in the sandbox.
    Shell,
    /// Reads and writes files, in the sandbox.
    Files,
    /// A web browser, in the sandbox.
    Browser,
    /// Reads web pages.
    Fetch,
    /// Remembers notes from one session to the next.
    Memory,
    /// A to-do list that the agent keeps for the user to see.
    Todo,
    /// Asks the user.
    AskUser,
    /// The tools of an MCP server.
    Mcp(McpRef),
    /// The operations of an OpenAPI 3 document.
    Openapi(OpenApiTool),
    /// One HTTP request.
    Http(HttpTool),
    /// A program, in the sandbox.
    Command(CommandTool),
    /// Another agent.
    Agent(AgentRef),
    /// An agent elsewhere, by the A2A protocol.
    A2a(A2aTool),
}

/// A name under `mcp`, or a server written in full.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum McpRef {
    Name(String),
    Server(Box<McpServer>),
}

/// A server that is started (`command`) or reached (`url`).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct McpServer {
    /// Only for a server written under `tools`; else its key is its name.
    pub name: Option<String>,
    /// A program that speaks MCP on its standard input and output.
    pub command: Option<String>,
    pub args: Vec<String>,
    pub env: BTreeMap<String, Secret>,
    /// Relative to this file.
    pub cwd: Option<PathBuf>,
    /// A server that speaks MCP over streamable HTTP.
    pub url: Option<String>,
    pub headers: BTreeMap<String, Secret>,
    pub auth: Option<McpAuth>,
    /// Only these tools of the server; all where absent.
    pub tools: Option<Vec<String>>,
    /// Of the start and of every call. Default 60s.
    pub timeout: Option<Span>,
    /// The turn fails if this server does.
    pub required: bool,
    /// Run the program in the sandbox rather than on the host.
    pub sandbox: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum McpAuth {
    /// `agentscope mcp login NAME` gets the token.
    Oauth,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenApiTool {
    /// A file relative to this one, or a URL.
    pub spec: String,
    /// Operation ids; all where absent.
    #[serde(default)]
    pub include: Option<Vec<String>>,
    /// The root of the API; the document's first server where absent.
    #[serde(default)]
    pub base_url: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// Of every call. Default 60s.
    #[serde(default)]
    pub timeout: Option<Span>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpTool {
    #[schemars(
        regex(pattern = "^[a-zA-Z0-9_-]{1,64}$"),
        extend("patternErrorMessage" = "is not the name of a tool: models take letters, digits, `_` and `-`, up to 64")
    )]
    pub name: String,
    pub description: String,
    #[serde(default)]
    pub method: HttpMethod,
    /// `{name}` is replaced by the argument of that name, percent-encoded; the other arguments go into the query, or
    /// into a JSON body for methods that have one.
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// JSON Schema of the arguments.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// Default 60s.
    #[serde(default)]
    pub timeout: Option<Span>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    #[default]
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandTool {
    #[schemars(
        regex(pattern = "^[a-zA-Z0-9_-]{1,64}$"),
        extend("patternErrorMessage" = "is not the name of a tool: models take letters, digits, `_` and `-`, up to 64")
    )]
    pub name: String,
    pub description: String,
    /// The program and its arguments; no shell is involved. `{name}` stands for the argument of that name if
    /// `parameters` has it: text as it is, anything else as JSON. A list in a word of its own is a word for each item; a
    /// word with an argument that was not given is left out. A value that begins with `-` is refused where it could be
    /// taken for an option: put it behind `--` or `--name=`. Never interpolated.
    #[schemars(length(min = 1))]
    pub run: Vec<String>,
    /// JSON Schema of the arguments.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// Default: `sandbox.tool_timeout`.
    #[serde(default)]
    pub timeout: Option<Span>,
}

/// An agent of this file by name, or an agent file of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AgentRef {
    Name(String),
    File(AgentFileRef),
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentFileRef {
    /// Relative to this file.
    pub file: PathBuf,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct A2aTool {
    #[schemars(
        regex(pattern = "^[a-zA-Z0-9_-]{1,64}$"),
        extend("patternErrorMessage" = "is not the name of a tool: models take letters, digits, `_` and `-`, up to 64")
    )]
    pub name: String,
    pub url: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// Default 5m.
    #[serde(default)]
    pub timeout: Option<Span>,
}
