//! What an agent file and its keys hold that no log may show.

use crate::config::{
    Keys, Secret,
    agent_file::{AgentFile, McpServer, ToolEntry},
    catalog,
};

/// All of it.
pub(super) fn of(file: &AgentFile, keys: &Keys) -> Vec<String> {
    let agents = || std::iter::once(&file.agent).chain(file.agents.values());
    let tokens = file.serve.tokens.iter().map(|token| &token.value);
    let models = file.models.values().flat_map(|model| model.api_key.iter().chain(model.headers.values()));
    let servers = agents().flat_map(|agent| agent.mcp.values()).flat_map(of_server);
    let tools = agents().flat_map(|agent| &agent.tools).flat_map(of_tool);
    let stores = &file.storage;
    let stores = stores.sessions.iter().chain(&stores.state).chain(&stores.long_term);
    // Others, such as `sqlite:`, hold none, and are words of the log.
    let stores = stores.filter(|at| at.expose().contains('@'));
    let traces = file.telemetry.iter().flat_map(|telemetry| telemetry.headers.values());
    let sandboxes = agents().flat_map(|agent| agent.sandbox.env.values());
    let known = catalog::PROVIDERS.iter().flat_map(|provider| provider.key_variables);
    let known = known.filter_map(|name| keys.get(name)).map(|key| key.expose().to_owned());
    let written = tokens.chain(models).chain(servers).chain(tools).chain(stores).chain(traces).chain(sandboxes);
    written.map(|secret| secret.expose().to_owned()).chain(known).collect()
}

fn of_server(server: &McpServer) -> impl Iterator<Item = &Secret> {
    server.headers.values().chain(server.env.values())
}

fn of_tool(tool: &ToolEntry) -> impl Iterator<Item = &Secret> {
    let headers = match tool {
        ToolEntry::Openapi(tool) => Some(&tool.headers),
        ToolEntry::Http(tool) => Some(&tool.headers),
        ToolEntry::A2a(tool) => Some(&tool.headers),
        _ => None,
    };
    headers.into_iter().flat_map(|headers| headers.values())
}
