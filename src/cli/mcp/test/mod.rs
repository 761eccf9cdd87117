//! `agentscope mcp test`.

use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::{Configured, find, load, servers};
use crate::{
    cli::{AgentArgs, CliError, Cx, Exit, args::Output, cx::signals, tools},
    tool::mcp::{Offer, Server},
    ui::{printable, style},
};

/// Connect to MCP servers, list their tools, and say what is wrong
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// The server
    #[arg(value_name = "NAME", required_unless_present = "all")]
    name: Option<String>,
    #[command(flatten)]
    agent: AgentArgs,
    /// Test every server of the agent
    #[arg(long)]
    all: bool,
    /// The form of the result
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    ok: bool,
    ms: u128,
    tools: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stderr: Vec<String>,
}

pub(super) fn run(args: &TestArgs, cx: &Cx) -> Result<Exit, CliError> {
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
    let chosen: Vec<Server> =
        chosen.into_iter().map(|Configured { name, server, .. }| Server::new(&name, server, deps.clone())).collect();
    let rows = cx.block_on(async {
        let mut signals = signals()?;
        let tests = futures_util::future::join_all(chosen.iter().map(test));
        let rows = tokio::select! {
            rows = tests => Some(rows),
            _ = signals.recv() => None,
        };
        futures_util::future::join_all(chosen.iter().map(Server::shutdown)).await;
        Ok(rows)
    })?;
    let Some(rows) = rows else { return Ok(Exit::Interrupted) };
    match args.output {
        Output::Json => cx.printer.json(&rows)?,
        Output::Text => cx.printer.stdout(&text(&rows, cx))?,
    }
    Ok(if rows.iter().all(|row| row.ok) { Exit::Done } else { Exit::Failed })
}

async fn test(server: &Server) -> Row {
    let since = Instant::now();
    let Offer { tools, failure, unknown } = server.offer().await;
    let mut row = Row {
        name: server.name().to_owned(),
        ok: true,
        ms: since.elapsed().as_millis(),
        tools: tools.iter().map(|tool| tool.spec().name.clone()).collect(),
        error: None,
        hint: None,
        stderr: vec![],
    };
    if let Some((_, failure)) = failure {
        row.ok = false;
        (row.error, row.hint, row.stderr) = (Some(failure.reason), failure.hint, failure.stderr);
    } else if !unknown.is_empty() {
        row.ok = false;
        row.error = Some(format!("it has no tool {}", unknown.join(", ")));
        row.hint = Some("correct `tools` of the server".to_owned());
    }
    row
}

fn text(rows: &[Row], cx: &Cx) -> String {
    let (good, bad) = (cx.printer.out_style(style::SUCCESS), cx.printer.out_style(style::ERROR));
    let (hint, dim) = (cx.printer.out_style(style::HINT), cx.printer.out_style(style::DIM));
    if rows.is_empty() {
        return "no MCP servers\n".to_owned();
    }
    let mut text = String::new();
    for row in rows {
        match &row.error {
            None => {
                let count = row.tools.len();
                let tools = if count == 1 { "tool" } else { "tools" };
                text.push_str(&format!("{}: {good}ok{good:#}, {count} {tools} in {} ms\n", row.name, row.ms));
                for tool in &row.tools {
                    text.push_str(&format!("  {tool}\n"));
                }
            }
            Some(error) => text.push_str(&format!("{}: {bad}failed{bad:#}: {}\n", row.name, printable(error))),
        }
        for line in &row.stderr {
            text.push_str(&format!("  {dim}stderr: {}{dim:#}\n", printable(line)));
        }
        if let Some(next) = &row.hint {
            text.push_str(&format!("  {hint}hint{hint:#}: {}\n", printable(next)));
        }
    }
    text
}
