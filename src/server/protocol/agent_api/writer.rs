//! Frames in order: their numbers, the ids of messages, what of them is the output.

use std::borrow::Cow;

use serde::Serialize;
use uuid::Uuid;

use super::wire::{Body, Failure, Kind, Message, Part, Response, Status, Tokens};
use crate::{domain::TaskId, server::Frames};

/// What stays the same throughout a response.
#[derive(Clone, Debug)]
pub(super) struct Head {
    id: String,
    /// Seconds since 1970.
    created_at: i64,
    session: String,
    /// Where the ids of messages start from: a task, told again, has the same ids.
    seed: u128,
}

impl Head {
    /// Of the answer to a request that comes now.
    pub(super) fn now(id: Option<String>, session: String) -> Self {
        Self::new(id, session, Uuid::now_v7(), jiff::Timestamp::now().as_second())
    }

    /// Of a task, which is told more than once.
    pub(super) fn task(id: Option<String>, session: String, task: &TaskId, created_at: i64) -> Self {
        let seed = task.as_str().rsplit('_').next().and_then(|id| Uuid::parse_str(id).ok());
        Self::new(id, session, seed.unwrap_or_default(), created_at)
    }

    fn new(id: Option<String>, session: String, seed: Uuid, created_at: i64) -> Self {
        let id = id.unwrap_or_else(|| format!("response_{seed}"));
        Self { id, created_at, session, seed: seed.as_u128() }
    }
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Every frame, as the Python runtime does.
    Plain,
    /// The frames after this number, each with its number as the event's id.
    Replay { after: Option<u64> },
    /// None: the response is wanted, and not how it came about.
    Silent,
}

/// How a response ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub status: Status,
    pub failure: Option<Failure>,
    pub completed_at: Option<i64>,
    pub usage: Option<Tokens>,
}

pub(super) struct Writer {
    head: Head,
    mode: Mode,
    /// The number of the next frame.
    next: u64,
    messages: u128,
    output: Vec<Message>,
    end: Option<End>,
}

impl Writer {
    pub(super) fn new(head: Head, mode: Mode) -> Self {
        Self { head, mode, next: 0, messages: 0, output: vec![], end: None }
    }

    /// The response as it is before its end.
    pub(super) fn announce(&mut self, status: Status, out: &mut Frames) {
        let number = self.number();
        put(self.mode, number, &self.response(number, status), out);
    }

    /// The last frame.
    pub(super) fn finish(&mut self, end: End, out: &mut Frames) {
        let (number, status) = (self.number(), end.status);
        self.end = Some(end);
        put(self.mode, number, &self.response(number, status), out);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// The response as it stands.
    pub(super) fn last(&self) -> Response<'_> {
        let status = self.end.as_ref().map_or(Status::InProgress, |end| end.status);
        self.response(self.next.saturating_sub(1), status)
    }

    fn response(&self, sequence_number: u64, status: Status) -> Response<'_> {
        let end = self.end.as_ref();
        // Null where it failed before anything was complete, as there; an empty list where there was nothing to say.
        let output = end.filter(|end| end.status == Status::Completed || !self.output.is_empty());
        Response {
            sequence_number,
            object: "response",
            status,
            error: end.and_then(|end| end.failure.as_ref()),
            id: &self.head.id,
            created_at: self.head.created_at,
            // Also where the clock was set back meanwhile.
            completed_at: end.and_then(|end| end.completed_at).map(|at| at.max(self.head.created_at)),
            output: output.map(|_| self.output.as_slice()),
            usage: end.and_then(|end| end.usage),
            session_id: &self.head.session,
        }
    }

    /// Begins a message.
    pub(super) fn open(&mut self, kind: Kind, out: &mut Frames) -> Message {
        self.messages += 1;
        let id = Uuid::from_u128(self.head.seed.wrapping_add(self.messages));
        let message = Message::new(format!("msg_{id}"), kind);
        self.message(message, out)
    }

    /// A part of an open message, by itself. Gives its number.
    pub(super) fn part(
        &mut self,
        message: &Message,
        status: Status,
        (index, delta): (u32, Option<bool>),
        body: Body<'_>,
        out: &mut Frames,
    ) -> u64 {
        let number = self.number();
        let part = Part {
            sequence_number: Some(number),
            status: Some(status),
            index: Some(index),
            delta,
            msg_id: Some(Cow::Borrowed(&message.id)),
            body,
        };
        put(self.mode, number, &part, out);
        number
    }

    /// Ends a message with all of its parts. Only what is complete becomes output.
    pub(super) fn close(
        &mut self,
        mut message: Message,
        content: Vec<Part<'static>>,
        status: Status,
        out: &mut Frames,
    ) {
        message.content = Some(content);
        message.status = status;
        let message = self.message(message, out);
        if status == Status::Completed {
            self.output.push(message);
        }
    }

    /// The last message that is complete.
    pub(super) fn latest(&self) -> Option<&Message> {
        self.output.last()
    }

    fn message(&mut self, mut message: Message, out: &mut Frames) -> Message {
        let number = self.number();
        message.sequence_number = Some(number);
        put(self.mode, number, &message, out);
        message
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}

fn put(mode: Mode, number: u64, value: &impl Serialize, out: &mut Frames) {
    match mode {
        Mode::Plain => out.data(value),
        Mode::Replay { after } if after.is_none_or(|after| number > after) => out.numbered(number, value),
        Mode::Replay { .. } | Mode::Silent => {}
    }
}
