//! What the model thought before it answered: three lines of it, and how long it took.

use std::time::Duration;

use ratatui::{
    style::Modifier,
    text::{Line, Span},
};

use super::{Look, fold::Fold, time::span};
use crate::tui::{
    text::{Wrap, clean, cut},
    theme::Role,
};

const ROWS: usize = 3;
const FOLD: Fold = Fold { head: ROWS, tail: 0 };
/// Bytes at the end of the thought that are enough for the last rows of it.
const TAIL: usize = 2 << 10;

#[derive(Clone, Debug, Default)]
pub(super) struct Reasoning {
    pub text: String,
    pub took: Option<Duration>,
}

impl Reasoning {
    pub(super) fn lines(&self, look: Look<'_>) -> Vec<Line<'static>> {
        let head = match self.took {
            Some(took) => format!("∴ thought for {}", span(took)),
            None => "∴ thought".to_owned(),
        };
        let mut lines = vec![head_line(&head, look)];
        lines.extend(FOLD.lines(rows(&self.text, look), look));
        lines
    }

    /// While it goes on: its end.
    pub(super) fn live(text: &str, since: Duration, look: Look<'_>) -> Vec<Line<'static>> {
        let mut lines = vec![head_line(&format!("∴ thinking · {}", span(since)), look)];
        let start = text.floor_char_boundary(text.len().saturating_sub(TAIL));
        let rows = rows(&text[start..], look);
        let over = rows.len().saturating_sub(ROWS);
        lines.extend(rows.into_iter().skip(over));
        lines
    }
}

fn head_line(text: &str, look: Look<'_>) -> Line<'static> {
    Line::from(Span::styled(cut(text, look.width), look.theme.style(Role::Dim)))
}

fn rows(text: &str, look: Look<'_>) -> Vec<Line<'static>> {
    let style = look.theme.style(Role::Dim).add_modifier(Modifier::ITALIC);
    let wrap = Wrap::to(look.width).prefix("  ", "  ");
    let text = clean(text.trim());
    // Models think in paragraphs: the empty lines would take the room of what is said.
    let lines = text.split('\n').filter(|line| !line.trim().is_empty());
    lines.flat_map(|line| wrap.lines(&Line::from(Span::styled(line, style)))).collect()
}
