//! Keys in, lines and caret out.

mod history;
mod lists;
mod random;
mod text;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::tui::theme::Theme;

/// Presses keys: letters as they are, others by their name in angle brackets, such as `<C-w>`, `<Left>`, `<A-Enter>`.
fn press(composer: &mut Composer, keys: &str) -> Vec<Outcome> {
    let mut outcomes = vec![];
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let event = match named {
            Some((name, after)) => {
                rest = after;
                chord(name)
            }
            None => {
                rest = &rest[c.len_utf8()..];
                KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)
            }
        };
        outcomes.push(composer.on_key(event));
    }
    outcomes
}

fn chord(name: &str) -> KeyEvent {
    let (mut held, mut name) = (KeyModifiers::NONE, name);
    loop {
        let (modifier, rest) = match name.split_at_checked(2) {
            Some(("C-", rest)) => (KeyModifiers::CONTROL, rest),
            Some(("A-", rest)) => (KeyModifiers::ALT, rest),
            Some(("S-", rest)) => (KeyModifiers::SHIFT, rest),
            _ => break,
        };
        (held, name) = (held | modifier, rest);
    }
    let code = match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        "BS" => KeyCode::Backspace,
        "Del" => KeyCode::Delete,
        letter => KeyCode::Char(letter.chars().next().unwrap()),
    };
    KeyEvent::new(code, held)
}

/// What is seen: the text, the list under it, and the caret as `▏` at its column.
fn seen(composer: &mut Composer, width: u16, height: u16) -> String {
    let (lines, caret) = composer.lines(width, height, &Theme::default());
    let mut text = String::new();
    for (y, line) in lines.iter().enumerate() {
        let shown: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
        assert!(crate::tui::text::width(&shown) <= usize::from(width).max(3), "{shown:?}");
        text.push_str(&if y == usize::from(caret.y) { marked(&shown, usize::from(caret.x)) } else { shown });
        text.push('\n');
    }
    for line in composer.popup(width, &Theme::default()) {
        let shown: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
        text.push_str(&format!("| {}\n", shown.trim_end()));
    }
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn marked(line: &str, column: usize) -> String {
    let (mut text, mut at, mut done) = (String::new(), 0, false);
    for (grapheme, width) in crate::tui::text::graphemes(line) {
        if at >= column && !done {
            assert_eq!(at, column, "the caret stands in the middle of a wide character");
            text.push('▏');
            done = true;
        }
        text.push_str(grapheme);
        at += width;
    }
    if done { text } else { text + &" ".repeat(column.saturating_sub(at)) + "▏" }
}

/// What is seen after some keys.
fn after(keys: &str) -> String {
    let mut composer = Composer::new();
    press(&mut composer, keys);
    seen(&mut composer, 20, 6)
}
