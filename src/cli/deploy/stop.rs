//! `agentscope stop`.

use clap::Args;

use super::{find::find_exact, in_order};
use crate::cli::{CliError, Cx, Exit};

/// Stop a deployment; its revisions and what it keeps stay, and `deploy` starts it again
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope stop demo")]
pub(in crate::cli) struct StopArgs {
    /// The deployment: its id or its name
    #[arg(value_name = "ID")]
    id: String,
}

pub(in crate::cli) fn run(args: &StopArgs, cx: &Cx) -> Result<Exit, CliError> {
    in_order(cx, |_| async {
        let found = cx.interrupt.or(find_exact(&args.id, cx)).await?;
        found.deployer.stop(found.observed.place()).await?;
        cx.printer.stdout(&format!("{}\n", found.observed.id))?;
        Ok(Exit::Done)
    })
}
