//! `agentscope sandbox create`.

use clap::Args;
use serde_json::json;

use super::{
    made_of::{Lasting, MadeOf, weaker},
    making,
    progress::Shown,
};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    config::agent_file::Span,
    sandbox::Sandboxes,
};

/// Make a sandbox that stays, and print its id
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope sandbox create -w . --workspace rw
  agentscope sandbox create --net full --memory 2Gi --idle-timeout 1h
  agentscope sandbox create --image python:3.13-slim --label job=nightly")]
pub(super) struct CreateArgs {
    #[command(flatten)]
    pub(super) made_of: MadeOf,
    /// Let it end after so long without a call; 0 for never [default: 5m]
    #[arg(long, value_name = "TIME")]
    idle_timeout: Option<Span>,
    /// Let it end after so long however busy it is; 0 for never [default: 24h]
    #[arg(long, value_name = "TIME")]
    max_age: Option<Span>,
    /// Refuse where so many are there already
    #[arg(long, value_name = "NUMBER")]
    max_count: Option<u32>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

pub(super) async fn run(args: &CreateArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    // First of all: from here on nobody can end us without our clearing up.
    let mut signals = super::signals()?;
    let lasting = Lasting { idle: args.idle_timeout, age: args.max_age, tied: false };
    let spec = args.made_of.spec(lasting, all, cx).await?;
    let made = making::make(spec, args.max_count, &Shown::new(cx), &mut signals, all).await?;
    let Some(sandbox) = made else { return Ok(Exit::Interrupted) };
    weaker(sandbox.confinement(), cx);
    match args.output {
        Output::Text => cx.printer.stdout(&format!("{}\n", sandbox.id()))?,
        Output::Json => cx.printer.json(&json!({
            "id": sandbox.id(),
            "backend": sandbox.spec().backend,
            "tier": sandbox.confinement().map(|confinement| confinement.tier),
        }))?,
    }
    Ok(Exit::Done)
}
