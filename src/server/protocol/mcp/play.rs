//! One call while it runs: text as progress, questions as elicitation, the end as a result.

use std::sync::Arc;

use futures_util::StreamExt as _;
use rmcp::{
    Peer, RoleServer,
    model::{CallToolResponse, CallToolResult, ContentBlock, ProgressNotificationParam, ProgressToken},
    service::RequestContext,
};
use serde_json::json;

use super::ask::{self, Way};
use crate::{
    domain::{AgentEvent, Content, EventKind, ToolOutcome, TurnOutcome},
    server::{Ask, Asks, Run, RunHandle},
};

/// Whether a call is over for now.
#[derive(PartialEq, Eq)]
enum Flow {
    Go,
    Park,
}

pub(super) struct Player {
    peer: Peer<RoleServer>,
    progress: Option<ProgressToken>,
    pub(super) way: Way,
    /// How much was told.
    told: f64,
}

impl Player {
    pub(super) fn new(context: RequestContext<RoleServer>) -> Self {
        let way = Way::of(&context);
        Self { progress: context.meta.get_progress_token(), peer: context.peer, way, told: 0.0 }
    }

    pub(super) fn asks(&self) -> Asks {
        if self.way == Way::Nobody { Asks::Nobody } else { Asks::Caller }
    }

    /// Sees a turn to its end, or to a question: the answer. `name` is that of the agent.
    pub(super) async fn answer(mut self, mut run: Run, name: &str) -> CallToolResponse {
        let session = run.handle().key.session.clone();
        let (mut text, mut ended) = (String::new(), None);
        while let Some(event) = run.next().await {
            if self.see(&event, run.handle()).await == Flow::Park {
                return ask::park(run, name).into();
            }
            match event.kind {
                EventKind::MessageCompleted { message, .. } if event.agent.depth() == 0 => text = message.text(),
                EventKind::TurnFinished { outcome, .. } if event.agent.depth() == 0 => ended = Some(outcome),
                _ => {}
            }
        }
        let failed = |why: String| CallToolResult::error(vec![ContentBlock::text(why)]).into();
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
        result.into()
    }

    /// Sees one call of the own tool `name` to its end, or to a question: its result.
    pub(super) async fn tool(mut self, mut run: Run, name: &str) -> CallToolResponse {
        let mut result = None;
        while let Some(event) = run.next().await {
            if self.see(&event, run.handle()).await == Flow::Park {
                return ask::park(run, name).into();
            }
            match event.kind {
                EventKind::ToolFinished { outcome, .. } if event.agent.depth() == 0 => result = Some(of_tool(outcome)),
                EventKind::TurnFinished { outcome: TurnOutcome::Failed { message, .. }, .. } if result.is_none() => {
                    result = Some(CallToolResult::error(vec![ContentBlock::text(message)]));
                }
                _ => {}
            }
        }
        result.unwrap_or_else(|| CallToolResult::error(vec![ContentBlock::text("the call was canceled")])).into()
    }

    async fn see(&mut self, event: &AgentEvent, handle: &Arc<RunHandle>) -> Flow {
        let ask = match &event.kind {
            EventKind::TextDelta { text } if event.agent.depth() == 0 => {
                self.tell(text).await;
                return Flow::Go;
            }
            EventKind::ToolOutput { chunk, .. } if event.agent.depth() == 0 => {
                self.tell(chunk).await;
                return Flow::Go;
            }
            EventKind::ApprovalRequested { call, reason, .. } => {
                Ask::Approval { call: call.clone(), reason: reason.clone() }
            }
            EventKind::QuestionAsked { id, question } => Ask::Question { id: id.clone(), question: question.clone() },
            _ => return Flow::Go,
        };
        match self.way {
            Way::Nobody => Flow::Go,
            Way::Request => {
                tokio::spawn(ask::elicit(self.peer.clone(), ask, Arc::clone(handle)));
                Flow::Go
            }
            Way::Result => Flow::Park,
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
