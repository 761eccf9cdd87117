//! The inline screen. Finished lines are written into the terminal's own scrollback once, each with a plain line end, and
//! never touched again; below them stands the live area, the only part that is ever drawn anew.
//!
//! All movement is relative to the caret: nothing is asked of the terminal, no scroll region is set, and what was on the
//! screen before stays there. Never reads input and never decides what is shown.

mod reflow;
mod sgr;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use ratatui::{layout::Position, text::Line};

pub use self::reflow::Reflow;
use super::text::line_width;

/// Begins and ends a synchronized update, so that no half of a frame is seen; terminals that know no such thing pass over
/// it. <https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036>
const BEGIN: &str = "\x1b[?2026h\x1b[?25l";
const END: &str = "\x1b[?2026l";
const SHOW_CURSOR: &str = "\x1b[?25h";
/// In the pager a row that the terminal thinks wider than we do is cut, so that those below stay in their places.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
const CLEAR_BELOW: &str = "\x1b[J";
const CLEAR_RIGHT: &str = "\x1b[K";

/// Columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

/// What is live: redrawn at will, and gone when the interface is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// At most as many as the terminal has rows, none wider than it.
    pub lines: Vec<Line<'static>>,
    /// Where the caret stands, counted from the first of the lines; `None` hides it.
    pub caret: Option<Position>,
}

/// See the module.
#[derive(Debug)]
pub struct Screen<W> {
    out: W,
    size: Size,
    reflow: Reflow,
    drawn: Live,
    /// The row of the live area that the terminal's cursor is in.
    row: u16,
    /// What is on the terminal is not what was drawn.
    lost: bool,
}

impl<W: Write> Screen<W> {
    /// A screen whose live area begins at the cursor, which stands at the start of a row.
    pub fn new(out: W, size: Size, reflow: Reflow) -> Self {
        Self { out, size, reflow, drawn: Live::default(), row: 0, lost: false }
    }

    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The terminal has another size now. The next [`draw`](Self::draw) draws the live area anew.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
        self.lost = true;
    }

    /// How many rows the cursor stands below the beginning of the live area. Never too many, or lines would be lost: of a row
    /// that the terminal broke, or wrote over its edge because it had become narrower before we were told, all parts are
    /// there.
    fn above(&self) -> u16 {
        let most = self.size.rows.saturating_sub(1);
        if !self.lost || self.reflow == Reflow::No {
            return self.row.min(most);
        }
        let columns = usize::from(self.size.columns.max(1));
        let above = self.drawn.lines.iter().take(usize::from(self.row));
        let rows: usize = above.map(|line| line_width(line).div_ceil(columns).max(1)).sum();
        let caret = self.drawn.caret.map_or(0, |caret| usize::from(caret.x) / columns);
        u16::try_from(rows + caret).unwrap_or(u16::MAX).min(most)
    }

    /// What is on the terminal is not what was drawn, since another program wrote to it: nothing of it is kept, and the
    /// live area begins at the cursor.
    pub fn forget(&mut self) {
        self.drawn = Live::default();
        self.row = 0;
        self.lost = true;
    }

    /// Appends `finished` to the scrollback and shows `live` below it.
    ///
    /// # Errors
    /// A terminal that cannot be written to.
    pub fn draw(&mut self, finished: &[Line<'_>], live: Live) -> io::Result<()> {
        if finished.is_empty() && live == self.drawn && !self.lost {
            return Ok(());
        }
        let mut frame = Frame::new(self.size.columns);
        frame.up(self.above());
        frame.text("\r");
        if self.lost {
            frame.text(CLEAR_BELOW);
        }
        for line in finished {
            frame.line(line);
            frame.text("\r\n");
        }
        let before = if self.lost { &[][..] } else { &self.drawn.lines };
        frame.live(&live.lines, before, finished.len());
        let last = u16::try_from(live.lines.len().saturating_sub(1)).unwrap_or(u16::MAX);
        self.row = frame.caret(live.caret, last);
        self.drawn = live;
        self.lost = false;
        self.write(&frame.bytes)
    }

    /// Scrolls what is on the screen up, out of sight but not lost; the live area begins at the top.
    ///
    /// # Errors
    /// A terminal that cannot be written to.
    pub fn scroll_away(&mut self) -> io::Result<()> {
        self.clear()?;
        let rows = usize::from(self.size.rows);
        self.write(&format!("{}\x1b[H", "\r\n".repeat(rows)))
    }

    /// Takes the live area away, and leaves the cursor where it began.
    ///
    /// # Errors
    /// A terminal that cannot be written to.
    pub fn clear(&mut self) -> io::Result<()> {
        let mut frame = Frame::new(self.size.columns);
        frame.up(self.above());
        frame.text("\r");
        frame.text(CLEAR_BELOW);
        frame.text(SHOW_CURSOR);
        frame.text(END);
        self.forget();
        self.write(&frame.bytes)
    }

    /// Writes bytes that move no cursor, such as a notification.
    ///
    /// # Errors
    /// A terminal that cannot be written to.
    pub fn pass(&mut self, bytes: &str) -> io::Result<()> {
        self.write(bytes)
    }

    fn write(&mut self, bytes: &str) -> io::Result<()> {
        self.out.write_all(bytes.as_bytes())?;
        self.out.flush()
    }
}

/// The bytes that show `rows` on the alternate screen, from its top.
#[must_use]
pub fn whole(rows: &[Line<'_>], columns: u16) -> String {
    let mut frame = Frame::new(columns);
    frame.text("\x1b[H");
    frame.text(NO_WRAP);
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            frame.text("\r\n");
        }
        frame.line(row);
    }
    frame.text(WRAP);
    frame.text(END);
    frame.bytes
}

/// The bytes of one frame, written at once.
struct Frame {
    bytes: String,
    columns: u16,
}

impl Frame {
    fn new(columns: u16) -> Self {
        Self { bytes: BEGIN.to_owned(), columns }
    }

    fn text(&mut self, text: &str) {
        self.bytes.push_str(text);
    }

    fn up(&mut self, rows: u16) {
        if rows > 0 {
            self.text(&format!("\x1b[{rows}A"));
        }
    }

    /// A line, and nothing right of it. In the last column the cursor stands on what was written, so that nothing may be
    /// cleared there.
    fn line(&mut self, line: &Line<'_>) {
        sgr::write(&mut self.bytes, line);
        if line_width(line) < usize::from(self.columns) {
            self.text(CLEAR_RIGHT);
        }
    }

    /// The live area, over rows of which `finished` were taken by others; only what changed is written where nothing moved.
    fn live(&mut self, lines: &[Line<'_>], before: &[Line<'_>], finished: usize) {
        for (row, line) in lines.iter().enumerate() {
            if row > 0 {
                self.text("\r\n");
            }
            if finished > 0 || before.get(row) != Some(line) {
                self.line(line);
            }
        }
        if finished + lines.len() < before.len() {
            // At least one row is below, so that this scrolls nothing.
            if lines.is_empty() {
                self.text(CLEAR_BELOW);
            } else {
                self.text("\r\n\x1b[J\x1b[A");
            }
        }
    }

    /// Puts the cursor at the caret, coming from the `last` row; gives its row.
    fn caret(&mut self, caret: Option<Position>, last: u16) -> u16 {
        self.text("\r");
        let row = match caret {
            Some(caret) => {
                let row = caret.y.min(last);
                self.up(last - row);
                if caret.x > 0 {
                    self.text(&format!("\x1b[{}C", caret.x.min(self.columns.saturating_sub(1))));
                }
                self.text(SHOW_CURSOR);
                row
            }
            None => last,
        };
        self.text(END);
        row
    }
}
