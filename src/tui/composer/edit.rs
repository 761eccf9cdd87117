//! What each key does to the text.

use super::{
    Chip, Composer, Edit, LARGE_CHARS, Outcome,
    buffer::Buffer,
    complete::{FileKind, Of, Token},
    full,
    rows::Rows,
    search::Search,
    undo::Step,
};

impl Composer {
    /// Does what a key of [`KEYS`](super::KEYS) is for.
    pub fn on_edit(&mut self, edit: Edit) -> Outcome {
        if self.search.is_some() {
            return self.in_search(edit);
        }
        if self.list.is_some()
            && let Some(outcome) = self.in_list(edit)
        {
            return outcome;
        }
        if !matches!(edit, Edit::Up | Edit::Down) {
            self.goal = None;
        }
        match edit {
            Edit::Send => self.send(Outcome::Submit),
            Edit::Queue if self.running => self.send(Outcome::Queue),
            Edit::Complete if self.running && !self.buffer.is_empty() => self.send(Outcome::Queue),
            Edit::Complete => Outcome::Ignored,
            Edit::Queue | Edit::Newline => self.put("\n"),
            Edit::Left | Edit::Right | Edit::WordLeft | Edit::WordRight => self.step(edit),
            Edit::RowStart | Edit::RowEnd | Edit::LineStart | Edit::LineEnd | Edit::TextStart | Edit::TextEnd => {
                self.step(edit)
            }
            Edit::Up => self.up(),
            Edit::Down => self.down(),
            Edit::Backspace | Edit::Delete => self.erase(edit),
            Edit::KillWordLeft
            | Edit::KillBigWordLeft
            | Edit::KillWordRight
            | Edit::KillToLineStart
            | Edit::KillToLineEnd => self.kill(edit),
            Edit::Yank => {
                let killed = self.killed.clone();
                if killed.is_empty() { Outcome::Changed } else { self.put(&killed) }
            }
            Edit::Undo | Edit::Redo => self.go_back(edit),
            Edit::Search => {
                self.search = Some(Search::new(self.buffer.clone()));
                self.list = None;
                Outcome::Changed
            }
            Edit::Editor => Outcome::Edit(full(&self.buffer)),
            Edit::Clear if self.buffer.is_empty() => Outcome::Ignored,
            Edit::Clear => {
                let draft = self.exchange(Buffer::default());
                self.history.push(draft);
                Outcome::Changed
            }
            Edit::Dismiss => Outcome::Ignored,
        }
    }

    /// What a key means to an open list; `None` where it is meant for the text.
    fn in_list(&mut self, edit: Edit) -> Option<Outcome> {
        match edit {
            Edit::Up => self.list.as_mut()?.step(-1),
            Edit::Down => self.list.as_mut()?.step(1),
            Edit::Dismiss => {
                self.list = None;
                self.dismissed = true;
            }
            Edit::Complete => self.accept(),
            Edit::Send => return self.accept_and_send(),
            _ => return None,
        }
        Some(Outcome::Changed)
    }

    /// Enter on a file puts it in. Enter on a command sends it, unless something has to follow.
    fn accept_and_send(&mut self) -> Option<Outcome> {
        let list = self.list.as_ref()?;
        let needs_more = match &list.of {
            Of::Files { .. } => true,
            Of::Commands(offers) => {
                let typed = self.buffer.text();
                // Spelled out in full and followed by arguments: as it stands.
                if offers.iter().any(|offer| typed.strip_prefix('/') == Some(offer.name.as_str())) {
                    return None;
                }
                offers.get(list.selected)?.hint.starts_with('<')
            }
        };
        self.accept();
        if needs_more { Some(Outcome::Changed) } else { Some(self.send(Outcome::Submit)) }
    }

    /// Puts what is selected in the place of what was typed.
    fn accept(&mut self) {
        let Some(list) = self.list.take() else { return };
        let selected = list.selected;
        self.undo.keep(&self.buffer, Step::Whole);
        match list.of {
            Of::Commands(offers) => {
                let Some(offer) = offers.get(selected) else { return };
                let end = self.buffer.text().find(char::is_whitespace).unwrap_or(self.buffer.text().len());
                self.buffer.remove(0..end);
                let space = if offer.hint.is_empty() || end < self.buffer.text().len() { "" } else { " " };
                self.buffer.insert(&format!("/{}{space}", offer.name));
                self.changed();
                self.list = None;
                self.dismissed = offer.hint.is_empty();
            }
            Of::Files { start, mut found } => {
                if selected >= found.len() || !matches!(Token::at_caret(&self.buffer), Some(Token::File { .. })) {
                    return;
                }
                let file = found.swap_remove(selected);
                let caret = self.buffer.caret();
                self.buffer.remove(start..caret);
                match file.kind {
                    // What is in it is asked for next.
                    FileKind::Folder => self.buffer.insert(&super::chip::clean(&format!("@{}", file.shown))),
                    FileKind::Text | FileKind::Image => {
                        self.buffer.insert_chip(Chip::File { path: file.path, image: file.kind == FileKind::Image });
                        self.buffer.insert(" ");
                    }
                }
                self.changed();
            }
        }
    }

    /// Puts text in that is not typed letter by letter.
    fn put(&mut self, text: &str) -> Outcome {
        self.undo.keep(&self.buffer, Step::Whole);
        self.buffer.insert(text);
        self.changed();
        Outcome::Changed
    }

    fn step(&mut self, edit: Edit) -> Outcome {
        let (buffer, at) = (&self.buffer, self.buffer.caret());
        let to = match edit {
            Edit::Left => buffer.previous(at),
            Edit::Right => buffer.following(at),
            Edit::WordLeft => buffer.word_left(at),
            Edit::WordRight => buffer.word_right(at),
            Edit::LineStart => buffer.line(at).0,
            Edit::LineEnd => buffer.line(at).1,
            Edit::TextStart => 0,
            Edit::TextEnd => buffer.text().len(),
            _ => {
                let rows = self.rows();
                let row = rows.row_of(at);
                rows.at(row, if edit == Edit::RowStart { 0 } else { usize::MAX })
            }
        };
        self.undo.rest();
        self.buffer.go_to(to);
        self.refresh();
        Outcome::Changed
    }

    fn erase(&mut self, edit: Edit) -> Outcome {
        let at = self.buffer.caret();
        let range = match edit {
            Edit::Backspace => self.buffer.previous(at)..at,
            _ => at..self.buffer.following(at),
        };
        if range.is_empty() {
            // Ctrl-D in an empty composer is somebody else's.
            return if self.buffer.is_empty() { Outcome::Ignored } else { Outcome::Changed };
        }
        self.undo.keep(&self.buffer, Step::Erased);
        self.buffer.remove(range);
        self.changed();
        Outcome::Changed
    }

    fn kill(&mut self, edit: Edit) -> Outcome {
        let (buffer, at) = (&self.buffer, self.buffer.caret());
        let (start, end) = buffer.line(at);
        let range = match edit {
            Edit::KillWordLeft => buffer.word_left(at)..at,
            Edit::KillBigWordLeft => buffer.big_word_left(at)..at,
            Edit::KillWordRight => at..buffer.word_right(at),
            // At the end of a line the line end goes, so that the key can be pressed on and on.
            Edit::KillToLineEnd if at == end => at..buffer.following(at),
            Edit::KillToLineEnd => at..end,
            _ if at == start => buffer.previous(at)..at,
            _ => start..at,
        };
        if !range.is_empty() {
            self.undo.keep(&self.buffer, Step::Whole);
            self.killed = self.buffer.remove(range);
            self.changed();
        }
        Outcome::Changed
    }

    fn go_back(&mut self, edit: Edit) -> Outcome {
        let went = match edit {
            Edit::Undo => self.undo.undo(&mut self.buffer),
            _ => self.undo.redo(&mut self.buffer),
        };
        if went {
            self.changed();
        }
        Outcome::Changed
    }

    /// To the row above; from the edges of the text to an earlier message.
    fn up(&mut self) -> Outcome {
        let rows = self.rows();
        let row = rows.row_of(self.buffer.caret());
        if self.is_at_edge() && (row == 0 || self.history.is_shown()) {
            if let Some(entry) = self.history.back(&self.buffer) {
                self.show(entry);
            }
            return Outcome::Changed;
        }
        let to = match row.checked_sub(1) {
            Some(above) => rows.at(above, self.column(&rows)),
            None => 0,
        };
        self.go_by_rows(to)
    }

    /// To the row below; from the edges of the text to a later message.
    fn down(&mut self) -> Outcome {
        let rows = self.rows();
        let row = rows.row_of(self.buffer.caret());
        let last = row + 1 >= rows.rows.len();
        if self.is_at_edge() && self.history.is_shown() {
            if let Some(entry) = self.history.forward() {
                self.show(entry);
            }
            return Outcome::Changed;
        }
        let to = if last { self.buffer.text().len() } else { rows.at(row + 1, self.column(&rows)) };
        self.go_by_rows(to)
    }

    fn go_by_rows(&mut self, to: usize) -> Outcome {
        self.undo.rest();
        self.buffer.go_to(to);
        self.refresh();
        Outcome::Changed
    }

    /// The column that Up and Down keep to, also across shorter rows.
    fn column(&mut self, rows: &Rows) -> usize {
        *self.goal.get_or_insert_with(|| {
            let at = self.buffer.caret();
            rows.rows.get(rows.row_of(at)).map_or(0, |row| row.column(at))
        })
    }

    fn is_at_edge(&self) -> bool {
        self.buffer.caret() == 0 || self.buffer.caret() == self.buffer.text().len()
    }

    /// Shows an earlier message. What was being written can be had back by going down again.
    fn show(&mut self, entry: Buffer) {
        let browsing = std::mem::take(&mut self.history);
        self.exchange(entry);
        self.history = browsing;
        self.buffer.go_to(self.buffer.text().len());
        self.list = None;
    }

    pub(super) fn rows(&self) -> Rows {
        Rows::of(&self.buffer, self.width)
    }

    fn in_search(&mut self, edit: Edit) -> Outcome {
        match edit {
            Edit::Search => {
                if let Some(search) = &mut self.search {
                    search.older();
                }
                self.look();
            }
            Edit::Backspace => {
                if let Some(search) = &mut self.search {
                    search.shorten();
                }
                self.look();
            }
            Edit::Dismiss | Edit::Clear | Edit::Editor => {
                if let Some(search) = self.search.take() {
                    self.buffer = search.before;
                }
                self.refresh();
            }
            // What was found is taken, and can be changed before it is sent.
            _ => {
                if let Some(Search { before, .. }) = self.search.take()
                    && !before.same_text(&self.buffer)
                {
                    let found = std::mem::take(&mut self.buffer);
                    self.exchange(found);
                    self.history.push(before);
                }
                if !matches!(edit, Edit::Send | Edit::Complete) {
                    return self.on_edit(edit);
                }
            }
        }
        Outcome::Changed
    }

    /// Shows the message that the search finds; where it finds none, what was being written.
    pub(super) fn look(&mut self) {
        let Some(search) = &mut self.search else { return };
        let query: String = search.query.chars().take(LARGE_CHARS).collect();
        let found = if query.is_empty() { None } else { self.history.find(&query, search.before_index) };
        search.found = found.as_ref().map(|(index, _)| *index);
        self.buffer = found.map_or_else(|| search.before.clone(), |(_, entry)| entry.clone());
        self.buffer.go_to(self.buffer.text().len());
    }
}
