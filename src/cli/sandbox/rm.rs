//! `agentscope sandbox rm`.

use clap::Args;

use super::{each::Each, select::Selected};
use crate::{
    cli::{CliError, Cx, Exit},
    sandbox::Sandboxes,
};

/// Delete sandboxes, running or not, and their private workspaces
///
/// One that does not exist any more is deleted. The folder behind a workspace stays as it is.
/// As root also by the id of another user's.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope sandbox rm 3f2a
  agentscope sandbox rm --state stopped --label job=nightly")]
pub(super) struct RmArgs {
    #[command(flatten)]
    selected: Selected,
}

pub(super) async fn run(args: &RmArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let (own, elsewhere) = args.selected.find_anywhere(all, cx).await?;
    let mut each: Each = Each::new(args.selected.output, cx);
    for id in own {
        match all.remove(&id).await {
            Ok(()) => each.done(&id)?,
            Err(error) => each.failed(&id, error),
        }
    }
    for other in elsewhere {
        match other.run("rm").await {
            Ok(()) => each.done(other.id())?,
            Err(error) => each.failed(other.id(), error),
        }
    }
    each.end()
}
