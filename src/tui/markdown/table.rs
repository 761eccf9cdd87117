//! Tables, laid out by the widest cell of each column; narrower where the screen is.

use ratatui::text::{Line, Span};

use super::inline::inline;
use crate::tui::{
    text::{Wrap, line_width},
    theme::{Role, Theme},
};

/// Rows, and bytes, after which the columns are as wide as they are, and rows are shown as they come.
const MOST_ROWS: usize = 60;
const MOST_BYTES: usize = 8 << 10;
/// More columns than this are cut off into the last.
const MOST_COLUMNS: usize = 32;
/// A column that is narrower cannot be read.
const NARROWEST: usize = 6;
const BETWEEN: usize = 3;
/// Columns that the cells still to come are given besides.
const MORE: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Align {
    Left,
    Center,
    Right,
}

#[derive(Clone, Debug)]
pub(super) struct Table {
    aligns: Vec<Align>,
    header: Vec<String>,
    /// Not shown yet.
    rows: Vec<Vec<String>>,
    bytes: usize,
    layout: Option<Layout>,
}

/// What is decided once the first rows are there.
#[derive(Clone, Debug)]
enum Layout {
    Columns {
        widths: Vec<usize>,
        /// Cells are broken: a line between rows tells which is which.
        tight: bool,
    },
    /// One cell a line, with the name of its column: there is no room for columns.
    Records,
}

/// The table that `header` begins if `second` is the line of dashes under it.
pub(super) fn of(header: &str, second: &str) -> Option<Table> {
    if !second.contains('-')
        || !second.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
        || !header.contains('|')
    {
        return None;
    }
    let aligns: Option<Vec<_>> = cells(second).iter().map(|cell| align(cell)).collect();
    let (aligns, header) = (aligns?, cells(header));
    let same = aligns.len() == header.len() && aligns.len() <= MOST_COLUMNS;
    same.then(|| Table { aligns, header, rows: vec![], bytes: 0, layout: None })
}

fn align(cell: &str) -> Option<Align> {
    let dashes = cell.trim_matches(':');
    if dashes.is_empty() || !dashes.chars().all(|c| c == '-') {
        return None;
    }
    Some(match (cell.starts_with(':'), cell.ends_with(':')) {
        (true, true) => Align::Center,
        (false, true) => Align::Right,
        (true | false, false) => Align::Left,
    })
}

/// The text between the bars; a bar after a backslash is one of the text.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let (mut cells, mut cell, mut chars) = (vec![], String::new(), line.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'|') => cell.extend(chars.next()),
            '|' => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            _ => cell.push(c),
        }
    }
    if !cell.trim().is_empty() || !line.ends_with('|') {
        cells.push(cell.trim().to_owned());
    }
    cells
}

impl Table {
    pub(super) fn row(&mut self, line: &str) {
        let mut cells = cells(line);
        // What stands in columns that the header does not have is shown in the last one.
        while cells.len() > self.header.len() {
            let more = cells.pop().unwrap_or_default();
            if let Some(last) = cells.last_mut() {
                last.push_str(" | ");
                last.push_str(&more);
            }
        }
        cells.resize(self.header.len(), String::new());
        self.bytes += line.len();
        self.rows.push(cells);
    }

    pub(super) fn is_full(&self) -> bool {
        self.layout.is_some() || self.rows.len() >= MOST_ROWS || self.bytes >= MOST_BYTES
    }

    /// The lines of what was not shown yet, for a screen of `width` columns.
    pub(super) fn lines(&mut self, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let parse = |cells: &[String], role| -> Vec<Vec<Line<'static>>> {
            cells.iter().map(|cell| inline(cell, theme.style(role), theme)).collect()
        };
        let (begins, more) = (self.layout.is_none(), if self.is_full() { MORE } else { 0 });
        let header = parse(&self.header, Role::Heading);
        let rows: Vec<_> = std::mem::take(&mut self.rows).iter().map(|row| parse(row, Role::Text)).collect();
        let layout = self.layout.get_or_insert_with(|| layout(&header, &rows, width, more));
        match layout {
            Layout::Records => {
                let mut lines = vec![];
                for (i, row) in rows.iter().enumerate() {
                    lines.extend((i > 0 || !begins).then(Line::default));
                    lines.extend(record(&header, row, width));
                }
                lines
            }
            Layout::Columns { widths, tight } => {
                let columns = Columns { widths, aligns: &self.aligns, theme };
                let mut lines = if begins { columns.row(&header) } else { vec![] };
                if begins {
                    lines.push(columns.line("─", "─┼─"));
                }
                for (i, row) in rows.iter().enumerate() {
                    if *tight && (i > 0 || !begins) {
                        lines.push(columns.line("┈", "┈┼┈"));
                    }
                    lines.extend(columns.row(row));
                }
                lines
            }
        }
    }
}

type Cells = Vec<Vec<Line<'static>>>;

/// `more` columns for each where there is room.
fn layout(header: &Cells, rows: &[Cells], width: usize, more: usize) -> Layout {
    let widest = |column: usize| {
        let cells = rows.iter().chain([header]).filter_map(|row| row.get(column));
        cells.flatten().map(line_width).max().unwrap_or(0).max(1)
    };
    let wanted: Vec<_> = (0..header.len()).map(widest).collect();
    let room = width.saturating_sub(BETWEEN * wanted.len().saturating_sub(1));
    if wanted.iter().sum::<usize>() <= room {
        let more = more.min((room - wanted.iter().sum::<usize>()) / wanted.len());
        return Layout::Columns { widths: wanted.iter().map(|width| width + more).collect(), tight: false };
    }
    if room < NARROWEST * wanted.len() {
        return Layout::Records;
    }
    Layout::Columns { widths: fitted(&wanted, room), tight: true }
}

/// Narrow columns keep their width; the wide ones share what is left.
fn fitted(wanted: &[usize], room: usize) -> Vec<usize> {
    let mut by_width = wanted.to_vec();
    by_width.sort_unstable();
    let (mut left, mut most) = (room, room);
    for (i, width) in by_width.iter().enumerate() {
        most = left / (wanted.len() - i);
        if *width > most {
            break;
        }
        left -= width;
    }
    wanted.iter().map(|width| (*width).min(most)).collect()
}

fn record(header: &Cells, row: &Cells, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![];
    for (name, cell) in header.iter().zip(row) {
        let mut name = name.first().cloned().unwrap_or_default();
        name.spans.push(Span::raw(": "));
        let most = width / 2;
        for (i, line) in cell.iter().enumerate() {
            let first = if i > 0 || line_width(&name) > most { Line::raw("  ") } else { name.clone() };
            if i == 0 && line_width(&name) > most {
                lines.extend(Wrap::to(width).lines(&name));
            }
            lines.extend(Wrap::to(width).prefix(first, "  ").lines(line));
        }
    }
    lines
}

struct Columns<'a> {
    widths: &'a [usize],
    aligns: &'a [Align],
    theme: &'a Theme,
}

impl Columns<'_> {
    fn line(&self, dash: &str, cross: &str) -> Line<'static> {
        let dashes: Vec<_> = self.widths.iter().map(|width| dash.repeat(*width)).collect();
        Line::from(Span::styled(dashes.join(cross), self.theme.style(Role::Dim)))
    }

    fn row(&self, cells: &Cells) -> Vec<Line<'static>> {
        let wrapped: Vec<Vec<_>> = cells
            .iter()
            .zip(self.widths)
            .map(|(cell, width)| cell.iter().flat_map(|line| Wrap::to(*width).lines(line)).collect())
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        (0..height).map(|y| self.row_line(&wrapped, y)).collect()
    }

    fn row_line(&self, cells: &[Vec<Line<'static>>], y: usize) -> Line<'static> {
        let mut spans = vec![];
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                spans.push(Span::styled(" │ ", self.theme.style(Role::Dim)));
            }
            let line = cell.get(y).cloned().unwrap_or_default();
            let room = self.widths[i].saturating_sub(line_width(&line));
            let before = match self.aligns.get(i) {
                Some(Align::Right) => room,
                Some(Align::Center) => room / 2,
                Some(Align::Left) | None => 0,
            };
            let after = if i + 1 == cells.len() { 0 } else { room - before };
            spans.extend((before > 0).then(|| Span::raw(" ".repeat(before))));
            spans.extend(line.spans);
            spans.extend((after > 0).then(|| Span::raw(" ".repeat(after))));
        }
        Line::from(spans)
    }
}
