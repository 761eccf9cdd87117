//! What the tests of tools share: a host that records what it is shown and answers what it is told to.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{ToolCx, ToolHost, ToolResult};
use crate::domain::{AgentPath, CallId, Content, Notice, Question, SessionKey};

#[derive(Default)]
pub(crate) struct RecordingHost {
    answer: Option<String>,
    asked: Mutex<Vec<Question>>,
    output: Mutex<Vec<String>>,
}

impl RecordingHost {
    pub(crate) fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl ToolHost for RecordingHost {
    async fn output(&self, _call: &CallId, chunk: String) {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).push(chunk);
    }

    async fn notice(&self, _notice: Notice) {}

    async fn ask(&self, question: Question) -> Option<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(question);
        self.answer.clone()
    }
}

pub(crate) fn cx() -> ToolCx {
    cx_answering(None).0
}

pub(crate) fn cx_answering(answer: Option<&str>) -> (ToolCx, Arc<RecordingHost>) {
    let host = Arc::new(RecordingHost { answer: answer.map(str::to_owned), ..RecordingHost::default() });
    let cx = ToolCx {
        call_id: CallId::from("call_1"),
        session: SessionKey { user: "ann".to_owned(), session: "ses_1".into() },
        agent: AgentPath::root("assistant"),
        cancel: CancellationToken::new(),
        state: json!({}),
        host: Arc::<RecordingHost>::clone(&host),
    };
    (cx, host)
}

/// The text of a result.
pub(crate) fn text(result: &ToolResult) -> String {
    let texts = result.content.iter().map(|part| match part {
        Content::Text { text } => text.clone(),
        other => format!("{other:?}"),
    });
    texts.collect::<Vec<_>>().join("\n")
}
