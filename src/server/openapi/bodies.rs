//! What requests carry, as JSON Schema: enough to write a client, and to send what nearly fits.

use serde_json::{Value, json};

pub(super) fn turn() -> Value {
    json!({
        "type": "object",
        "required": ["input"],
        "additionalProperties": false,
        "properties": {
            "input": input(),
            "session_id": { "type": "string" },
            "user_id": { "type": "string" },
            "on_disconnect": { "enum": ["cancel", "continue"] },
            "attended": { "type": "boolean" },
        },
    })
}

fn input() -> Value {
    let part = json!({
        "type": "object",
        "required": ["type", "text"],
        "properties": { "type": { "const": "text" }, "text": { "type": "string" } },
    });
    json!({ "oneOf": [{ "type": "string" }, { "type": "array", "items": part }] })
}

pub(super) fn process() -> Value {
    let part = json!({
        "type": "object",
        "required": ["type", "text"],
        "properties": { "type": { "const": "text" }, "text": { "type": "string" } },
    });
    let message = json!({
        "type": "object",
        "required": ["role", "content"],
        "properties": {
            "role": { "enum": ["user", "assistant", "system"] },
            "content": { "type": "array", "items": part },
        },
    });
    json!({
        "type": "object",
        "required": ["input"],
        "properties": {
            "input": { "type": "array", "items": message },
            "stream": { "type": "boolean" },
            "session_id": { "type": "string" },
            "user_id": { "type": "string" },
            "id": { "type": "string" },
            "temperature": { "type": "number" },
            "top_p": { "type": "number" },
            "max_tokens": { "type": "integer" },
            "tools": { "type": "array", "items": { "type": "object" } },
        },
    })
}

pub(super) fn stop() -> Value {
    json!({
        "type": "object",
        "required": ["session_id"],
        "properties": { "session_id": { "type": "string" }, "user_id": { "type": "string" } },
    })
}

pub(super) fn answer() -> Value {
    let decision = json!({
        "type": "object",
        "required": ["decision"],
        "properties": {
            "decision": { "enum": ["allow", "allow_session", "allow_always", "deny"] },
            "reason": { "type": "string" },
        },
    });
    json!({
        "oneOf": [
            {
                "type": "object",
                "required": ["to", "call_id", "decision"],
                "properties": { "to": { "const": "approval" }, "call_id": { "type": "string" }, "decision": decision },
            },
            {
                "type": "object",
                "required": ["to", "id"],
                "properties": {
                    "to": { "const": "question" },
                    "id": { "type": "string" },
                    "answer": { "type": ["string", "null"] },
                },
            },
        ],
    })
}

pub(super) fn steer() -> Value {
    json!({ "type": "object", "required": ["input"], "properties": { "input": input() } })
}

pub(super) fn json_rpc() -> Value {
    json!({
        "type": "object",
        "required": ["jsonrpc", "method"],
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["string", "integer"] },
            "method": { "type": "string" },
            "params": { "type": "object" },
        },
    })
}

pub(super) fn ag_ui() -> Value {
    json!({
        "type": "object",
        "required": ["threadId", "runId"],
        "properties": {
            "threadId": { "type": "string" },
            "runId": { "type": "string" },
            "messages": { "type": "array", "items": { "type": "object" } },
            "tools": { "type": "array", "items": { "type": "object" } },
            "context": { "type": "array", "items": { "type": "object" } },
            "state": {},
            "forwardedProps": {},
        },
    })
}

pub(super) fn rename() -> Value {
    json!({
        "type": "object",
        "required": ["title"],
        "additionalProperties": false,
        "properties": { "title": { "type": "string", "minLength": 1 } },
    })
}

pub(super) fn chat() -> Value {
    let message = json!({
        "type": "object",
        "required": ["role", "content"],
        "properties": {
            "role": { "enum": ["system", "developer", "user", "assistant", "tool"] },
            "content": { "type": "string" },
            "tool_call_id": { "type": "string" },
        },
    });
    json!({
        "type": "object",
        "required": ["messages"],
        "properties": {
            "messages": { "type": "array", "items": message },
            "model": { "type": "string" },
            "stream": { "type": "boolean" },
            "temperature": { "type": "number", "minimum": 0, "maximum": 2 },
            "max_completion_tokens": { "type": "integer", "minimum": 1 },
            "tools": { "type": "array", "items": { "type": "object" } },
            "user": { "type": "string" },
        },
    })
}

pub(super) fn response() -> Value {
    json!({
        "type": "object",
        "required": ["input"],
        "properties": {
            "input": { "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "object" } }] },
            "model": { "type": "string" },
            "instructions": { "type": "string" },
            "previous_response_id": { "type": "string" },
            "conversation": { "type": "string" },
            "stream": { "type": "boolean" },
            "store": { "type": "boolean" },
            "background": { "type": "boolean" },
            "temperature": { "type": "number", "minimum": 0, "maximum": 2 },
            "max_output_tokens": { "type": "integer", "minimum": 1 },
            "tools": { "type": "array", "items": { "type": "object" } },
            "user": { "type": "string" },
        },
    })
}
