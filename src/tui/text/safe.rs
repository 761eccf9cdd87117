//! Untrusted text, made safe: nothing in it moves the cursor, sets a title, writes the clipboard or hides a word.

use std::borrow::Cow;

use ratatui::{style::Style, text::Span};
use unicode_width::UnicodeWidthChar;

use super::width::width;
use crate::ui::printable::visible;

/// Columns from one tab stop to the next.
const TAB: usize = 4;
/// Most marks that one character carries: more would be drawn over the lines above and below.
const MARKS: usize = 8;

/// `text` with nothing in it but what is seen, and line feeds. A carriage return ends a line, with or without a line
/// feed, so that no text is written over; tabs become spaces.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let (mut before, mut line, mut marks) = (None, 0, 0);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied();
        match c {
            '\r' if after == Some('\n') => continue,
            '\r' | '\n' => {
                safe.push('\n');
                line = safe.len();
            }
            '\t' => safe.extend(std::iter::repeat_n(' ', TAB - width(&safe[line..]) % TAB)),
            _ => {
                let Some(shown) = visible(before, c, after) else { continue };
                marks = if shown.width() == Some(0) { marks + 1 } else { 0 };
                if marks <= MARKS {
                    safe.push(shown);
                }
            }
        }
        before = Some(c);
    }
    Cow::Owned(safe)
}

/// [`clean`], with its lines joined by spaces.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = clean(text).into_owned();
    if line.contains('\n') {
        line = line.replace('\n', " ");
    }
    line
}

/// [`one_line`] in a style.
#[must_use]
pub fn span(text: &str, style: Style) -> Span<'static> {
    Span::styled(one_line(text), style)
}

/// The output of a program without the sequences that colour it or clear the rest of a line (`CSI … m`, `CSI … K`),
/// which programs write for people. Other sequences stay, to be marked by [`clean`].
#[must_use]
pub fn without_colors(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        let (before, sequence) = rest.split_at(at);
        plain.push_str(before);
        let parameters = sequence[2..].bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b';' | b':')).count();
        let end = 2 + parameters;
        if matches!(sequence.as_bytes().get(end), Some(b'm' | b'K')) {
            rest = &sequence[end + 1..];
        } else {
            plain.push_str(&sequence[..end]);
            rest = &sequence[end..];
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_shown_as_text() {
        assert_eq!(clean("a\u{1b}[2Jb\u{1b}]0;title\u{7}\u{9d}52;c;aGk=\u{9c}"), "a�[2Jb�]0;title��52;c;aGk=�");
        assert_eq!(clean("rm -rf /\recho hi\r\nend\u{8}\u{8}"), "rm -rf /\necho hi\nend��");
        assert_eq!(clean("plain\nlines"), "plain\nlines");
    }

    #[test]
    fn a_tab_goes_to_the_next_stop() {
        assert_eq!(clean("a\tb\n\t字\tc"), "a   b\n    字  c");
    }

    #[test]
    fn marks_do_not_pile_up() {
        let tower = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(clean(&tower), format!("a{}b", "\u{301}".repeat(MARKS)));
    }

    #[test]
    fn colours_of_a_program_are_left_out() {
        assert_eq!(without_colors("\u{1b}[1;31mred\u{1b}[0m \u{1b}[K\u{1b}[2Jx\u{1b}["), "red \u{1b}[2Jx\u{1b}[");
        assert_eq!(without_colors("\u{1b}\u{1b}[mz"), "\u{1b}z");
    }
}
