//! `agentscope completions`.

use clap::Args;
use clap_complete::Shell;

use super::{CliError, Cx, Exit};

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example: agentscope completions bash > ~/.local/share/bash-completion/completions/agentscope")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, cx: &Cx) -> Result<Exit, CliError> {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut super::command(), "agentscope", &mut script);
    cx.printer.stdout(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
