//! `agentscope rm`.

use clap::Args;

use super::{
    find::{find_exact, is_place},
    in_order,
    targets::{Asked, Target},
};
use crate::{
    cli::{CliError, Cx, Exit},
    deploy::{DeployError, Purge},
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
    /// The deployment: its id or its name
    #[arg(value_name = "ID")]
    id: String,
    /// Remove what it kept, too, and its images
    #[arg(long)]
    purge: bool,
}

pub(in crate::cli) fn run(args: &RmArgs, cx: &Cx) -> Result<Exit, CliError> {
    in_order(cx, |_| async {
        let purge = if args.purge { Purge::Yes } else { Purge::No };
        let removed = match cx.interrupt.or(find_exact(&args.id, cx)).await {
            Ok(found) => {
                found.deployer.remove(found.observed.place(), purge).await?;
                found.observed.id
            }
            // Removed before, it may have left what it kept.
            Err(error) if args.purge && error.code() == Exit::NotFound => purge_left(&args.id, error, cx).await?,
            Err(error) => return Err(error),
        };
        cx.printer.stdout(&format!("{removed}\n"))?;
        Ok(Exit::Done)
    })
}

/// What a deployment that is not there any more has left, at the first target that has something of it.
async fn purge_left(word: &str, missing: CliError, cx: &Cx) -> Result<String, CliError> {
    if !is_place(word) {
        return Err(missing);
    }
    let (asked, place) = match Target::of_id(word) {
        Some((target, place)) => (Asked::one(target, cx).await, place),
        None => (Asked::every(cx).await, word),
    };
    for (deployer, _) in &asked.told {
        match deployer.remove(place, Purge::Yes).await {
            Ok(()) => return Ok(format!("{}/{place}", deployer.target())),
            Err(DeployError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(missing)
}
