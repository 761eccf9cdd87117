//! The text of a message and the caret in it. The caret never stands inside a grapheme or a chip.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

use super::chip::{self, Chip};

/// The text that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Buffer {
    text: String,
    /// In bytes; always at the edge of a grapheme.
    caret: usize,
    /// Only ever added to, so that an earlier text still means the same.
    chips: Vec<Chip>,
}

/// A text and a caret to come back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    text: String,
    caret: usize,
}

impl Buffer {
    pub(super) fn of_text(text: &str) -> Self {
        let text = chip::clean(text);
        Self { caret: text.len(), text, chips: vec![] }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn caret(&self) -> usize {
        self.caret
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether both say the same, wherever the caret is.
    pub(super) fn same_text(&self, other: &Self) -> bool {
        self.text == other.text && self.chips == other.chips
    }

    pub(super) fn chip(&self, c: char) -> Option<&Chip> {
        self.chips.get(chip::index(c)?)
    }

    /// The chips that stand in the text, in order.
    pub(super) fn chips(&self) -> impl Iterator<Item = &Chip> {
        self.text.chars().filter_map(|c| self.chip(c))
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { text: self.text.clone(), caret: self.caret }
    }

    pub(super) fn go_back_to(&mut self, mark: Mark) {
        let Mark { text, caret } = mark;
        self.text = text;
        self.go_to(caret);
    }

    /// Puts the caret at `at`, or at the next place where it may stand.
    pub(super) fn go_to(&mut self, at: usize) {
        let at = self.text.ceil_char_boundary(at.min(self.text.len()));
        let is_chip = |c: char| chip::index(c).is_some();
        let start = self.text[..at].rfind(is_chip).map_or(0, |chip| self.following(chip));
        let part = &self.text[start..];
        let part = &part[..part[at - start..].find(is_chip).map_or(part.len(), |end| at - start + end)];
        let mut cursor = GraphemeCursor::new(at - start, part.len(), true);
        self.caret = match cursor.is_boundary(part, 0) {
            Ok(true) => at,
            // The part is whole, so that a boundary is always found.
            _ => cursor.next_boundary(part, 0).ok().flatten().map_or(start + part.len(), |next| start + next),
        };
    }

    /// Where the caret comes to a grapheme further on.
    pub(super) fn following(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let Some(first) = rest.chars().next() else { return at };
        if chip::index(first).is_some() {
            return at + first.len_utf8();
        }
        let end = rest.find(|c| chip::index(c).is_some()).unwrap_or(rest.len());
        at + rest[..end].graphemes(true).next().map_or(0, str::len)
    }

    /// Where the caret comes to a grapheme further back.
    pub(super) fn previous(&self, at: usize) -> usize {
        let rest = &self.text[..at];
        let Some(last) = rest.chars().next_back() else { return at };
        if chip::index(last).is_some() {
            return at - last.len_utf8();
        }
        let start = rest.char_indices().rev().find(|(_, c)| chip::index(*c).is_some());
        let start = start.map_or(0, |(at, c)| at + c.len_utf8());
        at - rest[start..].graphemes(true).next_back().map_or(0, str::len)
    }

    /// The start of the word before `at`: spaces, then letters or signs of one kind, or a chip.
    pub(super) fn word_left(&self, mut at: usize) -> usize {
        let mut kind = None;
        while at > 0 {
            let before = self.previous(at);
            let this = Kind::of(&self.text[before..at]);
            match kind {
                None => kind = (this != Kind::Space).then_some(this),
                Some(known) if known != this || this == Kind::Chip => break,
                Some(_) => {}
            }
            at = before;
        }
        at
    }

    /// The end of the word after `at`.
    pub(super) fn word_right(&self, mut at: usize) -> usize {
        let mut kind = None;
        while at < self.text.len() {
            let after = self.following(at);
            let this = Kind::of(&self.text[at..after]);
            match kind {
                None => kind = (this != Kind::Space).then_some(this),
                Some(known) if known != this || this == Kind::Chip => break,
                Some(_) => {}
            }
            at = after;
        }
        at
    }

    /// The start of the word before `at`, where only spaces part words: what Ctrl-W takes away in a shell.
    pub(super) fn big_word_left(&self, at: usize) -> usize {
        let before = self.text[..at].trim_end().len();
        self.text[..before].rfind(char::is_whitespace).map_or(0, |at| self.following(at))
    }

    /// The start and the end of the line of `at`, as far as line ends part them.
    pub(super) fn line(&self, at: usize) -> (usize, usize) {
        let start = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[at..].find('\n').map_or(self.text.len(), |found| at + found);
        (start, end)
    }

    /// Puts `text`, which is clean, in at the caret.
    pub(super) fn insert(&mut self, text: &str) {
        self.text.insert_str(self.caret, text);
        self.go_to(self.caret + text.len());
    }

    /// Puts a chip in at the caret. Where there is no room for another, its text stands there instead.
    pub(super) fn insert_chip(&mut self, chip: Chip) {
        match chip::character(self.chips.len()) {
            Some(c) => {
                self.chips.push(chip);
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            None => self.insert(&chip::clean(&chip.label(0))),
        }
    }

    /// Takes `range` out, and puts the caret there. Gives what was taken.
    pub(super) fn remove(&mut self, range: std::ops::Range<usize>) -> String {
        let taken = self.text.drain(range.clone()).collect();
        self.go_to(range.start);
        taken
    }

    /// Turns the chip that may be a path into what it was found to be: files, or no more than its text.
    pub(super) fn settle(&mut self, index: usize, files: Vec<Chip>) {
        let Some(c) = chip::character(index) else { return };
        let Some(Chip::Perhaps(raw)) = self.chips.get(index).cloned() else { return };
        let Some(at) = self.text.find(c) else { return };
        let end = at + c.len_utf8();
        let behind = (self.caret >= end).then(|| self.text.len() - self.caret);
        let mut instead = String::new();
        if files.is_empty() {
            instead.push_str(&raw);
        }
        for file in files {
            if let Some(c) = chip::character(self.chips.len()) {
                self.chips.push(file);
                if !instead.is_empty() {
                    instead.push(' ');
                }
                instead.push(c);
            }
        }
        self.text.replace_range(at..end, &instead);
        let caret = behind.map_or(self.caret, |behind| self.text.len() - behind);
        self.go_to(caret);
    }

    /// Puts another text in the place of all there is; the chips stay known.
    pub(super) fn replace(&mut self, text: String) {
        self.text = text;
        self.go_to(self.text.len());
    }

    /// The chip that was added last.
    pub(super) fn last_chip(&self) -> Option<usize> {
        self.chips.len().checked_sub(1)
    }

    /// The text with every chip replaced by what `shown` makes of it and of the images before it.
    pub(super) fn written(&self, shown: impl Fn(&Chip, usize) -> String) -> String {
        let (mut text, mut images) = (String::with_capacity(self.text.len()), 0);
        for c in self.text.chars() {
            match self.chip(c) {
                None => text.push(c),
                Some(chip) => {
                    text.push_str(&shown(chip, images));
                    images += usize::from(chip.is_image());
                }
            }
        }
        text
    }

    /// Whether the caret stands where it may.
    #[cfg(test)]
    pub(super) fn caret_is_right(&self) -> bool {
        let mut at = 0;
        while at < self.caret {
            at = self.following(at);
        }
        at == self.caret
    }
}

/// What words are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Letters,
    Signs,
    Chip,
}

impl Kind {
    fn of(grapheme: &str) -> Self {
        match grapheme.chars().next() {
            Some(c) if chip::index(c).is_some() => Self::Chip,
            Some(c) if c.is_whitespace() => Self::Space,
            Some(c) if c.is_alphanumeric() || c == '_' => Self::Letters,
            Some(_) | None => Self::Signs,
        }
    }
}
