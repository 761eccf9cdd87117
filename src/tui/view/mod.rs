//! What is seen, from what is known. Pure, but for what the transcript hands over as finished.

mod ask;
mod fit;
mod pager;
mod room;
mod status;
#[cfg(test)]
mod tests;

use std::time::Instant;

use ratatui::{
    layout::Position,
    text::{Line, Span},
};

use self::fit::{fit, plain};
pub use self::pager::pager;
use super::{
    app::{App, Overlay},
    screen::Live,
    text::{Wrap, one_line},
    theme::Role,
};

/// A frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// For the scrollback.
    pub finished: Vec<Line<'static>>,
    pub live: Live,
}

/// Rows of queued messages that are shown at most.
const MOST_PENDING: usize = 4;

/// The next frame.
pub fn view(app: &mut App, now: Instant) -> View {
    let width = app.width();
    let mut finished = std::mem::take(&mut app.carried);
    finished.extend(app.transcript.drain(width, now));
    let rows = usize::from(app.size.rows.max(1));
    let mut bottom = Bottom { has_status: true, ..Bottom::default() };
    if app.asks.has_focus() {
        bottom.ask(app, rows, now);
    } else if app.overlay.is_some() {
        bottom.overlay(app, rows, now);
    } else {
        bottom.ask_hint(app);
        bottom.pending(app);
        bottom.composer(app, rows);
        bottom.lines.extend(app.composer.popup(width, &app.theme));
    }
    if bottom.has_status {
        bottom.lines.push(status::line(app, now));
    }
    let over = bottom.lines.len().saturating_sub(rows);
    bottom.drop_first(over);
    let room = rows - bottom.lines.len();
    let mut lines = live(app, room, now);
    let above = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let caret = bottom.caret.map(|caret| Position::new(caret.x.min(width - 1), caret.y + above));
    lines.append(&mut bottom.lines);
    View { finished, live: Live { lines, caret } }
}

/// What the agent says and does just now, in at most `room` rows.
fn live(app: &App, room: usize, now: Instant) -> Vec<Line<'static>> {
    let Some(since) = app.work.as_ref().map(|work| work.since).or(app.aside).filter(|_| room > 0) else {
        return app.transcript.live(app.width(), u16::try_from(room).unwrap_or(u16::MAX), now);
    };
    let mut lines = match room {
        0..3 => vec![],
        _ => app.transcript.live(app.width(), u16::try_from(room - 2).unwrap_or(u16::MAX), now),
    };
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    let passed = now.duration_since(since);
    let seconds = passed.as_secs();
    let glyph = ["·", "✢", "✳", "✢"][usize::try_from(passed.as_millis() / 250 % 4).unwrap_or(0)];
    let (doing, hint) = match () {
        () if app.work.as_ref().is_some_and(|work| work.canceling) => ("stopping", ""),
        () if app.asks.count() > 0 => ("waits for you", ""),
        () => ("working", " · esc interrupts"),
    };
    let text = format!("{glyph} {doing} · {}{hint}", status::span(seconds));
    lines.push(fit(Line::styled(text, app.theme.style(Role::Dim)), app.width()));
    lines
}

/// The rows below what the agent says.
#[derive(Default)]
struct Bottom {
    lines: Vec<Line<'static>>,
    caret: Option<Position>,
    /// The status line is below these.
    has_status: bool,
}

impl Bottom {
    fn pending(&mut self, app: &App) {
        let steering = app.pending.steering.iter().map(|draft| ("into this turn: ", draft));
        let queued = app.pending.queued.iter().map(|draft| ("next: ", draft));
        let all: Vec<_> = steering.chain(queued).collect();
        for (label, draft) in all.iter().take(MOST_PENDING) {
            let spans = vec![
                Span::styled(*label, app.theme.style(Role::Accent)),
                Span::styled(plain(&draft.shown()), app.theme.style(Role::Dim)),
            ];
            self.lines.push(fit(Line::from(spans), app.width()));
        }
        let hint = match all.len().saturating_sub(MOST_PENDING) {
            0 if app.pending.held => "Enter sends it, ↑ edits it".to_owned(),
            0 if all.is_empty() => return,
            0 => "↑ edits the last".to_owned(),
            more => format!("and {more} more"),
        };
        self.lines.push(fit(Line::styled(hint, app.theme.style(Role::Dim)), app.width()));
    }

    fn composer(&mut self, app: &mut App, rows: usize) {
        if rows > 10 && self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        if rows > 4 {
            self.lines.push(Line::styled("─".repeat(usize::from(app.width())), app.theme.style(Role::Dim)));
        }
        let height = u16::try_from((rows / 2).max(1)).unwrap_or(u16::MAX);
        let (lines, caret) = app.composer.lines(app.width(), height, &app.theme);
        let above = u16::try_from(self.lines.len()).unwrap_or(u16::MAX);
        self.caret = Some(Position::new(caret.x, caret.y + above));
        self.lines.extend(lines);
    }

    fn overlay(&mut self, app: &mut App, rows: usize, now: Instant) {
        let (width, theme) = (app.width(), app.theme);
        let ready = app.overlay.as_ref().is_some_and(|overlay| overlay.is_ready(now));
        match &mut app.overlay {
            Some(Overlay::Pick { picker, .. }) => {
                let height = u16::try_from((rows * 2 / 3).max(rows.min(6))).unwrap_or(u16::MAX);
                let (lines, caret) = picker.lines(width, height.saturating_sub(1).max(1), &theme);
                self.caret = Some(caret);
                self.lines.extend(lines);
            }
            Some(Overlay::Confirm { confirm, .. }) => {
                let keys = match () {
                    () if !ready => "",
                    () if confirm.editable() => "y or n, or e to edit it",
                    () => "y or n",
                };
                let text = format!("{}? {keys}", one_line(&confirm.question));
                let mut lines = Wrap::to(usize::from(width)).lines(&Line::styled(text, theme.style(Role::Warning)));
                // Where there is not room for all of it, the keys are the last to go.
                lines.drain(..lines.len().saturating_sub(rows.max(1)));
                let last = lines.last().map_or(0, |line| u16::try_from(line.width()).unwrap_or(u16::MAX));
                let row = u16::try_from(lines.len().saturating_sub(1)).unwrap_or(u16::MAX);
                self.caret = Some(Position::new(last.saturating_add(1).min(width.saturating_sub(1)), row));
                self.lines.extend(lines);
            }
            None => {}
        }
    }

    /// Leaves out the first rows: those at the end say most.
    fn drop_first(&mut self, count: usize) {
        self.lines.drain(..count);
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        self.caret = self.caret.map(|caret| Position::new(caret.x, caret.y.saturating_sub(count)));
    }
}
