//! Markdown as it arrives: what is finished becomes lines that never change, and is never looked at again.
//!
//! Blocks are recognised a line at a time (`blocks`), so that the cost is linear in the length; only the text inside a
//! block is given to pulldown-cmark (`inline`). Everything is shown: HTML and its comments as they are written, links
//! with their address.

mod blocks;
mod code;
mod containers;
mod inline;
mod pieces;
mod starts;
mod table;

use ratatui::text::Line;

use self::{blocks::Blocks, pieces::Pieces};
use super::theme::Theme;

/// The text of one answer.
#[derive(Debug)]
pub struct Stream {
    pieces: Pieces,
    blocks: Blocks,
}

impl Stream {
    /// Lines of at most `width` columns.
    #[must_use]
    pub fn new(width: usize, theme: &Theme) -> Self {
        Self { pieces: Pieces::default(), blocks: Blocks::new(width, *theme) }
    }

    /// The next part of the text, cut anywhere: the lines are the same for every cut.
    pub fn push(&mut self, delta: &str) {
        #[cfg(test)]
        COUNTED.set(COUNTED.get() + delta.len());
        self.pieces.push(delta);
        while let Some(piece) = self.pieces.next() {
            self.blocks.piece(&piece);
        }
    }

    /// The lines finished since the last call.
    pub fn drain(&mut self) -> Vec<Line<'static>> {
        self.blocks.take()
    }

    /// The block that is not finished, as far as it is there. A mark that may yet become something else (`-`, `|`, a
    /// fence) is held back.
    #[must_use]
    pub fn live(&self) -> Vec<Line<'static>> {
        self.blocks.live(self.pieces.pending())
    }

    /// The last lines. What is pushed after this begins a new text.
    pub fn finish(&mut self) -> Vec<Line<'static>> {
        while let Some(piece) = self.pieces.last() {
            self.blocks.piece(&piece);
        }
        self.blocks.finish();
        self.blocks.take()
    }

    /// For what comes from here on; what is finished stays as it is.
    pub fn resize(&mut self, width: usize) {
        self.blocks.resize(width);
    }
}

/// A whole text at once.
#[must_use]
pub fn render(text: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut stream = Stream::new(width, theme);
    stream.push(text);
    stream.finish()
}

#[cfg(test)]
thread_local! {
    static COUNTED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Bytes that all streams of this thread were given: what layout costs, without a clock.
#[cfg(test)]
pub(super) fn counted() -> usize {
    COUNTED.get()
}

#[cfg(test)]
mod tests;
