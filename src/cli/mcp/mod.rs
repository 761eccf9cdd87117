//! `agentscope mcp …`: the MCP servers of an agent.

mod list;
mod login;
mod logout;
mod serve;
mod test;

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::{AgentArgs, CliError, Cx, Exit, source::AgentSource, tools};
use crate::config::agent_file::{AgentSpec, Loaded, McpRef, McpServer, ToolEntry};

/// See, test and log in to the MCP servers of an agent; be one
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct McpArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::ListArgs),
    Login(login::LoginArgs),
    Logout(logout::LogoutArgs),
    Serve(serve::ServeArgs),
    Test(test::TestArgs),
}

pub(super) fn run(args: &McpArgs, cx: &Cx) -> Result<Exit, CliError> {
    match &args.command {
        Command::List(args) => list::run(args, cx),
        Command::Login(args) => login::run(args, cx),
        Command::Logout(args) => logout::run(args, cx),
        Command::Serve(args) => serve::run(args, cx),
        Command::Test(args) => test::run(args, cx),
    }
}

/// A server of an agent file.
struct Configured {
    name: String,
    server: McpServer,
    /// The agents whose `tools` list it.
    used_by: Vec<String>,
}

/// Every server of the file: under `mcp` of any agent, in `mcp_file`, or written out under `tools`.
fn servers(loaded: &Loaded) -> Vec<Configured> {
    let mut all: BTreeMap<String, Configured> = BTreeMap::new();
    let agents: Vec<(&String, &AgentSpec)> =
        std::iter::once((&loaded.file.name, &loaded.file.agent)).chain(&loaded.file.agents).collect();
    for (_, spec) in &agents {
        for (name, server) in &spec.mcp {
            all.entry(name.clone()).or_insert_with(|| Configured {
                name: name.clone(),
                server: server.clone(),
                used_by: vec![],
            });
        }
    }
    for (agent, spec) in agents {
        for entry in &spec.tools {
            let ToolEntry::Mcp(reference) = entry else { continue };
            let (name, written) = match reference {
                McpRef::Name(name) => (Some(name), None),
                McpRef::Server(server) => (server.name.as_ref(), Some(server)),
            };
            let Some(name) = name else { continue };
            if let Some(server) = written {
                all.entry(name.clone()).or_insert_with(|| Configured {
                    name: name.clone(),
                    server: (**server).clone(),
                    used_by: vec![],
                });
            }
            if let Some(configured) = all.get_mut(name) {
                configured.used_by.push(agent.clone());
            }
        }
    }
    all.into_values().collect()
}

fn load(agent: &AgentArgs, cx: &Cx) -> Result<Loaded, CliError> {
    let (loaded, _) = AgentSource::find(agent, cx)?.load(agent.profile.as_deref(), cx)?;
    Ok(loaded)
}

/// The server called `name`.
fn find(name: &str, servers: Vec<Configured>) -> Result<Configured, CliError> {
    let names: Vec<String> = servers.iter().map(|server| format!("`{}`", server.name)).collect();
    servers.into_iter().find(|server| server.name == name).ok_or_else(|| {
        let error = CliError::not_found(format!("the agent has no MCP server `{name}`"));
        if names.is_empty() {
            error.hint("add it under `mcp` of the agent file")
        } else {
            error.hint(format!("it has {}", names.join(", ")))
        }
    })
}

/// Whether NAME is an address rather than the name of a server.
///
/// # Errors
/// An address of another kind.
fn is_url(name: &str) -> Result<bool, CliError> {
    match name.split_once("://") {
        Some(("http" | "https", _)) => Ok(true),
        Some(_) => Err(CliError::usage(format!("`{name}` is no address of an MCP server"))
            .hint("those begin with `http://` or `https://`; programs are named in the agent file")),
        None => Ok(false),
    }
}

/// The address to log in to: that of a server of the agent, or NAME itself if it is one.
fn login_url(name: &str, agent: &AgentArgs, cx: &Cx) -> Result<String, CliError> {
    if is_url(name)? {
        return Ok(name.to_owned());
    }
    let loaded = load(agent, cx)?;
    loaded.require(tools::uses_tools)?;
    let configured = find(name, servers(&loaded))?;
    configured.server.url.ok_or_else(|| {
        CliError::usage(format!("the MCP server `{name}` is a program, and only servers with a `url` know logins"))
            .hint("give it what it needs under its `env`")
    })
}
