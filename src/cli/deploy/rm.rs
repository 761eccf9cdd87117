//! `agentscope rm`.

use clap::Args;

use super::{docker, find::find, until_told};
use crate::{
    cli::{CliError, Cx, Exit},
    deploy::{Deployer as _, Purge},
};

/// Remove a deployment with all its revisions
#[derive(Debug, Args)]
#[command(
    after_help = "What it kept, such as sessions, stays for the next deployment of that name, unless --purge is given.

Examples:
  agentscope rm demo
  agentscope rm demo --purge"
)]
pub(in crate::cli) struct RmArgs {
    /// The deployment: its id, its name, or the beginning of one
    #[arg(value_name = "ID")]
    id: String,
    /// Remove what it kept, too, and its images
    #[arg(long)]
    purge: bool,
}

pub(in crate::cli) fn run(args: &RmArgs, cx: &Cx) -> Result<Exit, CliError> {
    let remove = async {
        let purge = if args.purge { Purge::Yes } else { Purge::No };
        match find(&args.id, cx).await {
            Ok(found) => {
                found.deployer.remove(&found.observed.name, purge).await?;
                Ok(found.observed.id)
            }
            // Removed before, it may have left what it kept.
            Err(error) if args.purge && error.code() == Exit::NotFound => {
                let name = args.id.trim_start_matches("docker/");
                docker(cx).await?.remove(name, purge).await?;
                Ok(format!("docker/{name}"))
            }
            Err(error) => Err(error),
        }
    };
    until_told(cx, remove, |id| {
        cx.printer.stdout(&format!("{id}\n"))?;
        Ok(Exit::Done)
    })
}
