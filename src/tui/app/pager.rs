//! The whole conversation on a screen of its own, with search.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use ratatui::text::Line;

use super::{App, Cmd};
use crate::tui::{
    cells::{Detail, Transcript},
    keymap::{self, Action, Place},
};

/// Where the pager is, and what it shows.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    lines: Vec<Line<'static>>,
    /// Where in the lines each cell of the conversation begins.
    starts: Vec<usize>,
    width: u16,
    /// The first line that is shown; as far down as there are lines.
    pub top: usize,
    /// The end is shown, whatever comes.
    pub follows: bool,
    /// What is searched for.
    pub needle: String,
    /// The needle is being typed.
    pub typing: bool,
    /// The line of the hit that is shown.
    pub hit: Option<usize>,
}

impl Pager {
    #[must_use]
    pub fn at_end() -> Self {
        Self { follows: true, ..Self::default() }
    }

    #[must_use]
    pub fn lines(&self) -> &[Line<'static>] {
        &self.lines
    }

    /// Lays out what is new of the conversation; the last cell may have grown.
    pub fn refresh(&mut self, transcript: &Transcript, width: u16) {
        if width != self.width {
            (self.lines, self.starts, self.width) = (vec![], vec![], width);
        }
        if let Some(start) = self.starts.pop() {
            self.lines.truncate(start);
        }
        for cell in self.starts.len()..transcript.len() {
            self.starts.push(self.lines.len());
            self.lines.extend(transcript.lines(cell, width, Detail::Full));
        }
    }

    /// Puts the lines in sight, where there are `count` of them and `height` rows.
    pub fn clamp(&mut self, count: usize, height: usize) {
        let most = count.saturating_sub(height);
        if self.follows || self.top > most {
            self.top = most;
        }
    }

    fn scroll(&mut self, lines: isize) {
        self.top = self.top.saturating_add_signed(lines);
        self.follows = false;
    }

    /// Goes to the next line that holds the needle, from `from` on, round the end.
    fn find(&mut self, from: usize, forward: bool) {
        let needle = self.needle.to_lowercase();
        let count = self.lines.len();
        if needle.is_empty() || count == 0 {
            return;
        }
        let text = |at: usize| self.lines[at].spans.iter().map(|span| span.content.as_ref()).collect::<String>();
        let order = (0..count).map(|step| if forward { (from + step) % count } else { (from + count - step) % count });
        let hit = order.into_iter().find(|at| text(*at).to_lowercase().contains(&needle));
        if let Some(hit) = hit {
            self.top = hit;
            self.follows = false;
        }
        self.hit = hit;
    }
}

impl App {
    pub(super) fn on_pager_key(&mut self, key: KeyEvent) -> Vec<Cmd> {
        let width = self.width();
        let height = isize::from(i16::try_from(self.size.rows.saturating_sub(1)).unwrap_or(i16::MAX)).max(1);
        let Some(mut pager) = self.pager.take() else { return vec![] };
        pager.refresh(&self.transcript, width);
        if pager.typing {
            type_needle(&mut pager, key);
            self.pager = Some(pager);
            return vec![];
        }
        match keymap::action(Place::Pager, key) {
            Some(Action::Close) => return vec![Cmd::ClosePager],
            Some(Action::Up) => pager.scroll(-1),
            Some(Action::Down) => pager.scroll(1),
            Some(Action::PageUp) => pager.scroll(-height),
            Some(Action::PageDown) => pager.scroll(height),
            Some(Action::Top) => pager = Pager { top: 0, follows: false, ..pager },
            Some(Action::Bottom) => pager.follows = true,
            Some(Action::Search) => pager = Pager { typing: true, needle: String::new(), hit: None, ..pager },
            Some(Action::Next) => {
                let from = pager.hit.map_or(pager.top, |hit| hit + 1);
                pager.find(from, true);
            }
            Some(Action::Previous) => {
                let from = pager.hit.unwrap_or(pager.top);
                let from = if from == 0 { pager.lines.len().saturating_sub(1) } else { from - 1 };
                pager.find(from, false);
            }
            _ => {}
        }
        self.pager = Some(pager);
        vec![]
    }
}

fn type_needle(pager: &mut Pager, key: KeyEvent) {
    match key.code {
        KeyCode::Enter => {
            pager.typing = false;
            pager.find(pager.top, true);
        }
        KeyCode::Esc => {
            pager.typing = false;
            pager.needle.clear();
        }
        KeyCode::Backspace => {
            pager.needle.pop();
        }
        KeyCode::Char(c) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
            pager.needle.push(c);
        }
        _ => {}
    }
}
