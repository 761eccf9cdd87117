//! `agentscope session prune`.

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::{Sessions, forget_changes, title};
use crate::{
    cli::{CliError, Cx, Exit},
    config::agent_file::Span,
    store::{Store as _, StoreError},
};

/// Delete the sessions that were not used for a while, and print their ids
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// How long, such as 30d or 12h
    #[arg(long, value_name = "TIME")]
    older_than: Span,
    /// Only say which ones
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: &PruneArgs, sessions: &Sessions, cx: &Cx) -> Result<Exit, CliError> {
    let age = SignedDuration::try_from(args.older_than.0).unwrap_or(SignedDuration::MAX);
    let before = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
    let mut pruned = 0;
    for info in sessions.all().await?.into_iter().filter(|info| info.updated_at <= before) {
        if !args.dry_run {
            match sessions.store.remove(&sessions.key(&info)).await {
                Err(StoreError::Busy(_)) => {
                    cx.printer.warn(&format!("session `{}` is in use and stays", info.id));
                    continue;
                }
                // Another has deleted it meanwhile.
                Err(StoreError::NotFound(_)) => continue,
                other => other?,
            }
            forget_changes(&sessions.key(&info), cx).await;
        }
        pruned += 1;
        cx.printer.stdout(&format!("{}\n", info.id))?;
        if args.dry_run {
            cx.printer.stderr(&format!("would delete: {}\n", title(&info)));
        }
    }
    if pruned == 0 {
        cx.printer.stderr("no session is that old\n");
    }
    Ok(Exit::Done)
}
