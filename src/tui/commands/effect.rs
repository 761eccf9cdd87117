//! What a command gives: something to read, and what is to happen next. Data, so that a screen and a pipe can show it.

use crate::{
    agent::{ApproveMode, Compaction},
    domain::{SessionId, SessionKey},
    tui::picker::Choice,
};

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effect {
    pub parts: Vec<Part>,
    pub next: Next,
}

/// Something to read. Whoever shows it makes it safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// Differences, in the form that git gives.
    Patch(String),
    Warning(String),
}

/// What is to happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Next {
    #[default]
    Nothing,
    /// One of these is to be chosen.
    Pick(Pick),
    /// A yes has to be said first.
    Confirm(Confirm),
    /// Another session is talked in from here on.
    Session(Entered),
    /// The model, its effort or the agent changed; [`Talk::speaker`](super::Talk::speaker) says to what.
    Speaker,
    /// What becomes of calls that have to be asked about.
    Mode(ApproveMode),
    /// To be sent as if it had been typed.
    Send(String),
    /// To be put on the clipboard.
    Copy(String),
    Theme(Option<String>),
    Keys,
    Editor,
    Clear,
    Leave,
}

/// A choice; the key of what is chosen is to be run as `/COMMAND KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    pub title: String,
    pub choices: Vec<Choice>,
    /// What holds now.
    pub current: Option<String>,
    pub command: &'static str,
}

/// A question that yes or no answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirm {
    pub question: String,
    /// For [`Talk::confirmed`](super::Talk::confirmed).
    pub then: Step,
}

impl Confirm {
    /// Whether what is asked about can be changed first.
    #[must_use]
    pub fn editable(&self) -> bool {
        matches!(self.then, Step::Compact(_))
    }
}

/// What is done after a yes.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Compact(Box<Compaction>),
    Delete(SessionId),
}

/// Another session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    pub key: SessionKey,
    /// Whether there is something in it to show.
    pub history: bool,
    /// A message of before, to be changed and sent again.
    pub prompt: Option<String>,
}

/// Why a command cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub text: String,
    pub hint: Option<String>,
}

impl Effect {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Text(text.into())], next: Next::Nothing }
    }

    pub(super) fn next(next: Next) -> Self {
        Self { parts: vec![], next }
    }

    pub(super) fn then(self, next: Next) -> Self {
        Self { next, ..self }
    }
}

impl Failure {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn of(error: &dyn std::error::Error, hint: Option<impl Into<String>>) -> Self {
        Self { text: crate::agent::chain(error), hint: hint.map(Into::into) }
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// Errors that say what to do next.
macro_rules! with_hint {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(&error, error.hint())
            }
        }
    )*};
}

/// Errors that say it all.
macro_rules! without_hint {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(&error, None::<String>)
            }
        }
    )*};
}

with_hint!(crate::store::StoreError, crate::agent::RemoteError, crate::sandbox::SandboxError);
without_hint!(crate::tool::ToolboxError, crate::tool::skills::SkillError, crate::agent::DraftError);

impl From<crate::agent::OpenError> for Failure {
    fn from(error: crate::agent::OpenError) -> Self {
        let hint = match &error {
            crate::agent::OpenError::Model(error) => Some(error.hint()),
            _ => None,
        };
        Self::of(&error, hint)
    }
}

impl From<crate::agent::TalkError> for Failure {
    fn from(error: crate::agent::TalkError) -> Self {
        match error {
            crate::agent::TalkError::Open(error) => error.into(),
            crate::agent::TalkError::Store(error) => error.into(),
        }
    }
}
