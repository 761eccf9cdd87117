//! The answer as a stream of chunks.

use serde::Serialize;

use super::{
    Head,
    fold::{Answer, Piece, canceled},
};
use crate::{
    domain::{AgentEvent, Usage},
    server::{ApiError, Encoder, Flow, Frames},
};

/// Writes the chunks.
pub(super) struct Chunks {
    head: Head,
    answer: Answer,
    /// Usage was asked for.
    usage: bool,
    ended: bool,
}

impl Chunks {
    pub(super) fn new(head: Head, answer: Answer, usage: bool) -> Self {
        Self { head, answer, usage, ended: false }
    }
}

impl Encoder for Chunks {
    fn begin(&mut self, out: &mut Frames) {
        write(&self.head, self.usage, Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }, out);
    }

    fn event(&mut self, event: &AgentEvent, out: &mut Frames) -> Flow {
        let Self { head, answer, usage, ended } = self;
        answer.event(event, |piece| match piece {
            Piece::Text(text) => write(head, *usage, Delta { content: Some(text), ..Delta::default() }, out),
            Piece::Reasoning(text) => {
                write(head, *usage, Delta { reasoning_content: Some(text), ..Delta::default() }, out);
            }
            Piece::Call { index, id, name } => {
                let function = Function { name: Some(name), arguments: "" };
                call(head, *usage, Call { index, id: Some(id), kind: Some("function"), function }, out);
            }
            Piece::Arguments { index, delta } => {
                let function = Function { name: None, arguments: delta };
                call(head, *usage, Call { index, id: None, kind: None, function }, out);
            }
            Piece::End(finish, used) => {
                *ended = true;
                match finish {
                    Ok(finish) => {
                        let choice = Choice { index: 0, delta: Delta::default(), finish_reason: Some(finish.as_str()) };
                        out.data(&Chunk::new(head, &[choice], usage.then_some(None)));
                    }
                    Err(error) => out.data(&Failed::new(&error)),
                }
                if *usage {
                    out.data(&Chunk::new(head, &[], Some(Some(Used::from(used)))));
                }
            }
        });
        Flow::On
    }

    fn end(&mut self, _parked: bool, out: &mut Frames) {
        if !self.ended {
            out.data(&Failed::new(&canceled()));
        }
        out.text("[DONE]");
    }
}

fn write(head: &Head, usage: bool, delta: Delta<'_>, out: &mut Frames) {
    let choice = Choice { index: 0, delta, finish_reason: None };
    out.data(&Chunk::new(head, &[choice], usage.then_some(None)));
}

fn call(head: &Head, usage: bool, call: Call<'_>, out: &mut Frames) {
    write(head, usage, Delta { tool_calls: Some([call]), ..Delta::default() }, out);
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    /// `null` on all but the last chunk, where it is asked for; not there where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Used>>,
}

impl<'a> Chunk<'a> {
    fn new(head: &'a Head, choices: &'a [Choice<'a>], usage: Option<Option<Used>>) -> Self {
        Self {
            id: &head.id,
            object: "chat.completion.chunk",
            created: head.created,
            model: &head.model,
            choices,
            usage,
        }
    }
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    /// Not of OpenAI: what DeepSeek began and the others took over.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Call<'a>; 1]>,
}

#[derive(Serialize)]
struct Call<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

/// Tokens, as both the stream and the whole answer have them.
#[derive(Serialize)]
pub(super) struct Used {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: Prompt,
    completion_tokens_details: Completion,
}

#[derive(Serialize)]
struct Prompt {
    cached_tokens: u64,
}

#[derive(Serialize)]
struct Completion {
    reasoning_tokens: u64,
}

impl From<Usage> for Used {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens(),
            prompt_tokens_details: Prompt { cached_tokens: usage.cached_tokens },
            completion_tokens_details: Completion { reasoning_tokens: usage.reasoning_tokens },
        }
    }
}

/// What clients raise an error for in the middle of a stream.
#[derive(Serialize)]
struct Failed<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'static str>,
    code: &'static str,
}

impl<'a> Failed<'a> {
    fn new(error: &'a ApiError) -> Self {
        Self { error: Error { message: &error.message, kind: error.kind(), param: None, code: error.code } }
    }
}
