//! A task while it runs: the task first, then what changes.

use axum::response::Response;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    progress::{Change, Progress},
    rpc::Envelope,
    task::{Ids, Status},
    tasks::Live,
};
use crate::{
    domain::AgentEvent,
    server::{Encoder, Flow, Frames, sse_of},
};

struct TaskEncoder {
    envelope: Envelope,
    ids: Ids,
    /// The task as the stream begins.
    task: Value,
    progress: Progress,
}

/// Streams what comes after `live`. The task goes on when the caller goes away.
pub(super) fn respond(envelope: Envelope, live: Live, history: Option<usize>) -> Response {
    let task = live.task().answer(history, envelope.version);
    let events = live.recording.follow(live.seen);
    sse_of(events, TaskEncoder { envelope, ids: live.ids(), task, progress: live.progress })
}

impl Encoder for TaskEncoder {
    fn begin(&mut self, out: &mut Frames) {
        out.data(&self.envelope.result(&self.task));
    }

    fn event(&mut self, event: &AgentEvent, out: &mut Frames) -> Flow {
        let version = self.envelope.version;
        let append = !self.progress.answer.is_empty();
        match self.progress.see(event) {
            Change::Nothing => Flow::On,
            Change::Text(text) => {
                let update = self.progress.chunk(text).update(&self.ids, append, version);
                out.data(&self.envelope.result(&update));
                Flow::On
            }
            Change::Working => {
                self.status(out);
                Flow::On
            }
            Change::Asked => {
                self.status(out);
                Flow::Park
            }
            Change::Ended => {
                if let Some(data) = self.progress.data() {
                    out.data(&self.envelope.result(&data.update(&self.ids, false, version)));
                }
                self.status(out);
                Flow::On
            }
        }
    }
}

impl TaskEncoder {
    fn status(&self, out: &mut Frames) {
        let (state, message) = (self.progress.state(), self.progress.message());
        let update = Status { state, message, at: Timestamp::now() }.update(&self.ids, self.envelope.version);
        out.data(&self.envelope.result(&update));
    }
}
