//! `/openapi.json`: the routes as one table, held against the router by a test, and their bodies as the types that
//! parse them.

use std::sync::{Arc, OnceLock};

use axum::{Json, Router, routing::get};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{App, turns};

/// One way to ask one path.
struct Operation {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    body: Option<Body>,
    /// The answer is a stream of events, or can be.
    streams: bool,
    place: Place,
}

/// The JSON Schema of a body.
type Body = fn(&mut SchemaGenerator) -> Schema;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Asked without a token.
    Open,
    Server,
    /// Also below `/agents/{agent}`.
    Agent,
}

const fn get_(path: &'static str, place: Place, summary: &'static str) -> Operation {
    Operation { method: "get", path, summary, body: None, streams: false, place }
}

const fn post(path: &'static str, place: Place, summary: &'static str, body: Option<Body>) -> Operation {
    Operation { method: "post", path, summary, body, streams: false, place }
}

const fn streamed(operation: Operation) -> Operation {
    Operation { streams: true, ..operation }
}

/// All of them.
const OPERATIONS: &[Operation] = &[
    get_("/", Place::Server, "What this server is"),
    get_("/health", Place::Open, "Whether the process answers"),
    get_("/liveness", Place::Open, "Whether the process answers"),
    get_("/readiness", Place::Open, "Whether a turn could be answered now, and else why not"),
    get_("/metrics", Place::Server, "What was counted, in the text format of OpenMetrics"),
    get_("/openapi.json", Place::Server, "This description"),
    get_("/admin/status", Place::Server, "The state of the process, for administrators"),
    post("/admin/shutdown", Place::Server, "Ends the server, for administrators", None),
    post("/shutdown", Place::Server, "Ends the server, for administrators", None),
    streamed(post("/turns", Place::Agent, "A turn, as the events themselves", Some(turns::body))),
];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/openapi.json", get(async || Json(document())))
}

/// Made at the first request for it.
fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
        });
        let mut schemas = SchemaGenerator::new(settings);
        let mut paths: Map<String, Value> = Map::new();
        for operation in OPERATIONS {
            let body = operation.body.map(|body| body(&mut schemas));
            for path in operation.paths() {
                let members = paths.entry(&path).or_insert_with(|| json!({}));
                members[operation.method] = operation.described(&path, body.as_ref());
            }
        }
        json!({
            "openapi": "3.1.0",
            "info": { "title": "agentscope", "version": env!("CARGO_PKG_VERSION") },
            "paths": paths,
            "components": {
                "schemas": schemas.take_definitions(true),
                "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            },
        })
    })
}

impl Operation {
    fn paths(&self) -> Vec<String> {
        let path = self.path.to_owned();
        if self.place == Place::Agent { vec![format!("/agents/{{agent}}{path}"), path] } else { vec![path] }
    }

    fn described(&self, path: &str, body: Option<&Schema>) -> Value {
        let id = format!("{} {path}", self.method);
        let parameters: Vec<_> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
            .collect();
        let content = if self.streams { "text/event-stream" } else { "application/json" };
        let refused = json!({ "description": "Refused", "content": { "application/json": { "schema": refusal() } } });
        let mut out = json!({
            "operationId": id,
            "summary": self.summary,
            "parameters": parameters,
            "responses": { "200": { "description": "Done", "content": { content: {} } }, "default": refused },
        });
        if let Some(body) = body {
            out["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": body } } });
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

#[cfg(test)]
mod tests;
