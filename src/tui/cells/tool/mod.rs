//! A call of a tool: one line that says what and how it went, and under it as much of the output as helps.

mod body;
mod group;
mod verbs;

use std::time::{Duration, Instant};

use ratatui::text::{Line, Span};
use serde_json::Value;

pub(super) use self::group::line as group;
use self::verbs::{Verb, exit_code, key_argument, verb};
use super::{
    Look,
    fold::{Fold, output},
    time::{count, short, span},
};
use crate::{
    domain::{ToolCall, ToolOutcome},
    tui::{
        text::{cut, one_line, width},
        theme::Role,
    },
};

/// Bytes of a running tool's output that are kept: the whole comes at its end.
const KEPT: usize = 16 << 10;
/// Rows of it that are shown, and bytes that they are looked for in.
const TAIL: usize = 5;
const SEEN: usize = 4 << 10;
/// What took less is not worth a number.
const QUICK: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub call: ToolCall,
    pub took: Option<Duration>,
    pub outcome: ToolOutcome,
}

/// A call that has not ended.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub call: ToolCall,
    pub since: Instant,
    pub state: State,
    output: String,
    /// Line ends that were dropped from its beginning.
    dropped: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The model writes its arguments, so many bytes by now.
    Written(usize),
    Runs,
    /// For the user's word.
    Waits,
}

/// `Running cargo test`: what a call does, in one line of at most `most` columns.
#[must_use]
pub fn describe(call: &ToolCall, most: usize) -> String {
    let verb = verb(&call.name);
    cut(&one_line(format!("{} {}", verb.running, key_argument(call, &verb)).trim_end()), most)
}

impl Tool {
    pub(super) fn lines(&self, look: Look<'_>) -> Vec<Line<'static>> {
        let verb = verb(&self.call.name);
        let (glyph, role) = self.glyph();
        let key = key_argument(&self.call, &verb);
        // What was not let run was not done.
        let ran = matches!(self.outcome, ToolOutcome::Ok { .. } | ToolOutcome::Failed { .. });
        let said = if ran { verb.done } else { verb.running };
        let mut lines = vec![head(&Head { glyph, role, verb: said, key: &key, after: self.after(&verb) }, look)];
        lines.extend(body::lines(self, &verb, look));
        lines
    }

    fn glyph(&self) -> (&'static str, Role) {
        match &self.outcome {
            ToolOutcome::Ok { .. } if self.exit_code().is_some() => ("✗", Role::Error),
            ToolOutcome::Ok { .. } => ("✓", Role::Success),
            ToolOutcome::Failed { .. } => ("✗", Role::Error),
            ToolOutcome::Denied { .. } => ("⊘", Role::Warning),
            ToolOutcome::Canceled => ("■", Role::Warning),
        }
    }

    /// Other than 0.
    fn exit_code(&self) -> Option<i32> {
        verb(&self.call.name).runs_program.then(|| exit_code(&self.outcome.text())).flatten()
    }

    fn after(&self, verb: &Verb<'_>) -> Vec<String> {
        let mut parts = vec![];
        match &self.outcome {
            ToolOutcome::Ok { .. } => {
                parts.extend(self.exit_code().map(|code| format!("exit {code}")));
                parts.extend(body::measure(self, verb));
            }
            ToolOutcome::Failed { .. } => parts.push("failed".to_owned()),
            ToolOutcome::Denied { .. } => parts.push("denied".to_owned()),
            ToolOutcome::Canceled => parts.push("canceled".to_owned()),
        }
        parts.extend(self.took.filter(|took| *took >= QUICK).map(span));
        parts
    }
}

impl Running {
    pub(super) fn new(call: ToolCall, state: State, now: Instant) -> Self {
        Self { call, since: now, state, output: String::new(), dropped: 0 }
    }

    pub(super) fn on_output(&mut self, chunk: &str) {
        self.output.push_str(chunk);
        if self.output.len() > 2 * KEPT {
            let start = self.output.ceil_char_boundary(self.output.len() - KEPT);
            self.dropped += self.output[..start].matches('\n').count();
            self.output.drain(..start);
        }
    }

    pub(super) fn ended(self, outcome: ToolOutcome, now: Instant) -> Tool {
        let took = (self.state == State::Runs).then(|| now.saturating_duration_since(self.since));
        Tool { call: self.call, took, outcome }
    }

    pub(super) fn lines(&self, now: Instant, look: Look<'_>) -> Vec<Line<'static>> {
        let verb = verb(&self.call.name);
        let (glyph, role, after) = match self.state {
            State::Written(bytes) => {
                let bytes = format!("{} B", short(u64::try_from(bytes).unwrap_or(u64::MAX)));
                ("✎", Role::Dim, vec!["writing the call".to_owned(), bytes])
            }
            State::Runs => ("●", Role::Accent, vec![span(now.saturating_duration_since(self.since))]),
            State::Waits => ("?", Role::Warning, vec!["waits for you".to_owned()]),
        };
        let key = key_argument(&self.call, &verb);
        let mut lines = vec![head(&Head { glyph, role, verb: verb.running, key: &key, after }, look)];
        lines.extend(self.tail(look));
        lines
    }

    /// Its last rows, of no more text than they can hold.
    fn tail(&self, look: Look<'_>) -> Vec<Line<'static>> {
        let written = self.output.trim_end();
        let end = &written[written.ceil_char_boundary(written.len().saturating_sub(SEEN))..];
        let mut lines = output(end, Role::Dim, Fold { head: 0, tail: usize::MAX / 2 }, look);
        let mut shown = lines.split_off(lines.len().saturating_sub(TAIL));
        let all = self.dropped + written.lines().count();
        if all > shown.len() {
            let text = cut(&format!("  … {} before", count(all - shown.len(), "line")), look.width);
            shown.insert(0, Line::from(Span::styled(text, look.theme.style(Role::Dim))));
        }
        shown
    }
}

struct Head<'a> {
    glyph: &'static str,
    role: Role,
    verb: &'a str,
    key: &'a str,
    /// Exit code, size, time.
    after: Vec<String>,
}

/// One line. Where there is no room, what comes last in it goes first, and then the key argument is cut.
fn head(head: &Head<'_>, look: Look<'_>) -> Line<'static> {
    let (verb, key) = (one_line(head.verb), one_line(head.key));
    let begin = width(head.glyph) + 1 + width(&verb);
    let room = look.width.saturating_sub(begin);
    let after = |parts: &[String]| parts.iter().map(|part| format!(" · {}", one_line(part))).collect::<String>();
    let fits = |parts: &[String]| width(&after(parts)) + (width(&key) + 1).min(look.width / 2) <= room;
    let kept = (1..=head.after.len()).rev().find(|kept| fits(&head.after[..*kept])).unwrap_or(1);
    let after = after(&head.after[..kept.min(head.after.len())]);
    let key = cut(&key, room.saturating_sub(width(&after) + 1));
    let key = if key.is_empty() { key } else { format!(" {key}") };
    let style = |role| look.theme.style(role);
    let parts = [
        (format!("{} ", head.glyph), style(head.role)),
        (verb, style(Role::Accent)),
        (key, style(Role::Text)),
        (after, style(Role::Dim)),
    ];
    let mut left = look.width;
    let mut spans = vec![];
    for (text, style) in parts {
        let text = cut(&text, left);
        left -= width(&text);
        if !text.is_empty() {
            spans.push(Span::styled(text, style));
        }
    }
    Line::from(spans)
}

/// An argument that is text.
fn argument<'a>(call: &'a ToolCall, key: &str) -> Option<&'a str> {
    call.arguments.get(key).and_then(Value::as_str)
}
