//! The whole conversation on a screen of its own, with search.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{App, Cmd};
use crate::tui::{
    cells::{Way, Window},
    keymap::{self, Action, Place},
};

/// What is looked at, and what is looked for.
#[derive(Debug)]
pub struct Pager {
    pub window: Window,
    pub needle: String,
    /// The needle is being typed.
    pub typing: bool,
    /// Rows of the conversation that are shown.
    pub page: usize,
}

impl Pager {
    #[must_use]
    pub fn at_end() -> Self {
        Self { window: Window::at_end(), needle: String::new(), typing: false, page: 1 }
    }
}

impl App {
    pub(super) fn on_pager_key(&mut self, key: KeyEvent, now: Instant) -> Vec<Cmd> {
        let Some(pager) = &mut self.pager else { return vec![] };
        let (transcript, window) = (&self.transcript, &mut pager.window);
        let height = isize::try_from(pager.page).unwrap_or(isize::MAX).max(1);
        if pager.typing {
            if type_needle(&mut pager.needle, key) {
                pager.typing = false;
                window.forget_hit();
                window.find(transcript, &pager.needle, Way::Down);
            } else if key.code == KeyCode::Esc {
                (pager.typing, pager.needle) = (false, String::new());
            }
            return vec![];
        }
        match keymap::action(Place::Pager, key) {
            Some(Action::Close) => {
                self.pager = None;
                self.asks.shown_again(now);
                return vec![Cmd::ClosePager];
            }
            Some(Action::Up) => window.scroll(transcript, -1),
            Some(Action::Down) => window.scroll(transcript, 1),
            Some(Action::PageUp) => window.scroll(transcript, -height),
            Some(Action::PageDown) => window.scroll(transcript, height),
            Some(Action::Top) => window.to_start(),
            Some(Action::Bottom) => window.to_end(),
            Some(Action::Search) => (pager.typing, pager.needle) = (true, String::new()),
            Some(Action::Next) => _ = window.find(transcript, &pager.needle, Way::Down),
            Some(Action::Previous) => _ = window.find(transcript, &pager.needle, Way::Up),
            _ => {}
        }
        vec![]
    }
}

/// Whether the needle is whole.
fn type_needle(needle: &mut String, key: KeyEvent) -> bool {
    match key.code {
        KeyCode::Enter => return true,
        KeyCode::Backspace => _ = needle.pop(),
        KeyCode::Char(c) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => needle.push(c),
        _ => {}
    }
    false
}
