//! `agentscope rollback`.

use std::time::Duration;

use clap::Args;

use super::{DeployOutput, find::find_exact, in_order, report};
use crate::cli::{CliError, Cx, Exit};

/// Let an earlier revision of a deployment run again
#[derive(Debug, Args)]
#[command(after_help = "It has the secrets that it had. Where it does not answer, the present one goes on.

Examples:
  agentscope rollback demo
  agentscope rollback demo --to 3")]
pub(in crate::cli) struct RollbackArgs {
    /// The deployment: its id or its name
    #[arg(value_name = "ID")]
    id: String,
    /// This revision [default: the one before]
    #[arg(long, value_name = "REVISION")]
    to: Option<u32>,
    /// How long it may take until it answers, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: DeployOutput,
}

pub(in crate::cli) fn run(args: &RollbackArgs, cx: &Cx) -> Result<Exit, CliError> {
    in_order(cx, |steps| async move {
        let found = cx.interrupt.or(find_exact(&args.id, cx)).await?;
        let patience = Duration::from_secs(args.timeout);
        let done = found.deployer.rollback(found.observed.place(), args.to, patience, &*steps).await?;
        drop(steps);
        report::deployed(&done, args.output, cx)
    })
}
