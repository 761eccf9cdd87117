//! `agentscope session undo`.

use clap::Args;
use serde::Serialize;

use super::{Sessions, in_background};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    sandbox::workspace::{Change, Journal, Refused, State, UndoError},
    ui::printable,
};

/// Take back what a session changed in its workspace
///
/// Files are again what they were, to the byte, with their modes; what was made is gone and what was deleted is back.
/// Files that you changed since are left alone: then nothing is done at all, unless `--force` is given. An undo can be
/// undone.
#[derive(Debug, Args)]
pub(super) struct UndoArgs {
    /// An id, the start or the end of one, or `last`
    #[arg(value_name = "ID", default_value = "last")]
    id: String,
    /// Only back to before call N; `session diff -o json` has the numbers
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    to: u64,
    /// Also what you changed since
    #[arg(long)]
    force: bool,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

#[derive(Serialize)]
struct Report<'a> {
    /// Under which number this is in the journal of the session itself.
    call: Option<u64>,
    changed: Vec<Entry<'a>>,
    refused: Vec<Left>,
}

#[derive(Serialize)]
struct Entry<'a> {
    path: String,
    before: &'a State,
    after: &'a State,
}

#[derive(Serialize)]
struct Left {
    path: String,
    reason: String,
}

pub(super) async fn run(args: &UndoArgs, sessions: &Sessions, cx: &Cx) -> Result<Exit, CliError> {
    let info = sessions.find(&args.id).await?;
    let journal = Journal::of_session(&cx.paths.state, &sessions.key(&info));
    let (to, force) = (args.to, args.force);
    let undone = in_background(move || Ok(journal.undo(to, force)?)).await?;
    report(undone.call, &undone.changes, &undone.refused, args.output, cx)?;
    if args.output == Output::Text {
        cx.printer.stderr(&match undone.call {
            Some(call) => format!("to undo this: agentscope session undo {} --to {call}\n", info.id),
            None => "nothing to undo\n".to_owned(),
        });
    }
    Ok(if undone.refused.is_empty() { Exit::Done } else { Exit::Failed })
}

/// What was changed, and what was not.
pub(super) fn report(
    call: Option<u64>,
    changes: &[Change],
    refused: &[Refused],
    output: Output,
    cx: &Cx,
) -> Result<(), CliError> {
    if output == Output::Json {
        let changed = changes.iter().map(|change| Entry {
            path: change.path.display().to_string(),
            before: &change.before,
            after: &change.after,
        });
        let refused = refused
            .iter()
            .map(|refused| Left { path: refused.path.display().to_string(), reason: refused.reason.clone() });
        cx.printer.json(&Report { call, changed: changed.collect(), refused: refused.collect() })?;
        return Ok(());
    }
    let line = |change: &Change| format!("{}\n", printable(&change.told()));
    cx.printer.stdout(&changes.iter().map(line).collect::<String>())?;
    for Refused { path, reason } in refused {
        cx.printer.warn(&format!("`{}` stays as it is: {reason}", path.display()));
    }
    Ok(())
}

impl From<UndoError> for CliError {
    fn from(error: UndoError) -> Self {
        let this = Self::from_error(Exit::Failed, &error);
        match error {
            UndoError::Changed(_) => this.hint(
                "nothing was touched; `--force` takes them back as well, and what you wrote can be had back by another undo",
            ),
            UndoError::Io { .. } | UndoError::Journal(_) => this,
        }
    }
}
