//! Keys, where they do not belong to something that is asked or to the pager.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use super::{App, Cmd, Pager, TWICE};
use crate::{
    agent::ApproveMode,
    tui::{
        commands::Line,
        composer::{Draft, Outcome},
        keymap::{self, Action, Place},
        theme::Role,
    },
};

impl App {
    pub(super) fn on_key(&mut self, key: KeyEvent, now: Instant) -> Vec<Cmd> {
        if key.kind == KeyEventKind::Release {
            return vec![];
        }
        if self.pager.is_some() {
            return self.on_pager_key(key, now);
        }
        self.asks.settle(self.last_key, now);
        if self.asks.has_focus() {
            return self.on_ask_key(key, now);
        }
        if self.overlay.is_some() {
            return self.on_overlay_key(key, now);
        }
        self.last_key = Some(now);
        let commands = self.on_prompt_key(key, now);
        let action = keymap::action(Place::Prompt, key);
        if action != Some(Action::Stop) {
            self.leaving = None;
        }
        if action != Some(Action::Escape) {
            self.escaped = None;
        }
        commands
    }

    fn on_prompt_key(&mut self, key: KeyEvent, now: Instant) -> Vec<Cmd> {
        match keymap::action(Place::Prompt, key) {
            // The composer has something to close, to clear or to delete first.
            Some(Action::Escape) if self.composer.is_open() => self.edit(key, now),
            Some(Action::End | Action::Stop) if !self.composer.is_empty() => self.edit(key, now),
            Some(Action::End) => vec![Cmd::Quit],
            Some(Action::Stop) => self.stop(now),
            Some(Action::Escape) => self.escape(now),
            Some(action) => self.act(action),
            None => self.edit(key, now),
        }
    }

    /// What can be done wherever the keys go.
    pub(super) fn act(&mut self, action: Action) -> Vec<Cmd> {
        match action {
            Action::CycleMode => self.cycle_mode(),
            Action::Transcript => {
                self.pager = Some(Pager::at_end());
                vec![Cmd::OpenPager]
            }
            Action::Redraw => vec![Cmd::Redraw],
            Action::Suspend => vec![Cmd::Suspend],
            _ => vec![],
        }
    }

    /// Gives the key to the composer.
    fn edit(&mut self, key: KeyEvent, now: Instant) -> Vec<Cmd> {
        if self.composer.is_empty() {
            match key.code {
                KeyCode::Up if !self.pending.queued.is_empty() => {
                    if let Some(draft) = self.pending.pull() {
                        self.composer.restore(draft);
                    }
                    return vec![];
                }
                KeyCode::Up if !self.pending.steering.is_empty() => return vec![Cmd::TakeBack],
                KeyCode::Enter if self.pending.held && self.work.is_none() && self.aside.is_none() && !self.opening => {
                    return self.next_queued(now);
                }
                _ => {}
            }
        }
        self.composer.set_running(self.work.is_some());
        let mut commands = match self.composer.on_key(key) {
            Outcome::Submit(draft) => self.submit(draft, now),
            // What is not for the agent is not to reach it by waiting.
            Outcome::Queue(draft) if !matches!(Line::read(&draft.text), Line::Message(_)) => self.submit(draft, now),
            Outcome::Queue(draft) => {
                let text = draft.text.clone();
                self.pending.queued.push_back(draft);
                vec![Cmd::Remember(text)]
            }
            Outcome::Refused(why) => {
                self.transcript.note(Role::Warning, &why);
                vec![]
            }
            Outcome::Edit(text) => vec![Cmd::Edit(text)],
            Outcome::Changed | Outcome::Ignored => vec![],
        };
        commands.extend(self.composer.take_requests().into_iter().map(Cmd::Find));
        commands
    }

    pub(super) fn submit(&mut self, draft: Draft, now: Instant) -> Vec<Cmd> {
        let mut commands = vec![Cmd::Remember(draft.text.clone())];
        commands.extend(match self.aside(&draft, now) {
            Some(commands) => commands,
            None => self.send(draft, now),
        });
        commands
    }

    /// Begins a turn, or sends into the one that runs.
    pub(super) fn send(&mut self, draft: Draft, now: Instant) -> Vec<Cmd> {
        match &self.work {
            // What the command changes may be what the message is for.
            None if self.aside.is_some() || self.opening => {
                self.pending.queued.push_back(draft);
                vec![]
            }
            Some(work) if work.canceling => {
                self.pending.queued.push_back(draft);
                vec![]
            }
            Some(_) => {
                self.pending.steering.push_back(draft.clone());
                vec![Cmd::Steer(draft)]
            }
            None => self.begin(draft, now),
        }
    }

    pub(super) fn on_paste(&mut self, text: &str, now: Instant) -> Vec<Cmd> {
        if self.pager.is_some() || self.asks.paste(text) || self.paste_into_overlay(text) {
            return vec![];
        }
        self.last_key = Some(now);
        self.composer.on_paste(text);
        self.composer.take_requests().into_iter().map(Cmd::Find).collect()
    }

    pub(super) fn refused(&mut self, draft: Draft, why: &str) {
        self.work = None;
        let place = self.give_back(draft);
        self.transcript.note(Role::Error, &format!("not sent: {why}"));
        self.transcript.note(Role::Dim, place);
        self.hold();
    }

    /// What is queued waits for Enter, as nothing runs after which it would be sent.
    pub(super) fn hold(&mut self) {
        self.pending.held = self.work.is_none() && !self.pending.queued.is_empty();
    }

    /// Ctrl-C: clear what is typed, then interrupt, then leave.
    pub(super) fn stop(&mut self, now: Instant) -> Vec<Cmd> {
        if self.work.as_ref().is_some_and(|work| !work.canceling) {
            return self.interrupt();
        }
        if self.aside.take().is_some() {
            self.transcript.note(Role::Warning, "stopped");
            self.hold();
            return vec![Cmd::StopAside];
        }
        if self.leaving.is_some_and(|since| now.duration_since(since) < TWICE) {
            return vec![Cmd::Quit];
        }
        self.leaving = Some(now);
        vec![]
    }

    /// Esc: interrupt, or stop what runs aside; twice at rest, go back to an earlier message.
    fn escape(&mut self, now: Instant) -> Vec<Cmd> {
        if self.work.is_some() {
            return self.interrupt();
        }
        if self.aside.take().is_some() {
            self.transcript.note(Role::Warning, "stopped");
            self.hold();
            return vec![Cmd::StopAside];
        }
        if self.escaped.is_some_and(|since| now.duration_since(since) < TWICE) {
            self.escaped = None;
            self.aside = Some(now);
            return vec![Cmd::Command { name: "undo".to_owned(), arguments: String::new() }];
        }
        self.escaped = (self.said && self.composer.is_empty()).then_some(now);
        vec![]
    }

    pub(super) fn interrupt(&mut self) -> Vec<Cmd> {
        match &mut self.work {
            Some(work) if !work.canceling => {
                work.canceling = true;
                vec![Cmd::Cancel]
            }
            Some(_) | None => vec![],
        }
    }

    fn cycle_mode(&mut self) -> Vec<Cmd> {
        if !self.about.modes {
            self.transcript.note(Role::Dim, "what may run without asking is up to the server of this agent");
            return vec![];
        }
        self.mode = match self.mode {
            ApproveMode::Plan => ApproveMode::Ask,
            ApproveMode::Ask => ApproveMode::Auto,
            ApproveMode::Auto | ApproveMode::Deny => ApproveMode::Plan,
        };
        vec![Cmd::Mode(self.mode)]
    }
}
