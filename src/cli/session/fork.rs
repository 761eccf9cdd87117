//! `agentscope session fork`.

use clap::Args;

use super::Sessions;
use crate::{
    cli::{CliError, Cx, Exit},
    domain::SessionId,
    store::Store as _,
};

/// Copy a session, or its beginning, and print the id of the copy
#[derive(Debug, Args)]
pub(super) struct ForkArgs {
    /// An id, the start or the end of one, or `last`
    #[arg(value_name = "ID")]
    id: String,
    /// Copy only the first N messages
    #[arg(long, value_name = "N")]
    at: Option<u64>,
}

pub(super) async fn run(args: &ForkArgs, sessions: &Sessions, cx: &Cx) -> Result<Exit, CliError> {
    let info = sessions.find(&args.id).await?;
    if let Some(at) = args.at.filter(|at| *at > info.messages) {
        return Err(CliError::usage(format!("the session has {} messages, not {at}", info.messages)));
    }
    let new = SessionId::new();
    sessions.store.fork(&sessions.key(&info), args.at, new.clone()).await?;
    cx.printer.stdout(&format!("{new}\n"))?;
    Ok(Exit::Done)
}
