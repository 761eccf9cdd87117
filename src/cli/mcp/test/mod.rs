//! `agentscope mcp test`.

mod asker;
mod row;
mod trial;

use clap::Args;
use serde_json::{Map, Value};

use self::trial::Trial;
use super::{Configured, find, is_url, load, login::LoginOptions, servers};
use crate::{
    cli::{AgentArgs, CliError, Cx, Exit, args::Output, cx::signals, source::AgentSource, tools},
    config::agent_file::McpServer,
};

/// Connect to MCP servers, list their tools, and say what is wrong
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// The server, or its address
    #[arg(value_name = "NAME", required_unless_present = "all")]
    name: Option<String>,
    #[command(flatten)]
    agent: AgentArgs,
    /// Test every server of the agent
    #[arg(long, conflicts_with_all = ["call", "login"])]
    all: bool,
    /// Call this tool
    #[arg(long, value_name = "TOOL")]
    call: Option<String>,
    /// What to call it with, as a JSON object
    #[arg(long, value_name = "JSON", requires = "call", default_value = "{}", hide_default_value = true, value_parser = object)]
    arguments: Map<String, Value>,
    /// Answer what the server asks with the defaults of its forms
    #[arg(long, requires = "call")]
    defaults: bool,
    /// Log in on the way where the server wants it, as `mcp login` does
    #[arg(long)]
    login: bool,
    /// The form of the result
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    options: LoginOptions,
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON object: {error}"))
}

pub(super) fn run(args: &TestArgs, cx: &Cx) -> Result<Exit, CliError> {
    if !args.login && args.options.given() {
        return Err(CliError::usage("options of a login were given, and no login is wanted").hint("add `--login`"));
    }
    let mut trials = trials(args, cx)?;
    let rows = cx.block_on(async {
        let mut signals = signals()?;
        let tests = futures_util::future::join_all(trials.iter_mut().map(|trial| trial.run(args, cx)));
        let rows = tokio::select! {
            rows = tests => Some(rows.into_iter().collect::<Result<Vec<_>, _>>()),
            _ = signals.recv() => None,
        };
        futures_util::future::join_all(trials.iter().map(Trial::end)).await;
        rows.transpose()
    })?;
    let Some(rows) = rows else { return Ok(Exit::Interrupted) };
    match args.output {
        Output::Json => cx.printer.json(&rows)?,
        Output::Text => cx.printer.stdout(&row::text(&rows, cx))?,
    }
    Ok(if rows.iter().all(row::Row::good) { Exit::Done } else { Exit::Failed })
}

fn trials(args: &TestArgs, cx: &Cx) -> Result<Vec<Trial>, CliError> {
    if let Some(url) = args.name.as_deref().filter(|name| !args.all && is_url(name)) {
        // Of an agent only the surroundings are needed, which every agent has.
        let (loaded, _) = AgentSource::Builtin.load(None, cx)?;
        let server = McpServer { url: Some(url.to_owned()), ..McpServer::default() };
        return Ok(vec![Trial::new(url.to_owned(), server, tools::deps(&loaded, &loaded.file.name, cx))]);
    }
    let mut agent = args.agent.clone();
    // With --all there is no NAME, so that the first word is AGENT.
    let name = if args.all {
        agent.agent = agent.agent.or_else(|| args.name.clone());
        None
    } else {
        args.name.as_deref()
    };
    let loaded = load(&agent, cx)?;
    loaded.require(tools::uses_tools)?;
    let all = servers(&loaded);
    let chosen = match name {
        Some(name) => vec![find(name, all)?],
        None => all,
    };
    let deps = tools::deps(&loaded, &loaded.file.name, cx);
    let trial = |Configured { name, server, .. }| Trial::new(name, server, deps.clone());
    Ok(chosen.into_iter().map(trial).collect())
}
