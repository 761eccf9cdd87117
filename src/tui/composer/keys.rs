//! The keys of the composer: one table, from which the help comes too.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;

/// What a key does to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edit {
    Send,
    Queue,
    Newline,
    Left,
    Right,
    Up,
    Down,
    WordLeft,
    WordRight,
    RowStart,
    RowEnd,
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    Backspace,
    Delete,
    KillWordLeft,
    KillBigWordLeft,
    KillWordRight,
    KillToLineStart,
    KillToLineEnd,
    Yank,
    Undo,
    Redo,
    Complete,
    Search,
    Editor,
    /// Puts the draft aside.
    Clear,
    Dismiss,
}

/// A key with what is held down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord(pub KeyCode, pub KeyModifiers);

/// What each key does; the first of several is the one to tell of.
pub const KEYS: &[(Edit, &[Chord], &str)] = &[
    (Edit::Send, &[Chord(KeyCode::Enter, NONE)], "send; while the agent works, steer it"),
    (Edit::Queue, &[Chord(KeyCode::Enter, ALT)], "queue the message while the agent works, else a new line"),
    (Edit::Newline, &[Chord(KeyCode::Char('j'), CTRL), Chord(KeyCode::Enter, SHIFT)], "new line"),
    (Edit::Complete, &[Chord(KeyCode::Tab, NONE)], "complete a command or a file; while the agent works, queue"),
    (Edit::Left, &[Chord(KeyCode::Left, NONE), Chord(KeyCode::Char('b'), CTRL)], "left"),
    (Edit::Right, &[Chord(KeyCode::Right, NONE), Chord(KeyCode::Char('f'), CTRL)], "right"),
    (Edit::Up, &[Chord(KeyCode::Up, NONE), Chord(KeyCode::Char('p'), CTRL)], "up, or an earlier message"),
    (Edit::Down, &[Chord(KeyCode::Down, NONE), Chord(KeyCode::Char('n'), CTRL)], "down, or a later message"),
    (
        Edit::WordLeft,
        &[Chord(KeyCode::Left, CTRL), Chord(KeyCode::Left, ALT), Chord(KeyCode::Char('b'), ALT)],
        "a word left",
    ),
    (
        Edit::WordRight,
        &[Chord(KeyCode::Right, CTRL), Chord(KeyCode::Right, ALT), Chord(KeyCode::Char('f'), ALT)],
        "a word right",
    ),
    (Edit::RowStart, &[Chord(KeyCode::Home, NONE)], "start of the row"),
    (Edit::RowEnd, &[Chord(KeyCode::End, NONE)], "end of the row"),
    (Edit::LineStart, &[Chord(KeyCode::Char('a'), CTRL)], "start of the line"),
    (Edit::LineEnd, &[Chord(KeyCode::Char('e'), CTRL)], "end of the line"),
    (Edit::TextStart, &[Chord(KeyCode::Home, CTRL), Chord(KeyCode::Char('<'), ALT)], "start of the text"),
    (Edit::TextEnd, &[Chord(KeyCode::End, CTRL), Chord(KeyCode::Char('>'), ALT)], "end of the text"),
    (
        Edit::Backspace,
        &[Chord(KeyCode::Backspace, NONE), Chord(KeyCode::Backspace, SHIFT), Chord(KeyCode::Char('h'), CTRL)],
        "delete to the left",
    ),
    (Edit::Delete, &[Chord(KeyCode::Delete, NONE), Chord(KeyCode::Char('d'), CTRL)], "delete to the right"),
    (Edit::KillBigWordLeft, &[Chord(KeyCode::Char('w'), CTRL)], "delete back to a space"),
    (
        Edit::KillWordLeft,
        &[Chord(KeyCode::Backspace, ALT), Chord(KeyCode::Backspace, CTRL)],
        "delete a word to the left",
    ),
    (
        Edit::KillWordRight,
        &[Chord(KeyCode::Char('d'), ALT), Chord(KeyCode::Delete, CTRL), Chord(KeyCode::Delete, ALT)],
        "delete a word to the right",
    ),
    (Edit::KillToLineStart, &[Chord(KeyCode::Char('u'), CTRL)], "delete to the start of the line"),
    (Edit::KillToLineEnd, &[Chord(KeyCode::Char('k'), CTRL)], "delete to the end of the line"),
    (Edit::Yank, &[Chord(KeyCode::Char('y'), CTRL)], "put back what was deleted last"),
    (
        Edit::Undo,
        // Terminals send the same for all three; which of them is told apart by the protocol of the keyboard.
        &[Chord(KeyCode::Char('_'), CTRL), Chord(KeyCode::Char('7'), CTRL), Chord(KeyCode::Char('/'), CTRL)],
        "undo",
    ),
    (
        Edit::Redo,
        &[Chord(KeyCode::Char('_'), ALT), Chord(KeyCode::Char('z'), CTRL.union(SHIFT)), Chord(KeyCode::Char('/'), ALT)],
        "redo",
    ),
    (Edit::Search, &[Chord(KeyCode::Char('r'), CTRL)], "search the earlier messages"),
    (Edit::Editor, &[Chord(KeyCode::Char('g'), CTRL)], "write in $EDITOR"),
    (Edit::Clear, &[Chord(KeyCode::Char('c'), CTRL)], "clear, keeping the draft for Up"),
    (Edit::Dismiss, &[Chord(KeyCode::Esc, NONE)], "close the list"),
];

impl Chord {
    /// The chord of a key that was pressed; `None` where it was let go.
    #[must_use]
    pub fn of(key: KeyEvent) -> Option<Self> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let held = key.modifiers & (CTRL | ALT | SHIFT);
        Some(match key.code {
            // Some terminals say Shift beside a capital letter, some say one of the two.
            KeyCode::Char(c) if held.contains(CTRL) && c.is_ascii_uppercase() => {
                Self(KeyCode::Char(c.to_ascii_lowercase()), held | SHIFT)
            }
            KeyCode::Char(c) if held.contains(SHIFT) && !held.contains(CTRL) => Self(KeyCode::Char(c), held - SHIFT),
            code => Self(code, held),
        })
    }

    /// What it does by the table; `None` for what is typed, and for keys that are not the composer's.
    #[must_use]
    pub fn edit(self) -> Option<Edit> {
        KEYS.iter().find(|(_, chords, _)| chords.contains(&self)).map(|(edit, ..)| *edit)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_key_does_one_thing() {
        let chords: Vec<_> = KEYS.iter().flat_map(|(_, chords, _)| *chords).collect();
        assert_eq!(chords.iter().collect::<HashSet<_>>().len(), chords.len());
        let edits: HashSet<_> = KEYS.iter().map(|(edit, ..)| edit).collect();
        assert_eq!(edits.len(), KEYS.len(), "and stands once in the table");
    }

    #[test]
    fn terminals_say_capitals_in_several_ways() {
        let of = |c, held| Chord::of(KeyEvent::new(KeyCode::Char(c), held)).unwrap();
        assert_eq!(of('Z', CTRL).edit(), Some(Edit::Redo));
        assert_eq!(of('z', CTRL | SHIFT).edit(), Some(Edit::Redo));
        assert_eq!(of('<', ALT | SHIFT).edit(), Some(Edit::TextStart));
        assert_eq!(of('A', SHIFT), Chord(KeyCode::Char('A'), NONE));
        assert_eq!(of('a', NONE).edit(), None);
    }
}
