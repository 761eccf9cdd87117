//! What goes on beside the turns: slash commands, lines of the user's shell, other sessions.

use std::time::Instant;

use super::{App, Cmd, Overlay};
use crate::{
    domain::{Message, Usage},
    tui::{
        cells::Transcript,
        commands::{Effect, Entered, Failure, Line, Next, Part, ShellDone, Step},
        composer::Draft,
        diff::Diff,
        keymap,
        theme::{Ground, Role},
    },
};

/// Lines of a difference that are shown in the scrollback.
const MOST_DIFF: usize = 2000;

impl App {
    /// What was typed, if it is no message for the agent.
    pub(super) fn aside(&mut self, draft: &Draft, now: Instant) -> Option<Vec<Cmd>> {
        let command = match Line::read(&draft.text) {
            Line::Message(_) => return None,
            Line::Shell(line) => {
                self.transcript.user(&draft.text);
                Cmd::Shell(line.to_owned())
            }
            Line::Command { name, arguments } => {
                Cmd::Command { name: name.to_owned(), arguments: arguments.to_owned() }
            }
        };
        if self.aside.is_some() {
            self.transcript.note(Role::Warning, "the last command is not done yet; Esc stops it");
            self.composer.restore(draft.clone());
            return Some(vec![]);
        }
        if matches!(command, Cmd::Command { .. }) {
            // What is shown next is read as an answer to it.
            self.transcript.user(&draft.text);
        }
        self.aside = Some(now);
        Some(vec![command])
    }

    pub(super) fn on_effect(&mut self, effect: Result<Effect, Failure>, now: Instant) -> Vec<Cmd> {
        self.aside = None;
        match effect {
            Err(failure) => {
                self.failed(&failure);
                self.hold();
                vec![]
            }
            Ok(Effect { parts, next }) => {
                for part in parts {
                    self.show(part, now);
                }
                let mut commands = self.on_next(next, now);
                commands.extend(self.after_aside(now));
                commands
            }
        }
    }

    /// Sends what was typed meanwhile; where something is to be chosen first it waits for Enter.
    fn after_aside(&mut self, now: Instant) -> Vec<Cmd> {
        if self.work.is_some() || self.opening || self.pending.queued.is_empty() {
            return vec![];
        }
        self.pending.held = self.overlay.is_some();
        if self.pending.held { vec![] } else { self.next_queued(now) }
    }

    fn failed(&mut self, failure: &Failure) {
        self.transcript.note(Role::Error, &failure.text);
        if let Some(hint) = &failure.hint {
            self.transcript.note(Role::Dim, hint);
        }
    }

    pub(super) fn show(&mut self, part: Part, now: Instant) {
        match part {
            Part::Text(text) => self.transcript.note(Role::Text, text.trim_end()),
            Part::Warning(text) => self.transcript.note(Role::Warning, &text),
            Part::Patch(patch) => {
                let width = self.width();
                self.carried.extend(self.transcript.drain(width, now));
                let diff = Diff::of_unified(&patch);
                self.carried.extend(diff.lines(usize::from(width), MOST_DIFF, &self.theme));
            }
        }
    }

    fn on_next(&mut self, next: Next, now: Instant) -> Vec<Cmd> {
        match next {
            Next::Nothing => vec![],
            Next::Pick(pick) => {
                self.overlay = Some(Overlay::pick(pick));
                vec![]
            }
            Next::Confirm(confirm) => {
                if let Step::Compact(draft) = &confirm.then {
                    self.usage += draft.usage;
                }
                self.overlay = Some(Overlay::Confirm { confirm, since: now });
                vec![]
            }
            Next::Session(entered) => self.enter(entered),
            Next::Speaker => vec![Cmd::AskSpeaker],
            Next::Mode(mode) => {
                self.mode = mode;
                vec![Cmd::Mode(mode)]
            }
            Next::Send(text) => self.send(Draft::from(text.as_str()), now),
            Next::Copy(text) => vec![Cmd::Copy(text)],
            Next::Theme(ground) => {
                self.change_theme(ground.as_deref());
                vec![]
            }
            Next::Keys => {
                self.transcript.note(Role::Text, &keymap::help());
                vec![]
            }
            Next::Editor => vec![Cmd::Edit(self.composer.text())],
            Next::Clear => vec![Cmd::Clear],
            Next::Leave => vec![Cmd::Quit],
        }
    }

    fn enter(&mut self, entered: Entered) -> Vec<Cmd> {
        self.about.session = Some(entered.key.session.clone());
        self.said = entered.history;
        self.opening = entered.history;
        self.context = None;
        self.usage = Usage::default();
        self.speaker = None;
        if let Some(prompt) = &entered.prompt {
            self.composer.set_text(prompt);
        }
        vec![Cmd::Enter(entered)]
    }

    fn change_theme(&mut self, ground: Option<&str>) {
        let ground = match (ground, self.theme.ground()) {
            (Some("dark"), _) | (None, Ground::Light) => Ground::Dark,
            (Some("light"), _) | (None, Ground::Dark) => Ground::Light,
            (Some(other), _) => {
                self.transcript.note(Role::Error, &format!("`{other}` is no theme: dark or light"));
                return;
            }
        };
        self.set_ground(ground);
        let name = if ground == Ground::Dark { "dark" } else { "light" };
        self.transcript.note(Role::Dim, &format!("colours for a {name} terminal"));
    }

    pub(super) fn on_shell(&mut self, done: Result<ShellDone, Failure>, now: Instant) -> Vec<Cmd> {
        self.aside = None;
        match done {
            Ok(done) => {
                let output = done.output.trim_end();
                self.transcript.note(Role::Dim, if output.is_empty() { "(no output)" } else { output });
            }
            Err(failure) => self.failed(&failure),
        }
        self.after_aside(now)
    }

    /// Another session, or the one that is gone on with, is there.
    pub(super) fn on_opened(&mut self, messages: Result<Vec<Message>, Failure>, now: Instant) -> Vec<Cmd> {
        self.opening = false;
        match messages {
            Ok(messages) => {
                let shown = self.transcript.drain(self.width(), now);
                self.carried.extend(shown);
                self.said = !messages.is_empty();
                self.transcript = Transcript::history(self.theme, &messages);
            }
            Err(failure) => self.failed(&failure),
        }
        self.after_aside(now)
    }
}
