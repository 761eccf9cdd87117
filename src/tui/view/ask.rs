//! What the agent asks, and the answers that can be given.

use std::{ops::Range, time::Instant};

use ratatui::{
    layout::Position,
    text::{Line, Span},
};
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::{
    Bottom,
    fit::{fit, plain},
    room::{Room, Wanted},
    status,
};
use crate::{
    domain::{AgentPath, ToolCall},
    tui::{
        app::{App, Ask, Asked, Choice},
        text::Wrap,
        theme::Role,
    },
    ui::printable,
};

/// Columns that it takes to read what is asked.
const NARROWEST: usize = 20;

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
        let height = if rows > 10 { 4 } else { 1 };
        let own = app.asks.own.as_mut().map(|own| own.lines(width, height, &theme));
        app.asks.seen = None;
        let Some(ask) = app.asks.first() else { return };
        let (head, rest) = (head(app, ask), subject(app, ask));
        let (head, subject) = (head.len(), [head, rest].concat());
        let (about, count) = (about(app, ask), ask.choices().len());
        let (least, most) = own.as_ref().map_or((1, count), |(lines, _)| (lines.len(), lines.len()));
        let wanted = Wanted { subject: subject.len(), head, answers: least..=most, about: about.len() };
        let Some(room) = Room::of(rows, wanted).filter(|_| usize::from(app.width()) >= NARROWEST) else {
            let no = match ask.asked {
                Asked::Approval { .. } => "Esc says no and stops",
                Asked::Question { .. } => "Esc gives no answer",
            };
            return self.too_small(app, rows, no);
        };
        self.has_status = room.status;
        self.lines.extend((0..usize::from(room.apart)).map(|_| Line::default()));
        self.lines.push(heading(app, ask));
        let (shown, page, from) = excerpt(app, &subject, room.subject);
        self.lines.extend(shown);
        // Why it asks, before where it would run.
        let dim = theme.style(Role::Dim);
        self.lines.extend(
            about[about.len() - room.about..].iter().map(|text| fit(Line::styled(text.clone(), dim), app.width())),
        );
        let Some((lines, caret)) = own else {
            let (lines, seen) = choices(app, ask, room.answers, now);
            self.lines.extend(lines);
            (app.asks.page, app.asks.scroll, app.asks.seen) = (page, from, Some(seen));
            return;
        };
        (app.asks.page, app.asks.scroll) = (page, from);
        let above = u16::try_from(self.lines.len()).unwrap_or(u16::MAX);
        self.caret = Some(Position::new(caret.x + indent, caret.y + above));
        for (at, line) in lines.into_iter().enumerate() {
            let label = if at == 0 { label.to_owned() } else { " ".repeat(label.width()) };
            let mut spans = vec![Span::styled(label, theme.style(Role::Accent))];
            spans.extend(line.spans);
            self.lines.push(fit(Line::from(spans), app.width()));
        }
    }

    /// Nobody says yes to what cannot be read.
    fn too_small(&mut self, app: &App, rows: usize, no: &str) {
        let text = format!("too small a window to show what is asked: make it larger; {no}");
        let line = Line::styled(text, app.theme.style(Role::Warning));
        let lines = Wrap::to(app.width().into()).lines(&line);
        self.has_status = lines.len() < rows;
        self.lines.extend(lines.into_iter().take(rows));
    }

    /// Says that something is asked while the user types.
    pub(super) fn ask_hint(&mut self, app: &App) {
        if let Some(ask) = app.asks.first() {
            self.lines.push(heading(app, ask));
        }
    }
}

fn heading(app: &App, ask: &Ask) -> Line<'static> {
    let fits = |text: &String| text.width() <= usize::from(app.width());
    let whole = headline(app, ask);
    let text = match &ask.asked {
        // What is to run matters more than who wants it.
        Asked::Approval { call, .. } => {
            let name = plain(&call.name);
            let short = [format!("wants to run {name}"), format!("{name}?")];
            [whole.clone()].into_iter().chain(short).find(fits).unwrap_or(whole)
        }
        Asked::Question { .. } => whole,
    };
    fit(Line::styled(text, app.theme.style(Role::Warning)), app.width())
}

/// The name of the tool, where no heading holds it.
fn head(app: &App, ask: &Ask) -> Vec<String> {
    match &ask.asked {
        Asked::Approval { call, .. } if plain(&call.name).width() + 1 > usize::from(app.width()) => {
            rows(app, &format!("tool: {}", call.name))
        }
        Asked::Approval { .. } | Asked::Question { .. } => vec![],
    }
}

/// What is asked, and by whom.
pub(super) fn headline(app: &App, ask: &Ask) -> String {
    let who = path(&ask.agent);
    let more = app.asks.count() - 1;
    let more = if more > 0 { format!("  ({more} more)") } else { String::new() };
    match &ask.asked {
        Asked::Approval { call, .. } => format!("{who} wants to run {}{more}", plain(&call.name)),
        Asked::Question { .. } => format!("{who} asks{more}"),
    }
}

fn path(path: &AgentPath) -> String {
    plain(path.as_str()).replace('/', " ▸ ")
}

/// The whole of what is asked about, one line a row; what is cut elsewhere is here in full.
fn subject(app: &App, ask: &Ask) -> Vec<String> {
    let cut = |text: &str| text.width() > usize::from(app.width());
    let cut_answer = |at: usize, choice: &Choice| cut(&marked("❯", &answer(ask, at, choice)));
    let who = cut(&headline(app, ask)).then(|| format!("\nagent: {}", path(&ask.agent)));
    let text: String = match &ask.asked {
        Asked::Approval { call, rules, .. } => {
            let rules =
                (rules.len() > 1 || cut_answer(2, &Choice::Always)).then(|| format!("\nrules: {}", rules.join(", ")));
            let about = about(app, ask).into_iter().filter(|text| cut(text)).map(|text| format!("\n{}", text.trim()));
            let call = call_text(call);
            [Some(call.trim_end().to_owned()), who, rules].into_iter().flatten().chain(about).collect()
        }
        Asked::Question { question, .. } => {
            let choices = ask.choices();
            let choices = choices.iter().enumerate().filter(|(at, choice)| cut_answer(*at, choice));
            let choices = choices.map(|(at, choice)| format!("\n{}", answer(ask, at, choice)));
            [question.text.trim_end().to_owned()].into_iter().chain(choices).chain(who).collect()
        }
    };
    rows(app, &text)
}

fn rows(app: &App, text: &str) -> Vec<String> {
    let room = usize::from(app.width().saturating_sub(2).max(2));
    printable(text).lines().flat_map(|line| broken(&line.replace('\t', "    "), room)).collect()
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

/// As much of the lines as `rows` hold, from where the user scrolled to, how many of them that is, and the first.
fn excerpt(app: &App, lines: &[String], rows: usize) -> (Vec<Line<'static>>, usize, usize) {
    let style = app.theme.style(Role::Text);
    let shown = |line: &String| Line::from(vec![Span::raw("  "), Span::styled(line.clone(), style)]);
    if lines.len() <= rows {
        return (lines.iter().map(shown).collect(), lines.len(), 0);
    }
    let room = rows.saturating_sub(1).max(1);
    let from = app.asks.scroll.min(lines.len() - room);
    let mut out: Vec<_> = lines[from..from + room].iter().map(shown).collect();
    let (last, all) = (from + room, lines.len());
    let note = match format!("  lines {} to {last} of {all}: PgUp, PgDn", from + 1) {
        note if note.width() > app.width().into() => format!("  {last}/{all}: PgUp, PgDn"),
        note => note,
    };
    out.push(fit(Line::styled(note, app.theme.style(Role::Warning)), app.width()));
    (out, room, from)
}

/// Where it would run, and why it asks.
fn about(app: &App, ask: &Ask) -> Vec<String> {
    let Asked::Approval { reason, .. } = &ask.asked else { return vec![] };
    let place = match (&app.about.remote, status::sandbox(app)) {
        (Some(url), _) => format!("on {url}"),
        (None, Some((_, sandbox))) => format!("in {} · sandbox: {sandbox}", app.about.folder),
        (None, None) => format!("in {}", app.about.folder),
    };
    [place, format!("why: {}", plain(reason))].map(|text| format!("  {text}")).into()
}

/// As many of the answers as `rows` hold, the marked one among them, and which these are.
fn choices(app: &App, ask: &Ask, rows: usize, now: Instant) -> (Vec<Line<'static>>, Range<usize>) {
    // Nothing is marked as long as no key would choose it.
    let (ready, all) = (app.asks.is_ready(now), ask.choices());
    let from = (app.asks.chosen + 1).saturating_sub(rows).min(all.len() - rows);
    let more = if rows < all.len() { format!("  ↑↓ {} more", all.len() - rows) } else { String::new() };
    let line = |at: usize| {
        let chosen = ready && at == app.asks.chosen;
        let (mark, role) = if chosen { ("❯", Role::Accent) } else { (" ", Role::Text) };
        let text =
            format!("{}{}", marked(mark, &answer(ask, at, &all[at])), if at == app.asks.chosen { &more } else { "" });
        fit(Line::styled(text, app.theme.style(role)), app.width())
    };
    ((from..from + rows).map(line).collect(), from..from + rows)
}

/// A row with an answer.
fn marked(mark: &str, answer: &str) -> String {
    format!("{mark} {answer}")
}

fn answer(ask: &Ask, at: usize, choice: &Choice) -> String {
    format!("{}  {}", key(at, choice), label(ask, choice))
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
