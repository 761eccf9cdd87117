//! One call while it runs: text as progress, questions as elicitation, the end as a result.

use std::sync::Arc;

use futures_util::StreamExt as _;
use rmcp::{
    Peer, RoleServer,
    model::{
        CallToolResult, ContentBlock, ElicitRequestParams, ElicitationAction, ProgressNotificationParam, ProgressToken,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use super::handler::can_ask;
use crate::{
    domain::{AgentEvent, Content, Decision, EventKind, ToolOutcome, TurnOutcome},
    server::{Ask, Asks, Run, RunHandle},
};

pub(super) struct Player {
    peer: Peer<RoleServer>,
    progress: Option<ProgressToken>,
    asks: Asks,
    /// How much was told.
    told: f64,
}

impl Player {
    pub(super) fn new(context: RequestContext<RoleServer>) -> Self {
        let asks = can_ask(&context);
        Self { progress: context.meta.get_progress_token(), peer: context.peer, asks, told: 0.0 }
    }

    pub(super) fn asks(&self) -> Asks {
        self.asks
    }

    /// Sees a turn to its end: the answer.
    pub(super) async fn answer(mut self, mut run: Run) -> CallToolResult {
        let session = run.handle().key.session.clone();
        let (mut text, mut ended) = (String::new(), None);
        while let Some(event) = run.next().await {
            self.see(&event, run.handle()).await;
            match event.kind {
                EventKind::MessageCompleted { message, .. } if event.agent.depth() == 0 => text = message.text(),
                EventKind::TurnFinished { outcome, .. } if event.agent.depth() == 0 => ended = Some(outcome),
                _ => {}
            }
        }
        let failed = |why: String| CallToolResult::error(vec![ContentBlock::text(why)]);
        let output = match ended {
            Some(TurnOutcome::Completed { output }) => output,
            Some(TurnOutcome::Failed { message, hint, .. }) => {
                return failed(hint.map_or(message.clone(), |hint| format!("{message} ({hint})")));
            }
            Some(TurnOutcome::Canceled | TurnOutcome::ToolCalls { .. }) | None => {
                return failed("the turn was canceled".to_owned());
            }
        };
        let mut structured = json!({ "answer": text, "session_id": session });
        if let (Some(output), Some(structured)) = (output, structured.as_object_mut()) {
            structured.insert("output".to_owned(), output);
        }
        let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
        result.structured_content = Some(structured);
        result
    }

    /// Sees one call of an own tool to its end: its result.
    pub(super) async fn tool(mut self, mut run: Run) -> CallToolResult {
        let mut result = None;
        while let Some(event) = run.next().await {
            self.see(&event, run.handle()).await;
            match event.kind {
                EventKind::ToolFinished { outcome, .. } if event.agent.depth() == 0 => result = Some(of_tool(outcome)),
                EventKind::TurnFinished { outcome: TurnOutcome::Failed { message, .. }, .. } if result.is_none() => {
                    result = Some(CallToolResult::error(vec![ContentBlock::text(message)]));
                }
                _ => {}
            }
        }
        result.unwrap_or_else(|| CallToolResult::error(vec![ContentBlock::text("the call was canceled")]))
    }

    async fn see(&mut self, event: &AgentEvent, handle: &Arc<RunHandle>) {
        match &event.kind {
            EventKind::TextDelta { text } if event.agent.depth() == 0 => self.tell(text).await,
            EventKind::ToolOutput { chunk, .. } if event.agent.depth() == 0 => self.tell(chunk).await,
            EventKind::ApprovalRequested { call, reason } => {
                let ask = Ask::Approval { call: call.clone(), reason: reason.clone() };
                tokio::spawn(elicit(self.peer.clone(), ask, Arc::clone(handle)));
            }
            EventKind::QuestionAsked { id, question } => {
                let ask = Ask::Question { id: id.clone(), question: question.clone() };
                tokio::spawn(elicit(self.peer.clone(), ask, Arc::clone(handle)));
            }
            _ => {}
        }
    }

    async fn tell(&mut self, text: &str) {
        let Some(token) = &self.progress else { return };
        self.told += 1.0;
        let progress = ProgressNotificationParam::new(token.clone(), self.told).with_message(text);
        // Whoever does not hear it still gets the result.
        let _ = self.peer.notify_progress(progress).await;
    }
}

fn of_tool(outcome: ToolOutcome) -> CallToolResult {
    match outcome {
        ToolOutcome::Ok { content } => CallToolResult::success(content.into_iter().filter_map(block).collect()),
        other => CallToolResult::error(vec![ContentBlock::text(other.text())]),
    }
}

fn block(part: Content) -> Option<ContentBlock> {
    match part {
        Content::Text { text } => Some(ContentBlock::text(text)),
        Content::Image(image) => Some(ContentBlock::image(image.data, image.media_type)),
        _ => None,
    }
}

/// Asks the user of the client. No answer leaves the question to its deadline.
async fn elicit(peer: Peer<RoleServer>, ask: Ask, handle: Arc<RunHandle>) {
    let (message, property) = match &ask {
        Ask::Approval { call, reason } => (
            format!("May it call `{}` with {}? {reason}", call.name, call.arguments),
            json!({ "type": "boolean", "title": "Allow this call" }),
        ),
        Ask::Question { question, .. } if question.closed && !question.choices.is_empty() => {
            (question.text.clone(), json!({ "type": "string", "enum": question.choices }))
        }
        Ask::Question { question, .. } => (question.text.clone(), json!({ "type": "string" })),
    };
    let schema = json!({ "type": "object", "properties": { "answer": property }, "required": ["answer"] });
    let Ok(requested_schema) = serde_json::from_value(schema) else { return };
    let request = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema };
    let Ok(said) = peer.create_elicitation(request).await else { return };
    let given = said.content.as_ref().map(|content| &content["answer"]);
    let accepted = said.action == ElicitationAction::Accept;
    let answer = match (&ask, given) {
        (Ask::Approval { .. }, Some(Value::Bool(true))) if accepted => ask.answer(true, ""),
        (Ask::Approval { call, .. }, _) => crate::domain::Answer::Approval {
            call_id: call.call_id.clone(),
            decision: Decision::Deny { reason: "the user said no".to_owned() },
        },
        (Ask::Question { .. }, Some(Value::String(text))) if accepted => ask.answer(true, text),
        (Ask::Question { .. }, _) => ask.answer(false, ""),
    };
    let _ = handle.answer(answer).await;
}
