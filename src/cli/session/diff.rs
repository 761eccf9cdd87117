//! `agentscope session diff`.

use clap::Args;
use serde::Serialize;

use super::{Sessions, failed, in_background};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    sandbox::{
        Sandboxes,
        workspace::{Difference, Journal, Merged, Refused, Shown, State},
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

/// In the form that git gives and takes.
fn patch(differences: &[Difference], printer: &Printer) -> String {
    let mut text = String::new();
    let mut folder = None;
    for difference in differences {
        if folder.replace(&difference.folder).is_none_or(|last| *last != difference.folder) {
            text.push_str(&format!("# in {}\n", difference.folder.display()));
        }
        one(difference, &mut text);
    }
    if printer.terminal { coloured(&printable(&text), printer) } else { text }
}

fn one(difference: &Difference, text: &mut String) {
    let path = difference.change.path.display();
    let (before, after) = (&difference.change.before, &difference.change.after);
    match (before, after) {
        (State::Absent, State::Folder { .. }) => return text.push_str(&format!("# new folder {path}\n")),
        (State::Folder { .. }, State::Absent) => return text.push_str(&format!("# deleted folder {path}\n")),
        _ => text.push_str(&format!("diff --git a/{path} b/{path}\n")),
    }
    if !difference.change.is_undoable() {
        text.push_str("# was larger than what is kept: cannot be undone\n");
    }
    match (mode(before), mode(after)) {
        (None, Some(mode)) => text.push_str(&format!("new file mode {mode}\n")),
        (Some(mode), None) => text.push_str(&format!("deleted file mode {mode}\n")),
        (Some(old), Some(new)) if old != new => text.push_str(&format!("old mode {old}\nnew mode {new}\n")),
        _ => {}
    }
    let side = |side: char, state: &State| match state {
        State::Absent => "/dev/null".to_owned(),
        _ => format!("{side}/{path}"),
    };
    match &difference.shown {
        Shown::Text(hunks) if hunks.is_empty() => {}
        Shown::Text(hunks) => {
            text.push_str(&format!("--- {}\n+++ {}\n{hunks}", side('a', before), side('b', after)));
        }
        Shown::Binary => text.push_str(&format!("Binary files a/{path} and b/{path} differ\n")),
        Shown::Nothing => text.push_str("# too large to be shown, or not kept\n"),
    }
}

/// As git has it: the kind and the permission bits.
fn mode(state: &State) -> Option<String> {
    match state {
        State::File { mode, .. } => Some(format!("100{mode:o}")),
        State::Link { .. } => Some("120000".to_owned()),
        State::Folder { mode } => Some(format!("40{mode:04o}")),
        State::Absent | State::Special => None,
    }
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
