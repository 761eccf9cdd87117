//! `agentscope stop`.

use clap::Args;

use super::{find::find_exact, until_told};
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
    let stop = async {
        let found = find_exact(&args.id, cx).await?;
        found.deployer.stop(found.observed.place()).await?;
        Ok(found.observed.id)
    };
    until_told(cx, stop, |id| {
        cx.printer.stdout(&format!("{id}\n"))?;
        Ok(Exit::Done)
    })
}
