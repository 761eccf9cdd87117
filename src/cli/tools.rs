//! `agentscope tools`.

use std::{collections::BTreeMap, sync::Arc};

use clap::Args;
use serde::Serialize;

use super::{AgentArgs, CliError, Cx, Exit, args::Output, cx::signals, source::AgentSource};
use crate::{
    agent,
    config::agent_file::{self, AgentRef, LoadOptions, Loaded, McpServer, ToolEntry},
    domain::{Effect, Notice},
    store::MemoryStore,
    tool::{Listing, Runs, ToolDeps, Toolbox},
    ui::{printable, style},
};

/// List the tools of an agent: where each comes from, where it runs, and whether it may change anything
#[derive(Debug, Args)]
#[command(after_help = "Starts the agent's MCP servers to ask for their tools, and ends them again.")]
pub(super) struct ToolsArgs {
    #[command(flatten)]
    agent: AgentArgs,
    /// The form of the list
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// A line of the list.
#[derive(Debug, Serialize)]
struct Row {
    agent: String,
    name: String,
    source: String,
    runs: Runs,
    effect: Effect,
    /// What a permission rule calls it.
    rule: String,
    description: String,
}

pub(super) fn run(args: &ToolsArgs, cx: &Cx) -> Result<Exit, CliError> {
    let (loaded, _) = AgentSource::find(&args.agent, cx)?.load(args.agent.profile.as_deref(), cx)?;
    loaded.require(uses_tools)?;
    let agents: Vec<(String, Toolbox)> = names(&loaded)
        .into_iter()
        .map(|name| {
            let spec = if name == loaded.file.name { &loaded.file.agent } else { &loaded.file.agents[&name] };
            Toolbox::open(spec, &deps(&loaded, &name, cx))
                .map(|toolbox| (name, toolbox))
                .map_err(|error| CliError::from_error(Exit::Usage, &error))
        })
        .collect::<Result<_, _>>()?;
    let rows = cx.block_on(async {
        let mut signals = signals()?;
        let listed = tokio::select! {
            rows = list(&agents, &loaded, cx) => rows.map(Some),
            _ = signals.recv() => Ok(None),
        };
        futures_util::future::join_all(agents.iter().map(|(_, toolbox)| toolbox.shutdown())).await;
        listed
    })?;
    let Some(rows) = rows else { return Ok(Exit::Interrupted) };
    match args.output {
        Output::Json => cx.printer.json(&rows)?,
        Output::Text => cx.printer.stdout(&text(&rows, cx))?,
    }
    Ok(Exit::Done)
}

async fn list(agents: &[(String, Toolbox)], loaded: &Loaded, cx: &Cx) -> Result<Vec<Row>, CliError> {
    for (_, toolbox) in agents {
        toolbox.start();
    }
    let mut rows = vec![];
    for (agent, toolbox) in agents {
        let listing = toolbox.list().await.map_err(|error| CliError::from_error(Exit::Failed, &error))?;
        for notice in &listing.notices {
            match notice {
                Notice::ToolServerFailed { server, reason } => {
                    cx.printer.warn(&format!("`{server}` gives no tools: {reason}"));
                }
                Notice::Warning { message } => cx.printer.warn(message),
                Notice::Retry { .. }
                | Notice::Fallback { .. }
                | Notice::RateLimited { .. }
                | Notice::Compacted { .. } => {}
            }
        }
        rows.extend(lines(agent, &listing));
        rows.extend(colleagues(agent, loaded)?);
    }
    Ok(rows)
}

fn lines(agent: &str, listing: &Listing) -> Vec<Row> {
    let row = |tool: &crate::tool::Listed| Row {
        agent: agent.to_owned(),
        name: tool.spec().name.clone(),
        source: tool.origin().to_string(),
        runs: tool.origin().runs(),
        effect: tool.spec().effect,
        rule: tool.spec().rule_name().to_owned(),
        description: tool.spec().description.clone(),
    };
    listing.tools.iter().map(row).collect()
}

/// The agents that the agent `of` can call or hand over to.
fn colleagues(of: &str, loaded: &Loaded) -> Result<Vec<Row>, CliError> {
    let file = &loaded.file;
    let spec_of = |name: &str| if name == file.name { Some(&file.agent) } else { file.agents.get(name) };
    let row = |name: String, source: &str, description: &str| Row {
        agent: of.to_owned(),
        rule: name.clone(),
        name,
        source: source.to_owned(),
        runs: Runs::Host,
        effect: Effect::Reads,
        description: description.to_owned(),
    };
    let described = |name: &str| spec_of(name).map_or("", |spec| spec.description.as_str());
    let Some(spec) = spec_of(of) else { return Ok(vec![]) };
    let mut rows = vec![];
    for entry in &spec.tools {
        match entry {
            ToolEntry::Agent(AgentRef::Name(name)) => rows.push(row(name.clone(), "agent", described(name))),
            ToolEntry::Agent(AgentRef::File(other)) => {
                let other = agent_file::load(&loaded.dir.join(&other.file), &LoadOptions::default())?.file;
                rows.push(row(other.name, "agent", &other.agent.description));
            }
            _ => {}
        }
    }
    rows.extend(spec.handoffs.iter().map(|to| row(agent::handoff_tool(to), "handoff", described(to))));
    Ok(rows)
}

fn text(rows: &[Row], cx: &Cx) -> String {
    if rows.is_empty() {
        return "no tools\n".to_owned();
    }
    let width = |column: fn(&Row) -> &str| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or_default();
    let (name, source) = (width(|row| &row.name), width(|row| &row.source));
    let several = rows.iter().any(|row| row.agent != rows[0].agent);
    let (heading, dim) = (cx.printer.out_style(style::HEADING), cx.printer.out_style(style::DIM));
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        if several && (index == 0 || rows[index - 1].agent != row.agent) {
            let gap = if index == 0 { "" } else { "\n" };
            text.push_str(&format!("{gap}{heading}{}{heading:#}\n", row.agent));
        }
        let effect = match row.effect {
            Effect::Reads => "reads ",
            Effect::Writes => "writes",
        };
        let description = printable(&first_line(&row.description));
        let runs = match row.runs {
            Runs::Host => "host   ",
            Runs::Sandbox => "sandbox",
            Runs::Remote => "remote ",
        };
        let line = format!("{:name$}  {effect}  {:source$}  {runs}  {dim}{description}{dim:#}", row.name, row.source);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// As much of a description as fits beside a tool.
fn first_line(description: &str) -> String {
    const MOST: usize = 80;
    let line = description.lines().next().unwrap_or_default();
    match line.char_indices().nth(MOST) {
        None => line.to_owned(),
        Some(_) => line.chars().take(MOST - 1).chain(['…']).collect(),
    }
}

/// The agents of a file: its own first, then the rest of the team.
pub(super) fn names(loaded: &Loaded) -> Vec<String> {
    std::iter::once(loaded.file.name.clone()).chain(loaded.file.agents.keys().cloned()).collect()
}

/// Whether a value at `pointer` of an agent file belongs to its tools.
pub(super) fn uses_tools(pointer: &str) -> bool {
    let mut keys = pointer.split('/').skip(1);
    let key = match keys.next() {
        Some("agents") => keys.nth(1),
        key => key,
    };
    matches!(key, Some("tools" | "mcp" | "fetch"))
}

/// What tools are made with where nothing is remembered.
pub(super) fn deps(loaded: &Loaded, agent: &str, cx: &Cx) -> ToolDeps {
    let servers: BTreeMap<String, McpServer> = loaded.file.agent.mcp.clone();
    ToolDeps {
        env: cx.env.clone(),
        paths: cx.paths.clone(),
        http: Arc::clone(&cx.http),
        notes: Arc::new(MemoryStore::new()),
        folder: loaded.dir.clone(),
        boxes: super::boxes::of_chat(loaded, super::boxes::InChat::default(), cx),
        agent: agent.to_owned(),
        servers,
    }
}
