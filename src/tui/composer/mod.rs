//! Where the user writes. Pure: keys and pastes in, a message out. What needs the disk or another program (files, the
//! history, the editor) is asked for with [`Request`] and told when it is there.

mod buffer;
mod chip;
mod complete;
mod edit;
mod find;
mod history;
mod keys;
mod paths;
mod recall;
mod rows;
mod search;
#[cfg(test)]
mod tests;
mod undo;
mod view;

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use self::{
    buffer::Buffer,
    chip::Chip,
    complete::{List, Of, Token},
    history::History,
    search::Search,
    undo::{Step, Undo},
};
pub use self::{
    complete::{FileKind, FileMatch, ranked},
    find::Finder,
    keys::{Chord, Edit, KEYS},
    paths::{Found, look_up},
    recall::Recall,
};
use super::commands::{Line, Offer, unknown};

/// A paste of more lines, or more characters, stands in the text as one piece.
const LARGE_LINES: usize = 10;
const LARGE_CHARS: usize = 1000;

/// What came of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Not for the composer.
    Ignored,
    /// Something else is to be shown.
    Changed,
    /// To be sent, or to steer the agent with; the composer is empty.
    Submit(Draft),
    /// To be sent when the agent is done; the composer is empty.
    Queue(Draft),
    /// Cannot be sent, and why; the text stays.
    Refused(String),
    /// To be opened in the user's editor; what becomes of it comes back through [`Composer::set_edited`].
    Edit(String),
}

/// What the composer needs from outside; the number comes back with the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Files that fit, for [`Composer::on_files`].
    Files { id: u64, query: String },
    /// Whether these are files, for [`Composer::on_paths`].
    Paths { id: u64, paths: Vec<PathBuf> },
}

/// What was written, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What the model is told: pastes in full, files by their name.
    pub text: String,
    /// As `chat --file` takes them, in the order in which the text names them.
    pub attachments: Vec<PathBuf>,
    origin: Buffer,
}

impl Draft {
    /// As the user saw it: a large paste is one piece.
    #[must_use]
    pub fn shown(&self) -> String {
        self.origin.written(Chip::label)
    }

    fn of(origin: Buffer) -> Self {
        let file = |chip: &Chip| match chip {
            Chip::File { path, .. } => Some(path.clone()),
            Chip::Pasted(_) | Chip::Perhaps(_) => None,
        };
        Self { text: full(&origin), attachments: origin.chips().filter_map(file).collect(), origin }
    }
}

impl From<&str> for Draft {
    /// What was written elsewhere, such as on the command line.
    fn from(text: &str) -> Self {
        Self::of(Buffer::of_text(text))
    }
}

/// The text with pastes in full.
fn full(buffer: &Buffer) -> String {
    buffer.written(|chip, nth| match chip {
        Chip::Pasted(text) => text.to_string(),
        Chip::Perhaps(_) | Chip::File { .. } => chip.label(nth),
    })
}

/// The composer.
#[derive(Debug)]
pub struct Composer {
    buffer: Buffer,
    undo: Undo,
    history: History,
    search: Option<Search>,
    list: Option<List>,
    /// The list was closed; it stays so until something else is typed.
    dismissed: bool,
    /// What was deleted last.
    killed: String,
    /// The column that Up and Down keep to.
    goal: Option<usize>,
    offers: Vec<Offer>,
    running: bool,
    /// Columns that rows were last made for.
    width: usize,
    /// The first row that is shown.
    top: usize,
    requests: Vec<Request>,
    last_request: u64,
    /// The request whose files are shown, or will be.
    files: u64,
    /// Chips that may be paths, and the requests that will say so.
    perhaps: Vec<(u64, usize)>,
}

impl Default for Composer {
    fn default() -> Self {
        Self {
            buffer: Buffer::default(),
            undo: Undo::default(),
            history: History::default(),
            search: None,
            list: None,
            dismissed: false,
            killed: String::new(),
            goal: None,
            offers: vec![],
            running: false,
            width: 80,
            top: 0,
            requests: vec![],
            last_request: 0,
            files: 0,
            perhaps: vec![],
        }
    }
}

impl Composer {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The commands that `/` offers; all others are refused.
    pub fn set_commands(&mut self, offers: Vec<Offer>) {
        self.offers = offers;
        self.refresh();
    }

    /// The messages of earlier sessions, the oldest first.
    pub fn load_history(&mut self, messages: &[String]) {
        self.history.load(messages);
    }

    /// A message that was written elsewhere is found again like those that were written here.
    pub fn remember(&mut self, draft: &Draft) {
        self.history.push(draft.origin.clone());
    }

    /// Whether the agent works: what Tab and Alt-Enter do, and which commands can be sent.
    pub fn set_running(&mut self, running: bool) {
        self.running = running;
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Whether Esc has something to close here.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.search.is_some() || self.list.is_some()
    }

    /// What is asked for since the last time.
    pub fn take_requests(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requests)
    }

    /// As the user sees it, for a session that ends before it is sent.
    #[must_use]
    pub fn text(&self) -> String {
        full(&self.buffer)
    }

    /// Puts a draft back that could not be sent, or is to be changed. What stands there is put aside.
    pub fn restore(&mut self, draft: Draft) {
        let before = self.exchange(draft.origin);
        self.history.push(before);
    }

    /// Puts text there, such as an earlier message that is to be changed. What stands there is put aside.
    pub fn set_text(&mut self, text: &str) {
        let before = self.exchange(Buffer::of_text(text));
        self.history.push(before);
    }

    /// What the editor made of the text; one step for undo. Files that it still names stay attached.
    pub fn set_edited(&mut self, text: &str) {
        self.undo.keep(&self.buffer, Step::Whole);
        let mut text = chip::clean(text.strip_suffix('\n').unwrap_or(text));
        let mut images = 0;
        let chips: Vec<_> = self.buffer.text().chars().filter(|c| chip::index(*c).is_some()).collect();
        for c in chips {
            let Some(chip @ Chip::File { .. }) = self.buffer.chip(c) else { continue };
            text = text.replacen(&chip.label(images), c.encode_utf8(&mut [0; 4]), 1);
            images += usize::from(chip.is_image());
        }
        self.buffer.replace(text);
        self.changed();
    }

    /// A key that was pressed.
    pub fn on_key(&mut self, key: KeyEvent) -> Outcome {
        let Some(chord) = Chord::of(key) else { return Outcome::Ignored };
        match (chord.edit(), chord) {
            (Some(edit), _) => self.on_edit(edit),
            (None, Chord(KeyCode::Char(c), KeyModifiers::NONE)) => {
                self.on_char(c);
                Outcome::Changed
            }
            (None, _) => Outcome::Ignored,
        }
    }

    /// A letter that was typed.
    pub fn on_char(&mut self, c: char) {
        let typed = chip::clean(c.encode_utf8(&mut [0; 4]));
        if let Some(search) = &mut self.search {
            search.add(&typed);
            self.look();
            return;
        }
        if c.is_whitespace() {
            self.undo.rest();
        }
        self.undo.keep(&self.buffer, Step::Typed);
        self.buffer.insert(&typed);
        self.changed();
    }

    /// What was pasted: in full, as one piece where it is large, or as files where it names such.
    pub fn on_paste(&mut self, text: &str) {
        let text = chip::clean(text);
        if text.is_empty() {
            return;
        }
        if let Some(search) = &mut self.search {
            search.add(text.lines().next().unwrap_or_default());
            self.look();
            return;
        }
        self.undo.keep(&self.buffer, Step::Whole);
        let large = text.lines().count() > LARGE_LINES || text.chars().nth(LARGE_CHARS).is_some();
        let paths = if large { vec![] } else { paths::candidates(&text) };
        if !paths.is_empty() {
            self.buffer.insert_chip(Chip::Perhaps(text.trim().into()));
            self.last_request += 1;
            self.perhaps.extend(self.buffer.last_chip().map(|index| (self.last_request, index)));
            self.requests.push(Request::Paths { id: self.last_request, paths });
        } else if large {
            self.buffer.insert_chip(Chip::Pasted(text.into()));
        } else {
            self.buffer.insert(&text);
        }
        self.changed();
    }

    /// The files that were asked for; what comes too late is left.
    pub fn on_files(&mut self, id: u64, found: Vec<FileMatch>) {
        if id != self.files || self.dismissed {
            return;
        }
        let Some(Token::File { start, .. }) = Token::at_caret(&self.buffer) else { return };
        self.list = (!found.is_empty()).then_some(List { of: Of::Files { start, found }, selected: 0 });
    }

    /// Which of the paths that were asked about are files; none, unless all are.
    pub fn on_paths(&mut self, id: u64, found: Vec<Found>) {
        let Some(at) = self.perhaps.iter().position(|(asked, _)| *asked == id) else { return };
        let (_, index) = self.perhaps.swap_remove(at);
        let files = found.into_iter().map(|Found { path, image }| Chip::File { path, image }).collect();
        self.buffer.settle(index, files);
        self.refresh();
    }

    /// Attaches a file at the caret.
    pub fn attach(&mut self, path: PathBuf, image: bool) {
        self.undo.keep(&self.buffer, Step::Whole);
        self.buffer.insert_chip(Chip::File { path, image });
        self.changed();
    }

    /// Another text, with nothing to undo. Gives the one of before.
    fn exchange(&mut self, buffer: Buffer) -> Buffer {
        let before = std::mem::replace(&mut self.buffer, buffer);
        // What was deleted may hold pieces of the text that is gone.
        self.killed.retain(|c| chip::index(c).is_none());
        self.undo = Undo::default();
        self.perhaps.clear();
        self.search = None;
        self.goal = None;
        self.top = 0;
        self.refresh();
        before
    }

    /// To be called after every change of the text.
    fn changed(&mut self) {
        self.history.changed();
        self.goal = None;
        self.dismissed = false;
        self.refresh();
    }

    /// Opens, narrows or closes the list.
    fn refresh(&mut self) {
        if self.dismissed || self.search.is_some() || self.history.is_shown() {
            self.list = None;
            return;
        }
        match Token::at_caret(&self.buffer) {
            Some(Token::Command(typed)) => {
                let offers = complete::commands(typed, &self.offers);
                self.list = (!offers.is_empty()).then_some(List { of: Of::Commands(offers), selected: 0 });
            }
            Some(Token::File { query, .. }) => {
                let query = query.to_owned();
                if matches!(&self.list, Some(List { of: Of::Commands(_), .. })) {
                    self.list = None;
                }
                self.last_request += 1;
                self.files = self.last_request;
                // Only the last counts.
                self.requests.retain(|request| !matches!(request, Request::Files { .. }));
                self.requests.push(Request::Files { id: self.files, query });
            }
            None => self.list = None,
        }
    }

    /// Sends what stands there, if it can be.
    fn send(&mut self, how: fn(Draft) -> Outcome) -> Outcome {
        let text = full(&self.buffer);
        if text.trim().is_empty() {
            return Outcome::Ignored;
        }
        if let Line::Command { name, .. } = Line::read(&text) {
            match self.offers.iter().find(|offer| offer.is(name)) {
                None => {
                    return Outcome::Refused(unknown(name, self.offers.iter().map(|offer| offer.name.as_str())));
                }
                Some(offer) if self.running && !offer.while_running => {
                    return Outcome::Refused(format!("/{name} has to wait until the agent is done"));
                }
                Some(_) => {}
            }
        }
        let sent = self.exchange(Buffer::default());
        self.history.push(sent.clone());
        how(Draft::of(sent))
    }
}
