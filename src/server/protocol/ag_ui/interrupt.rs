//! What a run asks its user: the interrupts that end one run, and the answers that the next one brings.

use std::collections::HashSet;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::request::{Resume, ResumeStatus, RunAgentInput};
use crate::{
    domain::{AgentEvent, EventKind, Message},
    server::{ApiError, Ask, RunHandle, protocol::reply},
};

/// `Interrupt`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Interrupt {
    id: String,
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
    response_schema: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
}

impl Interrupt {
    /// What `event` asks, if it does.
    pub(super) fn of(event: &AgentEvent) -> Option<Self> {
        match &event.kind {
            EventKind::ApprovalRequested { call, reason, .. } => Some(Self {
                id: call.call_id.to_string(),
                reason: "tool_call",
                message: format!("May `{}` be called? {reason}", call.name),
                // The calls of agents that this one called are not shown.
                tool_call_id: (event.agent.depth() == 0).then(|| call.call_id.to_string()),
                response_schema: json!({
                    "type": "object",
                    "properties": { "approved": { "type": "boolean" }, "reason": { "type": "string" } },
                    "required": ["approved"],
                }),
                metadata: Some(json!({ "tool": call.name, "arguments": call.arguments })),
            }),
            EventKind::QuestionAsked { id, question } => Some(Self {
                id: id.to_string(),
                reason: "input_required",
                message: question.text.clone(),
                tool_call_id: None,
                response_schema: json!({
                    "type": "object",
                    "properties": { "answer": { "type": "string", "examples": question.choices } },
                    "required": ["answer"],
                }),
                metadata: None,
            }),
            _ => None,
        }
    }
}

/// What a request answers.
pub(super) enum Answers<'a> {
    Each(&'a [Resume]),
    /// `forwardedProps.command.resume`, as front ends that know LangGraph send it: to all that is asked.
    All(&'a Value),
}

/// # Errors
/// 400 where one interrupt is answered twice.
pub(super) fn answers(input: &RunAgentInput) -> Result<Option<Answers<'_>>, ApiError> {
    let each = input.resume.as_deref().unwrap_or_default();
    let mut answered = HashSet::new();
    if let Some(twice) = each.iter().find(|resume| !answered.insert(resume.interrupt_id.as_str())) {
        return Err(ApiError::invalid(format!("`resume` answers `{}` twice", twice.interrupt_id)));
    }
    if !each.is_empty() {
        return Ok(Some(Answers::Each(each)));
    }
    Ok(input.forwarded_props.pointer("/command/resume").filter(|value| !value.is_null()).map(Answers::All))
}

/// Nothing waits for the answers of a request.
pub(super) fn none() -> ApiError {
    let message =
        "no run of this thread waits for an answer: it went on with the default one, or the server began anew";
    ApiError::new(StatusCode::CONFLICT, "nothing_asked", message)
}

impl Answers<'_> {
    /// Gives them to the run that waits for them. What they leave open is declined.
    ///
    /// # Errors
    /// 404 where the run is over.
    pub(super) async fn give(&self, handle: &RunHandle, more: Vec<Message>) -> Result<(), ApiError> {
        let find = |ask: &Ask| match self {
            Self::All(value) => Some(reply::answer(ask, value)),
            Self::Each(each) => {
                let resume = each.iter().find(|resume| resume.interrupt_id == ask.id())?;
                Some(match resume.status {
                    ResumeStatus::Resolved => reply::answer(ask, &resume.payload),
                    ResumeStatus::Cancelled => ask.answer(false, "the user canceled this"),
                })
            }
        };
        reply::all(handle, find, more).await
    }
}
