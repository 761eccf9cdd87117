//! The one event stream. Every surface (text, JSON lines, later the TUI, servers, the web page) is a fold over it.
//!
//! Laws, each held by a test: `seq` counts up from 0 without gaps; every `ToolStarted` has one `ToolFinished`; every
//! request for approval and every question has one resolution; the text deltas of an agent add up to the text of the
//! `MessageCompleted` that follows them; one `TurnFinished` of the root agent ends every stream, also after
//! cancellation and failure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AgentPath, CallId, Message, QuestionId, SessionId, ToolCall, ToolOutcome, TurnId};

/// One thing that happened during a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentEvent {
    /// Counts up from 0 within the turn.
    pub seq: u64,
    pub session: SessionId,
    pub turn: TurnId,
    pub agent: AgentPath,
    #[serde(flatten)]
    pub kind: EventKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// First of every agent's events in a turn; again where the conversation is handed back to it.
    TurnStarted {
        /// `PROVIDER/MODEL`.
        model: String,
        /// Files, such as `AGENTS.md`, whose text was put into the prompt.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        context_files: Vec<String>,
    },
    TextDelta {
        text: String,
    },
    ReasoningDelta {
        text: String,
    },
    /// The model began to ask for a call: its arguments are still arriving. `ToolStarted` follows once it runs, or
    /// never does if the stream breaks first, or if the caller is to run it.
    ToolArgumentsDelta {
        call_id: CallId,
        name: String,
        delta: String,
    },
    /// The arguments are complete; the call is judged, then run.
    ToolStarted {
        call: ToolCall,
    },
    /// Output of a running tool, as it comes; a preview of what `ToolFinished` carries.
    ToolOutput {
        call_id: CallId,
        chunk: String,
    },
    ToolFinished {
        call_id: CallId,
        outcome: ToolOutcome,
    },
    ApprovalRequested {
        call: ToolCall,
        reason: String,
        /// What is allowed besides this call where the user says so for the session, or for good; empty where no rule can
        /// stand for the call.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<String>,
    },
    ApprovalResolved {
        call_id: CallId,
        decision: Decision,
    },
    QuestionAsked {
        id: QuestionId,
        question: Question,
    },
    QuestionAnswered {
        id: QuestionId,
        /// `None` where nobody answered.
        answer: Option<String>,
    },
    /// Last of this agent's events, in place of `TurnFinished`: the agent at `to` answers the user from here on, in
    /// this turn and the next ones. Like every agent that the user talks to, it stands at depth 0.
    HandedOff {
        to: AgentPath,
    },
    /// A JSON merge patch (RFC 7396) of the state that the session keeps besides its messages, such as the to-do list.
    StateChanged {
        patch: Value,
    },
    /// The assistant message as it enters the history; the deltas before it were its preview.
    MessageCompleted {
        message: Message,
        /// Why the model stopped, in the provider's own word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop: Option<String>,
        /// What this answer used, where the provider says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    Notice {
        notice: Notice,
    },
    /// Last of every agent's events in a turn, exactly once. Usage is that of the whole turn, sub-agents included. The
    /// one at depth 0 ends the stream.
    TurnFinished {
        outcome: TurnOutcome,
        usage: Usage,
    },
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TurnOutcome {
    Completed {
        /// The validated final answer, where the agent file asks for structured output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
    },
    /// The model called tools that the caller runs. The turn goes on when the results come.
    ToolCalls {
        calls: Vec<ToolCall>,
    },
    Canceled,
    Failed {
        code: FailureCode,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}

/// Why a turn failed, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The provider refused the key.
    Auth,
    /// The provider could not be reached, answered with an error, or broke its stream.
    Model,
    RateLimited,
    /// The conversation does not fit the model's window, even compacted.
    ContextFull,
    StepLimit,
    TimeLimit,
    TokenLimit,
    CostLimit,
    /// The model called the same tool with the same arguments over and over, and the same came of it.
    Loop,
    /// The final answer does not fit the agent file's output schema.
    Output,
    /// A `session_start` or `turn_end` hook failed.
    Hook,
    /// The session could not be read or written.
    Store,
    /// A tool server that the agent file calls `required` did not start.
    Tools,
    /// Another process is running a turn of this session.
    Busy,
    /// `--offline` forbade a call.
    Offline,
    /// The server of a remote agent could not be reached, or refused.
    Remote,
    /// The request asks for what cannot be: there is nothing to answer, a result of a call that nobody made, a tool whose
    /// name is taken.
    Input,
    Internal,
}

/// Something the user should see happen, though the turn goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// The request to the model failed and is made again after `wait_ms`.
    Retry {
        model: String,
        attempt: u32,
        wait_ms: u64,
        reason: String,
    },
    Fallback {
        from: String,
        to: String,
        reason: String,
    },
    RateLimited {
        model: String,
        wait_ms: u64,
    },
    /// Estimated tokens of the context before and after; `summarized` says how many messages became a summary.
    Compacted {
        before_tokens: u64,
        after_tokens: u64,
        summarized: u32,
    },
    ToolServerFailed {
        server: String,
        reason: String,
    },
    Warning {
        message: String,
    },
}

/// Tokens and money. Input includes what was read from the provider's cache; output includes reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// The part of the input that the provider had cached.
    #[serde(default)]
    pub cached_tokens: u64,
    /// The part of the output that was reasoning.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// US dollars; `None` where the model's price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

impl Usage {
    #[must_use]
    pub fn total_tokens(&self) -> u64 {
        self.input_tokens + self.output_tokens
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cached_tokens += other.cached_tokens;
        self.reasoning_tokens += other.reasoning_tokens;
        self.cost = match (self.cost, other.cost) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
}

/// What the user said to a request for approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case", expecting = "an object such as `{\"decision\": \"allow\"}`")]
pub enum Decision {
    Allow,
    /// This call, and calls like it for the rest of the session.
    AllowSession,
    /// This call, and a rule in the user's settings for calls like it.
    AllowAlways,
    Deny {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
}

/// A question to the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub text: String,
    /// Suggested answers; the user may give another unless `closed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    #[serde(default)]
    pub closed: bool,
}

/// An answer to something the running turn asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Answer {
    Approval {
        call_id: CallId,
        decision: Decision,
    },
    /// `None` declines to answer.
    Question {
        id: QuestionId,
        answer: Option<String>,
    },
}

#[cfg(test)]
mod tests;
