//! `agentscope session rm`.

use clap::Args;

use super::{Sessions, forget_changes};
use crate::{
    cli::{CliError, Cx, Exit},
    store::Store as _,
};

/// Delete sessions
#[derive(Debug, Args)]
pub(super) struct RmArgs {
    /// An id, the start or the end of one, or `last`
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

pub(super) async fn run(args: &RmArgs, sessions: &Sessions, cx: &Cx) -> Result<Exit, CliError> {
    // All are found before one is deleted, so that a slip of the pen deletes nothing.
    let mut found = vec![];
    for id in &args.ids {
        let info = sessions.find(id).await?;
        if !found.contains(&info) {
            found.push(info);
        }
    }
    for info in found {
        sessions.store.remove(&sessions.key(&info)).await?;
        forget_changes(&sessions.key(&info), cx).await;
        cx.printer.stdout(&format!("{}\n", info.id))?;
    }
    Ok(Exit::Done)
}
