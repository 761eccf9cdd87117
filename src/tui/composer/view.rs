//! How the composer looks.

use ratatui::{
    layout::Position,
    text::{Line, Span},
};

use super::{Composer, complete::Item, rows::Row};
use crate::tui::{
    text::{clean, cut, span, width},
    theme::{Role, Theme},
};

/// Columns of the sign in front of the text.
const MARGIN: usize = 2;
/// Rows of the list.
const MOST_ITEMS: usize = 8;

impl Composer {
    /// The text in at most `height` rows, those around the caret, and where in them the caret is.
    pub fn lines(&mut self, width: u16, height: u16, theme: &Theme) -> (Vec<Line<'static>>, Position) {
        // A last column is kept free for a caret behind the text.
        self.width = usize::from(width).saturating_sub(MARGIN).max(1);
        let searching = usize::from(self.search.is_some());
        let room = usize::from(height).saturating_sub(searching).max(1);
        let mut rows = self.rows();
        let (row, column) = rows.position(self.buffer.caret());
        if row == rows.rows.len() {
            rows.rows.push(Row { start: self.buffer.caret(), end: self.buffer.caret(), pieces: vec![] });
        }
        self.top = self.top.clamp((row + 1).saturating_sub(room), row).min(rows.rows.len().saturating_sub(room));
        let sign = self.sign(theme);
        let shown = rows.rows.iter().enumerate().skip(self.top).take(room);
        let mut lines: Vec<_> =
            shown.map(|(at, row)| line(row, if at == 0 { sign.clone() } else { Span::raw("  ") }, theme)).collect();
        let mut caret = (row - self.top, MARGIN + column);
        if let Some(search) = &self.search {
            let label = if search.query.is_empty() || search.found.is_some() { "search: " } else { "not found: " };
            let query = clean(&search.query).replace('\n', " ");
            let most = self.width.saturating_sub(label.len()).max(1);
            let query = crate::tui::text::cut_start(&query, most);
            caret = (lines.len(), MARGIN + label.len() + crate::tui::text::width(&query));
            lines.push(Line::from(vec![
                Span::raw("  "),
                Span::styled(label, theme.style(Role::Accent)),
                Span::styled(query, theme.style(Role::Text)),
            ]));
        }
        let position = |at: usize, most: u16| u16::try_from(at).unwrap_or(most).min(most.saturating_sub(1));
        (lines, Position { x: position(caret.1, width), y: position(caret.0, height) })
    }

    /// The open list, with what is selected in it; nothing where none is open.
    #[must_use]
    pub fn popup(&self, width: u16, theme: &Theme) -> Vec<Line<'static>> {
        let Some(list) = &self.list else { return vec![] };
        let items = list.items(self.running);
        let first = (list.selected + 1).saturating_sub(MOST_ITEMS);
        let widest = items.iter().map(|item| title(item).0).max().unwrap_or(0).min(usize::from(width) / 2);
        let shown = items.iter().enumerate().skip(first).take(MOST_ITEMS);
        shown.map(|(at, item)| entry(item, at == list.selected, widest, usize::from(width), theme)).collect()
    }

    fn sign(&self, theme: &Theme) -> Span<'static> {
        match self.buffer.text().starts_with('!') {
            true => Span::styled("$ ", theme.style(Role::Warning)),
            false => Span::styled("› ", theme.style(Role::Accent)),
        }
    }
}

fn line(row: &Row, sign: Span<'static>, theme: &Theme) -> Line<'static> {
    let mut spans = vec![sign];
    for pieces in row.pieces.chunk_by(|a, b| a.chip == b.chip) {
        let text: String = pieces.iter().map(|piece| piece.shown.as_str()).collect();
        let role = if pieces[0].chip { Role::Accent } else { Role::Text };
        spans.push(Span::styled(text, theme.style(role)));
    }
    Line::from(spans)
}

/// What stands in front: the name and what may follow it, with its width.
fn title(item: &Item) -> (usize, String) {
    let text = if item.hint.is_empty() { item.name.clone() } else { format!("{} {}", item.name, item.hint) };
    let text = clean(&text).replace('\n', " ");
    (width(&text), text)
}

fn entry(item: &Item, selected: bool, widest: usize, most: usize, theme: &Theme) -> Line<'static> {
    let style = match (selected, item.grey) {
        (_, true) => theme.style(Role::Dim),
        (true, false) => theme.style(Role::Selected),
        (false, false) => theme.style(Role::Text),
    };
    let name = cut(&title(item).1, if item.about.is_empty() { most.saturating_sub(MARGIN) } else { widest });
    let gap = " ".repeat(widest.saturating_sub(width(&name)));
    let mut spans = vec![Span::raw(if selected { "› " } else { "  " }), Span::styled(name, style)];
    let about = if item.grey { format!("{} (not while the agent works)", item.about) } else { item.about.clone() };
    let room = most.saturating_sub(MARGIN + widest + 2);
    if !about.is_empty() && room > 0 {
        spans.push(Span::raw(format!("{gap}  ")));
        spans.push(span(&cut(&about, room), theme.style(Role::Dim)));
    }
    Line::from(spans)
}
