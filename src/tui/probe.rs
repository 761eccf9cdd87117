//! What the terminal says of itself: the colour behind the text, asked once at the start.
//!
//! Nobody waits for it. Whoever reads keys reads the answer among them, whenever it comes, as the keys that it looks like.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// Asks for the background (xterm's OSC 11). What a terminal does not know it passes over.
pub const QUERY: &str = "\x1b]11;?\x1b\\";
const BEGIN: &str = "\x1b]11;rgb:";
const ENDS: [&str; 2] = ["\x07", "\x1b\\"];
/// What comes later than this after what came before it is typed.
const GAP: Duration = Duration::from_millis(100);
/// More is no answer.
const MOST: usize = 40;

/// Red, green, blue.
pub type Color = (u8, u8, u8);

/// Finds the answer among keys.
#[derive(Debug, Default)]
pub struct Answers {
    /// Keys that may be the beginning of it, and the bytes that they stand for.
    held: Vec<Event>,
    bytes: String,
    until: Option<Instant>,
}

impl Answers {
    /// What came: the events that are no part of an answer, and the colour once it is there.
    pub fn take(&mut self, event: Event, now: Instant) -> (Vec<Event>, Option<Color>) {
        let mut passed = self.expire(now);
        let before = self.bytes.len();
        if let Event::Key(key) = &event {
            push(&mut self.bytes, key);
        }
        if self.bytes.len() == before || !may_be(&self.bytes) {
            self.bytes.truncate(before);
            passed.append(&mut self.give_up());
            // What breaks off one answer may begin another.
            if self.bytes.is_empty() && before > 0 {
                let (more, color) = self.take(event, now);
                passed.extend(more);
                return (passed, color);
            }
            passed.push(event);
            return (passed, None);
        }
        self.held.push(event);
        self.until = Some(now + GAP);
        let Some(body) = ENDS.iter().find_map(|end| self.bytes.strip_suffix(end)) else { return (passed, None) };
        let color = body.strip_prefix(BEGIN).and_then(color);
        self.give_up();
        (passed, color)
    }

    /// When what is held is given back.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// What was held for too long.
    pub fn expire(&mut self, now: Instant) -> Vec<Event> {
        if self.until.is_some_and(|until| until <= now) { self.give_up() } else { vec![] }
    }

    fn give_up(&mut self) -> Vec<Event> {
        self.bytes.clear();
        self.until = None;
        std::mem::take(&mut self.held)
    }
}

/// The bytes that a key stands for, where it can be a part of an answer.
fn push(bytes: &mut String, key: &KeyEvent) {
    match (key.code, key.modifiers - KeyModifiers::SHIFT) {
        (KeyCode::Esc, KeyModifiers::NONE) => bytes.push('\x1b'),
        (KeyCode::Char('g'), KeyModifiers::CONTROL) => bytes.push('\x07'),
        (KeyCode::Char(c), KeyModifiers::ALT) => bytes.extend(['\x1b', c]),
        (KeyCode::Char(c), KeyModifiers::NONE) => bytes.push(c),
        _ => {}
    }
}

/// Whether `bytes` begin an answer, or are one.
fn may_be(bytes: &str) -> bool {
    let Some(rest) = bytes.strip_prefix(BEGIN) else { return BEGIN.starts_with(bytes) };
    let body = rest.trim_end_matches(['\x07', '\\', '\x1b']);
    let end = &rest[body.len()..];
    rest.len() <= MOST
        && body.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'/')
        && ENDS.iter().any(|known| known.starts_with(end))
}

/// `RRRR/GGGG/BBBB`, each with one to four digits.
fn color(text: &str) -> Option<Color> {
    let mut parts = text.split('/').map(|part| {
        let most = 16u32.checked_pow(u32::try_from(part.len()).ok()?)?.checked_sub(1).filter(|most| *most > 0)?;
        let value = u32::from_str_radix(part, 16).ok()?;
        u8::try_from(value.checked_mul(255)? / most).ok()
    });
    Some((parts.next()??, parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the terminal library reads these bytes.
    fn keys(bytes: &str) -> Vec<Event> {
        let mut keys = vec![];
        let mut chars = bytes.chars().peekable();
        while let Some(c) = chars.next() {
            keys.push(match c {
                '\x1b' => match chars.next_if(|c| *c != '\x1b') {
                    Some(c) => KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT),
                    None => KeyCode::Esc.into(),
                },
                '\x07' => KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL),
                '\r' => KeyCode::Enter.into(),
                c => KeyCode::Char(c).into(),
            });
        }
        keys.into_iter().map(Event::Key).collect()
    }

    /// What passes, and the colour, of bytes that come at once.
    fn read(answers: &mut Answers, bytes: &str, now: Instant) -> (Vec<Event>, Option<Color>) {
        let (mut passed, mut found) = (vec![], None);
        for key in keys(bytes) {
            let (events, color) = answers.take(key, now);
            passed.extend(events);
            found = found.or(color);
        }
        (passed, found)
    }

    #[test]
    fn answers_of_terminals() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        let mut of = |bytes: &str| read(&mut answers, bytes, now);
        assert_eq!(of("\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\"), (vec![], Some((0x1e, 0x1e, 0x1e))));
        assert_eq!(of("\x1b]11;rgb:FF/ff/ea\x07"), (vec![], Some((0xff, 0xff, 0xea))));
        assert_eq!(of("ab\x1b]11;rgb:0/0/0\x07\r!"), (keys("ab\r!"), Some((0, 0, 0))));
    }

    #[test]
    fn an_answer_in_pieces() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        assert_eq!(read(&mut answers, "\x1b", now), (vec![], None));
        assert_eq!(read(&mut answers, "]11;rg", now + GAP / 2), (vec![], None));
        assert_eq!(read(&mut answers, "b:f/f/f\x1b", now + GAP), (vec![], None));
        assert_eq!(read(&mut answers, "\\x", now + GAP), (keys("x"), Some((255, 255, 255))));
    }

    #[test]
    fn what_is_typed_is_given_back() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        assert_eq!(read(&mut answers, "\x1b]1x", now).0, keys("\x1b]1x"));
        assert_eq!(read(&mut answers, "\x1b\x1b\x1b]", now).0, keys("\x1b\x1b"));
        assert_eq!(answers.expire(now + GAP / 2), []);
        assert_eq!(answers.expire(now + GAP), keys("\x1b]"));
        assert_eq!(answers.until(), None);
        let paste = Event::Paste("]11;".to_owned());
        assert_eq!(read(&mut answers, "\x1b]", now).0, []);
        assert_eq!(answers.take(paste.clone(), now).0, [keys("\x1b]"), vec![paste]].concat());
    }

    #[test]
    fn nonsense_is_no_answer() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        for bytes in ["\x1b]11;rgb:zz", "\x1b]11;rgb:1\x1b]", "\x1b]11;rgb:////\x07"] {
            assert_eq!(read(&mut answers, bytes, now).1, None);
        }
        let long = format!("\x1b]11;rgb:{}", "f".repeat(99));
        read(&mut answers, &long, now);
        assert!(answers.held.is_empty());
    }
}
