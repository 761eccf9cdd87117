//! The answer that comes, for a pager: what of it was laid out once stays, so that the cost is linear in its length however
//! often it is looked at.

use ratatui::text::Line;

use crate::tui::{markdown::Stream, theme::Theme};

/// An answer that is not finished, as the transcript has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coming<'a> {
    pub cell: usize,
    pub text: &'a str,
    /// An empty line stands before it.
    pub apart: bool,
}

/// The lines of one, at one width.
#[derive(Debug)]
pub(super) struct Laid {
    cell: usize,
    stream: Stream,
    /// Bytes of the text that the stream has.
    taken: usize,
    lines: Vec<Line<'static>>,
    /// Lines that will not change.
    done: usize,
}

impl Laid {
    pub(super) fn new(cell: usize, width: usize, theme: &Theme) -> Self {
        Self { cell, stream: Stream::new(width, theme), taken: 0, lines: vec![], done: 0 }
    }

    pub(super) fn is_of(&self, cell: usize) -> bool {
        self.cell == cell
    }

    /// The lines, with what came since the last time.
    pub(super) fn lines(&mut self, coming: Coming<'_>) -> &[Line<'static>] {
        if self.taken < coming.text.len() {
            self.stream.push(&coming.text[self.taken..]);
            self.taken = coming.text.len();
            self.lines.truncate(self.done);
            let (done, live) = (self.stream.drain(), self.stream.live());
            if self.lines.is_empty() && coming.apart && !(done.is_empty() && live.is_empty()) {
                self.lines.push(Line::default());
            }
            self.lines.extend(done);
            self.done = self.lines.len();
            self.lines.extend(live);
        }
        &self.lines
    }
}
