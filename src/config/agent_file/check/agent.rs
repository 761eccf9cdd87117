//! One agent: its tools, the agents and servers that it names, the files that it needs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    super::fault::{self, Fault},
    Cursor, View, model, place,
};
use crate::config::Rule;

pub(super) fn check(view: &View, root: &Cursor, agent: &Cursor, out: &mut Vec<Fault>) {
    out.extend(model::reference(&agent.get("model"), root));
    files(view, agent, out);
    for handoff in agent.get("handoffs").items() {
        // A member may hand back to the file's own agent, by the name of the file.
        let back =
            !agent.pointer.is_empty() && handoff.text().is_some_and(|name| root.get("name").text() == Some(name));
        if !back {
            out.extend(member(&handoff, root));
        }
    }
    tools(view, root, agent, out);
    for (name, server) in agent.get("mcp").entries() {
        mcp_server(&server, out);
        // The servers of the file's own agent are there for its team as well.
        let users = [agent.clone()].into_iter().chain(if agent.pointer.is_empty() { members(root) } else { vec![] });
        let used = users.flat_map(|user| user.get("tools").items()).any(|tool| tool.get("mcp").text() == Some(name));
        // Nobody has to use all the servers of their editor.
        if !used && !view.imported.contains(&server.pointer) {
            out.push(
                server
                    .key_fault("unused", format!("the server `{name}` is not among the tools"))
                    .help(format!("add `- mcp: {name}` to `tools`"))
                    .warning(),
            );
        }
    }
    rules(agent, out);
    schema(&agent.get("output").get("schema"), out);
    place::sandbox(&agent.get("sandbox"), out);
    for (name, command) in agent.get("commands").entries() {
        let valid = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'));
        if !valid {
            out.push(
                command
                    .key_fault("wrong-name", format!("`{name}` cannot be typed as a slash command"))
                    .help("use letters, digits, `-` and `_`"),
            );
        }
    }
}

fn members<'a>(root: &Cursor<'a>) -> Vec<Cursor<'a>> {
    root.get("agents").entries().into_iter().map(|(_, member)| member).collect()
}

fn files(view: &View, agent: &Cursor, out: &mut Vec<Fault>) {
    let file = agent.get("instructions_file");
    if file.exists() && agent.get("instructions").exists() {
        out.push(
            file.key_fault("conflict", "`instructions` and `instructions_file` do not go together")
                .help("keep one of them"),
        );
    }
    out.extend(missing_file(view, &file));
    out.extend(missing_file(view, &agent.get("mcp_file")));
    for skills in agent.get("skills").items() {
        if let Some(path) = view.path_at(&skills)
            && !path.is_dir()
        {
            let text = skills.text().unwrap_or_default();
            out.push(skills.fault("missing-file", format!("there is no folder `{text}`")).help(relative(view)));
        }
    }
}

fn relative(view: &View) -> String {
    let dir = view.dir.display().to_string();
    let dir = if dir == "." || dir.is_empty() { "the folder of this file".to_owned() } else { format!("`{dir}`") };
    format!("paths are relative to {dir}")
}

fn missing_file(view: &View, at: &Cursor) -> Option<Fault> {
    let path = view.path_at(at)?;
    let text = at.text().unwrap_or_default();
    if path.is_dir() {
        return Some(at.fault("missing-file", format!("`{text}` is a folder, and a file is wanted here")));
    }
    (!path.exists()).then(|| at.fault("missing-file", format!("there is no file `{text}`")).help(relative(view)))
}

/// An agent of this file that is asked for by name.
fn member(at: &Cursor, root: &Cursor) -> Option<Fault> {
    let name = at.text()?;
    let agents = root.get("agents");
    if agents.get(name).exists() {
        return None;
    }
    let names = agents.keys();
    let help = fault::suggest(name, &names).unwrap_or_else(|| match names.as_slice() {
        [] => "this file has no `agents` yet: add it there".to_owned(),
        names => format!("under `agents` are {}", fault::list(names)),
    });
    Some(at.fault("unknown-agent", format!("there is no agent `{name}`")).help(help))
}

fn tools(view: &View, root: &Cursor, agent: &Cursor, out: &mut Vec<Fault>) {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (index, entry) in agent.get("tools").items().into_iter().enumerate() {
        let name = tool(view, root, agent, &entry, out);
        let Some(name) = name else { continue };
        if let Some(first) = names.get(&name) {
            let message = format!("a second tool is called `{name}`");
            out.push(
                entry
                    .fault("duplicate-name", message)
                    .help(format!("the first one is number {} of `tools`", first + 1)),
            );
        } else {
            names.insert(name, index);
        }
    }
}

/// Checks an entry of `tools`, and gives the name that the model sees or the server's.
fn tool(view: &View, root: &Cursor, agent: &Cursor, entry: &Cursor, out: &mut Vec<Fault>) -> Option<String> {
    if let Some(name) = entry.text() {
        return Some(name.to_owned());
    }
    let (kind, tool) = entry.entries().into_iter().next()?;
    let named = |tool: &Cursor| tool.get("name").text().map(str::to_owned);
    match kind {
        "mcp" => {
            if tool.entries().is_empty() {
                out.extend(known_server(root, agent, &tool));
                return tool.text().map(|name| format!("mcp {name}"));
            }
            mcp_server(&tool, out);
            if !tool.get("name").exists() {
                out.push(
                    tool.key_fault("missing-key", "a server that is written here needs a `name`")
                        .help("or write it under `mcp`, and only its name here"),
                );
            }
            named(&tool).map(|name| format!("mcp {name}"))
        }
        "openapi" => {
            let spec = tool.get("spec");
            if spec.text().is_some_and(|text| text.contains("://")) {
                out.extend(place::url(&spec, &["http", "https"]));
            } else {
                out.extend(missing_file(view, &spec));
            }
            out.extend(place::url(&tool.get("base_url"), &["http", "https"]));
            None
        }
        "http" => {
            out.extend(place::url(&tool.get("url"), &["http", "https"]));
            parameters(&tool, out);
            named(&tool)
        }
        "command" => {
            parameters(&tool, out);
            named(&tool)
        }
        "agent" => {
            if tool.text().is_some() {
                out.extend(member(&tool, root));
            } else {
                out.extend(missing_file(view, &tool.get("file")));
            }
            tool.text().map(str::to_owned)
        }
        "a2a" => {
            out.extend(place::url(&tool.get("url"), &["http", "https"]));
            named(&tool)
        }
        // The schema has found it already.
        _ => None,
    }
}

fn known_server(root: &Cursor, agent: &Cursor, at: &Cursor) -> Option<Fault> {
    let name = at.text()?;
    let (own, shared) = (agent.get("mcp"), root.get("mcp"));
    if own.get(name).exists() || shared.get(name).exists() {
        return None;
    }
    let names: Vec<&str> = own.keys().into_iter().chain(shared.keys()).collect::<BTreeSet<_>>().into_iter().collect();
    let help = fault::suggest(name, &names).unwrap_or_else(|| match names.as_slice() {
        [] => "add it under `mcp`, with a `command` or a `url`".to_owned(),
        names => format!("under `mcp` are {}", fault::list(names)),
    });
    Some(at.fault("unknown-server", format!("there is no MCP server `{name}`")).help(help))
}

/// A server is started or reached, never both.
fn mcp_server(server: &Cursor, out: &mut Vec<Fault>) {
    let (command, url) = (server.get("command"), server.get("url"));
    let (owner, other, strangers): (_, _, &[&str]) = match (command.exists(), url.exists()) {
        (true, true) => {
            out.push(
                url.key_fault("conflict", "a server has a `command` or a `url`, not both")
                    .help("keep the `command` to start it, or the `url` to reach one that runs"),
            );
            return;
        }
        (false, false) => {
            out.push(
                server
                    .key_fault("missing-key", "a server needs a `command` or a `url`")
                    .help("`command` is the program to start, `url` is where it is reached by streamable HTTP"),
            );
            return;
        }
        (true, false) => ("command", "url", &["headers", "auth"]),
        (false, true) => ("url", "command", &["args", "env", "cwd", "sandbox"]),
    };
    for key in strangers {
        let stranger = server.get(key);
        if stranger.exists() && stranger.value() != Some(&Value::Bool(false)) {
            out.push(
                stranger
                    .key_fault("conflict", format!("`{key}` has no meaning for a server with a `{owner}`"))
                    .help(format!("it belongs to one with a `{other}`")),
            );
        }
    }
    if command.text().is_some_and(|text| text.contains(' ') && !text.contains('/')) && !server.get("args").exists() {
        let text = command.text().unwrap_or_default();
        let mut words = text.split_whitespace();
        let program = words.next().unwrap_or_default();
        out.push(
            command
                .fault("wrong-value", format!("`{text}` is a program with its arguments"))
                .help(format!("write `command: {program}` and `args: [{}]`", words.collect::<Vec<_>>().join(", "))),
        );
    }
    out.extend(place::url(&url, &["http", "https"]));
}

fn parameters(tool: &Cursor, out: &mut Vec<Fault>) {
    let parameters = tool.get("parameters");
    schema(&parameters, out);
    let kind = parameters.get("type");
    if let Some(text) = kind.text()
        && text != "object"
    {
        out.push(
            kind.fault("wrong-value", format!("the arguments of a tool are an object, not `{text}`"))
                .help("write `type: object` and name the arguments under `properties`"),
        );
    }
}

fn schema(at: &Cursor, out: &mut Vec<Fault>) {
    let Some(schema) = at.value().filter(|value| value.is_object()) else { return };
    let Err(error) = jsonschema::meta::validate(schema) else { return };
    let mut wrong = at.clone();
    for token in error.instance_path().as_str().split('/').skip(1) {
        wrong.pointer.push('/');
        wrong.pointer.push_str(token);
    }
    let fault = match error.instance().as_str() {
        Some(kind) if wrong.pointer.ends_with("/type") => wrong
            .fault("wrong-schema", format!("`{kind}` is not a type of JSON Schema"))
            .help("there are `string`, `number`, `integer`, `boolean`, `array`, `object` and `null`"),
        _ => wrong
            .fault("wrong-schema", format!("this is not a JSON Schema: {}", error.masked_with("this")))
            .help("an object is described by `{type: object, properties: {NAME: {type: string}}, required: [NAME]}`"),
    };
    out.push(fault);
}

fn rules(agent: &Cursor, out: &mut Vec<Fault>) {
    let permissions = agent.get("permissions");
    let lists = ["allow", "ask", "deny"].map(|list| permissions.get(list).items());
    let hooks = agent.get("hooks");
    let matches = ["before_tool", "after_tool"]
        .map(|event| hooks.get(event).items().into_iter().map(|hook| hook.get("match")).collect::<Vec<_>>());
    for at in lists.into_iter().chain(matches).flatten() {
        if let Some(Err(error)) = at.text().map(Rule::parse) {
            let text = at.text().unwrap_or_default();
            out.push(
                at.fault("wrong-rule", format!("`{text}` is not a rule: {error}"))
                    .help("write TOOL or TOOL(PATTERN), such as `files.read` or `shell(git status *)`"),
            );
        }
    }
    for event in ["session_start", "turn_end"] {
        for hook in hooks.get(event).items() {
            let matches = hook.get("match");
            if matches.exists() {
                out.push(
                    matches
                        .key_fault("conflict", format!("`match` has no meaning for `{event}`"))
                        .help("it chooses tool calls, for `before_tool` and `after_tool`"),
                );
            }
        }
    }
}

/// Names of the team, and members that nobody calls.
pub(super) fn check_team(root: &Cursor, out: &mut Vec<Fault>) {
    let agents = root.get("agents");
    let called = called(root);
    for (name, member) in agents.entries() {
        let valid = !name.is_empty()
            && name.len() <= 63
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'));
        if !valid {
            out.push(
                member
                    .key_fault("wrong-name", format!("`{name}` is not a name for an agent"))
                    .help("use lower-case letters, digits, `-` and `_`"),
            );
        }
        if root.get("name").text() == Some(name) {
            out.push(
                member
                    .key_fault("duplicate-name", format!("`{name}` is the name of the file's own agent"))
                    .help("give this one another name"),
            );
        }
        if !called.contains(name) {
            out.push(
                member
                    .key_fault("unused", format!("no agent of the file calls `{name}` or hands over to it"))
                    .help(format!(
                        "callers of `agentscope run` reach it at /agents/{name}; for the team, add `- agent: {name}` to \
                         `tools`, or `{name}` to `handoffs`"
                    ))
                    .warning(),
            );
        }
    }
}

/// Whom anybody of the file calls or hands over to. Read once: a team may have thousands of members.
fn called<'a>(root: &Cursor<'a>) -> BTreeSet<&'a str> {
    let of = |agent: Cursor<'a>| {
        let tools = agent.get("tools").items().into_iter().map(|tool| tool.get("agent"));
        agent.get("handoffs").items().into_iter().chain(tools).filter_map(|at| at.text()).collect::<Vec<_>>()
    };
    [root.clone()].into_iter().chain(members(root)).flat_map(of).collect()
}
