//! `agentscope session rename`.

use clap::Args;

use super::Sessions;
use crate::{
    cli::{CliError, Cx, Exit},
    store::Store as _,
};

/// Give a session a title
#[derive(Debug, Args)]
pub(super) struct RenameArgs {
    /// An id, the start or the end of one, or `last`
    #[arg(value_name = "ID")]
    id: String,
    /// What it is to be called
    #[arg(value_name = "TITLE")]
    title: String,
}

pub(super) async fn run(args: &RenameArgs, sessions: &Sessions, _cx: &Cx) -> Result<Exit, CliError> {
    let title = args.title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() {
        return Err(CliError::usage("the title is empty"));
    }
    let info = sessions.find(&args.id).await?;
    sessions.store.rename(&sessions.key(&info), &title).await?;
    Ok(Exit::Done)
}
