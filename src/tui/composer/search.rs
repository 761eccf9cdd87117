//! Searching the earlier messages letter by letter.

use unicode_segmentation::UnicodeSegmentation as _;

use super::buffer::Buffer;

#[derive(Debug)]
pub(super) struct Search {
    pub(super) query: String,
    /// What was being written, to come back to.
    pub(super) before: Buffer,
    /// Only messages before this one are looked at.
    pub(super) before_index: Option<usize>,
    /// The message that is shown.
    pub(super) found: Option<usize>,
}

impl Search {
    pub(super) fn new(before: Buffer) -> Self {
        Self { query: String::new(), before, before_index: None, found: None }
    }

    pub(super) fn add(&mut self, text: &str) {
        self.query.push_str(text);
        // What is shown may still fit.
        self.before_index = self.found.map(|found| found + 1);
    }

    pub(super) fn shorten(&mut self) {
        let end = self.query.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
        self.query.truncate(end);
        self.before_index = None;
    }

    pub(super) fn older(&mut self) {
        self.before_index = self.found.or(self.before_index);
    }
}
