//! Where the text stands on the screen: lines broken into rows, and the caret among them.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::{buffer::Buffer, chip};

/// Columns of a tab.
const TAB: &str = "    ";

/// What is shown for one grapheme or chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it begins in the text, in bytes.
    pub(super) at: usize,
    pub(super) shown: String,
    pub(super) width: usize,
    pub(super) chip: bool,
}

/// One row of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// Its part of the text, in bytes; a line end belongs to no row.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) pieces: Vec<Piece>,
}

impl Row {
    fn width(&self) -> usize {
        self.pieces.iter().map(|piece| piece.width).sum()
    }

    /// The column of `at`.
    pub(super) fn column(&self, at: usize) -> usize {
        self.pieces.iter().take_while(|piece| piece.at < at).map(|piece| piece.width).sum()
    }

    /// Where the caret comes nearest to `column`. Behind the last piece only where the row ends its line: elsewhere that
    /// place is the start of the next row.
    fn at_column(&self, column: usize, ends_line: bool) -> usize {
        let mut left = column;
        for piece in &self.pieces {
            if left < piece.width {
                return piece.at;
            }
            left -= piece.width;
        }
        match self.pieces.last() {
            Some(last) if !ends_line => last.at,
            _ => self.end,
        }
    }
}

/// The rows of a text at some width.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    width: usize,
}

impl Rows {
    /// Breaks the text at spaces where it can. A width of nothing counts as one column; a piece that is wider than the
    /// screen has a row to itself, cut short.
    pub(super) fn of(buffer: &Buffer, width: usize) -> Self {
        let width = width.max(1);
        let mut rows = vec![];
        let (mut start, mut images) = (0, 0);
        for line in buffer.text().split('\n') {
            let pieces = pieces(buffer, start, line, width, &mut images);
            wrap(pieces, start, start + line.len(), width, &mut rows);
            start += line.len() + 1;
        }
        Self { rows, width }
    }

    /// The row and the column of the caret. At the right edge of the screen it stands at the start of the next row, which
    /// need not be there yet.
    pub(super) fn position(&self, caret: usize) -> (usize, usize) {
        let row = self.rows.iter().rposition(|row| row.start <= caret).unwrap_or(0);
        let column = self.rows.get(row).map_or(0, |row| row.column(caret));
        if column >= self.width { (row + 1, 0) } else { (row, column) }
    }

    /// The place nearest to a row and a column.
    pub(super) fn at(&self, row: usize, column: usize) -> usize {
        let Some(this) = self.rows.get(row) else { return self.rows.last().map_or(0, |row| row.end) };
        let ends_line = self.rows.get(row + 1).is_none_or(|next| next.start > this.end);
        this.at_column(column, ends_line)
    }

    /// The row that holds the caret.
    pub(super) fn row_of(&self, caret: usize) -> usize {
        self.rows.iter().rposition(|row| row.start <= caret).unwrap_or(0)
    }
}

fn pieces(buffer: &Buffer, start: usize, line: &str, width: usize, images: &mut usize) -> Vec<Piece> {
    let mut pieces = vec![];
    let mut at = start;
    for part in line.split_inclusive(|c| chip::index(c).is_some()) {
        let last = part.chars().next_back().filter(|c| chip::index(*c).is_some());
        let text = last.map_or(part, |c| &part[..part.len() - c.len_utf8()]);
        for grapheme in text.graphemes(true) {
            let shown = shown(grapheme);
            pieces.push(Piece { at, width: shown.width().min(width), shown, chip: false });
            at += grapheme.len();
        }
        if let Some(c) = last {
            let chip = buffer.chip(c);
            let label = chip.map_or_else(|| "[?]".to_owned(), |chip| chip.label(*images));
            *images += usize::from(chip.is_some_and(chip::Chip::is_image));
            let label = cut(&label.graphemes(true).map(shown).collect::<String>(), width);
            pieces.push(Piece { at, width: label.width(), shown: label, chip: true });
            at += c.len_utf8();
        }
    }
    pieces
}

/// A grapheme as it may be shown: nothing that drives the terminal or turns the direction of others.
fn shown(grapheme: &str) -> String {
    match grapheme {
        "\t" => TAB.to_owned(),
        "\n" | "\r" => "⏎".to_owned(),
        _ => crate::ui::printable(grapheme),
    }
}

/// As much of a label as fits.
fn cut(label: &str, width: usize) -> String {
    if label.width() <= width {
        return label.to_owned();
    }
    let mut short = String::new();
    for grapheme in label.graphemes(true) {
        if short.width() + grapheme.width() + 1 > width {
            break;
        }
        short.push_str(grapheme);
    }
    short + "…"
}

fn wrap(pieces: Vec<Piece>, start: usize, end: usize, width: usize, rows: &mut Vec<Row>) {
    let mut row = Row { start, end, pieces: vec![] };
    for piece in pieces {
        if row.width() + piece.width > width && !row.pieces.is_empty() {
            // Behind the last space, so that words stay whole; a word that is longer than a row breaks anywhere.
            let space = row.pieces.iter().rposition(|piece| piece.shown.starts_with(' '));
            let fits = space.is_some_and(|space| {
                let word: usize = row.pieces[space + 1..].iter().map(|piece| piece.width).sum();
                word + piece.width <= width
            });
            let word = match space {
                Some(space) if fits && !piece.shown.starts_with(' ') => row.pieces.split_off(space + 1),
                _ => vec![],
            };
            let next = word.first().map_or(piece.at, |first| first.at);
            row.end = next;
            rows.push(std::mem::replace(&mut row, Row { start: next, end, pieces: word }));
        }
        row.pieces.push(piece);
    }
    rows.push(row);
}
