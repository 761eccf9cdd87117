//! What the agent asks, and the answers that can be given.

use std::time::Instant;

use ratatui::{
    layout::Position,
    text::{Line, Span},
};
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::{
    Bottom,
    fit::{fit, plain},
    status,
};
use crate::{
    domain::{AgentPath, ToolCall},
    tui::{
        app::{App, Ask, Asked, Choice},
        theme::Role,
    },
    ui::printable,
};

impl Bottom {
    /// What is asked, in place of the composer.
    pub(super) fn ask(&mut self, app: &mut App, rows: usize, now: Instant) {
        let theme = app.theme;
        let label = match app.asks.first().map(|ask| &ask.asked) {
            Some(Asked::Approval { .. }) => "no, because ",
            Some(Asked::Question { .. }) => "answer ",
            None => return,
        };
        let indent = u16::try_from(label.width()).unwrap_or(0);
        let width = app.width().saturating_sub(indent).max(4);
        let own = app.asks.own.as_mut().map(|own| own.lines(width, 4, &theme));
        let Some(ask) = app.asks.first() else { return };
        let (choices, about) = (choices(app, ask, now), about(app, ask));
        let apart = usize::from(rows > 16);
        let fixed = choices.len() + about.len() + 2 + apart;
        self.lines.extend((0..apart).map(|_| Line::default()));
        self.lines.push(heading(app, ask));
        let (shown, page) = excerpt(app, &subject(app, ask), rows.saturating_sub(fixed).max(1));
        app.asks.page = page;
        self.lines.extend(shown);
        self.lines.extend(about);
        let Some((lines, caret)) = own else {
            self.lines.extend(choices);
            return;
        };
        let above = u16::try_from(self.lines.len()).unwrap_or(u16::MAX);
        self.caret = Some(Position::new(caret.x + indent, caret.y + above));
        for (at, line) in lines.into_iter().enumerate() {
            let label = if at == 0 { label.to_owned() } else { " ".repeat(label.width()) };
            let mut spans = vec![Span::styled(label, theme.style(Role::Accent))];
            spans.extend(line.spans);
            self.lines.push(fit(Line::from(spans), app.width()));
        }
    }

    /// Says that something is asked while the user types.
    pub(super) fn ask_hint(&mut self, app: &App) {
        if let Some(ask) = app.asks.first() {
            self.lines.push(heading(app, ask));
        }
    }
}

fn heading(app: &App, ask: &Ask) -> Line<'static> {
    let who = path(&ask.agent);
    let more = app.asks.count() - 1;
    let more = if more > 0 { format!("  ({more} more)") } else { String::new() };
    let what = match &ask.asked {
        Asked::Approval { call, .. } => format!("{who} wants to run {}{more}", plain(&call.name)),
        Asked::Question { .. } => format!("{who} asks{more}"),
    };
    fit(Line::styled(what, app.theme.style(Role::Warning)), app.width())
}

fn path(path: &AgentPath) -> String {
    plain(path.as_str()).replace('/', " ▸ ")
}

/// The whole of what is asked about, one line each.
fn subject(app: &App, ask: &Ask) -> Vec<String> {
    let text = match &ask.asked {
        // In full here, as it is cut to a row among the choices.
        Asked::Approval { call, rules, .. } if rules.len() > 1 => {
            format!("{}\nrules: {}", call_text(call).trim_end(), rules.join(", "))
        }
        Asked::Approval { call, .. } => call_text(call),
        Asked::Question { question, .. } => question.text.clone(),
    };
    let room = usize::from(app.width().saturating_sub(2).max(2));
    printable(&text).lines().flat_map(|line| broken(&line.replace('\t', "    "), room)).collect()
}

/// `text` in pieces of `room` columns: every character of a command is to be seen.
fn broken(text: &str, room: usize) -> Vec<String> {
    use unicode_segmentation::UnicodeSegmentation as _;
    let (mut pieces, mut piece, mut used) = (vec![], String::new(), 0);
    for grapheme in text.graphemes(true) {
        let width = grapheme.width();
        if used + width > room {
            pieces.push(std::mem::take(&mut piece));
            used = 0;
        }
        piece.push_str(grapheme);
        used += width;
    }
    pieces.push(piece);
    pieces
}

/// What a call does: the command or the code where that is all, else every argument.
fn call_text(call: &ToolCall) -> String {
    let Value::Object(arguments) = &call.arguments else { return call.arguments.to_string() };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match arguments.iter().next() {
        Some((_, only)) if arguments.len() == 1 => text(only),
        _ => arguments.iter().map(|(name, value)| format!("{name}: {}\n", text(value))).collect(),
    }
}

/// As much of the lines as `rows` hold, from where the user scrolled to, and how many of them that is.
fn excerpt(app: &App, lines: &[String], rows: usize) -> (Vec<Line<'static>>, usize) {
    let style = app.theme.style(Role::Text);
    let shown = |line: &String| Line::from(vec![Span::raw("  "), Span::styled(line.clone(), style)]);
    if lines.len() <= rows {
        return (lines.iter().map(shown).collect(), lines.len());
    }
    let room = rows.saturating_sub(1).max(1);
    let from = app.asks.scroll.min(lines.len() - room);
    let mut out: Vec<_> = lines[from..from + room].iter().map(shown).collect();
    let note = format!("  lines {} to {} of {}: PgUp, PgDn", from + 1, from + room, lines.len());
    out.push(fit(Line::styled(note, app.theme.style(Role::Warning)), app.width()));
    (out, room)
}

/// Where it would run, and why it asks.
fn about(app: &App, ask: &Ask) -> Vec<Line<'static>> {
    let Asked::Approval { reason, .. } = &ask.asked else { return vec![] };
    let place = match (&app.about.remote, status::sandbox(app)) {
        (Some(url), _) => format!("on {url}"),
        (None, Some((_, sandbox))) => format!("in {} · sandbox: {sandbox}", app.about.folder),
        (None, None) => format!("in {}", app.about.folder),
    };
    let dim = app.theme.style(Role::Dim);
    [place, format!("why: {}", plain(reason))]
        .into_iter()
        .map(|text| fit(Line::styled(format!("  {text}"), dim), app.width()))
        .collect()
}

fn choices(app: &App, ask: &Ask, now: Instant) -> Vec<Line<'static>> {
    // Nothing is marked as long as no key would choose it.
    let ready = app.asks.is_ready(now);
    let mark = |(at, choice): (usize, &Choice)| {
        let chosen = ready && at == app.asks.chosen;
        let role = if chosen { Role::Accent } else { Role::Text };
        let text = format!("{} {}  {}", if chosen { "❯" } else { " " }, key(at, choice), label(ask, choice));
        fit(Line::styled(text, app.theme.style(role)), app.width())
    };
    ask.choices().iter().enumerate().map(mark).collect()
}

fn key(at: usize, choice: &Choice) -> String {
    match choice {
        Choice::Once => "y".to_owned(),
        Choice::Session => "s".to_owned(),
        Choice::Always => "a".to_owned(),
        Choice::No => "n".to_owned(),
        Choice::NoAndStop => "x".to_owned(),
        Choice::Suggested(_) | Choice::Own | Choice::Decline => (at + 1).to_string(),
    }
}

fn label(ask: &Ask, choice: &Choice) -> String {
    let like = || match &ask.asked {
        Asked::Approval { rules, .. } if !rules.is_empty() => plain(&rules.join(", ")),
        Asked::Approval { .. } | Asked::Question { .. } => "this very call".to_owned(),
    };
    match choice {
        Choice::Once => "yes, this once".to_owned(),
        Choice::Session => format!("yes, in this session: {}", like()),
        Choice::Always => format!("yes, always; keeps the rule {}", like()),
        Choice::No => "no, and say why".to_owned(),
        Choice::NoAndStop => "no, and stop".to_owned(),
        Choice::Suggested(at) => match &ask.asked {
            Asked::Question { question, .. } => question.choices.get(*at).map(|text| plain(text)).unwrap_or_default(),
            Asked::Approval { .. } => String::new(),
        },
        Choice::Own => "something else".to_owned(),
        Choice::Decline => "no answer".to_owned(),
    }
}
