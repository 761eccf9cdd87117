//! A turn, from the message to its end.

use std::time::{Duration, Instant};

use super::{App, Ask, Cmd};
use crate::{
    domain::{AgentEvent, EventKind, FailureCode, TurnOutcome},
    tui::{composer::Draft, theme::Role},
};

/// A turn that took longer than this is worth to be called back for.
const LONG: Duration = Duration::from_secs(5);

/// The turn that runs.
#[derive(Clone, Debug)]
pub struct Work {
    /// What it began with.
    pub draft: Draft,
    pub since: Instant,
    /// It was told to stop.
    pub canceling: bool,
    /// Something came of it: what it began with is kept before that.
    pub heard: bool,
}

impl App {
    /// Sends `draft` as the beginning of a turn.
    pub(super) fn begin(&mut self, draft: Draft, now: Instant) -> Vec<Cmd> {
        self.transcript.user(&draft.shown());
        self.said = true;
        self.pending.held = false;
        self.work = Some(Work { draft: draft.clone(), since: now, canceling: false, heard: false });
        vec![Cmd::Send(draft)]
    }

    pub(super) fn on_event(&mut self, event: &AgentEvent, now: Instant) -> Vec<Cmd> {
        self.transcript.on_event(event, now);
        self.asks.resolved(event, now);
        let root = event.agent.depth() == 0;
        if let Some(work) = &mut self.work {
            work.heard |= is_heard(&event.kind);
        }
        let mut commands = vec![];
        match &event.kind {
            EventKind::TurnStarted { model, .. } if root => {
                self.about.model = Some(model.clone());
                self.speaker = Some(event.agent.name().to_owned());
            }
            EventKind::MessageCompleted { usage, .. } => {
                if let Some(usage) = usage.filter(|_| root) {
                    self.context = Some(usage.total_tokens());
                }
            }
            EventKind::ApprovalRequested { call, reason, rules } => {
                let ask = Ask::approval(event.agent.clone(), call.clone(), reason.clone(), rules.clone());
                commands.extend(self.notify(&format!("{} asks to run {}", event.agent.name(), call.name)));
                self.asks.push(ask, self.last_key, now);
            }
            EventKind::QuestionAsked { id, question } => {
                let ask = Ask::question(event.agent.clone(), id.clone(), question.clone());
                commands.extend(self.notify(&question.text));
                self.asks.push(ask, self.last_key, now);
            }
            EventKind::TurnFinished { outcome, usage } if root => {
                self.usage += *usage;
                commands.extend(self.ended(outcome, now));
            }
            _ => {}
        }
        commands
    }

    fn ended(&mut self, outcome: &TurnOutcome, now: Instant) -> Vec<Cmd> {
        let work = self.work.take();
        let long = work.as_ref().is_some_and(|work| now.duration_since(work.since) >= LONG);
        let mut commands = if long { self.notify("the agent is done") } else { vec![] };
        self.asks.clear();
        self.pending.turn_ended();
        commands.extend(self.not_kept(outcome, work));
        let goes_on = matches!(outcome, TurnOutcome::Completed { .. } | TurnOutcome::ToolCalls { .. });
        self.pending.held = !goes_on && !self.pending.queued.is_empty();
        if goes_on {
            commands.extend(self.next_queued(now));
        }
        commands
    }

    /// A message that no session has is given back to be sent again, with what was sent along.
    fn not_kept(&mut self, outcome: &TurnOutcome, work: Option<Work>) -> Option<Cmd> {
        let unsaved = matches!(outcome, TurnOutcome::Failed { code: FailureCode::Busy | FailureCode::Store, .. });
        let work = work.filter(|work| unsaved && !work.heard)?;
        let place = self.give_back(work.draft);
        self.transcript.note(Role::Dim, &format!("your message was not kept; {place}"));
        Some(Cmd::Reattach)
    }

    /// Puts a draft back that was not sent: where something else is typed by now, before all that is queued. Says where
    /// it is.
    pub(super) fn give_back(&mut self, draft: Draft) -> &'static str {
        if self.composer.is_empty() {
            self.composer.restore(draft);
            return "it is back below";
        }
        self.pending.queued.push_front(draft);
        "it waits above what you type: with nothing typed, Enter sends it and ↑ edits it"
    }

    pub(super) fn next_queued(&mut self, now: Instant) -> Vec<Cmd> {
        match self.pending.queued.pop_front() {
            Some(draft) => self.begin(draft, now),
            None => vec![],
        }
    }

    /// All messages but the last `unread` were read by the turn.
    pub(super) fn joined(&mut self, unread: usize) {
        while self.pending.steering.len() > unread {
            if let Some(draft) = self.pending.steering.pop_front() {
                self.transcript.user(&draft.shown());
            }
        }
    }

    pub(super) fn on_lost(&mut self) -> Vec<Cmd> {
        self.transcript.settle();
        self.transcript.note(Role::Error, "the turn ended without saying how");
        self.work = None;
        self.asks.clear();
        self.pending.turn_ended();
        self.hold();
        vec![]
    }

    fn notify(&self, what: &str) -> Vec<Cmd> {
        if self.focused { vec![] } else { vec![Cmd::Notify(what.to_owned())] }
    }
}

/// Whether the turn does something, besides having begun and ended.
fn is_heard(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::TurnStarted { .. } | EventKind::Notice { .. } | EventKind::TurnFinished { .. })
}
