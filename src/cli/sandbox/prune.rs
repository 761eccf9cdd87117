//! `agentscope sandbox prune`.

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    cli::{CliError, Cx, Exit, Output},
    config::agent_file::Span,
    sandbox::Sandboxes,
};

/// Delete stopped sandboxes and what processes that were killed left behind, and print the ids
///
/// Python packages that no sandbox used for 30 days are deleted too; one that needs them installs them again.
#[derive(Debug, Args)]
#[command(after_help = "Example: agentscope sandbox prune --older-than 30d --dry-run")]
pub(super) struct PruneArgs {
    /// Only those that were not used for so long, such as 30d or 12h
    #[arg(long, value_name = "TIME")]
    older_than: Option<Span>,
    /// Only say which ones
    #[arg(long)]
    dry_run: bool,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

pub(super) async fn run(args: &PruneArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let age = args.older_than.map_or(std::time::Duration::ZERO, |span| span.0);
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    let before = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
    let pruned = all.prune(before, args.dry_run).await?;
    if args.output == Output::Text {
        for info in &pruned {
            cx.printer.stdout(&format!("{}\n", info.id))?;
        }
    }
    let layers = all.prune_packages(args.dry_run).await?;
    if args.output == Output::Json {
        let ids: Vec<_> = pruned.iter().map(|info| &info.id).collect();
        cx.printer.json(&json!({ "sandboxes": ids, "package_sets": layers, "dry_run": args.dry_run }))?;
        return Ok(Exit::Done);
    }
    if layers > 0 {
        let done = if args.dry_run { "would be deleted" } else { "deleted" };
        cx.printer.stderr(&format!("unused sets of Python packages {done}: {layers}\n"));
    }
    if pruned.is_empty() && layers == 0 {
        cx.printer.stderr("nothing to delete\n");
    }
    Ok(Exit::Done)
}
