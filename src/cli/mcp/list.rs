//! `agentscope mcp list`.

use clap::Args;
use serde::Serialize;

use super::{Configured, load, servers};
use crate::{
    cli::{AgentArgs, CliError, Cx, Exit, args::Output},
    config::agent_file::McpAuth,
    tool::mcp::oauth::Tokens,
};

/// List the MCP servers of an agent; starts none of them
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    agent: AgentArgs,
    /// The form of the list
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    transport: &'static str,
    /// The program, without its arguments, or the address, without its query: both may hold secrets.
    target: String,
    auth: &'static str,
    used_by: Vec<String>,
}

pub(super) fn run(args: &ListArgs, cx: &Cx) -> Result<Exit, CliError> {
    let loaded = load(&args.agent, cx)?;
    let rows: Vec<Row> = servers(&loaded).into_iter().map(|server| row(server, cx)).collect();
    match args.output {
        Output::Json => cx.printer.json(&rows)?,
        Output::Text => cx.printer.stdout(&text(&rows))?,
    }
    Ok(Exit::Done)
}

fn row(configured: Configured, cx: &Cx) -> Row {
    let server = configured.server;
    let auth = match (&server.url, server.auth) {
        (Some(url), _) if Tokens::of(url, &cx.paths).exist() => "logged in",
        (Some(_), Some(McpAuth::Oauth)) => "not logged in",
        (Some(_), None) if server.headers.is_empty() => "none",
        (Some(_), None) => "headers",
        (None, _) => "none",
    };
    let (transport, target) = match &server.url {
        Some(url) => ("http", url.split(['?', '#']).next().unwrap_or_default().to_owned()),
        None => ("stdio", server.command.unwrap_or_default()),
    };
    Row { name: configured.name, transport, target, auth, used_by: configured.used_by }
}

fn text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no MCP servers\n".to_owned();
    }
    let width = |column: fn(&Row) -> &str| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or_default();
    let (name, target, auth) = (width(|row| &row.name), width(|row| &row.target), width(|row| row.auth));
    rows.iter()
        .map(|row| {
            let used = match row.used_by.as_slice() {
                [] => "not listed under `tools` of any agent".to_owned(),
                agents => agents.join(", "),
            };
            format!("{:name$}  {:5}  {:target$}  {:auth$}  {used}\n", row.name, row.transport, row.target, row.auth)
        })
        .collect()
}
