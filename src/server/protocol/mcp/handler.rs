//! What an MCP client can ask: which tools there are, and a call of one.

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, InputResponses,
        ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    ask::{self, Way},
    play::Player,
};
use crate::{
    agent::AgentRequest,
    domain::{Content, Effect, SessionId, SessionKey, ToolSpec},
    server::{ApiError, App, Caller, Target},
    tool::cap,
};

/// Serves one caller. Cheap to clone.
#[derive(Clone)]
pub(super) struct Handler {
    app: Arc<App>,
    target: Target,
    caller: Caller,
    /// What own tools are bound to when they are called by themselves.
    session: SessionId,
}

/// The arguments of the tool that talks to the agent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Talk {
    message: String,
    #[serde(default)]
    session_id: Option<String>,
}

impl Handler {
    pub(super) fn new(app: Arc<App>, target: Target, caller: Caller) -> Self {
        Self { app, target, caller, session: SessionId::new() }
    }

    /// The agent itself, as a tool.
    fn talk(&self) -> Tool {
        let description = self.target.agent.description();
        let description = if description.is_empty() { "An agent." } else { description };
        let schema = object(json!({
            "type": "object",
            "properties": {
                "message": { "type": "string", "description": "What to say to the agent." },
                "session_id": { "type": "string", "description": "Goes on with the conversation that an earlier answer named." },
            },
            "required": ["message"],
            "additionalProperties": false,
        }));
        let shape = object(json!({
            "type": "object",
            "properties": { "answer": { "type": "string" }, "session_id": { "type": "string" }, "output": {} },
            "required": ["answer", "session_id"],
        }));
        let stop = if description.ends_with(['.', '!', '?']) { "" } else { "." };
        let about = format!("{description}{stop} Answers a message, and remembers the conversation.");
        Tool::new(self.target.name.clone(), about, schema).with_raw_output_schema(Arc::new(shape))
    }

    async fn tools(&self) -> Result<Vec<Tool>, ErrorData> {
        let own = self.target.agent.tools().await;
        let own = own.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let own = own.into_iter().filter(|tool| tool.name != self.target.name).map(described);
        Ok(std::iter::once(self.talk()).chain(own).collect())
    }

    /// An unknown tool is an error of the protocol, not a result (MCP 2025-11-25, "Tools", "Error handling").
    async fn known(&self, name: &str) -> Result<(), ErrorData> {
        let tools = self.tools().await?;
        if tools.iter().any(|tool| tool.name == name) {
            return Ok(());
        }
        let names: Vec<String> = tools.iter().map(|tool| format!("`{}`", tool.name)).collect();
        let message = format!("there is no tool `{}`; there is {}", cap::short(name, 100), names.join(", "));
        Err(ErrorData::invalid_params(message, None))
    }

    /// Goes on with a call that asked something, with the answers that it is made with again.
    async fn resume(
        &self,
        name: &str,
        state: &str,
        answers: &InputResponses,
        player: Player,
    ) -> Result<CallToolResponse, ErrorData> {
        let gone = || {
            let message = "no call of this tool waits with this `requestState`: make it anew, without one";
            ErrorData::invalid_params(message, None)
        };
        let user = self.caller.user(None).map_err(|error| ErrorData::invalid_params(error.message, None))?;
        let turn = ask::parked(state, name).ok_or_else(gone)?;
        let found = self.app.runs.find(Some(&user), &turn).ok().filter(|run| run.agent == self.target.name);
        let handle = found.ok_or_else(gone)?;
        let run = self.app.runs.resume(&handle.key).ok_or_else(gone)?;
        ask::take(&handle, answers).await;
        Ok(if name == self.target.name { player.answer(run, name).await } else { player.tool(run, name).await })
    }

    async fn call(&self, name: &str, arguments: Value, player: Player) -> Result<CallToolResponse, ApiError> {
        let user = self.caller.user(None)?;
        if name != self.target.name {
            let mut key = SessionKey { user, session: self.session.clone() };
            // One call of a session can wait for the next request of its client.
            if player.way == Way::Result && self.app.runs.of_session(&key).is_some() {
                key.session = SessionId::new();
            }
            let run = self.app.runs.call(&self.target, name, arguments, key, player.asks()).await?;
            return Ok(player.tool(run, name).await);
        }
        let talk: Talk = serde_json::from_value(arguments).map_err(|error| ApiError::invalid(error.to_string()))?;
        let session = match talk.session_id.as_deref() {
            Some(id) => SessionId::parse(id).map_err(|error| ApiError::invalid(format!("`session_id`: {error}")))?,
            None => SessionId::new(),
        };
        let request = AgentRequest::message(SessionKey { user, session }, vec![Content::text(talk.message)]);
        let run = self.app.runs.start(&self.target, request, player.asks()).await?;
        Ok(player.answer(run, name).await)
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn described(spec: ToolSpec) -> Tool {
    let reads = spec.effect == Effect::Reads;
    let annotations = ToolAnnotations::from_raw(None, Some(reads), None, None, None);
    Tool::new(spec.name, spec.description, object(spec.parameters)).with_annotations(annotations)
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let version = self.target.agents.spec(&self.target.name).metadata.version.clone();
        let version = version.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        info.server_info = Implementation::new(self.target.name.clone(), version);
        info.instructions = Some(self.target.agent.description().to_owned()).filter(|text| !text.is_empty());
        info
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools().await?))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.known(&request.name).await?;
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let stop = context.ct.clone();
        let player = Player::new(context);
        let answers = request.input_responses.unwrap_or_default();
        let result = tokio::select! {
            result = async {
                match &request.request_state {
                    Some(state) => self.resume(&request.name, state, &answers, player).await.map(Ok),
                    None => Ok(self.call(&request.name, arguments, player).await),
                }
            } => result?,
            () = stop.cancelled() => return Err(ErrorData::internal_error("the call was canceled", None)),
        };
        // Whoever called can read what went wrong, and do something about it.
        Ok(result.unwrap_or_else(|error| CallToolResult::error(vec![ContentBlock::text(error.message)]).into()))
    }
}
