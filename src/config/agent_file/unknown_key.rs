//! What to say about a key that is not known where it stands.

use super::{
    fault::{self, Fault, On},
    json_schema::STRICT,
};

/// Names that other tools use, or that one might think of, for keys of ours.
const OTHER_NAMES: [(&str, &str); 27] = [
    ("apikey", "api_key"),
    ("args", "run"),
    ("cmd", "command"),
    ("depends_on", "handoffs"),
    ("endpoint", "base_url"),
    ("environment", "env"),
    ("fallbacks", "fallback"),
    ("function", "http"),
    ("functions", "tools"),
    ("instruction", "instructions"),
    ("key", "api_key"),
    ("llm", "model"),
    ("max_tokens", "max_output_tokens"),
    ("mcpservers", "mcp"),
    ("mcp_servers", "mcp"),
    ("memory_limit", "memory"),
    ("output_schema", "output"),
    ("prompt", "instructions"),
    ("reasoning_effort", "effort"),
    ("servers", "mcp"),
    ("sub_agents", "agents"),
    ("subagents", "agents"),
    ("system", "instructions"),
    ("system_prompt", "instructions"),
    ("tokens", "total_tokens"),
    ("toolsets", "tools"),
    ("url", "base_url"),
];

/// Where the keys of a definition stand, for those whose keys people look for elsewhere.
const HOMES: [(&str, &str); 6] = [
    ("AgentSpec", "an agent"),
    ("ModelSpec", "a model under `models`"),
    ("Sandbox", "`sandbox`"),
    ("Serve", "`serve`"),
    ("McpServer", "a server under `mcp`"),
    ("Limits", "`limits`"),
];

/// `key` at `pointer` is none of `known`; `at` points to the mapping that it stands in.
pub(super) fn explain(pointer: String, key: &str, at: &str, known: &[&str]) -> Fault {
    let shown: String = key.chars().take(60).collect();
    let place = match at.rsplit_once('/') {
        None => "an agent file".to_owned(),
        Some((_, name)) if name.parse::<usize>().is_ok() => "this entry".to_owned(),
        Some((_, name)) => format!("`{}`", name.replace("~1", "/").replace("~0", "~")),
    };
    Fault::new(pointer, On::Key, "unknown-key", format!("`{shown}` is not a key of {place}")).help(help(key, at, known))
}

fn help(key: &str, at: &str, known: &[&str]) -> String {
    if let Some(help) = fault::suggest(key, known) {
        return help;
    }
    let lower = key.to_ascii_lowercase().replace('-', "_");
    let other = OTHER_NAMES.iter().find(|(name, ours)| *name == lower && known.contains(ours));
    if let Some((_, ours)) = other {
        return format!("did you mean `{ours}`?");
    }
    if at.starts_with("/agents/") && STRICT["properties"].get(key).is_some() {
        return format!("`{key}` is set once, for the whole file; move it to the top");
    }
    let home = HOMES.iter().find(|(definition, _)| STRICT["$defs"][*definition]["properties"].get(key).is_some());
    if let Some((_, home)) = home {
        return format!("it is a key of {home}");
    }
    let mut known = known.to_vec();
    known.sort_unstable();
    format!("known here are {}", fault::list(&known))
}
