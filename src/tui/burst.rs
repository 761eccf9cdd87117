//! Pastes on terminals that do not bracket them: characters that come faster than anybody types, with Enter among them. Such
//! an Enter ends a line and sends nothing.
//!
//! No character is held back, so that input methods feel nothing of it; only an Enter may be, for a moment.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// So many characters, each no later than this after the one before it, are no typing.
const LEAST: usize = 3;
const GAP: Duration = Duration::from_millis(8);
/// An Enter this long after them still belongs to them, where pastes are never bracketed.
const AFTER: Duration = Duration::from_millis(120);
/// Where they mostly are, an Enter waits this long for what follows a line end in a paste. A line that came at once because
/// the network stood still is sent all the same.
const HOLD: Duration = Duration::from_millis(30);

/// Whether the terminal says what is pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brackets {
    /// As far as its name promises.
    Likely,
    Never,
    /// The user does not want bursts to be looked for.
    Trusted,
}

impl Brackets {
    /// What the variables `TERM` and `TMUX` promise.
    #[must_use]
    pub fn of(term: &str, in_tmux: bool) -> Self {
        let old = ["linux", "vt", "ansi", "cons", "cygwin", "screen"].iter().any(|name| term.starts_with(name));
        // vte is not of the VT family.
        if old && !in_tmux && !term.starts_with("vte") { Self::Never } else { Self::Likely }
    }
}

/// Finds them among keys.
#[derive(Debug)]
pub struct Bursts {
    brackets: Brackets,
    /// Characters of the run, and when the last of them came.
    run: usize,
    last: Option<Instant>,
    /// An Enter that waits.
    held: Option<(Event, Instant)>,
}

impl Bursts {
    #[must_use]
    pub fn new(brackets: Brackets) -> Self {
        Self { brackets, run: 0, last: None, held: None }
    }

    /// What came, as it is to be understood.
    pub fn take(&mut self, event: Event, now: Instant) -> Vec<Event> {
        if self.brackets == Brackets::Trusted {
            return vec![event];
        }
        let mut passed = self.expire(now);
        match &event {
            // It does bracket them.
            Event::Paste(_) => (self.brackets, self.run) = (Brackets::Likely, 0),
            Event::Key(key) if is_plain(key) => match key.code {
                KeyCode::Char(_) => {
                    let goes_on = self.since(now) <= GAP;
                    self.run = if goes_on { self.run + 1 } else { 1 };
                    self.last = Some(now);
                    passed.extend(self.held.take().map(|_| line_end()));
                }
                KeyCode::Enter if self.is_burst(now) => {
                    passed.extend(self.held.take().map(|_| line_end()));
                    self.last = Some(now);
                    match self.brackets {
                        Brackets::Never => passed.push(line_end()),
                        Brackets::Likely | Brackets::Trusted => self.held = Some((event, now + HOLD)),
                    }
                    return passed;
                }
                // It would complete, or queue.
                KeyCode::Tab if self.is_burst(now) => {
                    passed.extend(self.held.take().map(|_| line_end()));
                    self.last = Some(now);
                    passed.push(Event::Paste("\t".to_owned()));
                    return passed;
                }
                _ => self.run = 0,
            },
            Event::Key(_) => self.run = 0,
            Event::FocusGained | Event::FocusLost | Event::Mouse(_) | Event::Resize(..) => {}
        }
        passed.extend(self.held.take().map(|(event, _)| event));
        passed.push(event);
        passed
    }

    /// When what is held is given back.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.held.as_ref().map(|(_, until)| *until)
    }

    /// What was held for long enough.
    pub fn expire(&mut self, now: Instant) -> Vec<Event> {
        self.held.take_if(|(_, until)| *until <= now).map(|(event, _)| event).into_iter().collect()
    }

    fn since(&self, now: Instant) -> Duration {
        self.last.map_or(Duration::MAX, |last| now.saturating_duration_since(last))
    }

    fn is_burst(&self, now: Instant) -> bool {
        let longest = if self.brackets == Brackets::Never { AFTER } else { GAP };
        self.run >= LEAST && self.since(now) <= longest
    }
}

fn is_plain(key: &KeyEvent) -> bool {
    key.kind != KeyEventKind::Release && (key.modifiers - KeyModifiers::SHIFT).is_empty()
}

fn line_end() -> Event {
    Event::Paste("\n".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(1);
    const SLOW: Duration = Duration::from_millis(40);

    /// Keys with the time between them, and what they are understood as.
    fn read(brackets: Brackets, text: &str, gap: Duration) -> String {
        let (mut bursts, mut now, mut events) = (Bursts::new(brackets), Instant::now(), vec![]);
        for c in text.chars() {
            let code = match c {
                '\r' => KeyCode::Enter,
                '\t' => KeyCode::Tab,
                c => KeyCode::Char(c),
            };
            events.extend(bursts.take(Event::Key(code.into()), now));
            now += gap;
        }
        events.extend(bursts.expire(now + HOLD));
        assert_eq!(bursts.until(), None);
        events.iter().map(shown).collect()
    }

    fn shown(event: &Event) -> String {
        match event {
            Event::Key(key) if key.code == KeyCode::Enter => "<Enter>".to_owned(),
            Event::Key(key) if key.code == KeyCode::Tab => "<Tab>".to_owned(),
            Event::Key(KeyEvent { code: KeyCode::Char(c), .. }) => c.to_string(),
            Event::Paste(text) => text.clone(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_is_pasted_is_not_sent() {
        assert_eq!(read(Brackets::Never, "first\rsecond\r\rthird\t!\r", FAST), "first\nsecond\n\nthird\t!\n");
        assert_eq!(read(Brackets::Likely, "first\rsecond\r\rthird", FAST), "first\nsecond\n\nthird");
        assert_eq!(read(Brackets::Never, "文字列\r", FAST), "文字列\n");
    }

    #[test]
    fn what_is_typed_is_sent() {
        for brackets in [Brackets::Never, Brackets::Likely] {
            assert_eq!(read(brackets, "first\rsecond\t\r", SLOW), "first<Enter>second<Tab><Enter>");
            assert_eq!(read(brackets, "ok\ry\r", FAST), "ok<Enter>y<Enter>", "a few keys at once");
        }
        assert_eq!(read(Brackets::Likely, "a whole line that came late\r", FAST), "a whole line that came late<Enter>");
        assert_eq!(read(Brackets::Trusted, "first\rsecond\r", FAST), "first<Enter>second<Enter>");
    }

    #[test]
    fn a_terminal_that_brackets_is_believed() {
        let (mut bursts, now) = (Bursts::new(Brackets::Never), Instant::now());
        bursts.take(Event::Paste("x".to_owned()), now);
        for c in "abc".chars() {
            bursts.take(Event::Key(KeyCode::Char(c).into()), now);
        }
        assert_eq!(bursts.take(Event::Key(KeyCode::Enter.into()), now), []);
        assert_eq!(bursts.until(), Some(now + HOLD));
        assert_eq!(bursts.expire(now + HOLD).len(), 1);
    }

    #[test]
    fn what_names_promise() {
        let never = [("linux", false), ("vt220", false), ("screen-256color", false), ("ansi", false)];
        assert!(never.iter().all(|(term, tmux)| Brackets::of(term, *tmux) == Brackets::Never));
        let likely = [("xterm-256color", false), ("screen-256color", true), ("vte-256color", false), ("foot", false)];
        assert!(likely.iter().all(|(term, tmux)| Brackets::of(term, *tmux) == Brackets::Likely));
    }
}
