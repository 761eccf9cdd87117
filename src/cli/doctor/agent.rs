//! What `doctor` says of the agent.

use super::{Finding, Status, on_path};
use crate::{
    agent,
    cli::{CliError, Cx, boxes, default_model, source::AgentSource},
    config::{
        Keys,
        agent_file::{AgentSpec, Loaded, McpServer, ToolEntry},
    },
    model,
};

pub(super) async fn look(
    source: &AgentSource,
    profile: Option<&str>,
    keys: &Keys,
    cx: &Cx,
) -> Result<Vec<Finding>, CliError> {
    let loaded = match source.read(profile, keys, cx) {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            let what = format!("{} error(s)\n{}", diagnostics.errors(), diagnostics);
            return Ok(vec![Finding::new("agent file", Status::Failed, what.trim_end())]);
        }
    };
    let place = loaded.path.as_ref().map_or_else(|| "built in".to_owned(), |path| path.display().to_string());
    let mut found = vec![Finding::new("agent", Status::Ok, format!("{} ({place})", loaded.file.name))];
    found.push(model_of(&loaded, keys, cx).await?);
    let names = loaded.file.agent.context.files.clone().unwrap_or_else(|| vec![agent::CONTEXT_FILE.to_owned()]);
    for (path, text) in agent::context_files(&cx.env.cwd, &names) {
        found.push(Finding::new("context", Status::Ok, format!("{} ({} bytes)", path.display(), text.len())));
    }
    let file = &loaded.file;
    for (name, spec) in std::iter::once((&file.name, &file.agent)).chain(&file.agents) {
        found.extend(tools_of(name, spec, &loaded, cx));
    }
    for unset in &loaded.unset {
        let what = format!("{} is not set ({}:{})", unset.name, unset.place.source.name, unset.place.line());
        found.push(Finding::new("variable", Status::Warning, what));
    }
    Ok(found)
}

async fn model_of(loaded: &Loaded, keys: &Keys, cx: &Cx) -> Result<Finding, CliError> {
    let (reference, why) = match &loaded.file.agent.model {
        Some(reference) => (reference.clone(), "named by the agent file".to_owned()),
        None => {
            let default = default_model::find(keys, cx).await?;
            (default.reference, default.because)
        }
    };
    Ok(match model::open(&reference, &loaded.file.models, keys, &cx.http) {
        Ok(model) => Finding::new("model", Status::Ok, format!("{} ({why})", model.name())),
        Err(error) => Finding::new("model", Status::Failed, error.to_string()).hint(error.hint()),
    })
}

fn tools_of(agent: &str, spec: &AgentSpec, loaded: &Loaded, cx: &Cx) -> Vec<Finding> {
    let boxed: Vec<&str> = spec.tools.iter().filter_map(boxed).collect();
    let place = (!boxed.is_empty()).then(|| {
        let sandbox = &loaded.file.agent.sandbox;
        let tools = boxed.iter().map(|tool| format!("`{tool}`")).collect::<Vec<_>>().join(", ");
        let what = format!("{tools} of {agent} run in it, by the backend `{}`", sandbox.backend);
        Finding::new("sandbox", if boxes::is_host(loaded) { Status::Warning } else { Status::Ok }, what)
            .hint("`agentscope sandbox doctor` says what isolation this machine gives")
    });
    let browser =
        spec.tools.iter().any(|tool| matches!(tool, ToolEntry::Browser)).then(|| {
            Finding::new("sandbox", Status::Failed, format!("`browser` of {agent} is not in this version yet"))
        });
    let servers = spec.mcp.iter().filter_map(|(name, server)| program(name, server, loaded, cx));
    place.into_iter().chain(browser).chain(servers).collect()
}

fn boxed(tool: &ToolEntry) -> Option<&str> {
    match tool {
        ToolEntry::Python => Some("python"),
        ToolEntry::Shell => Some("shell"),
        ToolEntry::Files => Some("files"),
        ToolEntry::Command(command) => Some(&command.name),
        _ => None,
    }
}

/// Whether the program of an MCP server is there; what happens when it starts, `mcp test` tells.
fn program(name: &str, server: &McpServer, loaded: &Loaded, cx: &Cx) -> Option<Finding> {
    let command = server.command.as_deref()?;
    let topic = format!("mcp {name}");
    Some(match on_path(command, &cx.env, &loaded.dir) {
        Some(path) => Finding::new(topic, Status::Ok, path.display().to_string()),
        None => {
            let status = if server.required { Status::Failed } else { Status::Warning };
            Finding::new(topic, status, format!("the program `{command}` is not found"))
                .hint("install it, or give its path under `mcp`")
        }
    })
}
