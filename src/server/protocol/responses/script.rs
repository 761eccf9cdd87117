//! The response as it grows: which item stands where, and the events that say so.

use super::wire::{Event, Item, Part, Response, Status};
use crate::server::Frames;

/// A response, and the events of it that were not sent yet.
pub(super) struct Script {
    pub(super) response: Response,
    pub(super) frames: Frames,
    number: u64,
    /// The number of the last event that the caller has seen.
    after: Option<u64>,
}

impl Script {
    pub(super) fn new(response: Response, after: Option<u64>) -> Self {
        Self { response, frames: Frames::default(), number: 0, after }
    }

    /// Writes an event.
    fn emit(&mut self, mut event: Event<'_>) {
        put(&mut self.frames, &mut self.number, self.after, &mut event);
    }

    /// An event of the whole response.
    pub(super) fn lifecycle(&mut self, kind: &'static str) {
        let Self { response, frames, number, after } = self;
        put(frames, number, *after, &mut Event { response: Some(response), kind, ..Event::default() });
    }

    /// Something went wrong that is no end of the turn.
    pub(super) fn error(&mut self, message: &str) {
        self.emit(Event { code: Some("server_error"), message: Some(message), kind: "error", ..Event::default() });
    }

    /// The id of the next item: the same whenever the same response is told.
    pub(super) fn item_id(&self, prefix: &str) -> String {
        let response = self.response.id.strip_prefix("resp_").unwrap_or(&self.response.id);
        format!("{prefix}_{response}{:04}", self.response.output.len())
    }

    /// Adds an item; gives its index.
    pub(super) fn add(&mut self, item: Item) -> usize {
        let index = self.response.output.len();
        self.emit(Event {
            item: Some(&item),
            output_index: Some(index),
            kind: "response.output_item.added",
            ..Event::default()
        });
        self.response.output.push(item);
        index
    }

    /// Ends an item.
    pub(super) fn done(&mut self, index: usize, status: Status) {
        self.response.output[index].set_status(status);
        let Self { response, frames, number, after } = self;
        let item = Some(&response.output[index]);
        let kind = "response.output_item.done";
        put(frames, number, *after, &mut Event { item, output_index: Some(index), kind, ..Event::default() });
    }

    /// An event about an item, with what `fill` adds.
    pub(super) fn about<'a>(&mut self, index: usize, kind: &'static str, fill: impl FnOnce(Event<'a>) -> Event<'a>) {
        let Self { response, frames, number, after } = self;
        let event = fill(Event { output_index: Some(index), kind, ..Event::default() });
        put(frames, number, *after, &mut Event { item_id: Some(response.output[index].id()), ..event });
    }

    /// More of what an item says, or of its arguments.
    pub(super) fn grow(&mut self, index: usize, kind: &'static str, delta: &str) {
        if let Some(all) = self.response.output[index].growing() {
            all.push_str(delta);
        }
        let (content_index, logprobs) = marks(kind);
        self.about(index, kind, |event| Event { content_index, delta: Some(delta), logprobs, ..event });
    }

    /// Begins a message or a block of reasoning, with its only part.
    pub(super) fn begin_text(&mut self, reasoning: bool) -> usize {
        let (item, part) = if reasoning {
            let id = self.item_id("rs");
            let status = Status::InProgress;
            (Item::Reasoning { id, summary: [], content: vec![], status, r#type: "reasoning" }, Part::thought())
        } else {
            let (id, status) = (self.item_id("msg"), Status::InProgress);
            (Item::Message { id, content: vec![], role: "assistant", status, r#type: "message" }, Part::text())
        };
        let index = self.add(item);
        self.about(index, "response.content_part.added", |event| Event {
            content_index: Some(0),
            part: Some(&part),
            ..event
        });
        if let Item::Message { content, .. } | Item::Reasoning { content, .. } = &mut self.response.output[index] {
            content.push(part);
        }
        index
    }

    /// Ends it.
    pub(super) fn end_text(&mut self, index: usize, status: Status) {
        let (kind, content) = match &self.response.output[index] {
            Item::Message { content, .. } => ("response.output_text.done", content),
            Item::Reasoning { content, .. } => ("response.reasoning_text.done", content),
            Item::Function { .. } | Item::Mcp { .. } | Item::Approval { .. } => return,
        };
        let Some(part) = content.last().cloned() else { return };
        let (Part::Text { text, .. } | Part::Thought { text, .. }) = &part;
        let (content_index, logprobs) = marks(kind);
        self.about(index, kind, |event| Event { content_index, logprobs, text: Some(text), ..event });
        self.about(index, "response.content_part.done", |event| Event { content_index, part: Some(&part), ..event });
        self.done(index, status);
    }
}

/// The content index and the log probabilities of events that have them.
fn marks(kind: &str) -> (Option<usize>, Option<[(); 0]>) {
    let text = kind.starts_with("response.output_text");
    ((text || kind.starts_with("response.reasoning_text")).then_some(0), text.then_some([]))
}

/// Numbers an event, and writes it unless it was seen.
fn put(frames: &mut Frames, number: &mut u64, after: Option<u64>, event: &mut Event<'_>) {
    event.sequence_number = *number;
    if after.is_none_or(|after| event.sequence_number > after) {
        frames.named(event.kind, event);
    }
    *number += 1;
}
