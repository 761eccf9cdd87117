//! docker agent (cagent): the whole file, and its agents.
//!
//! Its format is described by `agent-schema.json` in its repository, versions 0 to 7, read in November 2026.

mod model;
mod rules;
mod tools;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Converted,
    source::{Fields, Node, Notes, free_name},
    template::{literal, literal_value, template},
    yaml::{Map, Yaml},
};
use crate::config::agent_file::valid_name;
use model::Models;
use tools::{Servers, Tools};

/// The order of keys in the result; what is not listed comes last.
const ORDER: [&str; 17] = [
    "name",
    "description",
    "metadata",
    "welcome",
    "model",
    "models",
    "instructions",
    "context",
    "tools",
    "handoffs",
    "mcp",
    "commands",
    "output",
    "permissions",
    "hooks",
    "limits",
    "agents",
];

/// `stem` is what the result is called after.
pub(super) fn convert(root: &Node<'_>, stem: &str, notes: &mut Notes) -> Converted {
    let mut fields = root.fields(notes);
    // Every version up to 7 is read alike; what one of them had besides is told as an unknown key.
    fields.take("version");
    let mut team = Team::new(fields.take("agents"), stem, notes);
    if let Some(node) = fields.take("providers") {
        team.models.providers(&node, notes);
    }
    if let Some(node) = fields.take("models") {
        team.models.named(&node, notes);
    }
    if let Some(node) = fields.take("mcps") {
        team.servers = node.entries(notes).into_iter().collect();
    }
    let mut file = team.root(notes);
    let mut about = vec![];
    if let Some(node) = fields.take("metadata") {
        about = metadata(&node, &mut file, notes);
    }
    let rules = fields.take("permissions").map(|node| rules::permissions(&node, notes)).unwrap_or_default();
    with_rules(&mut file, &rules);
    fields.refuse(&[("rag", "documents are not indexed; an MCP server for search can do this")], notes);
    fields.finish("the file", notes);
    let agents = team.others(&file, &rules, notes);
    file.put("name", &*team.root_name).put("models", team.models.into_yaml()).put("agents", agents);
    Converted { file: file.in_order(&ORDER), about }
}

/// Rules of the file hold for every agent of it; here each has its own.
fn with_rules(agent: &mut Map, rules: &Map) {
    let rules = match agent.get("permissions") {
        Some(Yaml::Map(own)) => rules.clone().merged(own),
        _ => rules.clone(),
    };
    agent.put("permissions", rules);
}

/// Gives what was said about the file, for its head.
fn metadata(node: &Node<'_>, file: &mut Map, notes: &mut Notes) -> Vec<String> {
    let mut fields = node.fields(notes);
    let mut metadata = Map::default();
    for key in ["version", "author", "license"] {
        if let Some(text) = fields.text(key, notes) {
            metadata.put(key, literal(&text));
        }
    }
    metadata.put("tags", fields.texts("tags", notes));
    if let Some(text) = fields.text("description", notes).filter(|_| file.get("description").is_none()) {
        file.put("description", literal(&text));
    }
    file.put("metadata", metadata);
    let readme = fields.text("readme", notes).unwrap_or_default();
    fields.finish("metadata", notes);
    readme.trim().lines().map(str::to_owned).collect()
}

/// The agents of a file, under names that are valid here.
struct Team<'a> {
    agents: Vec<(&'a str, Node<'a>)>,
    root: usize,
    root_name: String,
    /// Their name to ours, of all but the root.
    names: BTreeMap<&'a str, String>,
    models: Models,
    servers: Servers<'a>,
    /// Agents whose call as a tool would lead back to the caller.
    loops: BTreeSet<(&'a str, String)>,
}

impl<'a> Team<'a> {
    fn new(node: Option<Node<'a>>, stem: &str, notes: &mut Notes) -> Self {
        let agents = node.map(|node| node.entries(notes)).unwrap_or_default();
        let root = agents.iter().position(|(name, _)| *name == "root").unwrap_or(0);
        let root_name = valid_name(stem, "assistant");
        let mut names: BTreeMap<&str, String> = BTreeMap::new();
        for (index, (name, node)) in agents.iter().enumerate() {
            if index == root {
                continue;
            }
            let ours =
                free_name(&member_name(name), |ours| ours == root_name || names.values().any(|taken| taken == ours));
            if ours != *name {
                notes
                    .changed(node, format!("`{name}` is now called `{ours}`; instructions may still use the old name"));
            }
            names.insert(name, ours);
        }
        let loops = loops(&agents);
        Self { agents, root, root_name, names, models: Models::default(), servers: Servers::new(), loops }
    }

    fn root(&mut self, notes: &mut Notes) -> Map {
        let Some((name, node)) = self.agents.get(self.root).cloned() else { return Map::default() };
        self.agent(name, &node, notes)
    }

    fn others(&mut self, file: &Map, rules: &Map, notes: &mut Notes) -> Map {
        let mut agents = Map::default();
        let servers = file.get("mcp");
        for (index, (name, node)) in self.agents.clone().into_iter().enumerate() {
            if index != self.root {
                let mut agent = self.agent(name, &node, notes);
                // The servers of the file's own agent are there for its team as well.
                if let Some(Yaml::Map(shared)) = servers {
                    agent = agent.without_in("mcp", shared);
                }
                if agent.get("tools").is_some() {
                    with_rules(&mut agent, rules);
                }
                agents.put_even_empty(&self.names[name], agent.in_order(&ORDER));
            }
        }
        agents
    }

    fn agent(&mut self, name: &'a str, node: &Node<'a>, notes: &mut Notes) -> Map {
        let mut fields = node.fields(notes);
        let mut agent = Map::default();
        if let Some(text) = fields.text("description", notes) {
            agent.put("description", literal(&text));
        }
        if let Some(text) = fields.text("welcome_message", notes) {
            agent.put("welcome", prose(text));
        }
        let instruction = fields.take("instruction");
        let mut tools = Tools::default();
        for node in fields.take("toolsets").map(|node| node.items(notes)).unwrap_or_default() {
            tools.toolset(&node, &self.servers, notes);
        }
        agent.put("instructions", instructions(instruction.as_ref(), &tools.instructions, notes));
        self.model(&mut fields, &mut agent, notes);
        self.team_mates(name, &mut fields, &mut tools, &mut agent, notes);
        agent.put("tools", tools.tools).put("mcp", tools.mcp);
        if !tools.deny.is_empty() {
            agent.put("permissions", Yaml::from([("deny", tools.deny)]));
        }
        context(&mut fields, &mut agent, notes);
        if let Some(node) = fields.take("commands") {
            agent.put("commands", commands(&node, notes));
        }
        if let Some(node) = fields.take("structured_output") {
            agent.put("output", output(&node, notes));
        }
        if let Some(node) = fields.take("hooks") {
            agent.put("hooks", rules::hooks(&node, notes));
        }
        if let Some(node) = fields.take("max_iterations")
            && node.value.as_u64().is_some_and(|steps| steps > 0)
        {
            agent.put("limits", Yaml::from([("steps", node.value)]));
        }
        fields.refuse(
            &[
                ("rag", "documents are not indexed; an MCP server for search can do this"),
                ("skills", "name the folders with skills under `skills`"),
                ("code_mode_tools", "tools are called one by one, not from a program"),
                ("num_history_items", "the conversation is kept whole, and summarised when the model's window fills"),
                ("add_description_parameter", "tools are called without a description of the call"),
            ],
            notes,
        );
        fields.finish("an agent", notes);
        agent.in_order(&ORDER)
    }

    fn model(&mut self, fields: &mut Fields<'a>, agent: &mut Map, notes: &mut Notes) {
        let model = fields.take("model");
        let mut ours =
            model.as_ref().and_then(|node| node.text(notes).and_then(|text| self.models.reference(&text, node, notes)));
        if let Some(node) = fields.take("fallback") {
            let mut fields = node.fields(notes);
            let models: Vec<_> = fields.take("models").map(|node| node.items(notes)).unwrap_or_default();
            let fallback: Vec<String> = models
                .iter()
                .filter_map(|node| node.text(notes).and_then(|text| self.models.reference(&text, node, notes)))
                .collect();
            let retries = fields.take("retries").filter(|node| node.value.as_u64().is_some());
            fields.refuse(&[("cooldown", "every turn begins with the first model again")], notes);
            fields.finish("a fallback", notes);
            if let Some(model) = ours.as_ref().filter(|_| !fallback.is_empty()) {
                ours = Some(self.models.with_fallback(model, &fallback.into(), retries.map(|node| node.value)));
            }
        }
        if let Some(ours) = ours {
            agent.put("model", ours);
        }
    }

    fn team_mates(
        &self,
        name: &'a str,
        fields: &mut Fields<'a>,
        tools: &mut Tools,
        agent: &mut Map,
        notes: &mut Notes,
    ) {
        for node in fields.take("sub_agents").map(|node| node.items(notes)).unwrap_or_default() {
            let Some(other) = node.text(notes) else { continue };
            if self.loops.contains(&(name, other.clone())) {
                notes.left_out(&node, format!("`{other}` calls this agent in turn, and agents must not call each other in a circle; use `handoffs`"));
            } else if let Some(ours) = self.names.get(&*other) {
                tools.tools.push([("agent", &**ours)].into());
            } else {
                notes.left_out(&node, not_here(&other));
            }
        }
        let mut handoffs: Vec<String> = vec![];
        for node in fields.take("handoffs").map(|node| node.items(notes)).unwrap_or_default() {
            let Some(other) = node.text(notes) else { continue };
            if self.agents.get(self.root).is_some_and(|(root, _)| *root == other) {
                handoffs.push(self.root_name.clone());
            } else if let Some(ours) = self.names.get(&*other) {
                handoffs.push(ours.clone());
            } else {
                notes.left_out(&node, not_here(&other));
            }
        }
        agent.put("handoffs", handoffs);
    }
}

/// A name of `[a-z0-9_-]`, as the members of a team may have.
fn member_name(name: &str) -> String {
    if name.len() <= 63
        && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_'))
    {
        return name.to_owned();
    }
    valid_name(name, "agent")
}

fn not_here(other: &str) -> String {
    if other.contains('/') && !other.ends_with(".yaml") && !other.ends_with(".yml") {
        format!("`{other}` is an agent of a registry: fetch it, import it, and use it with `agent: {{file: ./FILE}}`")
    } else {
        format!("`{other}` is not an agent of this file: import its file, and use it with `agent: {{file: ./FILE}}`")
    }
}

/// Calls between agents that close a circle, found depth first from the first agent on.
fn loops<'a>(agents: &[(&'a str, Node<'a>)]) -> BTreeSet<(&'a str, String)> {
    let calls: BTreeMap<&str, Vec<&str>> = agents
        .iter()
        .map(|(name, node)| {
            let others = node.value.get("sub_agents").and_then(|list| list.as_array());
            (*name, others.into_iter().flatten().filter_map(|other| other.as_str()).collect())
        })
        .collect();
    let mut found = BTreeSet::new();
    let mut done = BTreeSet::new();
    // The names on the way to where we are, each with how many of its calls were followed.
    let mut way: Vec<(&str, usize)> = vec![];
    let root = agents.iter().find(|(name, _)| *name == "root");
    for (start, _) in root.into_iter().chain(agents) {
        way.push((start, 0));
        while let Some((name, next)) = way.last_mut() {
            let name = *name;
            let Some(other) = calls.get(name).and_then(|calls| calls.get(*next)).filter(|_| !done.contains(name))
            else {
                done.insert(name);
                way.pop();
                continue;
            };
            *next += 1;
            if way.iter().any(|(on_way, _)| on_way == other) {
                found.insert((name, (*other).to_owned()));
            } else if !done.contains(other) {
                way.push((other, 0));
            }
        }
    }
    found
}

fn instructions(node: Option<&Node<'_>>, more: &[String], notes: &mut Notes) -> String {
    let mut text = node.and_then(|node| node.text(notes)).unwrap_or_default();
    if let Some(node) = node.filter(|_| text.contains("${")) {
        notes.changed(node, "nothing is filled in within instructions: a `${…}` in it stays as it is");
    }
    for more in more {
        text = if text.trim().is_empty() { format!("{more}\n") } else { format!("{}\n\n{more}\n", text.trim_end()) };
    }
    prose(text)
}

/// Text for a reader, without the blanks at the end of its lines that nobody sees.
fn prose(text: String) -> String {
    if !text.contains('\n') {
        return text;
    }
    let lines: Vec<_> = text.trim_matches('\n').lines().map(str::trim_end).collect();
    let end = if text.ends_with('\n') { "\n" } else { "" };
    format!("{}{end}", lines.join("\n"))
}

fn context(fields: &mut Fields<'_>, agent: &mut Map, notes: &mut Notes) {
    let mut context = Map::default();
    context.put("files", fields.texts("add_prompt_files", notes));
    for (theirs, ours) in [("add_date", "date"), ("add_environment_info", "environment")] {
        if fields.flag(theirs) {
            context.put(ours, true);
        }
    }
    agent.put("context", context);
}

/// A mapping, or a list of mappings, of names to a prompt or to a description and a prompt.
fn commands(node: &Node<'_>, notes: &mut Notes) -> Map {
    let groups = if node.value.is_array() { node.items(notes) } else { vec![node.clone()] };
    let mut commands = Map::default();
    for (name, node) in groups.iter().flat_map(|group| group.entries(notes)).collect::<Vec<_>>() {
        let mut command = Map::default();
        let prompt = if node.value.is_object() {
            let mut fields = node.fields(notes);
            if let Some(text) = fields.text("description", notes) {
                command.put("description", literal(&text));
            }
            let prompt = fields.text("instruction", notes);
            fields.finish("a command", notes);
            prompt
        } else {
            node.text(notes)
        };
        let Some(prompt) = prompt else {
            notes.left_out(&node, format!("the command `{name}` has no prompt"));
            continue;
        };
        // `$1` and `$ARGUMENTS` mean the same to both.
        let theirs = prompt.replace("$ARGUMENTS", "").replace("${ARGUMENTS}", "");
        if template(&theirs, |name| name.parse::<u8>().is_ok().then(String::new)).text.contains("${") {
            notes.changed(&node, format!("no variables are filled in within the prompt of `/{name}`"));
        }
        if prompt.contains("!`") || prompt.contains("!shell(") {
            notes.changed(&node, format!("no command is run within the prompt of `/{name}`: ask the agent to run it"));
        }
        command.put("prompt", prose(prompt));
        commands.put(name, command);
    }
    commands
}

fn output(node: &Node<'_>, notes: &mut Notes) -> Map {
    let mut fields = node.fields(notes);
    // Their own names for the schema; where a provider can be strict, we are.
    for key in ["name", "strict", "description"] {
        fields.take(key);
    }
    let mut output = Map::default();
    if let Some(schema) = fields.take("schema").filter(|node| node.object(notes).is_some()) {
        output.put("schema", &literal_value(schema.value));
    }
    fields.finish("a structured output", notes);
    output
}
