//! From events to bytes: server-sent events, one buffer a stream, and what a protocol adds to that.
//!
//! Source: the HTML standard, section 9.2, "Server-sent events".

use std::{
    borrow::Borrow,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderValue, header};
use serde::Serialize;
use tokio::time::{Instant, Sleep, sleep};

use super::Run;
use crate::domain::AgentEvent;

/// A stream that is silent for so long says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Most bytes that wait for the socket at once.
const CHUNK: usize = 16 * 1024;

/// Whether the answer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    On,
    /// The answer ends here and the turn waits: it asked something that the caller answers in the next request. See
    /// [`Run::park`].
    Park,
}

/// A protocol's form of a turn. Pure, and one for each request: a fold over the events.
pub trait Encoder: Send + 'static {
    /// What goes out before the first event.
    fn begin(&mut self, _out: &mut Frames) {}

    fn event(&mut self, event: &AgentEvent, out: &mut Frames) -> Flow;

    /// What goes out after the last event; `parked` where that is not the end of the turn.
    fn end(&mut self, _parked: bool, _out: &mut Frames) {}
}

/// Frames on their way out.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
}

impl Frames {
    /// `data: {json}`.
    pub fn data(&mut self, value: &impl Serialize) {
        self.buffer.put_slice(b"data: ");
        self.json(value);
        self.buffer.put_slice(b"\n\n");
    }

    /// `event: NAME` and `data: {json}`.
    pub fn named(&mut self, name: &str, value: &impl Serialize) {
        self.buffer.put_slice(b"event: ");
        self.buffer.put_slice(name.as_bytes());
        self.buffer.put_u8(b'\n');
        self.data(value);
    }

    /// `id: N` and `data: {json}`: what `Last-Event-ID` will name.
    pub fn numbered(&mut self, id: u64, value: &impl Serialize) {
        self.buffer.put_slice(format!("id: {id}\n").as_bytes());
        self.data(value);
    }

    /// A frame that is no JSON, such as `[DONE]`.
    pub fn text(&mut self, text: &str) {
        self.buffer.put_slice(b"data: ");
        self.buffer.put_slice(text.as_bytes());
        self.buffer.put_slice(b"\n\n");
    }

    fn json(&mut self, value: &impl Serialize) {
        let start = self.buffer.len();
        if serde_json::to_writer((&mut self.buffer).writer(), value).is_err() {
            // Only a map with keys that are no strings, which no frame has.
            self.buffer.truncate(start);
            self.buffer.put_slice(b"null");
        }
    }

    /// Takes over the frames of another.
    pub fn append(&mut self, other: &mut Self) {
        self.buffer.unsplit(other.buffer.split());
    }

    /// What was written so far.
    pub fn take(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }
}

/// The answer to a request whose turn is `run`: its events as `encoder` writes them, as they come. The turn is canceled
/// when the caller goes away.
pub fn sse(run: Run, encoder: impl Encoder) -> Response {
    respond(Streaming {
        events: Some(run),
        park: Some(Run::park),
        encoder,
        out: Frames::default(),
        state: State::New,
        beat: beat(),
    })
}

/// The same for events that are not a turn's own stream, such as those of one that is followed.
pub fn sse_of<S>(events: S, encoder: impl Encoder) -> Response
where
    S: Stream<Item: Borrow<AgentEvent>> + Unpin + Send + 'static,
{
    respond(Streaming {
        events: Some(events),
        park: None,
        encoder,
        out: Frames::default(),
        state: State::New,
        beat: beat(),
    })
}

/// The same for the events of a turn on a detour, which `park` lets the turn wait on.
pub fn sse_with<S>(events: S, park: fn(S), encoder: impl Encoder) -> Response
where
    S: Stream<Item: Borrow<AgentEvent>> + Unpin + Send + 'static,
{
    respond(Streaming {
        events: Some(events),
        park: Some(park),
        encoder,
        out: Frames::default(),
        state: State::New,
        beat: beat(),
    })
}

/// Folds a whole turn: what an answer that is not streamed is made of. `fold` says whether to go on; a turn that parks
/// has its answer before its end.
pub async fn fold(mut run: Run, mut fold: impl FnMut(&AgentEvent) -> Flow) {
    while let Some(event) = run.next().await {
        if fold(&event) == Flow::Park {
            run.park();
            return;
        }
    }
}

fn beat() -> Pin<Box<Sleep>> {
    Box::pin(sleep(HEARTBEAT))
}

fn respond<S, E>(stream: Streaming<S, E>) -> Response
where
    S: Stream<Item: Borrow<AgentEvent>> + Unpin + Send + 'static,
    E: Encoder,
{
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx would keep frames until it has enough of them.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[derive(PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

struct Streaming<S, E> {
    /// `None` once it ended or was parked.
    events: Option<S>,
    /// What becomes of the stream when the encoder parks it.
    park: Option<fn(S)>,
    encoder: E,
    out: Frames,
    state: State,
    beat: Pin<Box<Sleep>>,
}

impl<S, E> Unpin for Streaming<S, E> {}

impl<S, E> Streaming<S, E>
where
    S: Stream<Item: Borrow<AgentEvent>> + Unpin,
    E: Encoder,
{
    /// Writes what there is, up to a chunk.
    fn advance(&mut self, cx: &mut Context<'_>) {
        if self.state == State::New {
            self.encoder.begin(&mut self.out);
            self.state = State::Open;
        }
        while self.state == State::Open && self.out.buffer.len() < CHUNK {
            match self.events.as_mut().map(|events| events.poll_next_unpin(cx)) {
                Some(Poll::Pending) => return,
                Some(Poll::Ready(Some(event))) => {
                    if self.encoder.event(event.borrow(), &mut self.out) == Flow::Park {
                        self.finish(true);
                    }
                }
                Some(Poll::Ready(None)) | None => self.finish(false),
            }
        }
    }

    fn finish(&mut self, parked: bool) {
        self.encoder.end(parked, &mut self.out);
        self.state = State::Done;
        if let (Some(events), Some(park), true) = (self.events.take(), self.park, parked) {
            park(events);
        }
    }
}

impl<S, E> Stream for Streaming<S, E>
where
    S: Stream<Item: Borrow<AgentEvent>> + Unpin,
    E: Encoder,
{
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.advance(cx);
        if this.out.buffer.is_empty() {
            if this.state == State::Done {
                return Poll::Ready(None);
            }
            if this.beat.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.out.buffer.put_slice(b": ping\n\n");
        }
        this.beat.as_mut().reset(Instant::now() + HEARTBEAT);
        Poll::Ready(Some(Ok(this.out.take())))
    }
}
