//! Every key that the interface itself obeys, in one table: what a key does, what help says of it, and that no two rows
//! want the same key all come from here. Keys that edit text belong to the composer.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::composer::KEYS;

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the composer; the keys of this place win over the composer's own.
    Prompt,
    /// At something that the agent asks.
    Ask,
    /// In the pager.
    Pager,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    CycleMode,
    Transcript,
    Redraw,
    Suspend,
    /// Clear the draft, then interrupt, then leave.
    Stop,
    /// Leave, where nothing is typed.
    End,
    /// Interrupt the turn, or take a step back.
    Escape,
    Up,
    Down,
    Choose,
    Once,
    Session,
    Always,
    No,
    NoAndStop,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Search,
    Next,
    Previous,
    Close,
}

/// A row of the table.
#[derive(Debug)]
pub struct Binding {
    pub place: Place,
    pub keys: &'static [Key],
    pub action: Action,
    pub help: &'static str,
}

/// A key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub KeyModifiers, pub KeyCode);

const fn plain(code: KeyCode) -> Key {
    Key(KeyModifiers::NONE, code)
}

const fn char(c: char) -> Key {
    plain(KeyCode::Char(c))
}

const fn ctrl(c: char) -> Key {
    Key(KeyModifiers::CONTROL, KeyCode::Char(c))
}

const fn row(place: Place, keys: &'static [Key], action: Action, help: &'static str) -> Binding {
    Binding { place, keys, action, help }
}

/// The table.
pub const BINDINGS: &[Binding] = &[
    row(
        Place::Prompt,
        &[plain(KeyCode::BackTab), Key(KeyModifiers::SHIFT, KeyCode::Tab)],
        Action::CycleMode,
        "ask, auto or plan: what becomes of a call that has to be asked about",
    ),
    row(Place::Prompt, &[ctrl('t')], Action::Transcript, "the whole conversation, with search"),
    row(Place::Prompt, &[ctrl('l')], Action::Redraw, "draw anew"),
    row(Place::Prompt, &[ctrl('z')], Action::Suspend, "stop the program; `fg` brings it back"),
    row(Place::Prompt, &[ctrl('c')], Action::Stop, "clear what is typed, then interrupt, then leave"),
    row(Place::Prompt, &[ctrl('d')], Action::End, "leave, where nothing is typed"),
    row(
        Place::Prompt,
        &[plain(KeyCode::Esc)],
        Action::Escape,
        "interrupt; twice at rest, go back to an earlier message",
    ),
    row(Place::Ask, &[plain(KeyCode::Up), ctrl('p')], Action::Up, "the answer above"),
    row(Place::Ask, &[plain(KeyCode::Down), ctrl('n')], Action::Down, "the answer below"),
    row(Place::Ask, &[plain(KeyCode::Enter)], Action::Choose, "give the chosen answer"),
    row(Place::Ask, &[char('y')], Action::Once, "allow this call"),
    row(Place::Ask, &[char('s')], Action::Session, "allow its like in this session"),
    row(Place::Ask, &[char('a')], Action::Always, "allow its like for good"),
    row(Place::Ask, &[char('n')], Action::No, "no, and say why"),
    row(Place::Ask, &[char('x'), plain(KeyCode::Esc)], Action::NoAndStop, "no, and stop"),
    row(Place::Ask, &[ctrl('t')], Action::Transcript, "the whole conversation"),
    row(Place::Ask, &[ctrl('c')], Action::Stop, "no, and stop"),
    row(Place::Ask, &[ctrl('z')], Action::Suspend, "stop the program"),
    row(Place::Pager, &[plain(KeyCode::Up), char('k')], Action::Up, "a line up"),
    row(Place::Pager, &[plain(KeyCode::Down), char('j'), plain(KeyCode::Enter)], Action::Down, "a line down"),
    row(Place::Pager, &[plain(KeyCode::PageUp), char('b'), ctrl('b')], Action::PageUp, "a page up"),
    row(Place::Pager, &[plain(KeyCode::PageDown), char(' '), ctrl('f')], Action::PageDown, "a page down"),
    row(Place::Pager, &[plain(KeyCode::Home), char('g')], Action::Top, "to the beginning"),
    row(Place::Pager, &[plain(KeyCode::End), char('G')], Action::Bottom, "to the end"),
    row(Place::Pager, &[char('/')], Action::Search, "search"),
    row(Place::Pager, &[char('n')], Action::Next, "the next hit"),
    row(Place::Pager, &[char('N')], Action::Previous, "the hit before"),
    row(Place::Pager, &[char('q'), plain(KeyCode::Esc), ctrl('t'), ctrl('c')], Action::Close, "back"),
];

/// What `key` does at `place`.
#[must_use]
pub fn action(place: Place, key: KeyEvent) -> Option<Action> {
    let pressed = normal(key);
    BINDINGS.iter().find(|row| row.place == place && row.keys.contains(&pressed)).map(|row| row.action)
}

/// The tables, for people to read.
#[must_use]
pub fn help() -> String {
    let row = |keys: Vec<String>, about: &str| format!("  {:<28}{about}\n", keys.join(", "));
    let own = |place: Place| -> String {
        let rows = BINDINGS.iter().filter(|binding| binding.place == place);
        rows.map(|binding| row(binding.keys.iter().map(|key| name(key.0, key.1)).collect(), binding.help)).collect()
    };
    let composer: String =
        KEYS.iter().map(|(_, keys, help)| row(keys.iter().map(|key| name(key.1, key.0)).collect(), help)).collect();
    [
        ("at the prompt", own(Place::Prompt) + &composer),
        ("where something is asked", own(Place::Ask)),
        ("in the whole conversation", own(Place::Pager)),
    ]
    .map(|(place, rows)| format!("{place}\n{rows}"))
    .concat()
}

/// How a key is called.
fn name(modifiers: KeyModifiers, code: KeyCode) -> String {
    let code = match code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => c.to_ascii_uppercase().to_string(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::BackTab => return "Shift-Tab".to_owned(),
        KeyCode::PageUp => "PgUp".to_owned(),
        KeyCode::PageDown => "PgDn".to_owned(),
        code => format!("{code:?}"),
    };
    let held = [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")];
    let held: String = held.iter().filter(|(held, _)| modifiers.contains(*held)).map(|(_, name)| *name).collect();
    held + &code
}

/// As the table spells it: a capital letter needs no Shift, and terminals differ in whether they say so.
fn normal(key: KeyEvent) -> Key {
    match key.code {
        KeyCode::Char(c) => {
            let modifiers = key.modifiers - KeyModifiers::SHIFT;
            let shifted = key.modifiers.contains(KeyModifiers::SHIFT) && modifiers.is_empty();
            let c = if shifted { c.to_uppercase().next().unwrap_or(c) } else { c };
            let c = if modifiers.contains(KeyModifiers::CONTROL) { c.to_ascii_lowercase() } else { c };
            Key(modifiers, KeyCode::Char(c))
        }
        KeyCode::BackTab => plain(KeyCode::BackTab),
        code => Key(key.modifiers, code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_at_a_place() {
        for (at, row) in BINDINGS.iter().enumerate() {
            for other in &BINDINGS[at + 1..] {
                if row.place == other.place {
                    let both = row.keys.iter().find(|key| other.keys.contains(key));
                    assert_eq!(both, None, "{:?} and {:?} at {:?}", row.action, other.action, row.place);
                }
            }
        }
    }

    /// What the interface takes at the prompt the composer never sees, but for these, which it has where they mean
    /// something to it.
    #[test]
    fn the_composer_keeps_its_keys() {
        let composer: Vec<_> = KEYS.iter().flat_map(|(_, keys, _)| *keys).map(|key| Key(key.1, key.0)).collect();
        let shared = [Action::Stop, Action::End, Action::Escape];
        for row in BINDINGS.iter().filter(|row| row.place == Place::Prompt && !shared.contains(&row.action)) {
            assert_eq!(row.keys.iter().find(|key| composer.contains(key)), None, "{:?}", row.action);
        }
    }

    /// Without the kitty protocol these arrive as Enter, Tab, Backspace and Esc; and Ctrl-S and Ctrl-Q may stop the flow.
    #[test]
    fn no_key_that_many_terminals_cannot_send() {
        for row in BINDINGS {
            for key in ['m', 'i', 'h', '[', 's', 'q'] {
                assert!(!row.keys.contains(&ctrl(key)), "{:?}", row.action);
            }
        }
    }

    #[test]
    fn terminals_spell_a_key_in_their_own_way() {
        let key = |modifiers, code| KeyEvent::new(code, modifiers);
        assert_eq!(action(Place::Pager, key(KeyModifiers::SHIFT, KeyCode::Char('G'))), Some(Action::Bottom));
        assert_eq!(action(Place::Pager, key(KeyModifiers::NONE, KeyCode::Char('G'))), Some(Action::Bottom));
        assert_eq!(action(Place::Prompt, key(KeyModifiers::SHIFT, KeyCode::BackTab)), Some(Action::CycleMode));
        assert_eq!(action(Place::Prompt, key(KeyModifiers::CONTROL, KeyCode::Char('C'))), Some(Action::Stop));
    }
}
