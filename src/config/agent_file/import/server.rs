//! An MCP server as the files of several tools describe it: a program with arguments and variables, or a URL with
//! headers. Secrets that stand there in clear text are not copied.

use super::{
    source::{Node, Notes},
    template::{is_secret_key, template, variable_for},
    yaml::{Map, Yaml},
};

/// The values of `env`, `headers` and the like, with our references, and no secrets.
pub(super) fn variables(owner: &str, node: &Node<'_>, notes: &mut Notes) -> Map {
    let mut map = Map::default();
    for (key, node) in node.entries(notes) {
        let Some(text) = node.text(notes) else { continue };
        map.put(key, value(owner, key, &text, &node, notes));
    }
    map
}

/// One text of a server: a reference is carried over, a secret becomes a reference.
fn value(owner: &str, key: &str, text: &str, node: &Node<'_>, notes: &mut Notes) -> String {
    let ours = reference(text, node, notes);
    if !is_secret_key(key) || ours.contains("${") || text.is_empty() {
        return ours;
    }
    let variable = variable_for(owner, key);
    notes.changed(
        node,
        format!(
            "`{key}` looks like a secret, so its value is not copied: set `{variable}` in the environment or in `.env`"
        ),
    );
    // `Bearer TOKEN` and `Basic TOKEN` keep their first word.
    match text.split_once(' ') {
        Some((scheme, _)) if key.eq_ignore_ascii_case("authorization") => format!("{scheme} ${{{variable}}}"),
        _ => format!("${{{variable}}}"),
    }
}

/// `text` with our references.
pub(super) fn reference(text: &str, node: &Node<'_>, notes: &mut Notes) -> String {
    let template = template(text, |_| None);
    if let Some(unknown) = template.unknown {
        notes.left_out(node, format!("`{unknown}` cannot be looked up here, and stands in the result as text"));
    }
    template.text
}

/// The arguments of a program; `--token=X` and `--token X` are secrets too.
pub(super) fn arguments(owner: &str, node: &Node<'_>, notes: &mut Notes) -> Yaml {
    let mut arguments: Vec<String> = vec![];
    let mut flag: Option<String> = None;
    for node in node.items(notes) {
        let Some(text) = node.text(notes) else { continue };
        let argument = match (&flag, text.split_once('=')) {
            (Some(flag), _) if !text.starts_with('-') => value(owner, flag, &text, &node, notes),
            (_, Some((name, secret))) if name.starts_with('-') => {
                format!("{name}={}", value(owner, name.trim_start_matches('-'), secret, &node, notes))
            }
            _ => reference(&text, &node, notes),
        };
        flag = text.strip_prefix("--").map(str::to_owned);
        arguments.push(argument);
    }
    arguments.into()
}

/// A URL; `?api_key=X` is a secret too.
pub(super) fn url(owner: &str, node: &Node<'_>, notes: &mut Notes) -> Option<String> {
    let text = node.text(notes)?;
    let Some((start, query)) = text.split_once('?') else { return Some(reference(&text, node, notes)) };
    let pairs: Vec<_> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, secret)) => format!("{key}={}", value(owner, key, secret, node, notes)),
            None => reference(pair, node, notes),
        })
        .collect();
    Some(format!("{}?{}", reference(start, node, notes), pairs.join("&")))
}

/// A name for a server that has none, from its program or its URL.
pub(super) fn name_of(command: Option<&str>, args: &[String], url: Option<&str>) -> String {
    if let Some(url) = url {
        let host = url.split("://").nth(1).unwrap_or(url).split(['/', ':', '?']).next().unwrap_or_default();
        let host = host.trim_start_matches("www.").trim_start_matches("mcp.").trim_start_matches("api.");
        return host.split('.').next().unwrap_or_default().to_owned();
    }
    let command = command.unwrap_or_default();
    let program = command.rsplit('/').next().unwrap_or_default();
    // Of a program that starts others, what it starts says more.
    let started = matches!(program, "npx" | "uvx" | "bunx" | "pipx" | "docker" | "node" | "python" | "python3" | "uv")
        .then(|| args.iter().find(|arg| !arg.starts_with('-') && !matches!(arg.as_str(), "run" | "mcp" | "exec")))
        .flatten();
    let name = started.map_or(program, |arg| arg.rsplit('/').next().unwrap_or_default());
    name.split(['@', '=', ':']).next().unwrap_or_default().trim_start_matches("mcp-server-").to_owned()
}
