//! The variables that agents need of their file.

use crate::config::agent_file::{Diagnostics, Loaded};

/// The keys of an agent whose values a turn uses.
const USED: &[&str] = &[
    "tools",
    "mcp",
    "mcp_file",
    "instructions_file",
    "context",
    "skills",
    "hooks",
    "fetch",
    "limits",
    "sandbox",
    "permissions",
];

/// Demands what all agents of the file use, and what is below `parts` of it, such as `/serve/`; `default_model` is that of a
/// file that names none.
///
/// # Errors
/// Every variable and every file that is referred to and not there, in one go.
pub fn require_all(loaded: &Loaded, default_model: Option<&str>, parts: &[&str]) -> Result<(), Diagnostics> {
    let file = &loaded.file;
    let leading = file.agent.model.as_deref().or(default_model);
    let members = file.agents.iter().map(|(name, spec)| (name.as_str(), spec.model.as_deref().or(leading)));
    let agents: Vec<_> = std::iter::once((file.name.as_str(), leading)).chain(members).collect();
    require(loaded, &agents, parts)
}

/// The same of these agents, each with the model that it thinks with.
///
/// # Errors
/// As [`require_all`].
pub fn require(loaded: &Loaded, agents: &[(&str, Option<&str>)], parts: &[&str]) -> Result<(), Diagnostics> {
    let mut models: Vec<&str> = agents.iter().filter_map(|(_, model)| *model).collect();
    let mut next = 0;
    while let Some(model) = models.get(next) {
        let fallback = loaded.file.models.get(*model).map_or(&[][..], |spec| &spec.fallback);
        let new: Vec<_> = fallback.iter().map(String::as_str).filter(|name| !models.contains(name)).collect();
        models.extend(new);
        next += 1;
    }
    let uses = |name: &str, pointer: &str| {
        let rest = if name == loaded.file.name {
            pointer.strip_prefix('/')
        } else {
            pointer.strip_prefix("/agents/").and_then(|rest| rest.strip_prefix(name)?.strip_prefix('/'))
        };
        rest.and_then(|rest| rest.split('/').next()).is_some_and(|key| USED.contains(&key))
    };
    loaded.require(|pointer| {
        let model = pointer.strip_prefix("/models/").and_then(|rest| rest.split('/').next());
        parts.iter().any(|part| pointer.starts_with(part))
            || model.is_some_and(|model| models.contains(&model))
            || agents.iter().any(|(name, _)| uses(name, pointer))
    })
}
