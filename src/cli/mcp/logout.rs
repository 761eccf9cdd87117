//! `agentscope mcp logout`.

use clap::Args;

use super::login_url;
use crate::{
    cli::{AgentArgs, CliError, Cx, Exit},
    tool::mcp::oauth::Tokens,
};

/// Forget the tokens of an MCP server
#[derive(Debug, Args)]
pub(super) struct LogoutArgs {
    /// The server, or its address
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    agent: AgentArgs,
}

pub(super) fn run(args: &LogoutArgs, cx: &Cx) -> Result<Exit, CliError> {
    let url = login_url(&args.name, &args.agent, cx)?;
    let forgotten = Tokens::of(&url, &cx.paths).delete().map_err(|error| CliError::from_error(Exit::Failed, &error))?;
    let name = &args.name;
    cx.printer.stdout(&if forgotten {
        format!("logged out of {name}\n")
    } else {
        format!("not logged in to {name}\n")
    })?;
    Ok(Exit::Done)
}
