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
    config::{Secret, agent_file::McpServer},
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
    /// The environment variable that holds a token for the server at this address
    #[arg(long, value_name = "VARIABLE", conflicts_with_all = ["all", "login"])]
    token_env: Option<String>,
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

/// RFC 6750, 2.1.
fn authorization(variable: &str, cx: &Cx) -> Result<(String, Secret), CliError> {
    let token = cx.env.var(variable).filter(|token| !token.is_empty()).ok_or_else(|| {
        CliError::usage(format!("the environment variable `{variable}` is not set"))
            .hint("set it to a token of the server, or leave out `--token-env`")
    })?;
    Ok(("Authorization".to_owned(), Secret::from(format!("Bearer {token}"))))
}

fn trials(args: &TestArgs, cx: &Cx) -> Result<Vec<Trial>, CliError> {
    let named = args.name.as_deref().filter(|_| !args.all);
    if let Some(url) = named
        && is_url(url)?
    {
        // Of an agent only the surroundings are needed, which every agent has.
        let (loaded, _) = AgentSource::Builtin.load(None, cx)?;
        let headers = args.token_env.iter().map(|variable| authorization(variable, cx)).collect::<Result<_, _>>()?;
        let server = McpServer { url: Some(url.to_owned()), headers, ..McpServer::default() };
        return Ok(vec![Trial::new(url.to_owned(), server, tools::deps(&loaded, &loaded.file.name, cx))]);
    }
    if args.token_env.is_some() {
        return Err(CliError::usage("`--token-env` goes with the address of a server")
            .hint("give a server of the agent file its token there, under `headers`"));
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
