//! `agentscope logs`.

use clap::Args;
use futures_util::StreamExt as _;

use super::{find::find, until_told};
use crate::{
    cli::{CliError, Cx, Exit},
    deploy::Follow,
};

/// Show what a deployment writes
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope logs demo
  agentscope logs demo --tail 20 -f")]
pub(in crate::cli) struct LogsArgs {
    /// The deployment: its id, its name, or the beginning of one
    #[arg(value_name = "ID")]
    id: String,
    /// Go on with what it writes from now on
    #[arg(short, long)]
    follow: bool,
    /// Only the last lines
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,
}

pub(in crate::cli) fn run(args: &LogsArgs, cx: &Cx) -> Result<Exit, CliError> {
    let show = async {
        let found = find(&args.id, cx).await?;
        let follow = if args.follow { Follow::Yes } else { Follow::No };
        let mut stream = found.deployer.logs(found.observed.place(), args.tail, follow).await?;
        while let Some(part) = stream.next().await {
            cx.printer.stdout_bytes(&part?)?;
        }
        Ok(())
    };
    until_told(cx, show, |()| Ok(Exit::Done))
}
