//! `agentscope sandbox exec` and `shell`.

use clap::Args;

use super::{
    made_of::variables,
    stream::{self, Attach, OURS},
};
use crate::{
    cli::{CliError, Cx, Exit},
    config::agent_file::Span,
    sandbox::{Sandboxes, wire::ExecSpec},
};

/// Run a program in a sandbox that runs
#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is that of the program; 124 where it took longer than --timeout, 125 where the sandbox does not run, 126
where the program cannot be run, 127 where there is no such program.

Examples:
  agentscope sandbox exec 3f2a -- ls -l
  agentscope sandbox exec -it 3f2a bash
  echo 'print(1)' | agentscope sandbox exec -i 3f2a python3 -"
)]
pub(super) struct ExecArgs {
    /// Give it our standard input
    #[arg(short, long)]
    interactive: bool,
    /// Give it a terminal
    #[arg(short, long)]
    tty: bool,
    /// A variable for the program; without a value, the one of this shell
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Start it in this folder, below /workspace if relative
    #[arg(short = 'w', long, value_name = "DIR")]
    cwd: Option<String>,
    /// Kill it after so long
    #[arg(long, value_name = "TIME")]
    timeout: Option<Span>,
    /// An id, or the start of one
    #[arg(value_name = "ID")]
    id: String,
    /// The program and its arguments
    #[arg(value_name = "CMD", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    cmd: Vec<String>,
}

/// Open a shell in a sandbox that runs
#[derive(Debug, Args)]
pub(super) struct ShellArgs {
    /// An id, or the start of one
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) async fn run(args: &ExecArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let attach = Attach {
        spec: ExecSpec {
            argv: args.cmd.clone(),
            cwd: args.cwd.clone(),
            env: variables(&args.env, cx)?,
            timeout: args.timeout.map(|span| span.0),
            stdin: args.interactive,
            pty: None,
        },
        terminal: args.tty,
    };
    within(&args.id, attach, all, cx).await
}

pub(super) async fn shell(args: &ShellArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    // Not every image has the better one.
    let line = "command -v bash >/dev/null && exec bash; exec sh";
    let argv = ["/bin/sh", "-c", line].map(str::to_owned).to_vec();
    let attach = Attach { spec: ExecSpec { argv, stdin: true, ..ExecSpec::default() }, terminal: cx.env.stdin_tty };
    within(&args.id, attach, all, cx).await
}

async fn within(id: &str, attach: Attach, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let signals = super::signals()?;
    let sandbox = all.find(id).await.map_err(|error| CliError::from(error).exit(OURS))?;
    stream::attach(&sandbox, attach, signals, cx).await
}
