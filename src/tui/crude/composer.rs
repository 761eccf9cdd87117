//! One line of text.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{
    layout::Position,
    text::{Line, Span},
};

use crate::tui::theme::{Role, Theme};

/// What is to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub text: String,
}

/// What a key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Submit(Draft),
    Changed,
    Ignored,
}

#[derive(Debug, Default)]
pub struct Composer {
    text: String,
}

impl Composer {
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn take(&mut self) -> Draft {
        Draft { text: std::mem::take(&mut self.text) }
    }

    pub fn set(&mut self, draft: Draft) {
        self.text = draft.text;
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Outcome {
        match key.code {
            KeyCode::Enter if !self.text.trim().is_empty() => Outcome::Submit(self.take()),
            KeyCode::Char(c) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                self.text.push(c);
                Outcome::Changed
            }
            KeyCode::Backspace => {
                self.text.pop();
                Outcome::Changed
            }
            _ => Outcome::Ignored,
        }
    }

    pub fn on_paste(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub fn lines(&self, width: u16, _height: u16, theme: &Theme) -> (Vec<Line<'static>>, Position) {
        let room = usize::from(width.saturating_sub(3));
        let skip = self.text.chars().count().saturating_sub(room);
        let shown: String = self.text.chars().skip(skip).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = Line::from(vec![Span::styled("> ", theme.style(Role::Accent)), Span::raw(shown)]);
        let column = u16::try_from(line.width()).unwrap_or(0);
        (vec![line], Position::new(column, 0))
    }
}
