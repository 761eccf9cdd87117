//! `agentscope sandbox pause` and `resume`.

use clap::Args;

use super::{each::Each, select::Selected};
use crate::{
    cli::{CliError, Cx, Exit},
    sandbox::Sandboxes,
};

/// Freeze every process of sandboxes; memory stays
#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    selected: Selected,
}

/// Let the processes of paused sandboxes go on
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    selected: Selected,
}

pub(super) async fn pause(args: &PauseArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    set(&args.selected, true, all, cx).await
}

pub(super) async fn resume(args: &ResumeArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    set(&args.selected, false, all, cx).await
}

async fn set(selected: &Selected, frozen: bool, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let mut each: Each = Each::new(selected.output, cx);
    for id in selected.find(all, cx).await? {
        let done = if frozen { all.pause(&id).await } else { all.resume(&id).await };
        match done {
            Ok(()) => each.done(&id)?,
            Err(error) => each.failed(&id, error),
        }
    }
    each.end()
}
