//! `agentscope sandbox stop`.

use clap::Args;

use super::{each::Each, select::Selected};
use crate::{
    cli::{CliError, Cx, Exit},
    sandbox::{SandboxError, Sandboxes},
};

/// End every process of sandboxes; their workspaces stay
///
/// One that is stopped, or that does not exist any more, is stopped. As root also by the id of another user's.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope sandbox stop 3f2a e939
  agentscope sandbox stop --label job=nightly")]
pub(super) struct StopArgs {
    #[command(flatten)]
    selected: Selected,
}

pub(super) async fn run(args: &StopArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let (own, elsewhere) = args.selected.find_anywhere(all, cx).await?;
    let mut each: Each = Each::new(args.selected.output, cx);
    for id in own {
        match all.stop(&id).await {
            // One that somebody else removed meanwhile has ended too.
            Ok(()) | Err(SandboxError::NotFound { .. }) => each.done(&id)?,
            Err(error) => each.failed(&id, error),
        }
    }
    for other in elsewhere {
        match other.run("stop").await {
            Ok(()) => each.done(other.id())?,
            Err(error) => each.failed(other.id(), error),
        }
    }
    each.end()
}
