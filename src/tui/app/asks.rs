//! One inbox for everything that any agent of the team asks: calls that want to be allowed, and questions.

use std::{
    collections::VecDeque,
    ops::Range,
    time::{Duration, Instant},
};

use crossterm::event::{KeyCode, KeyEvent};

use super::{App, Cmd};
use crate::{
    domain::{AgentEvent, AgentPath, Answer, Decision, EventKind, Question, QuestionId, ToolCall},
    tui::{
        composer::{Composer, Outcome},
        keymap::{self, Action, Place},
    },
};

/// Keys that follow each other faster belong to what is being typed: no answer is given by the way.
const PAUSE: Duration = Duration::from_millis(700);
/// What is shown for less than this nobody has read: a key was meant for what was there before.
pub(super) const READ: Duration = Duration::from_millis(400);

/// Something that waits for the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub agent: AgentPath,
    pub asked: Asked,
}

/// What it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    Approval {
        call: ToolCall,
        reason: String,
        /// What would be allowed for the session, or for good. Empty where no rule can stand for the call.
        rules: Vec<String>,
    },
    Question {
        id: QuestionId,
        question: Question,
    },
}

/// An answer that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Once,
    Session,
    Always,
    No,
    NoAndStop,
    /// One of the question's, counted from 0.
    Suggested(usize),
    /// In the user's own words.
    Own,
    Decline,
}

impl Ask {
    #[must_use]
    pub fn approval(agent: AgentPath, call: ToolCall, reason: String, rules: Vec<String>) -> Self {
        Self { agent, asked: Asked::Approval { call, reason, rules } }
    }

    #[must_use]
    pub fn question(agent: AgentPath, id: QuestionId, question: Question) -> Self {
        Self { agent, asked: Asked::Question { id, question } }
    }

    /// The answers, in the order in which they are shown.
    #[must_use]
    pub fn choices(&self) -> Vec<Choice> {
        match &self.asked {
            Asked::Approval { .. } => {
                vec![Choice::Once, Choice::Session, Choice::Always, Choice::No, Choice::NoAndStop]
            }
            Asked::Question { question, .. } => {
                let mut choices: Vec<_> = (0..question.choices.len()).map(Choice::Suggested).collect();
                choices.extend((!question.closed).then_some(Choice::Own));
                choices.push(Choice::Decline);
                choices
            }
        }
    }

    fn is_resolved_by(&self, event: &AgentEvent) -> bool {
        match (&self.asked, &event.kind) {
            (Asked::Approval { call, .. }, EventKind::ApprovalResolved { call_id, .. }) => call.call_id == *call_id,
            (Asked::Question { id, .. }, EventKind::QuestionAnswered { id: answered, .. }) => id == answered,
            _ => false,
        }
    }

    fn decided(&self, decision: Decision) -> Option<Answer> {
        match &self.asked {
            Asked::Approval { call, .. } => Some(Answer::Approval { call_id: call.call_id.clone(), decision }),
            Asked::Question { .. } => None,
        }
    }

    fn answered(&self, answer: Option<String>) -> Option<Answer> {
        match &self.asked {
            Asked::Question { id, .. } => Some(Answer::Question { id: id.clone(), answer }),
            Asked::Approval { .. } => None,
        }
    }
}

/// The inbox. The first is shown, and takes the keys unless something is being typed.
#[derive(Debug, Default)]
pub struct Asks {
    waiting: VecDeque<Ask>,
    /// Which choice is marked.
    pub chosen: usize,
    /// Rows of what is asked that are scrolled past.
    pub scroll: usize,
    /// Rows of it that are shown.
    pub page: usize,
    /// Answers that can be seen, below what they answer: no other is given. Nothing where there is no room for both.
    pub seen: Option<Range<usize>>,
    /// The reason for a no, or the answer in the user's own words.
    pub own: Option<Composer>,
    /// Since when the first has had the keys, or since the last key that came too early.
    focus: Option<Instant>,
}

impl Asks {
    #[must_use]
    pub fn first(&self) -> Option<&Ask> {
        self.waiting.front()
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.waiting.len()
    }

    #[must_use]
    pub fn has_focus(&self) -> bool {
        self.focus.is_some() && !self.waiting.is_empty()
    }

    /// Whether keys answer: it has been there long enough to be read.
    #[must_use]
    pub fn is_ready(&self, now: Instant) -> bool {
        self.has_focus() && self.focus.is_some_and(|since| now.duration_since(since) >= READ)
    }

    /// Something is asked that has not got the keys yet, or not long enough.
    #[must_use]
    pub fn unsettled(&self, now: Instant) -> bool {
        !self.waiting.is_empty() && !self.is_ready(now)
    }

    pub(super) fn push(&mut self, ask: Ask, last_key: Option<Instant>, now: Instant) {
        self.waiting.push_back(ask);
        self.settle(last_key, now);
    }

    /// Takes the keys once nobody types.
    pub(super) fn settle(&mut self, last_key: Option<Instant>, now: Instant) {
        if !self.waiting.is_empty() && last_key.is_none_or(|last| now.duration_since(last) >= PAUSE) {
            self.focus.get_or_insert(now);
        }
    }

    pub(super) fn resolved(&mut self, event: &AgentEvent, now: Instant) {
        if self.waiting.front().is_some_and(|ask| ask.is_resolved_by(event)) {
            self.next(now);
        } else {
            self.waiting.retain(|ask| !ask.is_resolved_by(event));
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// It was out of sight, and is shown again.
    pub(super) fn shown_again(&mut self, now: Instant) {
        self.focus = self.focus.map(|_| now);
    }

    pub(super) fn paste(&mut self, text: &str) -> bool {
        if let Some(own) = &mut self.own {
            own.on_paste(text);
        }
        self.has_focus()
    }

    fn next(&mut self, now: Instant) {
        self.waiting.pop_front();
        let typing = self.own.is_some();
        (self.chosen, self.scroll, self.own, self.seen) = (0, 0, None, None);
        // Who types a reason goes on typing, and who holds a key down goes on holding it.
        self.focus = self.focus.filter(|_| !typing && !self.waiting.is_empty()).map(|_| now);
    }
}

impl App {
    pub(super) fn on_ask_key(&mut self, key: KeyEvent, now: Instant) -> Vec<Cmd> {
        if self.asks.own.is_some() {
            return self.on_own_key(key, now);
        }
        let stops =
            matches!(keymap::action(Place::Ask, key), Some(Action::Stop | Action::Transcript | Action::Suspend));
        if !self.asks.is_ready(now) && !stops {
            self.asks.focus = Some(now);
            return vec![];
        }
        let Some(ask) = self.asks.first() else { return vec![] };
        let choices = ask.choices();
        let by_number = match key.code {
            KeyCode::Char(c) if key.modifiers.is_empty() => {
                c.to_digit(10).map(|digit| digit as usize).filter(|n| (1..=choices.len()).contains(n))
            }
            _ => None,
        };
        if let Some(number) = by_number {
            return self.choose_seen(&choices[number - 1], now);
        }
        let approval = matches!(ask.asked, Asked::Approval { .. });
        match keymap::action(Place::Ask, key) {
            Some(Action::Up) => self.asks.chosen = self.asks.chosen.saturating_sub(1),
            Some(Action::Down) => self.asks.chosen = (self.asks.chosen + 1).min(choices.len() - 1),
            Some(Action::Choose) => return self.choose_seen(&choices[self.asks.chosen.min(choices.len() - 1)], now),
            Some(Action::Once) if approval => return self.choose_seen(&Choice::Once, now),
            Some(Action::Session) if approval => return self.choose_seen(&Choice::Session, now),
            Some(Action::Always) if approval => return self.choose_seen(&Choice::Always, now),
            Some(Action::No) if approval => return self.choose_seen(&Choice::No, now),
            Some(Action::NoAndStop) if approval => return self.choose(&Choice::NoAndStop, now),
            Some(Action::NoAndStop) if key.code == KeyCode::Esc => return self.choose(&Choice::Decline, now),
            Some(Action::Stop) => return self.choose(&Choice::NoAndStop, now),
            Some(action @ (Action::Transcript | Action::Suspend)) => return self.act(action),
            _ => match key.code {
                KeyCode::PageUp => self.asks.scroll = self.asks.scroll.saturating_sub(self.asks.page.max(1)),
                KeyCode::PageDown => self.asks.scroll += self.asks.page.max(1),
                _ => {}
            },
        }
        vec![]
    }

    /// A key while the reason, or the answer, is typed.
    fn on_own_key(&mut self, key: KeyEvent, now: Instant) -> Vec<Cmd> {
        if key.code == KeyCode::Esc || keymap::action(Place::Ask, key) == Some(Action::Stop) {
            self.asks.own = None;
            return vec![];
        }
        self.last_key = Some(now);
        let Some(own) = &mut self.asks.own else { return vec![] };
        // A no needs no reason.
        let text = match own.on_key(key) {
            Outcome::Submit(draft) => draft.text,
            // Nothing is a command here, such as a path.
            Outcome::Refused(_) => own.text(),
            _ if key.code == KeyCode::Enter && own.is_empty() => String::new(),
            Outcome::Queue(_) | Outcome::Edit(_) | Outcome::Changed | Outcome::Ignored => {
                return vec![];
            }
        };
        let Some(ask) = self.asks.first() else { return vec![] };
        let answer = match &ask.asked {
            Asked::Approval { .. } => ask.decided(Decision::Deny { reason: text }),
            Asked::Question { .. } if text.is_empty() => return vec![],
            Asked::Question { .. } => ask.answered(Some(text)),
        };
        self.give(answer, now)
    }

    /// Takes an answer that can be seen, and only marks another, which is seen then.
    fn choose_seen(&mut self, choice: &Choice, now: Instant) -> Vec<Cmd> {
        let at = self.asks.first().and_then(|ask| ask.choices().iter().position(|other| other == choice));
        match (&self.asks.seen, at) {
            (Some(seen), Some(at)) if seen.contains(&at) => self.choose(choice, now),
            (Some(_), Some(at)) => {
                (self.asks.chosen, self.asks.focus) = (at, Some(now));
                vec![]
            }
            _ => vec![],
        }
    }

    fn choose(&mut self, choice: &Choice, now: Instant) -> Vec<Cmd> {
        let Some(ask) = self.asks.first() else { return vec![] };
        let answer = match choice {
            Choice::Once => ask.decided(Decision::Allow),
            Choice::Session => ask.decided(Decision::AllowSession),
            Choice::Always => ask.decided(Decision::AllowAlways),
            Choice::Suggested(at) => match &ask.asked {
                Asked::Question { question, .. } => ask.answered(question.choices.get(*at).cloned()),
                Asked::Approval { .. } => None,
            },
            Choice::Decline => ask.answered(None),
            Choice::No | Choice::Own => {
                self.asks.own = Some(Composer::default());
                return vec![];
            }
            Choice::NoAndStop => {
                let answer = match &ask.asked {
                    Asked::Approval { .. } => ask.decided(Decision::Deny { reason: String::new() }),
                    Asked::Question { .. } => ask.answered(None),
                };
                let mut commands = self.give(answer, now);
                commands.extend(self.interrupt());
                return commands;
            }
        };
        self.give(answer, now)
    }

    fn give(&mut self, answer: Option<Answer>, now: Instant) -> Vec<Cmd> {
        self.asks.next(now);
        answer.map(Cmd::Answer).into_iter().collect()
    }
}
