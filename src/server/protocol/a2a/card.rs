//! What an agent says of itself: one card, valid in 0.3 and in 1.0.

use std::sync::Arc;

use axum::{
    Json,
    extract::{MatchedPath, State},
};
use serde_json::{Value, json};

use crate::{
    config::agent_file::{AgentSpec, Loaded, ToolEntry},
    server::{Agents, App, Base, Target},
    tool::skills,
};

pub(super) async fn card(
    State(app): State<Arc<App>>,
    target: Target,
    path: MatchedPath,
    Base(base): Base,
) -> Json<Value> {
    let own = path.as_str().starts_with("/agents/");
    let prefix = if own { format!("/agents/{}", target.name) } else { String::new() };
    let url = format!("{base}{prefix}/a2a");
    let secured = app.settings(|serve| !serve.tokens.is_empty());
    Json(write(&target.agents, &target.name, &url, secured))
}

fn write(agents: &Agents, name: &str, url: &str, secured: bool) -> Value {
    let agent = agents.spec(name);
    let description =
        if agent.description.is_empty() { format!("The agent {name}") } else { agent.description.clone() };
    let interface = |version: &str| json!({ "url": url, "protocolBinding": "JSONRPC", "protocolVersion": version });
    let mut card = json!({
        "name": name,
        "description": description,
        "version": agent.metadata.version.as_deref().unwrap_or("1.0.0"),
        "protocolVersion": "0.3.0",
        "url": url,
        "preferredTransport": "JSONRPC",
        "additionalInterfaces": [{ "url": url, "transport": "JSONRPC" }],
        "supportedInterfaces": [interface("1.0"), interface("0.3")],
        "capabilities": { "streaming": true, "pushNotifications": false, "stateTransitionHistory": false },
        "defaultInputModes": ["text/plain", "application/json", "image/png", "image/jpeg", "image/gif", "image/webp"],
        "defaultOutputModes": ["text/plain", "application/json"],
        "skills": skills_of(agent, name, &description, &agents.loaded),
    });
    if secured {
        // Either version reads its own half.
        card["securitySchemes"] = json!({
            "bearer": { "type": "http", "scheme": "bearer", "httpAuthSecurityScheme": { "scheme": "bearer" } }
        });
        card["security"] = json!([{ "bearer": [] }]);
        card["securityRequirements"] = json!([{ "schemes": { "bearer": { "list": [] } } }]);
    }
    card
}

/// What it is for, its skills, and the tools that the agent file describes.
fn skills_of(agent: &AgentSpec, name: &str, description: &str, loaded: &Loaded) -> Vec<Value> {
    let skill = |id: &str, description: &str, tags: &[String]| json!({ "id": id, "name": id, "description": description, "tags": tags });
    let tags = if agent.metadata.tags.is_empty() { vec!["chat".to_owned()] } else { agent.metadata.tags.clone() };
    let mut all = vec![skill(name, description, &tags)];
    // They could be read when the agent was opened.
    let found = skills::load(&agent.skills, &loaded.dir).unwrap_or_default();
    all.extend(found.iter().map(|found| skill(&found.name, &found.description, &["skill".to_owned()])));
    all.extend(agent.tools.iter().filter_map(|tool| {
        let (name, description) = match tool {
            ToolEntry::Http(tool) => (&tool.name, &tool.description),
            ToolEntry::Command(tool) => (&tool.name, &tool.description),
            ToolEntry::A2a(tool) => (&tool.name, &tool.description),
            _ => return None,
        };
        Some(skill(name, description, &["tool".to_owned()]))
    }));
    all
}
