//! What to say about an entry of `tools` that is none of the known ones.

use serde_json::Value;

use super::{
    fault::{self, Fault, On},
    json_schema::STRICT,
    validate::found,
};

/// The tools that are a name only, and those that are a key with settings.
struct Known {
    plain: Vec<&'static str>,
    keyed: Vec<&'static str>,
}

fn known() -> Known {
    let mut known = Known { plain: vec![], keyed: vec![] };
    for option in STRICT["$defs"]["ToolEntry"]["oneOf"].as_array().into_iter().flatten() {
        known.plain.extend(option["const"].as_str());
        known.plain.extend(option["enum"].as_array().into_iter().flatten().filter_map(Value::as_str));
        known.keyed.extend(option["required"][0].as_str());
    }
    known
}

/// The entry at `at` is `entry`, which no alternative takes.
pub(super) fn explain(at: &str, entry: &Value) -> Fault {
    let known = known();
    let all: Vec<&str> = known.plain.iter().chain(&known.keyed).copied().collect();
    let fault = |message: String| Fault::new(at, On::Value, "unknown-tool", message);
    let names = || format!("there are {}; and with settings {}", fault::list(&known.plain), fault::list(&known.keyed));
    match entry {
        Value::String(name) if known.keyed.contains(&name.as_str()) => {
            fault(format!("the tool `{name}` needs to be told more")).help(format!("write it as {}", example(name)))
        }
        Value::String(name) => {
            let help = fault::suggest(name, &all).unwrap_or_else(names);
            fault(format!("there is no tool `{}`", name.chars().take(60).collect::<String>())).help(help)
        }
        Value::Object(map) => {
            let Some(key) = map.keys().next().filter(|_| map.len() == 1) else {
                return several(at, map.keys().map(String::as_str), &known);
            };
            if known.plain.contains(&key.as_str()) {
                return fault(format!("the tool `{key}` takes no settings here")).help(format!("write `- {key}`"));
            }
            let help = fault::suggest(key, &all).unwrap_or_else(names);
            fault(format!("there is no tool `{}`", key.chars().take(60).collect::<String>())).help(help)
        }
        other => fault(format!("expected a tool, found {}", found(other))).help(names()),
    }
}

fn several<'a>(at: &str, keys: impl Iterator<Item = &'a str>, known: &Known) -> Fault {
    let keys: Vec<&str> = keys.collect();
    let fault = Fault::new(at, On::Value, "unknown-tool", "a tool is a name, or a mapping with one key");
    match keys.iter().find(|key| known.keyed.contains(*key)) {
        Some(kind) => fault.help(format!("indent what belongs to `{kind}` below it")),
        None if keys.is_empty() => fault.help(format!("there are {}", fault::list(&known.plain))),
        None => fault.help(format!("it begins with one of {}", fault::list(&known.keyed))),
    }
}

/// `key` stands beside the key that says what the tool is.
pub(super) fn several_keys(pointer: String, key: &str, entry: &Value) -> Fault {
    let known = known();
    let kind = entry.as_object().and_then(|map| map.keys().find(|key| known.keyed.contains(&key.as_str())));
    let kind = kind.map_or("the tool", String::as_str);
    Fault::new(
        pointer,
        On::Key,
        "unknown-tool",
        format!("`{key}` cannot stand beside `{kind}`: a tool is a mapping with one key"),
    )
    .help(format!("indent it below `{kind}` if it belongs to it, or begin a tool of its own with `- `"))
}

fn example(name: &str) -> &'static str {
    match name {
        "mcp" => "`- mcp: NAME`, with NAME under `mcp`",
        "openapi" => "`- openapi: {spec: openapi.yaml}`",
        "http" => "`- http: {name: weather, description: …, url: \"https://…\"}`",
        "command" => "`- command: {name: lint, description: …, run: [cargo, clippy]}`",
        "agent" => "`- agent: NAME`, with NAME under `agents`",
        _ => "`- a2a: {name: billing, url: \"https://…\"}`",
    }
}
