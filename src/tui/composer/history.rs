//! What was sent before: going back through it, and searching it. The file that it is kept in is `recall.rs`'s.

use super::buffer::Buffer;

/// Messages that are remembered, in memory.
const MOST: usize = 2000;

/// The messages of before, the oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    entries: Vec<Buffer>,
    /// Which of them is shown.
    at: Option<usize>,
    /// What was being written before one of them was shown.
    mine: Option<Buffer>,
}

impl History {
    /// Those of earlier sessions, in front of what there is.
    pub(super) fn load(&mut self, earlier: &[String]) {
        let mut entries: Vec<_> = earlier.iter().map(|text| Buffer::of_text(text)).collect();
        let added = entries.len();
        entries.append(&mut self.entries);
        self.entries = entries;
        self.at = self.at.map(|at| at + added);
    }

    /// Remembers a message, or a draft that was put aside. It is the first that is found again.
    pub(super) fn push(&mut self, buffer: Buffer) {
        self.at = None;
        self.mine = None;
        if buffer.is_empty() || self.entries.last().is_some_and(|last| last.same_text(&buffer)) {
            return;
        }
        if self.entries.len() == MOST {
            self.entries.remove(0);
        }
        self.entries.push(buffer);
    }

    pub(super) fn is_shown(&self) -> bool {
        self.at.is_some()
    }

    /// The one before what is shown.
    pub(super) fn back(&mut self, current: &Buffer) -> Option<Buffer> {
        let next = self.at.unwrap_or(self.entries.len()).checked_sub(1)?;
        if self.at.is_none() {
            self.mine = Some(current.clone());
        }
        self.at = Some(next);
        self.entries.get(next).cloned()
    }

    /// The one after what is shown; after the last what was being written.
    pub(super) fn forward(&mut self) -> Option<Buffer> {
        let next = self.at? + 1;
        match self.entries.get(next) {
            Some(entry) => {
                self.at = Some(next);
                Some(entry.clone())
            }
            None => {
                self.at = None;
                Some(self.mine.take().unwrap_or_default())
            }
        }
    }

    /// What is shown is changed, and is what is being written from here on. What was written before is not lost.
    pub(super) fn changed(&mut self) {
        if self.at.take().is_some()
            && let Some(mine) = self.mine.take()
        {
            self.push(mine);
        }
    }

    /// The last message before the one at `before` with `query` in it, whatever the case.
    pub(super) fn find(&self, query: &str, before: Option<usize>) -> Option<(usize, &Buffer)> {
        let query = query.to_lowercase();
        let older = &self.entries[..before.unwrap_or(self.entries.len()).min(self.entries.len())];
        older.iter().enumerate().rev().find(|(_, entry)| entry.text().to_lowercase().contains(&query))
    }
}
