//! `agentscope sandbox renew`.

use clap::Args;

use super::select::Selected;
use crate::{
    cli::{CliError, Cx, Exit},
    config::agent_file::Span,
    sandbox::Sandboxes,
};

/// Let running sandboxes live longer
#[derive(Debug, Args)]
pub(super) struct RenewArgs {
    #[command(flatten)]
    selected: Selected,
    /// How long from now on
    #[arg(long = "for", value_name = "TIME", default_value = "24h")]
    by: Span,
}

pub(super) async fn run(args: &RenewArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let mut failed = None;
    for id in args.selected.find(all).await? {
        match all.renew(&id, args.by.0).await {
            Ok(_) => cx.printer.stdout(&format!("{id}\n"))?,
            Err(error) => failed = super::next(failed, &id, error, cx),
        }
    }
    failed.map_or(Ok(Exit::Done), Err)
}
