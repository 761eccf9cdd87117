//! `agentscope sandbox renew`.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::{
    each::{Each, Named},
    select::Selected,
};
use crate::{
    cli::{CliError, Cx, Exit},
    config::agent_file::Span,
    sandbox::{SandboxId, Sandboxes},
};

/// Let running sandboxes live longer
#[derive(Debug, Args)]
#[command(after_help = "Example: agentscope sandbox renew 3f2a --for 2h")]
pub(super) struct RenewArgs {
    #[command(flatten)]
    selected: Selected,
    /// How long from now on
    #[arg(long = "for", value_name = "TIME", default_value = "24h")]
    by: Span,
}

#[derive(Serialize)]
struct Renewed {
    id: SandboxId,
    expires: Timestamp,
}

impl Named for Renewed {
    fn id(&self) -> &SandboxId {
        &self.id
    }
}

pub(super) async fn run(args: &RenewArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let mut each: Each<'_, Renewed> = Each::new(args.selected.output, cx);
    for id in args.selected.find(all, cx).await? {
        match all.renew(&id, args.by.0).await {
            Ok(expires) => each.done(Renewed { id, expires })?,
            Err(error) => each.failed(&id, error),
        }
    }
    each.end()
}
