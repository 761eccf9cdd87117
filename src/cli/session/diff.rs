//! `agentscope session diff`.

use clap::Args;
use serde::Serialize;

use super::{Sessions, failed, in_background};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    sandbox::{
        Sandboxes,
        workspace::{self, Difference, Journal, Merged, Refused, Shown, State},
    },
    ui::{Printer, printable, style},
};

/// Show what a session changed in its workspace, from before its first change to now
///
/// What programs changed in a private copy (`workspace: copy`) is shown too, and `--apply` takes it into the folder. Off
/// a terminal the output is a patch.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// An id, the start or the end of one, or `last`
    #[arg(value_name = "ID", default_value = "last")]
    id: String,
    /// Take what was changed in the session's private copy into the folder; `undo` takes it back
    #[arg(long)]
    apply: bool,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

#[derive(Serialize)]
struct Entry<'a> {
    workspace: String,
    path: String,
    before: &'a State,
    after: &'a State,
    /// Whether it is in a private copy, and the folder is as it was.
    in_copy: bool,
    /// Whether what was before can be brought back.
    undoable: bool,
    /// Numbers of the calls that changed it, as `undo --to` takes them.
    calls: &'a [u64],
    /// Unified hunks; `null` where the content is binary, too large or was not kept.
    diff: Option<&'a str>,
}

pub(super) async fn run(args: &DiffArgs, sessions: &Sessions, cx: &Cx) -> Result<Exit, CliError> {
    let info = sessions.find(&args.id).await?;
    let key = sessions.key(&info);
    let journal = Journal::of_session(&cx.paths.state, &key);
    let copy = Sandboxes::new(&cx.paths, vec![]).workspace_of_session(&key).await.map_err(|error| failed(&error))?;
    if args.apply {
        let Some(copy) = copy else {
            return Err(CliError::failed(format!("session `{}` has no private copy to apply", info.id)));
        };
        let merged =
            in_background(move || copy.apply(&journal, "session diff --apply").map_err(|error| failed(&error))).await?;
        return applied(&merged, info.id.as_str(), args.output, cx);
    }
    let read = journal.clone();
    let (done, pending) = in_background(move || {
        let unread = |error: std::io::Error| CliError::failed("could not compare the workspace").because(&error);
        let pending =
            copy.map(|copy| copy.differences()).transpose().map_err(|error| failed(&error))?.unwrap_or_default();
        Ok((read.differences().map_err(unread)?, pending))
    })
    .await?;
    let (pending, refused) = pending;
    for Refused { path, reason } in refused {
        cx.printer.warn(&format!("`{}` would not be taken over: {reason}", path.display()));
    }
    if args.output == Output::Json {
        let entries = done.iter().map(|difference| entry(difference, false));
        cx.printer
            .json(&entries.chain(pending.iter().map(|difference| entry(difference, true))).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    if done.is_empty() && pending.is_empty() {
        cx.printer.stderr("no difference\n");
        return Ok(Exit::Done);
    }
    cx.printer.stdout(&patch(&done, &cx.printer))?;
    if !pending.is_empty() {
        cx.printer.stderr("in the private copy, not in the folder; `--apply` takes it over:\n");
        cx.printer.stdout(&patch(&pending, &cx.printer))?;
    }
    Ok(Exit::Done)
}

fn applied(merged: &Merged, id: &str, output: Output, cx: &Cx) -> Result<Exit, CliError> {
    super::undo::report(merged.call, &merged.changes, &merged.refused, output, cx)?;
    match merged.call {
        Some(call) if output == Output::Text => {
            cx.printer.stderr(&format!("to take it back: agentscope session undo {id} --to {call}\n"));
        }
        None if output == Output::Text => cx.printer.stderr("no difference\n"),
        _ => {}
    }
    Ok(if merged.refused.is_empty() { Exit::Done } else { Exit::Failed })
}

fn entry(difference: &Difference, in_copy: bool) -> Entry<'_> {
    Entry {
        workspace: difference.folder.display().to_string(),
        path: difference.change.path.display().to_string(),
        before: &difference.change.before,
        after: &difference.change.after,
        in_copy,
        undoable: difference.change.is_undoable(),
        calls: &difference.calls,
        diff: match &difference.shown {
            Shown::Text(text) => Some(text),
            Shown::Binary | Shown::Nothing => None,
        },
    }
}

fn patch(differences: &[Difference], printer: &Printer) -> String {
    let text = workspace::patch(differences);
    if printer.terminal { coloured(&printable(&text), printer) } else { text }
}

fn coloured(text: &str, printer: &Printer) -> String {
    text.split_inclusive('\n')
        .map(|line| {
            let style = match line.bytes().next() {
                Some(b'+') if !line.starts_with("+++") => style::SUCCESS,
                Some(b'-') if !line.starts_with("---") => style::ERROR,
                Some(b'@') => style::HINT,
                Some(b' ') => return line.to_owned(),
                _ => style::HEADING,
            };
            let style = printer.out_style(style);
            format!("{style}{}{style:#}\n", line.trim_end_matches('\n'))
        })
        .collect()
}
