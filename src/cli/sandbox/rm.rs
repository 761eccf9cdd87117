//! `agentscope sandbox rm`.

use clap::Args;

use super::select::Selected;
use crate::{
    cli::{CliError, Cx, Exit},
    sandbox::Sandboxes,
};

/// Delete sandboxes, running or not, and their private workspaces
///
/// One that does not exist any more is deleted. The folder behind a workspace stays as it is.
/// As root also by the id of another user's.
#[derive(Debug, Args)]
pub(super) struct RmArgs {
    #[command(flatten)]
    selected: Selected,
}

pub(super) async fn run(args: &RmArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let mut failed = None;
    let (own, elsewhere) = args.selected.find_anywhere(all, cx).await?;
    for id in own {
        match all.remove(&id).await {
            Ok(()) => cx.printer.stdout(&format!("{id}\n"))?,
            Err(error) => failed = super::next(failed, &id, error, cx),
        }
    }
    for other in elsewhere {
        other.run("rm").await?;
        cx.printer.stdout(&format!("{}\n", other.id()))?;
    }
    failed.map_or(Ok(Exit::Done), Err)
}
