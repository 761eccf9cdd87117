//! What stands under the line of a call.

use ratatui::text::{Line, Span};
use serde_json::Value;

use super::{
    Tool, argument,
    verbs::{Shows, Verb},
};
use crate::{
    domain::{Content, ToolOutcome},
    tui::{
        cells::{
            Detail, Look,
            fold::{Fold, output},
            time::count,
        },
        diff::Diff,
        highlight::Highlighter,
        text::{Break, Wrap, clean, width},
        theme::Role,
    },
};

const OUTPUT: Fold = Fold { head: 2, tail: 4 };
const ERROR: Fold = Fold { head: 4, tail: 2 };
/// Lines of a difference that are shown folded.
const DIFF: usize = 24;
/// Columns of the line of a call besides its key argument, about.
const MARGIN: usize = 30;
const TODOS: Fold = Fold { head: 12, tail: 0 };

pub(super) fn lines(tool: &Tool, verb: &Verb<'_>, look: Look<'_>) -> Vec<Line<'static>> {
    let mut lines = if look.detail == Detail::Full { arguments(tool, verb, look) } else { vec![] };
    lines.extend(match &tool.outcome {
        ToolOutcome::Ok { content } => went_well(tool, content, verb, look),
        ToolOutcome::Failed { error } => output(error, Role::Error, ERROR, look),
        ToolOutcome::Denied { reason, .. } => output(reason, Role::Dim, ERROR, look),
        ToolOutcome::Canceled => vec![],
    });
    lines
}

/// For the line itself: how much it was.
pub(super) fn measure(tool: &Tool, verb: &Verb<'_>) -> Option<String> {
    let lines = |text: &str| count(text.trim_end().lines().count(), "line");
    match verb.shows {
        Shows::Output => None,
        Shows::Size => Some(lines(&tool.outcome.text())),
        Shows::Written => argument(&tool.call, "content").map(lines),
        Shows::Difference => {
            let diff = difference(tool);
            Some(format!("+{} −{}", diff.added, diff.removed))
        }
        Shows::Todos => {
            let items = tool.call.arguments.get("items")?.as_array()?;
            let done = items.iter().filter(|item| item.get("status").is_some_and(|status| status == "done")).count();
            Some(format!("{done} of {} done", items.len()))
        }
    }
}

fn went_well(tool: &Tool, content: &[Content], verb: &Verb<'_>, look: Look<'_>) -> Vec<Line<'static>> {
    let mut lines = match verb.shows {
        Shows::Output => output(&tool.outcome.text(), Role::Dim, OUTPUT, look),
        Shows::Size | Shows::Written if look.detail == Detail::Folded => vec![],
        Shows::Size | Shows::Written => output(&tool.outcome.text(), Role::Dim, OUTPUT, look),
        Shows::Difference => {
            let most = if look.detail == Detail::Folded { DIFF } else { usize::MAX };
            indented(difference(tool).lines(look.width.saturating_sub(2).max(1), most, look.theme), look)
        }
        Shows::Todos => todos(tool, look),
    };
    let images = content.iter().filter(|part| matches!(part, Content::Image(_))).count();
    if images > 0 {
        lines.extend(output(&format!("[{}]", count(images, "image")), Role::Dim, OUTPUT, look));
    }
    lines
}

/// The difference that the tool gave, or that its arguments ask for.
fn difference(tool: &Tool) -> Diff {
    let text = tool.outcome.text();
    let fenced = text.split_once("```diff\n").map(|(_, rest)| rest.trim_end().trim_end_matches('`'));
    if let Some(inner) = fenced {
        return Diff::of_unified(inner);
    }
    let edits = tool.call.arguments.get("edits").and_then(Value::as_array);
    let join = |key: &str| -> String {
        let texts = edits.iter().flat_map(|edits| edits.iter()).filter_map(|edit| edit.get(key)?.as_str());
        texts.map(|text| format!("{}\n", text.trim_end_matches('\n'))).collect()
    };
    Diff::between(&join("oldText"), &join("newText"))
}

fn todos(tool: &Tool, look: Look<'_>) -> Vec<Line<'static>> {
    let items = tool.call.arguments.get("items").and_then(Value::as_array);
    let mut lines = vec![];
    for item in items.into_iter().flatten() {
        let text = item.get("text").and_then(Value::as_str).unwrap_or_default();
        let (sign, role) = match item.get("status").and_then(Value::as_str) {
            Some("done") => ("  ☑ ", Role::Dim),
            Some("in_progress") => ("  ▸ ", Role::Accent),
            _ => ("  ☐ ", Role::Text),
        };
        let style = look.theme.style(role);
        let line = Line::from(crate::tui::text::span(text, style));
        lines.extend(Wrap::to(look.width).prefix(Span::styled(sign, style), "    ").lines(&line));
    }
    TODOS.lines(lines, look)
}

/// What the line of the call does not say of its arguments: a long command, the text of a file, JSON.
fn arguments(tool: &Tool, verb: &Verb<'_>, look: Look<'_>) -> Vec<Line<'static>> {
    let json = || serde_json::to_string_pretty(&tool.call.arguments).unwrap_or_default();
    let own = |key| argument(&tool.call, key).map(str::to_owned);
    let (language, text) = match (verb.shows, tool.call.name.as_str()) {
        (Shows::Output, "run_shell_command") => ("bash", own("command")),
        (Shows::Output, "run_ipython_cell") => ("python", own("code")),
        (Shows::Written, _) => {
            let name = argument(&tool.call, "path").unwrap_or_default();
            (name.rsplit_once('.').map_or("", |(_, end)| end), own("content"))
        }
        (Shows::Output, _) => ("json", None),
        (Shows::Size | Shows::Difference | Shows::Todos, _) => return vec![],
    };
    let text = text.unwrap_or_else(json);
    let said = verb.keys.len() == 1 && !text.contains('\n') && width(&text) + MARGIN < look.width;
    if said || matches!(text.as_str(), "null" | "{}" | "") {
        return vec![];
    }
    let mut lines = code(&text, language, look);
    let rule = Span::styled("─".repeat(12), look.theme.style(Role::Dim));
    lines.extend(Wrap::to(look.width).prefix("  ", "  ").lines(&Line::from(rule)).into_iter().take(1));
    lines
}

fn code(text: &str, language: &str, look: Look<'_>) -> Vec<Line<'static>> {
    let mut highlighter = Highlighter::of(language);
    let wrap = Wrap::to(look.width).breaks(Break::Anywhere).prefix("  ", "  ");
    let text = clean(text.trim_end());
    let mut lines = vec![];
    for line in text.split('\n') {
        let spans = highlighter.as_mut().map(|highlighter| highlighter.line(line, look.theme));
        let spans = spans.unwrap_or_else(|| vec![Span::raw(line.to_owned())]);
        lines.extend(wrap.lines(&Line::from(spans)));
    }
    lines
}

fn indented(lines: Vec<Line<'static>>, look: Look<'_>) -> Vec<Line<'static>> {
    let indent = |mut line: Line<'static>| {
        if look.width > 2 {
            line.spans.insert(0, Span::raw("  "));
        }
        line
    };
    lines.into_iter().map(indent).collect()
}
