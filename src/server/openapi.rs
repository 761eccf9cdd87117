//! `/openapi.json`: the routes as one table, which a test holds against the router.

use std::sync::{Arc, OnceLock};

use axum::{Json, Router, routing::get};
use serde_json::{Map, Value, json};

use super::App;

/// One way to ask one path.
struct Operation {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    /// The JSON Schema of its body.
    body: Option<fn() -> Value>,
    query: &'static [&'static str],
    answer: Answer,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Json,
    Text,
    /// A stream of events.
    Events,
    /// 204.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Asked without a token.
    Open,
    Server,
    /// Also below `/agents/{agent}`.
    Agent,
}

const fn op(method: &'static str, path: &'static str, place: Place, summary: &'static str) -> Operation {
    Operation { method, path, summary, body: None, query: &[], answer: Answer::Json, place }
}

impl Operation {
    const fn takes(self, body: fn() -> Value) -> Self {
        Self { body: Some(body), ..self }
    }

    const fn asks(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    const fn gives(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }
}

use Answer::{Events, Nothing, Text};
use Place::{Agent, Open, Server};

/// All of them.
const OPERATIONS: &[Operation] = &[
    op("get", "/", Server, "What this server is"),
    op("get", "/health", Open, "Whether the process answers"),
    op("get", "/liveness", Open, "Whether the process answers"),
    op("get", "/readiness", Open, "Whether a turn could be answered now, and else why not"),
    op("get", "/metrics", Server, "What was counted, in the text format of OpenMetrics").gives(Text),
    op("get", "/openapi.json", Server, "This description"),
    op("get", "/admin/status", Server, "The state of the process, for administrators"),
    op("post", "/admin/shutdown", Server, "Ends the server, for administrators"),
    op("post", "/shutdown", Server, "Ends the server, for administrators"),
    op("post", "/turns", Agent, "A turn, as the events themselves").takes(bodies::turn).gives(Events),
    op("get", "/turns/{id}", Agent, "A turn that runs, and what it waits for"),
    op("get", "/turns/{id}/events", Agent, "The events of a turn that goes on without its caller").gives(Events),
    op("post", "/turns/{id}/answer", Agent, "Answers what a turn asked").takes(bodies::answer).gives(Nothing),
    op("post", "/turns/{id}/steer", Agent, "Says something to a turn that runs").takes(bodies::steer).gives(Nothing),
    op("post", "/turns/{id}/cancel", Agent, "Ends a turn").gives(Nothing),
    op("post", "/mcp", Agent, "The agent as an MCP server, over streamable HTTP").takes(bodies::json_rpc),
    op("get", "/mcp", Agent, "The stream of an MCP session").gives(Events),
    op("delete", "/mcp", Agent, "Ends an MCP session"),
    op("post", "/a2a", Agent, "A2A, versions 0.3 and 1.0").takes(bodies::json_rpc),
    op("get", "/.well-known/agent-card.json", Agent, "The agent card of A2A"),
    op("get", "/.well-known/agent.json", Agent, "The agent card, where old clients look for it"),
    op("post", "/ag-ui", Agent, "A run of AG-UI").takes(bodies::ag_ui).gives(Events),
    op("get", "/agents", Server, "The agents of the file"),
    op("post", "/process", Agent, "A turn, as the Python runtime has it").takes(bodies::process).gives(Events),
    op("post", "/process/stream", Agent, "The same, always as events").takes(bodies::process).gives(Events),
    op("post", "/process/task", Agent, "The same in the background").takes(bodies::process),
    op("get", "/process/task", Agent, "The tasks, newest first").asks(&["user_id", "limit"]),
    op("get", "/process/task/{task}", Agent, "How a task stands"),
    op("delete", "/process/task/{task}", Agent, "Ends a task"),
    op("post", "/process/task/{task}/cancel", Agent, "Ends a task"),
    op("get", "/process/task/{task}/events", Agent, "The frames of a task").gives(Events),
    op("post", "/process/stop", Agent, "Ends the turn of a session").takes(bodies::stop),
    op("post", "/stop", Agent, "Ends the turn of a session").takes(bodies::stop),
    op("get", "/sessions", Server, "The sessions of a user").asks(&["user_id", "agent"]),
    op("delete", "/sessions", Server, "Deletes all that is kept of a user").asks(&["user_id"]),
    op("get", "/sessions/{id}", Server, "A session with its messages").asks(&["user_id"]),
    op("patch", "/sessions/{id}", Server, "Gives a session a title").asks(&["user_id"]).takes(bodies::rename),
    op("delete", "/sessions/{id}", Server, "Deletes a session").asks(&["user_id"]).gives(Nothing),
    op("get", "/sessions/{id}/export", Server, "A session as a file, `json` or `md`").asks(&["user_id", "format"]),
    op("get", "/sessions/{id}/usage", Server, "What a session used, by agent and model").asks(&["user_id"]),
    op("get", "/v1/models", Agent, "The agents, as models of OpenAI's API"),
    op("get", "/v1/models/{id}", Agent, "An agent, as a model"),
    op("post", "/v1/chat/completions", Agent, "A turn, as a chat completion").takes(bodies::chat),
    op("post", "/v1/responses", Agent, "A turn, as a response").takes(bodies::response),
    op("get", "/v1/responses/{id}", Agent, "A response that was kept").asks(&["stream", "starting_after"]),
    op("delete", "/v1/responses/{id}", Agent, "Deletes a response"),
    op("post", "/v1/responses/{id}/cancel", Agent, "Ends a response in the background"),
    op("get", "/v1/responses/{id}/input_items", Agent, "What a response was asked").asks(&["after", "limit", "order"]),
    op("get", "/compatible-mode/v1/models", Agent, "The agents, as models of OpenAI's API"),
    op("get", "/compatible-mode/v1/models/{id}", Agent, "An agent, as a model"),
    op("post", "/compatible-mode/v1/chat/completions", Agent, "A turn, as a chat completion").takes(bodies::chat),
    op("post", "/compatible-mode/v1/responses", Agent, "A turn, as a response").takes(bodies::response),
    op("get", "/compatible-mode/v1/responses/{id}", Agent, "A response that was kept")
        .asks(&["stream", "starting_after"]),
    op("delete", "/compatible-mode/v1/responses/{id}", Agent, "Deletes a response"),
    op("post", "/compatible-mode/v1/responses/{id}/cancel", Agent, "Ends a response in the background"),
    op("get", "/compatible-mode/v1/responses/{id}/input_items", Agent, "What a response was asked")
        .asks(&["after", "limit", "order"]),
];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/openapi.json", get(async || Json(document())))
}

/// All paths; one with several methods several times.
pub(super) fn paths() -> impl Iterator<Item = String> {
    OPERATIONS.iter().flat_map(Operation::paths)
}

/// Made at the first request for it.
fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut paths: Map<String, Value> = Map::new();
        for operation in OPERATIONS {
            for path in operation.paths() {
                let described = operation.described(&path);
                paths.entry(path).or_insert_with(|| json!({}))[operation.method] = described;
            }
        }
        json!({
            "openapi": "3.1.0",
            "info": { "title": "agentscope", "version": env!("CARGO_PKG_VERSION") },
            "paths": paths,
            "components": { "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } } },
        })
    })
}

impl Operation {
    fn paths(&self) -> Vec<String> {
        let path = self.path.to_owned();
        if self.place == Place::Agent { vec![format!("/agents/{{agent}}{path}"), path] } else { vec![path] }
    }

    fn described(&self, path: &str) -> Value {
        let text = json!({ "type": "string" });
        let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters: Vec<_> = named
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": text }))
            .chain(self.query.iter().map(|name| json!({ "name": name, "in": "query", "schema": text })))
            .collect();
        let done = match self.answer {
            Answer::Json => json!({ "200": { "description": "Done", "content": { "application/json": {} } } }),
            Answer::Text => json!({ "200": { "description": "Done", "content": { "text/plain": {} } } }),
            Answer::Events => json!({ "200": { "description": "Events", "content": { "text/event-stream": {} } } }),
            Answer::Nothing => json!({ "204": { "description": "Done" } }),
        };
        let mut out = json!({
            "operationId": format!("{} {path}", self.method),
            "summary": self.summary,
            "parameters": parameters,
            "responses": done,
        });
        out["responses"]["default"] =
            json!({ "description": "Refused", "content": { "application/json": { "schema": refusal() } } });
        if let Some(body) = self.body {
            out["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": body() } } });
        }
        if self.place != Place::Open {
            // Without tokens in the agent file nothing is asked.
            out["security"] = json!([{ "token": [] }, {}]);
        }
        out
    }
}

/// See `ApiError`.
fn refusal() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["code", "message", "error"],
        "properties": { "code": text, "message": text, "error": { "type": "object" } },
    })
}

mod bodies;
#[cfg(test)]
mod tests;
