//! Differences in the form that git gives and takes.

use super::{Difference, Shown, State};

/// The differences as one patch, with what git has no words for in comments. Paths and contents are as they are: whoever
/// shows them on a terminal makes them safe.
#[must_use]
pub fn patch(differences: &[Difference]) -> String {
    let mut text = String::new();
    let mut folder = None;
    for difference in differences {
        if folder.replace(&difference.folder).is_none_or(|last| *last != difference.folder) {
            text.push_str(&format!("# in {}\n", difference.folder.display()));
        }
        one(difference, &mut text);
    }
    text
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
