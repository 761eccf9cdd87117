//! What the user wrote, and what the program itself says.

use ratatui::text::{Line, Span};

use super::{Look, fold::Fold};
use crate::tui::{
    text::{Wrap, clean},
    theme::Role,
};

/// A long paste is not shown a second time.
const FOLD: Fold = Fold { head: 12, tail: 3 };

pub(super) fn user(text: &str, look: Look<'_>) -> Vec<Line<'static>> {
    let mark = Span::styled("› ", look.theme.style(Role::User));
    let mut lines = vec![];
    for (i, line) in clean(text.trim_end()).split('\n').enumerate() {
        let first = if i == 0 { mark.clone() } else { Span::raw("  ") };
        let line = Line::from(Span::styled(line, look.theme.style(Role::Text)));
        lines.extend(Wrap::to(look.width).prefix(first, "  ").lines(&line));
    }
    FOLD.lines(lines, look)
}

pub(super) fn note(role: Role, text: &str, look: Look<'_>) -> Vec<Line<'static>> {
    let style = look.theme.style(role);
    let text = clean(text.trim_end());
    text.split('\n').flat_map(|line| Wrap::to(look.width).lines(&Line::from(Span::styled(line, style)))).collect()
}

/// A line of ours after a sign, such as a warning, continued under its text.
pub(super) fn signed(sign: &'static str, role: Role, text: &str, look: Look<'_>) -> Vec<Line<'static>> {
    let style = look.theme.style(role);
    let mut lines = vec![];
    for (i, line) in clean(text.trim_end()).split('\n').enumerate() {
        let first = if i == 0 { Span::styled(sign, style) } else { Span::raw("  ") };
        lines.extend(Wrap::to(look.width).prefix(first, "  ").lines(&Line::from(Span::styled(line, style))));
    }
    lines
}
