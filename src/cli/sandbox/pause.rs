//! `agentscope sandbox pause` and `resume`.

use clap::Args;

use super::select::Selected;
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
    each(&args.selected, true, all, cx).await
}

pub(super) async fn resume(args: &ResumeArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    each(&args.selected, false, all, cx).await
}

async fn each(selected: &Selected, frozen: bool, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let mut failed = None;
    for id in selected.find(all).await? {
        let done = if frozen { all.pause(&id).await } else { all.resume(&id).await };
        match done {
            Ok(()) => cx.printer.stdout(&format!("{id}\n"))?,
            Err(error) => failed = super::next(failed, &id, error, cx),
        }
    }
    failed.map_or(Ok(Exit::Done), Err)
}
