//! `agentscope mcp login`.

use std::process::Stdio;

use clap::Args;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::login_url;
use crate::{
    cli::{AgentArgs, CliError, Cx, Exit, cx::signals},
    tool::mcp::{
        Callback,
        oauth::{Login, OauthError},
    },
};

/// Log in to an MCP server that wants OAuth
#[derive(Debug, Args)]
#[command(after_help = "The tokens are kept in the state folder, readable by you alone, and renewed by themselves.")]
pub(super) struct LoginArgs {
    /// The server, or its address
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    agent: AgentArgs,
    /// Print the address to open, and take the address that the browser ends up at from standard input
    #[arg(long)]
    no_browser: bool,
}

pub(super) fn run(args: &LoginArgs, cx: &Cx) -> Result<Exit, CliError> {
    let url = login_url(&args.name, &args.agent, cx)?;
    let exit = cx.block_on(async {
        let mut signals = signals()?;
        tokio::select! {
            done = log_in(&url, args.no_browser, cx) => done.map(|()| Exit::Done),
            _ = signals.recv() => Ok(Exit::Interrupted),
        }
    })?;
    if exit == Exit::Done {
        cx.printer.stdout(&format!("logged in to {}\n", args.name))?;
    }
    Ok(exit)
}

async fn log_in(url: &str, no_browser: bool, cx: &Cx) -> Result<(), CliError> {
    let mut callback = Callback::bind()
        .await
        .map_err(|error| CliError::failed("could not listen for the browser to come back").because(&error))?;
    let login = Login::begin(url, callback.redirect(), &cx.paths, &cx.http).await.map_err(|error| failed(&error))?;
    cx.printer.stderr(&format!("open this address to log in:\n{}\n", login.url()));
    let redirected = if no_browser {
        cx.printer.stderr("then paste the address that the browser ends up at, if it does not come back by itself\n");
        tokio::select! {
            redirected = callback.wait() => redirected,
            pasted = pasted() => pasted,
        }
    } else {
        open(login.url());
        callback.wait().await
    };
    login.finish(&redirected).await.map_err(|error| failed(&error))
}

/// The first line of standard input that is not empty.
async fn pasted() -> String {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        match lines.next_line().await {
            Ok(Some(line)) if line.trim().is_empty() => {}
            Ok(Some(line)) => return line,
            // The browser may still come back.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

/// Opens a browser, if there is one; the address was printed anyway.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let _ = tokio::process::Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}

fn failed(error: &OauthError) -> CliError {
    let shown = CliError::from_error(Exit::Failed, error);
    match error {
        OauthError::Discovery { .. } => {
            shown.hint("a server that wants a fixed token takes it under `headers` of the server instead")
        }
        OauthError::Refused { .. } => shown.hint("log in again, and consent in the browser"),
        OauthError::Http(_) | OauthError::Read { .. } | OauthError::Parse { .. } | OauthError::Delete { .. } => shown,
    }
}
