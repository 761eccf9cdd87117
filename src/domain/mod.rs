//! The words the rest of the program speaks: messages, events, ids.
//!
//! A leaf: it knows serde and nothing of ours, so that every layer may depend on it.

mod event;
mod ids;
mod message;
mod tool;

pub use event::{AgentEvent, Answer, Decision, EventKind, FailureCode, Notice, Question, TurnOutcome, Usage};
pub use ids::{AgentPath, CallId, QuestionId, SessionId, SessionKey, TaskId, TurnId, WrongId};
pub use message::{Content, DeniedBy, Image, Message, Role, ToolCall, ToolOutcome};
pub use tool::{Effect, ToolSpec};
