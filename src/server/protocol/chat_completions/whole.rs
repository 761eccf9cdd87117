//! The answer in one piece.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use super::{
    Head,
    chunk::Used,
    fold::{Answer, Finish, Piece, canceled},
};
use crate::{
    domain::Usage,
    server::{ApiError, Flow, Run, fold, protocol::openai},
};

/// Sees the turn to its end.
pub(super) async fn answer(run: Run, head: Head, mut answer: Answer) -> Response {
    let mut whole = Whole::default();
    fold(run, |event| {
        answer.event(event, |piece| whole.add(piece));
        Flow::On
    })
    .await;
    match whole.end.take() {
        Some((Ok(finish), usage)) => Json(whole.completion(head, finish, usage)).into_response(),
        Some((Err(error), _)) => openai::failed(error),
        None => openai::failed(canceled()),
    }
}

/// What has come so far.
#[derive(Default)]
struct Whole {
    text: String,
    reasoning: String,
    calls: Vec<Call>,
    end: Option<(Result<Finish, ApiError>, Usage)>,
}

impl Whole {
    fn add(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Text(text) => self.text.push_str(text),
            Piece::Reasoning(text) => self.reasoning.push_str(text),
            Piece::Call { id, name, .. } => {
                let function = Function { name: name.to_owned(), arguments: String::new() };
                self.calls.push(Call { id: id.to_owned(), kind: "function", function });
            }
            Piece::Arguments { index, delta } => self.calls[index].function.arguments.push_str(delta),
            Piece::End(finish, usage) => self.end = Some((finish, usage)),
        }
    }

    fn completion(self, head: Head, finish: Finish, usage: Usage) -> Completion {
        let message = Message {
            role: "assistant",
            content: (!self.text.is_empty() || self.calls.is_empty()).then_some(self.text),
            refusal: None,
            reasoning_content: Some(self.reasoning).filter(|text| !text.is_empty()),
            tool_calls: self.calls,
        };
        Completion {
            id: head.id,
            object: "chat.completion",
            created: head.created,
            model: head.model,
            choices: [Choice { index: 0, message, logprobs: None, finish_reason: finish.as_str() }],
            usage: usage.into(),
        }
    }
}

#[derive(Serialize)]
struct Completion {
    id: String,
    object: &'static str,
    created: i64,
    model: String,
    choices: [Choice; 1],
    usage: Used,
}

#[derive(Serialize)]
struct Choice {
    index: u32,
    message: Message,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call>,
}

#[derive(Serialize)]
struct Call {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function,
}

#[derive(Serialize)]
struct Function {
    name: String,
    arguments: String,
}
