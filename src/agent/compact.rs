//! Making a conversation smaller: what is cut, what is kept, what is summarised. Pure; `driver.rs` asks the model.
//!
//! First the results of old tool calls are trimmed: they are large and mostly used up. If that is not enough, a summary
//! takes the place of the oldest messages. It is one more message of the session ([`Content::Summary`]), so that
//! nothing is lost for people, and the context stays a function of what is stored.

use serde_json::Value;

use crate::{
    domain::{Content, Message, Role, ToolOutcome},
    model::ModelRequest,
    tool::cap,
};

/// Bytes that stand for a token, until a model has said how many it counted.
pub(super) const BYTES_PER_TOKEN: u64 = 4;
/// What an image counts for: providers bill them by the tile, whatever their size in bytes.
const IMAGE: u64 = 1500 * BYTES_PER_TOKEN;
/// Most bytes of a trimmed result.
const TRIMMED: usize = 400;

const INSTRUCTIONS: &str = "\
You summarise the start of a conversation between a user and an agent, so that the agent can go on without it. Write \
down, briefly and in the user's language: what the user asked for, word for word where it matters; what was decided; \
what was done and found, with exact names, paths, numbers and ids; what failed, and why; what is left to do. Leave out \
what no longer matters. Write nothing but the summary.";

/// How large a request is in a model's own count, learned from the last one.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Bytes of the last request, and its tokens as the provider counted them.
    last: Option<(u64, u64)>,
}

impl Meter {
    pub(super) fn learn(&mut self, bytes: u64, tokens: u64) {
        if bytes > 0 && tokens > 0 {
            self.last = Some((bytes, tokens));
        }
    }

    /// Tokens of a request of `bytes`.
    pub(super) fn tokens(&self, bytes: u64) -> u64 {
        match self.last {
            Some((known, tokens)) if bytes >= known => tokens + (bytes - known) / BYTES_PER_TOKEN,
            Some((known, tokens)) => bytes * tokens / known,
            None => bytes / BYTES_PER_TOKEN,
        }
    }

    /// Bytes that make about so many tokens.
    pub(super) fn bytes(&self, tokens: u64) -> u64 {
        let (known, counted) = self.last.unwrap_or((BYTES_PER_TOKEN, 1));
        tokens.saturating_mul(known) / counted
    }
}

/// The size of a request, roughly as it is sent.
pub(super) fn size(request: &ModelRequest) -> u64 {
    let tools = request.tools.iter().map(|tool| tool.description.len() as u64 + json_size(&tool.parameters) + 50);
    request.instructions.len() as u64 + tools.sum::<u64>() + size_of(&request.messages)
}

/// Bytes of the value as JSON text, which is not made for that.
pub(super) fn json_size(value: &Value) -> u64 {
    struct Count(u64);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting cannot fail.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

fn size_of(messages: &[Message]) -> u64 {
    messages.iter().flat_map(|message| &message.content).map(part_size).sum()
}

pub(super) fn part_size(part: &Content) -> u64 {
    match part {
        Content::Text { text } | Content::Summary { text, .. } => text.len() as u64,
        Content::Reasoning { text, opaque } => text.len() as u64 + opaque.as_ref().map_or(0, json_size),
        Content::Image(_) => IMAGE,
        Content::ToolCall(call) => call.name.len() as u64 + json_size(&call.arguments) + 40,
        Content::ToolResult { outcome: ToolOutcome::Ok { content }, .. } => content.iter().map(part_size).sum(),
        Content::ToolResult { outcome, .. } => outcome.text().len() as u64,
    }
}

/// Trims the results of tool calls, but for the newest that fit into `keep` bytes.
pub(super) fn trim(context: &[Message], keep: u64) -> Vec<Message> {
    let mut left = keep;
    let mut trimmed: Vec<_> = context
        .iter()
        .rev()
        .map(|message| {
            let bytes = size_of(std::slice::from_ref(message));
            if left >= bytes {
                left -= bytes;
                return message.clone();
            }
            left = 0;
            Message::new(message.role, message.content.iter().map(trim_part).collect())
        })
        .collect();
    trimmed.reverse();
    trimmed
}

fn trim_part(part: &Content) -> Content {
    let Content::ToolResult { call_id, outcome: ToolOutcome::Ok { content } } = part else { return part.clone() };
    let content = content
        .iter()
        .map(|part| match part {
            Content::Text { text } if text.len() > TRIMMED => Content::text(cap::middle(text.clone(), TRIMMED)),
            Content::Image(_) => Content::text("[image left out]"),
            other => other.clone(),
        })
        .collect();
    Content::ToolResult { call_id: call_id.clone(), outcome: ToolOutcome::Ok { content } }
}

/// Where to cut so that about `keep` bytes of the newest messages stay, and no result loses its call. `None` where there
/// is nothing to put a summary in the place of.
pub(super) fn cut(context: &[Message], keep: u64) -> Option<usize> {
    let mut left = keep;
    let fits = context
        .iter()
        .rev()
        .take_while(|message| {
            let bytes = size_of(std::slice::from_ref(message));
            let fits = left >= bytes;
            left = left.saturating_sub(bytes);
            fits
        })
        .count();
    let whole = |at: &usize| context[*at].role != Role::Tool;
    let last = (0..context.len()).rev().find(whole)?;
    let cut = (context.len() - fits..context.len()).find(whole).unwrap_or(last);
    // A summary alone cannot be made shorter by another.
    let summaries = usize::from(context.first().is_some_and(|first| super::history::summary_keeps(first).is_some()));
    (cut > summaries).then_some(cut)
}

/// What a model is asked for a summary of `messages`, in at most `most` bytes of transcript. `guidance` is what the user
/// wants of it.
pub(super) fn request(messages: &[Message], most: u64, guidance: &str) -> ModelRequest {
    let transcript = messages.iter().flat_map(|message| message.content.iter().map(|part| line(message.role, part)));
    let transcript = transcript.collect::<Vec<_>>().join("\n\n");
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    ModelRequest {
        instructions: instructions(guidance),
        messages: vec![Message::user(cap::middle(transcript, most))],
        ..ModelRequest::default()
    }
}

fn instructions(guidance: &str) -> String {
    match guidance.trim() {
        "" => INSTRUCTIONS.to_owned(),
        guidance => format!("{INSTRUCTIONS} The user says of the summary: {guidance}"),
    }
}

fn line(role: Role, part: &Content) -> String {
    let who = match role {
        Role::User => "User",
        Role::Assistant => "Agent",
        Role::Tool => "Tool",
    };
    match part {
        Content::Text { text } => format!("{who}: {text}"),
        Content::Reasoning { text, .. } => format!("{who} thought: {}", cap::short(text, 1000)),
        Content::Image(_) => format!("{who}: [image]"),
        Content::ToolCall(call) => {
            format!("{who} called {}: {}", call.name, cap::short(&call.arguments.to_string(), 2000))
        }
        Content::ToolResult { outcome, .. } => format!("{who}: {}", cap::middle(outcome.text(), 2000)),
        Content::Summary { text, .. } => format!("Summary of what came before: {text}"),
    }
}

/// The message that stands for all but the last `keep`.
pub(super) fn marker(summary: String, keep: usize) -> Message {
    let keep = u32::try_from(keep).unwrap_or(u32::MAX);
    Message::new(Role::User, vec![Content::Summary { text: summary, keep }])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        agent::{history, laws::check_pairing},
        domain::ToolCall,
    };

    fn conversation() -> Vec<Message> {
        let call = |id: &str| {
            Message::new(
                Role::Assistant,
                vec![Content::ToolCall(ToolCall {
                    call_id: id.into(),
                    name: "look".to_owned(),
                    arguments: json!({}),
                    opaque: None,
                })],
            )
        };
        let result = |id: &str, bytes: usize| Message::tool_result(id.into(), ToolOutcome::ok("x".repeat(bytes)));
        vec![
            Message::user("first"),
            call("a"),
            result("a", 1000),
            Message::assistant("one"),
            Message::user("second"),
            call("b"),
            call("c"),
            result("c", 900),
        ]
    }

    #[test]
    fn wherever_it_is_cut_calls_and_results_stay_together() {
        let context = history::paired(conversation());
        for keep in 0..3000 {
            let Some(cut) = cut(&context, keep) else { continue };
            assert_eq!(check_pairing(&context[cut..]), Ok(()), "keep {keep}");
            let stored = [context.clone(), vec![marker("before".to_owned(), context.len() - cut)]].concat();
            assert_eq!(history::since_summary(&stored)[1..], context[cut..], "what is stored gives the same again");
        }
        assert_eq!(cut(&context, u64::MAX), None);
        assert_eq!(cut(&[marker("before".to_owned(), 1), Message::user("x".repeat(99))], 10), None);
    }

    #[test]
    fn old_results_are_trimmed_and_say_so() {
        let trimmed = trim(&conversation(), 1000);
        let texts: Vec<_> = trimmed.iter().map(|m| line(m.role, &m.content[0]).replace("xxxxx", "")).collect();
        insta::assert_snapshot!(texts.join("\n"), @"
        User: first
        Agent called look: {}
        Tool: x
        [… 601 bytes left out …]
        xxx
        Agent: one
        User: second
        Agent called look: {}
        Agent called look: {}
        Tool:
        ");
    }

    #[test]
    fn the_estimate_learns_from_what_was_counted() {
        let mut meter = Meter::default();
        assert_eq!((meter.tokens(400), meter.bytes(100)), (100, 400));
        meter.learn(400, 200);
        assert_eq!((meter.tokens(400), meter.tokens(440), meter.tokens(200), meter.bytes(100)), (200, 210, 100, 200));
    }
}
