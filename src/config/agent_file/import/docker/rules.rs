//! The `permissions` and `hooks` of a docker agent file.

use crate::config::{
    Rule,
    agent_file::import::{
        source::{Node, Notes},
        yaml::{Map, Yaml},
    },
};

const READERS: [&str; 9] = [
    "directory_tree",
    "get_file_info",
    "list_allowed_directories",
    "list_directory",
    "list_directory_with_sizes",
    "read_file",
    "read_multiple_files",
    "search_files",
    "search_files_content",
];

const WRITERS: [&str; 5] = ["create_directory", "edit_file", "move_file", "remove_directory", "write_file"];

const TODO: [&str; 5] = ["create_todo", "create_todos", "list_todos", "update_todo", "update_todos"];

const MEMORY: [&str; 5] = ["add_memory", "delete_memory", "get_memories", "search_memories", "update_memory"];

/// Whether a rule opens or closes: what is not exactly the same may only become narrower, or only wider.
#[derive(Clone, Copy, PartialEq)]
enum Effect {
    Allow,
    Restrict,
}

pub(super) fn permissions(node: &Node<'_>, notes: &mut Notes) -> Map {
    let mut map = Map::default();
    let mut fields = node.fields(notes);
    for (key, effect) in [("allow", Effect::Allow), ("ask", Effect::Restrict), ("deny", Effect::Restrict)] {
        let Some(node) = fields.take(key) else { continue };
        let mut rules: Vec<String> = vec![];
        for node in node.items(notes) {
            let Some(text) = node.text(notes) else { continue };
            let Some(rule) = rule(&text, effect, &node, notes).filter(|rule| !rules.contains(rule)) else { continue };
            match Rule::parse(&rule) {
                Ok(_) => rules.push(rule),
                Err(error) => notes.left_out(&node, format!("`{text}` has no rule of the same meaning here: {error}")),
            }
        }
        map.put(key, rules);
    }
    fields.finish("permissions", notes);
    map
}

/// `TOOL` or `TOOL:ARGUMENT=PATTERN` as a rule of ours.
fn rule(text: &str, effect: Effect, node: &Node<'_>, notes: &mut Notes) -> Option<String> {
    if let Some(rest) = text.strip_prefix("mcp:") {
        return Some(format!("mcp.{}", rest.replace(':', ".")));
    }
    let (tool, condition) = match text.split_once(':') {
        Some((tool, condition)) => (tool, Some(condition)),
        None => (text, None),
    };
    let Some(tool) = tool_rule(tool) else {
        notes.left_out(node, format!("no tool of ours is called `{tool}`"));
        return None;
    };
    let Some(condition) = condition else { return Some(tool) };
    let (argument, pattern) = condition.split_once('=')?;
    let exact = !pattern.trim_end_matches('*').contains(['*', '?', '[']) && !pattern.contains(":");
    match (tool.as_str(), argument) {
        ("shell", "cmd") => shell(pattern, exact, effect, node, notes),
        ("files.read" | "files.write", "path") if exact => Some(format!(
            "{tool}({})",
            if pattern.ends_with("/*") { format!("{pattern}*") } else { pattern.to_owned() }
        )),
        ("fetch", "url") if exact => Some(format!("fetch({pattern})")),
        _ if effect == Effect::Restrict => {
            notes.changed(node, format!("became wider: `{tool}`, whatever its arguments are"));
            Some(tool)
        }
        _ => {
            notes.left_out(node, format!("`{text}` has no rule of the same meaning here"));
            None
        }
    }
}

/// Theirs are patterns on the whole text, ours on its words; `git status*` and `git status *` are the same to a reader.
fn shell(pattern: &str, exact: bool, effect: Effect, node: &Node<'_>, notes: &mut Notes) -> Option<String> {
    if exact {
        let words = pattern.trim_end_matches('*');
        let open = words.len() < pattern.len();
        let words = words.trim();
        return Some(match (words.is_empty(), open) {
            (true, _) => "shell".into(),
            (false, true) => format!("shell({words} *)"),
            (false, false) => format!("shell({words})"),
        });
    }
    if effect == Effect::Allow {
        notes
            .left_out(node, format!("`{pattern}` has no pattern of the same meaning here, as ours match word by word"));
        return None;
    }
    let start = pattern.split(['*', '?', '[', ':']).next().unwrap_or_default().trim();
    let wider = if start.is_empty() { "shell".to_owned() } else { format!("shell({start} *)") };
    notes.changed(node, format!("became wider: `{wider}`"));
    Some(wider)
}

fn tool_rule(tool: &str) -> Option<String> {
    let ours = match tool {
        "*" => "*",
        "shell" | "fetch" => tool,
        "user_prompt" => "ask_user",
        "read_*" | "list_director*" => "files.read",
        "write_*" | "edit_*" => "files.write",
        _ if READERS.contains(&tool) => "files.read",
        _ if WRITERS.contains(&tool) => "files.write",
        _ if TODO.contains(&tool) || tool == "create_todo*" || tool == "*_todo*" => "todo",
        _ if MEMORY.contains(&tool) => "memory",
        "think" | "transfer_task" | "handoff" | "run_background_job" | "list_background_jobs" => return None,
        // The only tools left are those of MCP servers, whose server the rule does not name.
        _ => return Some(format!("mcp.*.{tool}")),
    };
    Some(ours.to_owned())
}

pub(super) fn hooks(node: &Node<'_>, notes: &mut Notes) -> Map {
    let mut map = Map::default();
    let mut fields = node.fields(notes);
    for (theirs, ours) in [("pre_tool_use", "before_tool"), ("post_tool_use", "after_tool")] {
        let Some(node) = fields.take(theirs) else { continue };
        let mut hooks: Vec<Yaml> = vec![];
        for node in node.items(notes) {
            let mut group = node.fields(notes);
            let rules = group.take("matcher").map_or_else(|| vec![None], |node| matcher(&node, notes));
            for node in group.take("hooks").map(|node| node.items(notes)).unwrap_or_default() {
                for rule in &rules {
                    hooks.extend(hook(&node, rule.as_deref(), notes));
                }
            }
            group.finish("a group of hooks", notes);
        }
        if !hooks.is_empty() {
            let refuses = if ours == "before_tool" { ", and refuses a call by its exit code only" } else { "" };
            notes.changed(
                &node,
                format!("a program gets the event as JSON in our form{refuses}: adapt what it reads and answers"),
            );
        }
        map.put(ours, hooks);
    }
    if let Some(node) = fields.take("session_start") {
        let hooks: Vec<_> = node.items(notes).iter().filter_map(|node| hook(node, None, notes)).collect();
        map.put("session_start", hooks);
    }
    fields.refuse(
        &[
            ("session_end", "there is no such event; `turn_end` comes after every answer"),
            ("on_user_input", "there is no such event; `turn_end` comes when the agent waits for the user"),
        ],
        notes,
    );
    fields.finish("hooks", notes);
    map
}

/// A regular expression on tool names, as far as it is a list of names.
fn matcher(node: &Node<'_>, notes: &mut Notes) -> Vec<Option<String>> {
    let text = node.text(notes).unwrap_or_default();
    if matches!(text.as_str(), "" | "*" | ".*") {
        return vec![None];
    }
    let rules: Option<Vec<_>> = text
        .split('|')
        .map(|name| match name.strip_prefix("mcp:") {
            Some(rest) => Some(format!("mcp.{}", rest.replace(".*", "*").replace(':', "."))),
            None => name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then(|| tool_rule(name)).flatten(),
        })
        .collect();
    match rules {
        Some(mut rules) => {
            rules.dedup();
            rules.into_iter().map(Some).collect()
        }
        None => {
            notes.changed(node, format!("`{text}` is not a list of tools of ours, so the hook is run for every call"));
            vec![None]
        }
    }
}

fn hook(node: &Node<'_>, rule: Option<&str>, notes: &mut Notes) -> Option<Yaml> {
    let mut fields = node.fields(notes);
    fields.take("type");
    let Some(command) = fields.text("command", notes) else {
        notes.left_out(node, "the hook has no `command`");
        return None;
    };
    let mut hook = Map::default();
    if let Some(rule) = rule {
        hook.put("match", rule);
    }
    // One word is a program; a shell would look for it somewhere else.
    let word = command.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
    hook.put("run", if word { vec![command] } else { vec!["sh".to_owned(), "-c".to_owned(), command] });
    if let Some(seconds) = fields.text("timeout", notes) {
        hook.put("timeout", format!("{seconds}s"));
    }
    fields.finish("a hook", notes);
    Some(hook.into())
}
