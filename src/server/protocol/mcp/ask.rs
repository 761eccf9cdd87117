//! What a turn asks, as a form for the user of the client: in a request of ours while the call runs, or, since 2026-07-28,
//! in a result, after which the client makes the call again ("Multi round-trip requests").

use std::sync::Arc;

use rmcp::{
    Peer, RoleServer,
    model::{
        ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, InputRequest, InputRequests,
        InputRequiredResult, InputResponses,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use crate::{
    domain::{Answer, Decision, TurnId},
    server::{Ask, Run, RunHandle},
};

/// How the client can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Nobody,
    Request,
    Result,
}

impl Way {
    pub(super) fn of(context: &RequestContext<RoleServer>) -> Self {
        let asks = context.client_capabilities().is_some_and(|capabilities| capabilities.elicitation.is_some());
        match context.protocol_version() {
            Some(version) if asks && version.has_initialize() => Self::Request,
            Some(_) if asks => Self::Result,
            _ => Self::Nobody,
        }
    }
}

/// Asks the user of the client while the call runs. No answer leaves the question to its deadline.
pub(super) async fn elicit(peer: Peer<RoleServer>, ask: Ask, handle: Arc<RunHandle>) {
    let Some(form) = form(&ask) else { return };
    if let Ok(said) = peer.create_elicitation(form).await {
        let _ = handle.answer(answer(&ask, &said)).await;
    }
}

/// Lets the turn wait for the call that brings the answers. `tool` is what was called.
pub(super) fn park(run: Run, tool: &str) -> InputRequiredResult {
    let handle = Arc::clone(run.handle());
    let request = |ask: &Ask| Some((ask.id().to_owned(), InputRequest::Elicitation(ElicitRequest::new(form(ask)?))));
    let requests: InputRequests = handle.asked().iter().filter_map(request).collect();
    run.park();
    InputRequiredResult::new(Some(requests), Some(format!("{}/{tool}", handle.turn)))
}

/// The turn that the state of a call names, which says nothing to whom it does not belong.
pub(super) fn parked(state: &str, tool: &str) -> Option<TurnId> {
    let (turn, of) = state.split_once('/')?;
    (of == tool).then(|| TurnId::from(turn))
}

/// Hands the answers to the turn; what has none was not answered.
pub(super) async fn take(handle: &RunHandle, answers: &InputResponses) {
    for ask in handle.asked() {
        let said = answers.get(ask.id()).and_then(|said| serde_json::from_value::<ElicitResult>(said.clone()).ok());
        let answer = said.map_or_else(|| ask.answer(false, "the user did not answer"), |said| answer(&ask, &said));
        // Late for one whose deadline has passed.
        let _ = handle.answer(answer).await;
    }
}

fn form(ask: &Ask) -> Option<ElicitRequestParams> {
    let (message, property) = match ask {
        Ask::Approval { call, reason } => (
            format!("May it call `{}` with {}? {reason}", call.name, call.arguments),
            json!({ "type": "boolean", "title": "Allow this call" }),
        ),
        Ask::Question { question, .. } if question.closed && !question.choices.is_empty() => {
            (question.text.clone(), json!({ "type": "string", "enum": question.choices }))
        }
        Ask::Question { question, .. } if !question.choices.is_empty() => {
            let such = format!("Such as: {}", question.choices.join(", "));
            (question.text.clone(), json!({ "type": "string", "description": such }))
        }
        Ask::Question { question, .. } => (question.text.clone(), json!({ "type": "string" })),
    };
    let schema = json!({ "type": "object", "properties": { "answer": property }, "required": ["answer"] });
    let requested_schema = serde_json::from_value(schema).ok()?;
    Some(ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema })
}

fn answer(ask: &Ask, said: &ElicitResult) -> Answer {
    let given = said.content.as_ref().map(|content| &content["answer"]);
    let accepted = said.action == ElicitationAction::Accept;
    match (ask, given) {
        (Ask::Approval { .. }, Some(Value::Bool(true))) if accepted => ask.answer(true, ""),
        (Ask::Approval { call, .. }, _) => Answer::Approval {
            call_id: call.call_id.clone(),
            decision: Decision::Deny { reason: "the user said no".to_owned() },
        },
        (Ask::Question { .. }, Some(Value::String(text))) if accepted => ask.answer(true, text),
        (Ask::Question { .. }, _) => ask.answer(false, ""),
    }
}
