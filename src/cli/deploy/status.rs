//! `agentscope status`.

use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use super::{
    find::{Found, find},
    report, until_told,
};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    deploy::plan::State,
};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Show how a deployment is and which revisions it has, as its target says
#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is 1 where it does not run, 124 where it did not begin to within the time of --wait.

Examples:
  agentscope status demo
  agentscope status demo --wait --timeout 30"
)]
pub(in crate::cli) struct StatusArgs {
    /// The deployment: its id, its name, or the beginning of one
    #[arg(value_name = "ID")]
    id: String,
    /// Wait until it runs
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        requires = "wait",
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    timeout: u64,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

pub(in crate::cli) fn run(args: &StatusArgs, cx: &Cx) -> Result<Exit, CliError> {
    until_told(cx, look(args, cx), |(found, timed_out)| {
        match args.output {
            Output::Json => cx.printer.json(&found.observed)?,
            Output::Text => cx.printer.stdout(&report::status(&found.observed))?,
        }
        Ok(match found.observed.state {
            State::Running => Exit::Done,
            _ if timed_out => Exit::TimedOut,
            _ => Exit::Failed,
        })
    })
}

/// How it is, and whether it was waited for in vain.
async fn look(args: &StatusArgs, cx: &Cx) -> Result<(Found, bool), CliError> {
    let mut found = find(&args.id, cx).await?;
    found.observed = found.deployer.observe(found.observed.place()).await?;
    let begun = Instant::now();
    while args.wait && found.observed.state == State::Starting {
        if begun.elapsed() > Duration::from_secs(args.timeout) {
            return Ok((found, true));
        }
        tokio::time::sleep(LOOK).await;
        found.observed = found.deployer.observe(found.observed.place()).await?;
    }
    Ok((found, false))
}
