//! The agent file as types. The JSON Schema is generated from these, and the parser decodes into them, so the two
//! cannot drift apart; doc comments here are the descriptions that editors show.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    deploy::{Deploy, Storage, Telemetry},
    sandbox::Sandbox,
    serve::Serve,
    tools::{HandoffName, McpServer, ToolEntry},
    units::{Effort, Span, Tokens},
};
use crate::config::Secret;

/// An agent, or a team of them, and everything that is needed to run it.
// Unknown keys are refused by the schema, before decoding: serde cannot combine `flatten` with `deny_unknown_fields`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AgentFile {
    /// Version of this format.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The name of sessions, deployments and the agent card.
    #[schemars(
        regex(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
        extend("patternErrorMessage" = "is not a name: use lower-case letters, digits and `-`, such as `my-agent`")
    )]
    pub name: String,
    #[serde(flatten)]
    pub agent: AgentSpec,
    /// Named models, to be used by name wherever a model is asked for.
    #[serde(default)]
    pub models: BTreeMap<String, ModelSpec>,
    /// The rest of the team, by name.
    #[serde(default)]
    pub agents: BTreeMap<String, AgentSpec>,
    /// Where sessions, state and memory are kept.
    #[serde(default)]
    pub storage: Storage,
    /// Defaults of `agentscope run`.
    #[serde(default)]
    pub serve: Serve,
    /// Defaults of `agentscope deploy`.
    #[serde(default)]
    pub deploy: Deploy,
    /// Where traces are sent.
    #[serde(default)]
    pub telemetry: Option<Telemetry>,
    /// Parts of an agent file that are merged over this one with `--profile NAME`.
    #[serde(default)]
    pub profiles: BTreeMap<String, Map<String, Value>>,
}

fn one() -> u32 {
    1
}

/// One agent: what it is told, which model it thinks with and which tools it may use.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct AgentSpec {
    /// What this agent is for; other agents and callers see it.
    pub description: String,
    /// The agent's own version, author, license and tags, for cards and images.
    pub metadata: Metadata,
    /// Shown when a chat opens. Never interpolated.
    pub welcome: Option<String>,
    /// `PROVIDER/MODEL`, or a name under `models`.
    pub model: Option<String>,
    /// The system prompt. Never interpolated.
    pub instructions: Option<String>,
    /// A file that holds the system prompt, relative to this one.
    pub instructions_file: Option<PathBuf>,
    /// What is put into the prompt besides the instructions.
    pub context: Context,
    /// What the agent may use.
    pub tools: Vec<ToolEntry>,
    /// Agents of this file that this one may hand the conversation over to.
    pub handoffs: Vec<HandoffName>,
    /// MCP servers, by name.
    pub mcp: BTreeMap<String, McpServer>,
    /// A file with MCP servers in the format that editors use, relative to this one.
    pub mcp_file: Option<PathBuf>,
    /// Folders with `SKILL.md` files, relative to this file.
    pub skills: Vec<PathBuf>,
    /// Slash commands of `chat`.
    pub commands: BTreeMap<String, SlashCommand>,
    /// The shape of the final answer.
    pub output: Option<Output>,
    /// Where `python`, `shell`, `files`, `browser` and `command` run.
    pub sandbox: Sandbox,
    /// Which tool calls are allowed, asked about or refused.
    pub permissions: Permissions,
    /// Programs that are told what happens, and may refuse it.
    pub hooks: Hooks,
    /// Settings of the `fetch` tool.
    pub fetch: Fetch,
    /// When a turn is stopped.
    pub limits: Limits,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metadata {
    pub version: Option<String>,
    pub author: Option<String>,
    pub license: Option<String>,
    pub tags: Vec<String>,
}

/// A model and how to reach it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// A provider of the catalogue (`agentscope models` lists them), or `openai-compatible`.
    pub provider: String,
    /// The provider's name for the model; the provider's default where absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Usually `"${NAME}"`; the provider's own variable where absent.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// The root of the API, up to and with `/v1`; needed for `openai-compatible`.
    #[serde(default)]
    pub base_url: Option<String>,
    #[serde(default)]
    pub max_output_tokens: Option<Tokens>,
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: Option<f64>,
    /// How hard the model thinks: none, low, medium, high, or a number of tokens.
    #[serde(default)]
    pub effort: Option<Effort>,
    /// Models to try, in this order, when this one fails.
    #[serde(default)]
    pub fallback: Vec<String>,
    /// Tokens that fit; known for the catalogue's models.
    #[serde(default)]
    pub context_window: Option<Tokens>,
    /// Known for the catalogue's models.
    #[serde(default)]
    pub price: Option<Price>,
    /// The model writes its tool calls as text, as small local models do.
    #[serde(default)]
    pub text_tool_calls: bool,
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// Passed through to the provider as it is.
    #[serde(default)]
    pub extra: Map<String, Value>,
    /// Of one request, from its start to its last token. Default 10m.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// The longest silence within a stream. Default 60s.
    #[serde(default)]
    pub idle_timeout: Option<Span>,
    /// How often a failed request is made again before a token has arrived. Default 3.
    #[serde(default)]
    pub retries: Option<u32>,
}

/// US dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    #[schemars(range(min = 0.0))]
    pub input: f64,
    #[schemars(range(min = 0.0))]
    pub output: f64,
    /// Of input that the provider had cached; the price of input where absent.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub cached: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Context {
    /// Names of files to read from the workspace and the folders above it. In `chat` `[AGENTS.md]` where absent.
    pub files: Option<Vec<String>>,
    /// Tell the agent today's date.
    pub date: bool,
    /// Tell the agent the operating system and the working directory.
    pub environment: bool,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlashCommand {
    #[serde(default)]
    pub description: String,
    /// `$1`, `$2`, … and `$ARGUMENTS` are filled in. Never interpolated.
    pub prompt: String,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// JSON Schema of the final answer.
    pub schema: Map<String, Value>,
}

/// Rules are `TOOL` or `TOOL(PATTERN)`; `deny` is looked at first, then `ask`, `allow` and `default`. What the file's own
/// agent may not do without being asked, or at all, the agents it works with may not either.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Permissions {
    pub allow: Vec<String>,
    pub ask: Vec<String>,
    pub deny: Vec<String>,
    /// What holds for a call that no rule matches.
    pub default: Option<PermissionDefault>,
    /// What `ask` means where nobody can be asked; `deny` where absent.
    pub unattended: Option<Unattended>,
}

/// From the loosest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionDefault {
    Allow,
    Ask,
    Deny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unattended {
    Deny,
    Allow,
}

/// Each program gets the event as JSON on its standard input.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hooks {
    pub session_start: Vec<Hook>,
    /// May refuse the call by an exit code other than 0; what it prints is the reason.
    pub before_tool: Vec<Hook>,
    pub after_tool: Vec<Hook>,
    pub turn_end: Vec<Hook>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// A rule as in `permissions`; every call where absent. Only for `before_tool` and `after_tool`.
    #[serde(default, rename = "match")]
    pub matches: Option<String>,
    /// The program and its arguments; a path with a `/` is relative to this file.
    #[schemars(length(min = 1))]
    pub run: Vec<String>,
    /// Default 30s.
    #[serde(default)]
    pub timeout: Option<Span>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fetch {
    /// Private addresses that `fetch` may reach: a host name, an address, or a network such as `10.0.0.0/8`.
    pub allow_private: Vec<String>,
}

/// When a turn is stopped; the user can go on with the next one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests to the model in one turn. Default 25.
    #[schemars(range(min = 1))]
    pub steps: Option<u32>,
    /// Default 10m.
    pub time: Option<Span>,
    /// Input and output tokens of one turn, sub-agents included.
    pub total_tokens: Option<Tokens>,
    /// US dollars for one turn, sub-agents included.
    #[schemars(range(min = 0.0))]
    pub cost: Option<f64>,
}
