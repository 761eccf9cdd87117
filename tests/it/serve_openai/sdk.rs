//! OpenAI's own clients, against a model that answers by script.

use std::{path::PathBuf, process::Command};

use serde_json::json;

use super::scripted;
use crate::common::{fake_model::Reply, openai::python, require, serve::Server};

/// Runs a client program against the server; what it printed.
fn run(server: &Server, mut command: Command, program: &str) -> String {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/openai").join(program);
    let output = command.arg(program).arg(server.at("/compatible-mode/v1")).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    stdout.into_owned()
}

/// A Node.js that finds the client.
fn node() -> Option<Command> {
    let modules = std::env::var_os("AGENTSCOPE_TEST_NODE_MODULES").map(PathBuf::from);
    let found = modules.is_some_and(|modules| modules.join("openai/package.json").exists());
    require::available("node", found).then(|| Command::new("node"))
}

/// What a model answers that takes a JSON Schema.
fn shape() -> Reply {
    Reply::text(r#"{"n": 7}"#)
}

fn weather() -> Reply {
    Reply::calls(&[("weather", json!({ "city": "Bonn" }))])
}

fn both() -> Reply {
    Reply::calls(&[("todo", json!({ "items": [{ "text": "a" }] })), ("weather", json!({ "city": "Bonn" }))])
}

#[test]
fn chat_completions_by_the_python_client() {
    let Some(python) = python() else { return };
    let script = vec![
        Reply::text("Hello you"),
        Reply::text("Hello you"),
        weather(),
        Reply::text("It is sunny."),
        weather(),
        shape(),
        Reply::status(400, r#"{"error":{"message":"no"}}"#),
    ];
    let (_model, server) = scripted(script, "");
    insta::assert_snapshot!(run(&server, python, "chat.py"), @r#"
    models: ['demo'] model
    whole: Hello you stop 25
    stream: ['', 'Hello ', 'you', None] 5
    tools: tool_calls [('weather', '{"city":"Bonn"}')]
    then: It is sunny.
    helper: ['chunk', 'content.delta', 'tool_calls.function.arguments.delta', 'tool_calls.function.arguments.done'] {"city":"Bonn"}
    parsed: n=7
    refused: NotFoundError 404 model_not_found Error code: 404 - the model `gpt-5` does not exist here: name one of the agents, `demo`
    refused: BadRequestError 400 invalid_request Error code: 400 - `n`: an agent does not offer this: leave it out, or say 1
    refused: BadRequestError 400 invalid_request Error code: 400 - `tool_choice`: a call is wanted, and there are no tools
    failed: APIError model_error
    "#);
}

#[test]
fn responses_by_the_python_client() {
    let Some(python) = python() else { return };
    let script = vec![
        Reply::text("Hello you"),
        Reply::text("Hello again"),
        both(),
        Reply::text("It is sunny."),
        shape(),
        shape(),
    ];
    let (_model, server) = scripted(script, "tools: [todo]\n");
    insta::assert_snapshot!(run(&server, python, "responses.py"), @r#"
    whole: completed Hello you 25 demo
    as the Python runtime has it: Hello you
    stream: response.created response.completed Hello again True
    helper: ['response.completed', 'response.created', 'response.function_call_arguments.delta', 'response.function_call_arguments.done', 'response.in_progress', 'response.mcp_call.completed', 'response.mcp_call.in_progress', 'response.mcp_call_arguments.delta', 'response.mcp_call_arguments.done', 'response.output_item.added', 'response.output_item.done']
    items: ['mcp_call', 'function_call']
    call: weather {"city":"Bonn"} {'city': 'Bonn'}
    then: It is sunny.
    parsed: n=7
    parsed stream: n=7
    kept: True Hello you ['Hi']
    refused: NotFoundError not_found Error code: 404 - there is no response `[id]`
    refused: BadRequestError invalid_request Error code: 400 - there is nothing to answer: the message is empty
    "#);
}

#[test]
fn both_by_the_client_for_node() {
    let Some(node) = node() else { return };
    let script = vec![
        Reply::text("Hello you"),
        Reply::text("Hello you"),
        weather(),
        Reply::text("It is sunny."),
        Reply::text("Hello you"),
        Reply::calls(&[("todo", json!({ "items": [{ "text": "a" }] }))]),
        Reply::text("Planned."),
    ];
    let (_model, server) = scripted(script, "tools: [todo]\n");
    insta::assert_snapshot!(run(&server, node, "both.mjs"), @r#"
    chat: Hello you stop
    chat stream: Hello you ["Hello ","you"]
    chat tools: It is sunny.
    response: completed Hello you
    response stream: ["response.completed","response.content_part.added","response.content_part.done","response.created","response.in_progress","response.mcp_call.completed","response.mcp_call.in_progress","response.mcp_call_arguments.delta","response.mcp_call_arguments.done","response.output_item.added","response.output_item.done","response.output_text.delta","response.output_text.done"]
    items: ["mcp_call","message"] Planned.
    kept: true Hello you
    refused: NotFoundError 404 not_found
    "#);
}
