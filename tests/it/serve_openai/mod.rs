//! The APIs of OpenAI: golden traces, refusals, and what their own clients make of them.

mod chat;
mod responses;
mod sdk;

use serde_json::{Value, json};

use crate::common::{
    fake_model::{FakeModel, Reply},
    serve::Server,
};

/// An agent on a model that answers by `script`; `more` is YAML.
fn scripted(script: Vec<Reply>, more: &str) -> (FakeModel, Server) {
    let model = FakeModel::start(script);
    let server = Server::start(&format!(
        "name: demo\nmodel: fake\nmodels:\n  fake: {{provider: openai-compatible, model: fake, base_url: '{}', \
         retries: 0}}\n{more}",
        model.url()
    ));
    (model, server)
}

/// A tool of the caller, as chat completions have it.
fn weather() -> Value {
    json!({ "type": "function", "function": {
        "name": "weather", "description": "The weather of a city",
        "parameters": { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] },
    } })
}

/// What differs from run to run, made the same.
fn steady(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = from.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(from.len());
        let word = &from[..end];
        match end {
            // Of an item, its number is left.
            32 | 36 => out.extend(["…", &word[32..]]),
            10 if word.bytes().all(|byte| byte.is_ascii_digit()) => out.push_str("1700000000"),
            _ => out.push_str(word),
        }
        rest = &from[end..];
    }
    out + rest
}
