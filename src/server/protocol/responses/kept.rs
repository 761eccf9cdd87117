//! A turn on its way to the caller, and the response that is kept of it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, Stream, StreamExt as _, future::BoxFuture};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    fold::Fold,
    wire::{Response, Status},
};
use crate::{
    domain::{AgentEvent, EventKind, FailureCode, SessionKey, TaskId, TurnId},
    server::{Encoder, Flow, Frames, Run},
    store::{StoreError, Stores, TaskRecord, TaskStatus},
};

/// What records of responses are known by.
pub(super) const PROTOCOL: &str = "responses";
/// How many messages the session had at the end of the response.
pub(super) const END: &str = "end";
/// The input of the request.
pub(super) const INPUT: &str = "input";

/// The fold, which the turn fills and the wire empties.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<(Fold, Flow)>>);

impl Shared {
    pub(super) fn new(fold: Fold) -> Self {
        Self(Arc::new(Mutex::new((fold, Flow::On))))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, (Fold, Flow)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a response is kept.
pub(super) struct Keeper {
    stores: Stores,
    key: SessionKey,
    agent: String,
    turn: TurnId,
    input: Vec<Value>,
}

impl Keeper {
    pub(super) fn new(stores: Stores, run: &Run, input: Vec<Value>) -> Self {
        let handle = run.handle();
        Self { stores, key: handle.key.clone(), agent: handle.agent.clone(), turn: handle.turn.clone(), input }
    }

    /// Keeps the response; `parked` where its turn is not over.
    async fn keep(self, response: Response, parked: bool) {
        let id = response.id.clone();
        if let Err(error) = self.put(response, parked).await {
            tracing::warn!(%error, response = %id, "a response could not be kept");
        }
    }

    async fn put(self, response: Response, parked: bool) -> Result<(), StoreError> {
        let end = match parked {
            true => None,
            false => Some(self.stores.sessions.info(&self.key).await?.messages),
        };
        let status = match response.status {
            Status::Failed => TaskStatus::Failed,
            Status::Cancelled => TaskStatus::Canceled,
            _ => TaskStatus::Completed,
        };
        let now = Timestamp::now();
        let record = TaskRecord {
            id: TaskId::from(response.id.as_str()),
            key: self.key,
            agent: self.agent,
            protocol: PROTOCOL.to_owned(),
            turn: Some(self.turn),
            status,
            created_at: now,
            started_at: Some(now),
            finished_at: Some(now),
            request: json!({ END: end, INPUT: self.input }),
            result: serde_json::to_value(&response).ok(),
            error: response.error.map(|error| error.message),
        };
        self.stores.tasks.put(&record).await
    }
}

/// The turn, folded as it goes. Its end is kept before anybody hears of it, so that the next request can name it.
pub(super) struct Kept {
    run: Option<Run>,
    shared: Shared,
    keeper: Option<Keeper>,
    keeping: Option<(BoxFuture<'static, ()>, AgentEvent)>,
}

impl Kept {
    pub(super) fn new(run: Run, shared: Shared, keeper: Option<Keeper>) -> Self {
        Self { run: Some(run), shared, keeper, keeping: None }
    }

    pub(super) fn park(self) {
        if let Some(run) = self.run {
            run.park();
        }
    }

    /// Folds the event; begins to keep what is to be kept.
    fn fold(&mut self, event: AgentEvent) -> Option<AgentEvent> {
        let mut shared = self.shared.lock();
        let (fold, flow) = &mut *shared;
        *flow = fold.event(&event);
        let over = event.agent.depth() == 0 && matches!(event.kind, EventKind::TurnFinished { .. });
        let parked = *flow == Flow::Park;
        if over || parked {
            // Who goes on with the response must not find its turn running.
            let run = self.run.take_if(|_| over);
            let refused = matches!(fold.refusal, Some((FailureCode::Input, _)));
            if let Some(keeper) = self.keeper.take().filter(|_| !refused) {
                let response = fold.script.response.clone();
                let keeping = async move {
                    keeper.keep(response, parked).await;
                    drop(run);
                };
                self.keeping = Some((keeping.boxed(), event));
                return None;
            }
        }
        Some(event)
    }
}

impl Stream for Kept {
    type Item = AgentEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AgentEvent>> {
        let this = &mut *self;
        loop {
            if let Some((mut keeping, event)) = this.keeping.take() {
                if keeping.poll_unpin(cx).is_pending() {
                    this.keeping = Some((keeping, event));
                    return Poll::Pending;
                }
                return Poll::Ready(Some(event));
            }
            let Some(run) = &mut this.run else { return Poll::Ready(None) };
            let Some(event) = std::task::ready!(run.poll_next_unpin(cx)) else { return Poll::Ready(None) };
            if let Some(event) = this.fold(event) {
                return Poll::Ready(Some(event));
            }
        }
    }
}

/// Sends what the fold has written.
pub(super) struct Sent(pub(super) Shared);

impl Sent {
    fn flush(&self, out: &mut Frames) -> Flow {
        let mut shared = self.0.lock();
        out.append(&mut shared.0.script.frames);
        shared.1
    }
}

impl Encoder for Sent {
    fn begin(&mut self, out: &mut Frames) {
        self.flush(out);
    }

    fn event(&mut self, _: &AgentEvent, out: &mut Frames) -> Flow {
        self.flush(out)
    }

    fn end(&mut self, _: bool, out: &mut Frames) {
        self.0.lock().0.end();
        self.flush(out);
    }
}
