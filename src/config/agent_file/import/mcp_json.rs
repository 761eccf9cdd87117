//! `.mcp.json` and its kin: MCP servers as editors and desktop programs list them.

use super::{
    Converted, server,
    source::{Fields, Node, Notes, free_name},
    template::literal,
    yaml::{Map, Yaml},
};
use crate::config::agent_file::valid_name;

/// `stem` is what the result is called after.
pub(super) fn convert(root: &Node<'_>, stem: &str, notes: &mut Notes) -> Converted {
    let mut fields = root.fields(notes);
    // The second is how Visual Studio Code names them, with `inputs` that it asks the user for.
    let servers = fields.take("mcpServers").or_else(|| fields.take("servers"));
    fields.refuse(
        &[(
            "inputs",
            "nothing is asked for at the start: set the variables of that name, in the environment or in `.env`",
        )],
        notes,
    );
    fields.finish("the file", notes);
    let (mut mcp, mut tools, mut allow) = (Map::default(), Vec::<Yaml>::new(), Vec::<String>::new());
    for (name, node) in servers.map(|node| node.entries(notes)).unwrap_or_default() {
        let ours = free_name(&valid_name(name, "server"), |ours| mcp.get(ours).is_some());
        let mut fields = node.fields(notes);
        if fields.flag("disabled") || fields.take("enabled").is_some_and(|node| node.value.as_bool() == Some(false)) {
            notes.left_out(&node, format!("`{name}` is disabled"));
            continue;
        }
        let Some(server) = one(&ours, &mut fields, &node, notes) else { continue };
        let mut approved = fields.texts("autoApprove", notes);
        approved.extend(fields.texts("alwaysAllow", notes));
        allow.extend(approved.iter().map(|tool| format!("mcp.{ours}.{tool}")));
        fields.finish("a server", notes);
        if ours != name {
            notes.changed(&node, format!("`{name}` is now called `{ours}`"));
        }
        mcp.put(&*ours, server);
        tools.push([("mcp", ours)].into());
    }
    let mut file = Map::default();
    file.put("name", valid_name(stem, "assistant"))
        .put("description", "Uses MCP servers")
        .put("instructions", "You are a helpful assistant. Use your tools where they help.\n")
        .put("tools", tools)
        .put("mcp", mcp)
        .put("permissions", Yaml::from([("allow", allow)]));
    Converted { file, about: vec![] }
}

fn one(name: &str, fields: &mut Fields<'_>, node: &Node<'_>, notes: &mut Notes) -> Option<Map> {
    let mut server = Map::default();
    if let Some(command) = fields.text("command", notes) {
        server.put("command", literal(&command));
        if let Some(node) = fields.take("args") {
            server.put("args", server::arguments(name, &node, notes));
        }
        if let Some(node) = fields.take("env") {
            server.put("env", server::variables(name, &node, notes));
        }
        if let Some(node) = fields.take("cwd") {
            let folder = node.text(notes).map(|text| server::reference(&text, &node, notes));
            server.put("cwd", folder.unwrap_or_default());
        }
        fields.refuse(
            &[(
                "envFile",
                "variables are read from `.env` beside the agent file; list those that it needs under `env`",
            )],
            notes,
        );
    } else if let Some(node) = fields.take("url").or_else(|| fields.take("serverUrl")) {
        server.put("url", server::url(name, &node, notes).unwrap_or_default());
        if let Some(node) = fields.take("headers") {
            server.put("headers", server::variables(name, &node, notes));
        }
    } else {
        notes.left_out(node, format!("`{name}` has neither `command` nor `url`"));
        return None;
    }
    if let Some(node) = fields.take("type").or_else(|| fields.take("transport")).filter(|node| node.value == "sse") {
        notes.changed(
            &node,
            "the old SSE transport is not spoken, only streamable HTTP: most servers have it, often at `/mcp`",
        );
    }
    if let Some(node) = fields.take("timeout") {
        // Some count seconds, some milliseconds; nobody waits for an hour.
        match node.value.as_u64() {
            Some(count @ 1..=3600) => server.put("timeout", format!("{count}s")),
            Some(count @ 3601..) if count % 1000 == 0 => server.put("timeout", format!("{}s", count / 1000)),
            Some(count @ 3601..) => server.put("timeout", format!("{count}ms")),
            _ => &mut server,
        };
    }
    // What is left says how an editor shows a server.
    for key in ["description", "gallery", "version", "id", "name", "icon"] {
        fields.take(key);
    }
    Some(server)
}
