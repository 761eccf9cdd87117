//! `.mcp.json`: MCP servers in the format that editors use.
//!
//! `{"mcpServers": {NAME: {command, args, env, cwd} | {type, url, headers}}}`; some editors call the outer key
//! `servers`. References are `${NAME}`, `${NAME:-default}` or `${env:NAME}`.

use std::{path::Path, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    diagnostic::{Diagnostics, Source},
    fault::{Fault, On},
    interpolate::{Interpolator, Reference, push},
    load::{self, Unset},
    validate,
    yaml::{self, Node},
};
use crate::config::Secret;

/// Keys of a server that mean the same here.
const KEPT: [&str; 7] = ["command", "args", "env", "cwd", "url", "headers", "timeout"];

/// What was found in the files that the agents name.
#[derive(Default)]
pub(super) struct Imported {
    pub(super) found: Diagnostics,
    pub(super) unset: Vec<Unset>,
    /// With pointers into the agent file's value.
    pub(super) references: Vec<Reference>,
    /// Pointers to the servers that were put into the agent file's value.
    pub(super) servers: Vec<String>,
}

/// Puts the servers of every `mcp_file` in `value` under `mcp`, where the agent file's own of the same name win.
pub(super) fn import(value: &mut Value, dir: &Path, lookup: &dyn Fn(&str) -> Option<Secret>) -> Imported {
    let mut out = Imported::default();
    let mut agents = vec![String::new()];
    for name in value["agents"].as_object().into_iter().flatten().map(|(name, _)| name) {
        let mut pointer = "/agents".to_owned();
        push(&mut pointer, name);
        agents.push(pointer);
    }
    for pointer in agents {
        let Some(agent) = value.pointer_mut(&pointer).and_then(Value::as_object_mut) else { continue };
        // A file that is not there is reported by the checks of the agent.
        let Some(path) = agent.get("mcp_file").and_then(Value::as_str).map(|file| dir.join(file)) else { continue };
        if !path.is_file() {
            continue;
        }
        match load::read(&path) {
            Ok(source) => {
                let file = File { source: Arc::new(source), dir, lookup, agent: &pointer };
                let servers = file.servers(&mut out);
                let own = agent.entry("mcp").or_insert_with(|| json!({}));
                if let Value::Object(own) = own {
                    for (name, server) in servers {
                        if !own.contains_key(&name) {
                            let mut server_pointer = format!("{pointer}/mcp");
                            push(&mut server_pointer, &name);
                            out.servers.push(server_pointer);
                            own.insert(name, server);
                        }
                    }
                }
            }
            Err(diagnostic) => out.found.push(diagnostic),
        }
    }
    out
}

struct File<'a> {
    source: Arc<Source>,
    dir: &'a Path,
    lookup: &'a dyn Fn(&str) -> Option<Secret>,
    /// Pointer to the agent that names the file.
    agent: &'a str,
}

impl File<'_> {
    fn servers(&self, out: &mut Imported) -> Map<String, Value> {
        // JSON is YAML but for tabs between its parts; a space has the same length, so that places stay right.
        let plain = Arc::new(Source { name: self.source.name.clone(), text: self.source.text.replace('\t', " ") });
        let tree = match yaml::parse(&plain, &mut out.found) {
            Ok(tree) => tree,
            Err(stopped) => {
                out.found.push(stopped);
                return Map::new();
            }
        };
        let mut faults = vec![];
        let servers = self.convert(&tree, &mut faults, out);
        for fault in faults {
            out.found.push(fault.diagnostic(|pointer, on| load::place(&self.source, &tree, pointer, on)));
        }
        servers
    }

    fn convert(&self, tree: &Node, faults: &mut Vec<Fault>, out: &mut Imported) -> Map<String, Value> {
        let value = tree.value();
        let Some(outer) = ["mcpServers", "servers"].into_iter().find(|key| value.get(key).is_some()) else {
            faults.push(
                Fault::new("", On::Value, "missing-key", "the file has no `mcpServers`")
                    .help("it should look like {\"mcpServers\": {\"NAME\": {\"command\": \"…\"}}}"),
            );
            return Map::new();
        };
        let mut servers = Map::new();
        for (name, server) in value[outer].as_object().into_iter().flatten() {
            let mut pointer = format!("/{outer}");
            push(&mut pointer, name);
            if let Some(server) = entry(&pointer, server, faults) {
                servers.insert(name.clone(), server);
            }
        }
        let mut file = json!({ "name": "x", "mcp": servers });
        let interpolated = Interpolator { dir: self.dir, lookup: self.lookup }.run(&mut file);
        // From a pointer below `mcp` of that file to one into this file.
        let here = |pointer: &str| pointer.replacen("/mcp", &format!("/{outer}"), 1);
        let wrong =
            interpolated.malformed.iter().map(Fault::malformed).chain(validate::validate(&mut file, &interpolated));
        faults.extend(wrong.map(|mut fault| {
            fault.pointer = here(&fault.pointer);
            fault
        }));
        out.unset.extend(
            load::unset(&interpolated, |pointer| load::place(&self.source, tree, &here(pointer), On::Value))
                .into_iter()
                .map(|unset| Unset { pointer: format!("{}{}", self.agent, unset.pointer), ..unset }),
        );
        out.references.extend(
            interpolated
                .references
                .into_iter()
                .map(|reference| Reference { pointer: format!("{}{}", self.agent, reference.pointer), ..reference }),
        );
        match file["mcp"].take() {
            Value::Object(servers) => servers,
            _ => Map::new(),
        }
    }
}

/// One server in our own keys.
fn entry(pointer: &str, server: &Value, faults: &mut Vec<Fault>) -> Option<Value> {
    let Some(map) = server.as_object() else {
        let message = format!("expected a mapping, found {}", validate::found(server));
        faults.push(Fault::new(pointer, On::Value, "wrong-type", message));
        return None;
    };
    if map.get("disabled") == Some(&Value::Bool(true)) {
        return None;
    }
    if map.get("type").and_then(Value::as_str) == Some("sse") {
        faults.push(
            Fault::new(format!("{pointer}/type"), On::Value, "not-supported", "the old SSE transport is not supported")
                .help("most servers speak streamable HTTP as well: ask for its URL, and write \"type\": \"http\""),
        );
        return None;
    }
    let url = map.get("url").or_else(|| map.get("serverUrl")).cloned();
    let mut kept: Map<String, Value> = map
        .iter()
        .filter(|(key, _)| KEPT.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    kept.extend(url.map(|url| ("url".to_owned(), url)));
    // Milliseconds in these files.
    if let Some(timeout) = kept.get("timeout").and_then(Value::as_u64) {
        kept.insert("timeout".to_owned(), format!("{timeout}ms").into());
    }
    let mut value = Value::Object(kept);
    ours(&mut value);
    Some(value)
}

/// Rewrites `${env:NAME}` to `${NAME}`.
fn ours(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("${env:", "${"),
        Value::Array(items) => items.iter_mut().for_each(ours),
        Value::Object(map) => map.values_mut().for_each(ours),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
