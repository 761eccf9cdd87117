//! `agentscope sandbox stop`.

use clap::Args;

use super::select::Selected;
use crate::{
    cli::{CliError, Cx, Exit},
    sandbox::{SandboxError, Sandboxes},
};

/// End every process of sandboxes; their workspaces stay
///
/// One that is stopped, or that does not exist any more, is stopped. As root also by the id of another user's.
#[derive(Debug, Args)]
pub(super) struct StopArgs {
    #[command(flatten)]
    selected: Selected,
}

pub(super) async fn run(args: &StopArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let mut failed = None;
    let (own, elsewhere) = args.selected.find_anywhere(all, cx).await?;
    for id in own {
        match all.stop(&id).await {
            // One that somebody else removed meanwhile has ended too.
            Ok(()) | Err(SandboxError::NotFound { .. }) => cx.printer.stdout(&format!("{id}\n"))?,
            Err(error) => failed = super::next(failed, &id, error, cx),
        }
    }
    for other in elsewhere {
        other.run("stop").await?;
        cx.printer.stdout(&format!("{}\n", other.id()))?;
    }
    failed.map_or(Ok(Exit::Done), Err)
}
