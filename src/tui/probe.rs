//! What the terminal says of itself, asked once at the start: the colour behind the text, and whether it tells modified
//! keys apart.

use std::{io, time::Duration};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The background (xterm's OSC 11), the flags of the keyboard (kitty's protocol) and, last, the kind of terminal (DA1),
/// which all answer, so that nothing else need be waited for.
pub const QUERY: &str = "\x1b]11;?\x1b\\\x1b[?u\x1b[c";
/// How long the answer may take: more than the way to a far machine and back.
const PATIENCE: Duration = Duration::from_millis(500);
/// More is no answer.
const MOST: usize = 4096;

/// What is known of the terminal, and what was typed meanwhile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Red, green, blue.
    pub background: Option<(u8, u8, u8)>,
    /// Shift-Enter and its like arrive as such.
    pub keyboard: bool,
    /// Keys of the user.
    pub typed: Vec<KeyEvent>,
}

/// Reads the answer to [`QUERY`]. To be called while nobody else reads.
///
/// # Errors
/// A terminal that cannot be read.
pub fn read() -> io::Result<Answer> {
    let mut bytes = vec![];
    #[cfg(unix)]
    {
        let until = std::time::Instant::now() + PATIENCE;
        while !is_complete(&bytes) && bytes.len() < MOST {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if !waits(left)? {
                break;
            }
            let mut buffer = [0; 512];
            match rustix::io::read(rustix::stdio::stdin(), &mut buffer)? {
                0 => break,
                count => bytes.extend(&buffer[..count]),
            }
        }
    }
    Ok(parse(&bytes))
}

#[cfg(unix)]
fn waits(left: Duration) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = rustix::stdio::stdin();
    let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
    let left = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
    match poll(&mut polled, Some(&left)) {
        Err(rustix::io::Errno::INTR) => Ok(false),
        count => Ok(count? > 0),
    }
}

/// Whether the answer to DA1 is there, `CSI ? … c`.
fn is_complete(bytes: &[u8]) -> bool {
    sequences(bytes).any(|piece| matches!(piece, Piece::Csi(body) if body.starts_with(b"?") && body.ends_with(b"c")))
}

enum Piece<'a> {
    /// Without `CSI`, with its last byte.
    Csi(&'a [u8]),
    /// Without `OSC` and its end.
    Osc(&'a [u8]),
    Text(&'a [u8]),
}

fn sequences(mut bytes: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        let (piece, rest) = match bytes {
            [] => return None,
            [0x1b, b'[', body @ ..] => {
                let end = body.iter().position(|byte| (0x40..=0x7e).contains(byte)).map_or(body.len(), |at| at + 1);
                (Piece::Csi(&body[..end]), &body[end..])
            }
            [0x1b, b']', body @ ..] => {
                let end = body.iter().position(|byte| matches!(byte, 0x07 | 0x1b)).unwrap_or(body.len());
                let rest = body[end..].strip_prefix(b"\x1b\\").or_else(|| body[end..].strip_prefix(b"\x07"));
                (Piece::Osc(&body[..end]), rest.unwrap_or_default())
            }
            _ => {
                let end = bytes[1..].iter().position(|byte| *byte == 0x1b).map_or(bytes.len(), |at| at + 1);
                (Piece::Text(&bytes[..end]), &bytes[end..])
            }
        };
        bytes = rest;
        Some(piece)
    })
}

fn parse(bytes: &[u8]) -> Answer {
    let mut answer = Answer::default();
    for piece in sequences(bytes) {
        match piece {
            Piece::Osc(body) => {
                let color = std::str::from_utf8(body).ok().and_then(|body| body.strip_prefix("11;")).and_then(color);
                answer.background = answer.background.or(color);
            }
            Piece::Csi(body) => answer.keyboard |= body.starts_with(b"?") && body.ends_with(b"u"),
            Piece::Text(text) => answer.typed.extend(String::from_utf8_lossy(text).chars().filter_map(typed)),
        }
    }
    answer
}

/// `rgb:RRRR/GGGG/BBBB`, each with one to four digits.
fn color(text: &str) -> Option<(u8, u8, u8)> {
    let mut parts = text.strip_prefix("rgb:")?.split('/').map(|part| {
        let most = 16u32.checked_pow(u32::try_from(part.len()).ok()?)?.checked_sub(1).filter(|most| *most > 0)?;
        let value = u32::from_str_radix(part, 16).ok()?;
        u8::try_from(value.checked_mul(255)? / most).ok()
    });
    Some((parts.next()??, parts.next()??, parts.next()??))
}

fn typed(c: char) -> Option<KeyEvent> {
    let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
    Some(match c {
        '\r' | '\n' => plain(KeyCode::Enter),
        '\t' => plain(KeyCode::Tab),
        '\x7f' => plain(KeyCode::Backspace),
        '\x1b' => plain(KeyCode::Esc),
        '\x01'..='\x1a' => {
            let letter = char::from_u32(u32::from(c) + u32::from('a') - 1)?;
            KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL)
        }
        c if c.is_control() => return None,
        c => plain(KeyCode::Char(c)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_terminals() {
        let xterm = parse(b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\\x1b[?64;1;2c");
        assert_eq!(xterm, Answer { background: Some((0x1e, 0x1e, 0x1e)), keyboard: false, typed: vec![] });
        let kitty = parse(b"\x1b]11;rgb:ff/ff/ea\x07\x1b[?0u\x1b[?62;c");
        assert_eq!(kitty, Answer { background: Some((0xff, 0xff, 0xea)), keyboard: true, typed: vec![] });
        assert_eq!(parse(b"\x1b[?6c"), Answer::default());
        assert!(is_complete(b"abc\x1b[?6c") && !is_complete(b"\x1b]11;rgb:1/2/3\x1b\\"));
    }

    #[test]
    fn what_is_typed_meanwhile_is_kept() {
        let answer = parse("h\u{e9}\r\x1b]11;rgb:0/0/0\x07\x03!\x1b[?6c".as_bytes());
        let codes: Vec<_> = answer.typed.iter().map(|key| key.code).collect();
        let c = KeyCode::Char;
        assert_eq!(codes, [c('h'), c('\u{e9}'), KeyCode::Enter, c('c'), c('!')]);
    }

    #[test]
    fn nonsense_is_no_answer() {
        for bytes in
            [&b"\x1b]11;rgb:"[..], b"\x1b]11;rgb:zz/1/2\x07", b"\x1b[", b"\x1b]", b"\x1b", b"\x1b]11;rgb:////\x07"]
        {
            assert_eq!(parse(bytes).background, None);
        }
    }
}
