//! Calls that only looked at files, one after the other, as one line; the pager has each of them.

use std::time::Duration;

use ratatui::text::Line;

use super::{Head, Look, QUICK, Tool, head, verbs};
use crate::{
    domain::ToolOutcome,
    tui::{
        cells::time::{count, span},
        theme::Role,
    },
};

/// What each looked at, as it is counted.
const LOOKS: [(&str, &str, &str); 6] = [
    ("read_file", "read", "file"),
    ("read_multiple_files", "read", "file"),
    ("list_directory", "listed", "folder"),
    ("directory_tree", "listed", "folder"),
    ("search_files", "searched for", "pattern"),
    ("get_file_info", "looked at", "path"),
];

fn looks(tool: &Tool) -> Option<(&'static str, &'static str)> {
    LOOKS.iter().find(|(name, ..)| *name == tool.call.name).map(|(_, verb, of)| (*verb, *of))
}

impl Tool {
    /// Whether it can stand in one line with others.
    pub(in crate::tui::cells) fn only_looked(&self) -> bool {
        matches!(self.outcome, ToolOutcome::Ok { .. }) && looks(self).is_some()
    }
}

/// `✓ Read 3 files, listed 1 folder src/a.rs, src/b.rs, src/c.rs, src`.
pub(in crate::tui::cells) fn line(tools: &[&Tool], look: Look<'_>) -> Line<'static> {
    let mut counts: Vec<((&str, &str), usize)> = vec![];
    for tool in tools {
        let Some(what) = looks(tool) else { continue };
        let several = tool.call.arguments.get("paths").and_then(serde_json::Value::as_array).map_or(1, Vec::len);
        match counts.iter_mut().find(|(counted, _)| *counted == what) {
            Some((_, number)) => *number += several,
            None => counts.push((what, several)),
        }
    }
    let said: Vec<_> = counts.iter().map(|((verb, of), number)| format!("{verb} {}", count(*number, of))).collect();
    let mut said = said.join(", ");
    said[..1].make_ascii_uppercase();
    let keys: Vec<_> =
        tools.iter().map(|tool| verbs::key_argument(&tool.call, &verbs::verb(&tool.call.name))).collect();
    let took: Duration = tools.iter().filter_map(|tool| tool.took).sum();
    let after = (took >= QUICK).then(|| span(took)).into_iter().collect();
    head(&Head { glyph: "✓", role: Role::Success, verb: &said, key: &keys.join(", "), after }, look)
}
