//! A list to choose from, or a question to say yes to, in place of the composer.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{App, Cmd, asks::READ};
use crate::{
    agent::Compaction,
    tui::{
        commands::{Confirm, Effect, Next, Pick, Step, compaction},
        picker::{Picked, Picker},
        theme::Role,
    },
};

/// What is in place of the composer.
#[derive(Debug)]
pub enum Overlay {
    /// What is chosen is given to this command.
    Pick { picker: Box<Picker>, command: &'static str },
    /// Shown since then, or since the last key that came too early.
    Confirm { confirm: Confirm, since: Instant },
}

impl Overlay {
    /// Whether keys count: a question comes when its command is done, into whatever is typed just then.
    #[must_use]
    pub fn is_ready(&self, now: Instant) -> bool {
        match self {
            Self::Pick { .. } => true,
            Self::Confirm { since, .. } => now.duration_since(*since) >= READ,
        }
    }

    #[must_use]
    pub fn pick(pick: Pick) -> Self {
        let picker = Picker::new(pick.title, pick.choices);
        let picker = match &pick.current {
            Some(current) => picker.at(current),
            None => picker,
        };
        Self::Pick { picker: Box::new(picker), command: pick.command }
    }
}

impl App {
    /// A key while a list or a question is open.
    pub(super) fn on_overlay_key(&mut self, key: KeyEvent, now: Instant) -> Vec<Cmd> {
        let Some(overlay) = self.overlay.take() else { return vec![] };
        match overlay {
            Overlay::Pick { mut picker, command } => match picker.on_key(key) {
                Picked::Chosen(key) => {
                    self.aside = Some(now);
                    vec![Cmd::Command { name: command.to_owned(), arguments: key }]
                }
                Picked::Closed => vec![],
                Picked::Refused(why) => {
                    self.transcript.note(Role::Warning, &why);
                    self.overlay = Some(Overlay::Pick { picker, command });
                    vec![]
                }
                Picked::Open => {
                    self.overlay = Some(Overlay::Pick { picker, command });
                    vec![]
                }
            },
            Overlay::Confirm { confirm, since } => {
                let plain = (key.modifiers - KeyModifiers::SHIFT).is_empty();
                if plain && now.duration_since(since) < READ {
                    self.overlay = Some(Overlay::Confirm { confirm, since: now });
                    return vec![];
                }
                match key.code {
                    KeyCode::Char('y' | 'Y') if plain => {
                        self.aside = Some(now);
                        vec![Cmd::Confirmed(confirm.then)]
                    }
                    KeyCode::Char('e' | 'E') if plain && confirm.editable() => {
                        let Step::Compact(draft) = confirm.then else { return vec![] };
                        vec![Cmd::EditSummary(draft)]
                    }
                    KeyCode::Char('n' | 'N' | 'c') | KeyCode::Esc | KeyCode::Enter => {
                        self.transcript.note(Role::Dim, "nothing was done");
                        vec![]
                    }
                    _ => {
                        self.overlay = Some(Overlay::Confirm { confirm, since });
                        vec![]
                    }
                }
            }
        }
    }

    /// Asks again, with what the user made of the summary.
    pub(super) fn on_summary(&mut self, draft: Compaction, edited: Result<String, String>, now: Instant) {
        let draft = match edited {
            Ok(text) if !text.trim().is_empty() => draft.with_summary(text.trim_end()),
            Ok(_) => {
                self.transcript.note(Role::Warning, "an empty summary would leave nothing: the draft is as it was");
                draft
            }
            Err(why) => {
                self.transcript.note(Role::Error, &why);
                draft
            }
        };
        let Effect { parts, next } = compaction(draft);
        for part in parts {
            self.show(part, now);
        }
        if let Next::Confirm(confirm) = next {
            self.overlay = Some(Overlay::Confirm { confirm, since: now });
        }
    }

    /// Whether what is pasted belongs to the list.
    pub(super) fn paste_into_overlay(&mut self, text: &str) -> bool {
        if let Some(Overlay::Pick { picker, .. }) = &mut self.overlay {
            picker.on_paste(text);
        }
        self.overlay.is_some()
    }
}
