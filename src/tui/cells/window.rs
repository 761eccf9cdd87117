//! A screen full of a conversation, for a pager. Only the cells in sight are laid out, however long it is.

use std::collections::HashMap;

use ratatui::{
    style::{Modifier, Style},
    text::Line,
};

use super::{Detail, Transcript, coming::Laid};
use crate::tui::theme::Theme;

/// Cells that are kept laid out.
const KEPT: usize = 128;

/// A line of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct At {
    cell: usize,
    line: usize,
}

/// Where the window stands.
#[derive(Debug, Default)]
pub struct Window {
    top: At,
    /// The end is shown, whatever comes.
    follows: bool,
    hit: Option<At>,
    width: u16,
    theme: Theme,
    laid: HashMap<usize, Vec<Line<'static>>>,
    coming: Option<Laid>,
}

/// Which way a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Down,
    Up,
}

impl Window {
    /// The end of the conversation, and what comes to it.
    #[must_use]
    pub fn at_end() -> Self {
        Self { follows: true, ..Self::default() }
    }

    pub fn to_start(&mut self) {
        (self.top, self.follows) = (At::default(), false);
    }

    pub fn to_end(&mut self) {
        self.follows = true;
    }

    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.follows
    }

    /// The cell at the top, from 0.
    #[must_use]
    pub fn cell(&self) -> usize {
        self.top.cell
    }

    /// Whether the last search found something.
    #[must_use]
    pub fn has_hit(&self) -> bool {
        self.hit.is_some()
    }

    /// Nothing is searched for any more.
    pub fn forget_hit(&mut self) {
        self.hit = None;
    }

    /// The rows in sight, the hit of a search among them reversed; fewer than `height` where there are no more.
    pub fn rows(&mut self, transcript: &Transcript, width: u16, height: usize) -> Vec<Line<'static>> {
        if width != self.width || transcript.theme != self.theme {
            (self.width, self.theme) = (width, transcript.theme);
            self.laid.clear();
            self.coming = None;
        }
        let end = self.end(transcript, height);
        self.follows |= (self.top.cell, self.top.line) >= (end.cell, end.line);
        if self.follows {
            self.top = end;
        }
        let (mut rows, mut at) = (Vec::with_capacity(height), self.top);
        while rows.len() < height && at.cell < transcript.len() {
            let hit = self.hit;
            let lines = self.lines(transcript, at.cell).iter().enumerate().skip(at.line).take(height - rows.len());
            rows.extend(lines.map(|(line, shown)| match hit {
                Some(hit) if hit == (At { line, ..at }) => {
                    shown.clone().patch_style(Style::new().add_modifier(Modifier::REVERSED))
                }
                _ => shown.clone(),
            }));
            at = At { cell: at.cell + 1, line: 0 };
        }
        rows
    }

    /// Up, where `by` is less than 0, or down.
    pub fn scroll(&mut self, transcript: &Transcript, by: isize) {
        self.follows = false;
        let mut left = by.unsigned_abs();
        if by < 0 {
            while left > self.top.line && self.top.cell > 0 {
                left -= self.top.line;
                let cell = self.top.cell - 1;
                self.top = At { cell, line: self.lines(transcript, cell).len() };
            }
            self.top.line = self.top.line.saturating_sub(left);
            return;
        }
        while self.top.cell < transcript.len() {
            let more = self.lines(transcript, self.top.cell).len().saturating_sub(self.top.line);
            if left < more {
                self.top.line += left;
                return;
            }
            left -= more;
            self.top = At { cell: self.top.cell + 1, line: 0 };
        }
    }

    /// Goes to the next line that holds `needle`, in any case, after the last hit or from the top, round the ends.
    pub fn find(&mut self, transcript: &Transcript, needle: &str, way: Way) -> bool {
        let needle = needle.to_lowercase();
        let count = transcript.len();
        let from = self.hit.filter(|hit| hit.cell < count).unwrap_or(self.top);
        let again = self.hit.take().is_some();
        if needle.trim().is_empty() || count == 0 {
            return false;
        }
        // Once round: the cell that it began in is looked through on both sides.
        for step in 0..=count {
            let cell = match way {
                Way::Down => (from.cell + step) % count,
                Way::Up => (from.cell + count - step % count) % count,
            };
            if !transcript.may_hold(cell, &needle) {
                continue;
            }
            let beyond = |line: usize| match way {
                _ if step > 0 => true,
                Way::Down => line > from.line || (line == from.line && !again),
                Way::Up => line < from.line || (line == from.line && !again),
            };
            let lines = self.lines(transcript, cell);
            let holds = |line: &usize| beyond(*line) && lines[*line].to_string().to_lowercase().contains(&needle);
            let found = match way {
                Way::Down => (0..lines.len()).find(holds),
                Way::Up => (0..lines.len()).rev().find(holds),
            };
            if let Some(line) = found {
                self.hit = Some(At { cell, line });
                (self.top, self.follows) = (At { cell, line }, false);
                return true;
            }
        }
        false
    }

    /// Where the last screen full begins.
    fn end(&mut self, transcript: &Transcript, height: usize) -> At {
        let (mut cell, mut rows) = (transcript.len(), 0);
        while cell > 0 && rows < height {
            cell -= 1;
            rows += self.lines(transcript, cell).len();
        }
        At { cell, line: rows.saturating_sub(height) }
    }

    fn lines(&mut self, transcript: &Transcript, cell: usize) -> &[Line<'static>] {
        let width = self.width.max(1);
        if let Some(coming) = transcript.coming().filter(|coming| coming.cell == cell) {
            let new = || Laid::new(cell, width.into(), &transcript.theme);
            self.coming.take_if(|laid| !laid.is_of(cell));
            return self.coming.get_or_insert_with(new).lines(coming);
        }
        self.coming.take_if(|laid| laid.is_of(cell));
        if self.laid.len() > KEPT {
            self.laid.clear();
        }
        self.laid.entry(cell).or_insert_with(|| transcript.lines(cell, width, Detail::Full))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{
        domain::{AgentEvent, AgentPath, EventKind, Message},
        tui::{markdown, theme::Theme},
    };

    fn conversation(count: usize) -> Transcript {
        let message = |n| {
            if n % 2 == 0 { Message::user(format!("question {n}")) } else { Message::assistant(format!("answer {n}")) }
        };
        Transcript::history(Theme::default(), &(0..count).map(message).collect::<Vec<_>>())
    }

    fn shown(window: &mut Window, transcript: &Transcript) -> String {
        let rows = window.rows(transcript, 40, 4);
        rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_screen_full_of_a_long_conversation() {
        let mut transcript = conversation(10_000);
        let mut window = Window::at_end();
        assert_eq!(shown(&mut window, &transcript), "|› question 9998||answer 9999");
        window.scroll(&transcript, -3);
        assert_eq!(shown(&mut window, &transcript), "› question 9996||answer 9997|");
        assert!(!window.is_at_end());
        window.scroll(&transcript, 1);
        assert_eq!(shown(&mut window, &transcript), "|answer 9997||› question 9998");
        window.to_start();
        assert_eq!(shown(&mut window, &transcript), "› question 0||answer 1|");
        window.scroll(&transcript, -9);
        window.scroll(&transcript, 2);
        assert_eq!(shown(&mut window, &transcript), "answer 1||› question 2|");
        window.scroll(&transcript, 1_000_000);
        assert_eq!(shown(&mut window, &transcript), "|› question 9998||answer 9999");
        transcript.user("and now?");
        assert_eq!(shown(&mut window, &transcript), "|answer 9999||› and now?", "it follows again");
        assert!(window.laid.len() <= KEPT + 1);
    }

    #[test]
    fn a_search_goes_round() {
        let transcript = conversation(100);
        let mut window = Window::at_end();
        shown(&mut window, &transcript);
        assert!(window.find(&transcript, "QUESTION 1", Way::Down));
        assert_eq!(shown(&mut window, &transcript), "› question 10||answer 11|");
        assert!(window.find(&transcript, "question 1", Way::Down));
        assert_eq!(window.cell(), 12);
        assert!(window.find(&transcript, "question 1", Way::Up) && window.find(&transcript, "question 1", Way::Up));
        assert_eq!(window.cell(), 18, "from the first one round to the last");
        assert!(!window.find(&transcript, "nowhere", Way::Down) && !window.has_hit());
        let reversed = |window: &mut Window| {
            let rows = window.rows(&transcript, 40, 4);
            rows.iter().filter(|row| row.style.add_modifier.contains(Modifier::REVERSED)).count()
        };
        assert_eq!(reversed(&mut window), 0);
        assert!(window.find(&transcript, "answer 99", Way::Down));
        assert_eq!(reversed(&mut window), 1);
    }

    /// However often it is looked at, each byte of it is laid out once while it comes, and once when it is whole.
    #[test]
    fn an_answer_that_comes_is_laid_out_once() {
        let event = |kind| AgentEvent {
            seq: 0,
            session: "ses_1".into(),
            turn: "turn_1".into(),
            agent: AgentPath::root("lead"),
            kind,
        };
        let now = Instant::now();
        let mut transcript = conversation(3);
        transcript.drain(40, now);
        let (mut window, mut text) = (Window::at_end(), String::new());
        shown(&mut window, &transcript);
        let before = markdown::counted();
        for n in 0..200 {
            let delta = format!("word {n}\n\n- `entry`\n\n");
            text.push_str(&delta);
            transcript.on_event(&event(EventKind::TextDelta { text: delta }), now);
            assert!(shown(&mut window, &transcript).contains("entry"));
            window.find(&transcript, "nowhere", Way::Down);
            window.to_end();
        }
        // The transcript has its own stream for the scrollback.
        assert_eq!(markdown::counted() - before, 2 * text.len());
        let message = Message::assistant(text.clone());
        transcript.on_event(&event(EventKind::MessageCompleted { message, stop: None, usage: None }), now);
        for _ in 0..3 {
            assert_eq!(shown(&mut window, &transcript), "|word 199||• entry");
        }
        assert_eq!(markdown::counted() - before, 3 * text.len());
        assert_eq!(window.rows(&transcript, 40, 4000), transcript.whole(40, Detail::Full));
    }

    #[test]
    fn nothing_to_show() {
        let (transcript, mut window) = (conversation(0), Window::at_end());
        assert_eq!(shown(&mut window, &transcript), "");
        window.scroll(&transcript, -1);
        window.scroll(&transcript, 1);
        assert!(!window.find(&transcript, "x", Way::Up));
    }
}
