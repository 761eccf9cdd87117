//! One turn: its events, and the hold on it that others can have.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};

use super::{
    Runs,
    ask::{Ask, Asked},
    locked,
    room::Seat,
    waiting::Place,
    watch::Watch,
};
use crate::{
    agent::EventStream,
    domain::{AgentEvent, Answer, CallId, EventKind, Message, SessionKey, TurnId},
    server::ApiError,
};

/// What others can do to a running turn.
pub struct RunHandle {
    pub turn: TurnId,
    pub key: SessionKey,
    /// The name of the agent that was asked.
    pub agent: String,
    answers: mpsc::Sender<Answer>,
    steer: mpsc::Sender<Message>,
    cancel: CancellationToken,
    decline: CancellationToken,
    asked: Arc<Asked>,
    /// The calls that run, by name.
    calls: Mutex<HashMap<CallId, String>>,
}

impl RunHandle {
    pub(super) fn new(
        turn: TurnId,
        key: SessionKey,
        agent: String,
        answers: mpsc::Sender<Answer>,
        steer: mpsc::Sender<Message>,
        (cancel, decline): (CancellationToken, CancellationToken),
    ) -> Self {
        Self { turn, key, agent, answers, steer, cancel, decline, asked: Arc::default(), calls: Mutex::default() }
    }

    /// What it waits for.
    #[must_use]
    pub fn asked(&self) -> Vec<Ask> {
        self.asked.open()
    }

    /// The calls that run, each with the name of its tool: what one who takes up a parked turn has not seen begin.
    #[must_use]
    pub fn calls(&self) -> Vec<(CallId, String)> {
        locked(&self.calls).iter().map(|(id, name)| (id.clone(), name.clone())).collect()
    }

    fn see(&self, event: &AgentEvent) {
        match &event.kind {
            EventKind::ToolStarted { call } => {
                locked(&self.calls).insert(call.call_id.clone(), call.name.clone());
            }
            EventKind::ToolFinished { call_id, .. } => {
                locked(&self.calls).remove(call_id);
            }
            _ => {}
        }
    }

    /// Answers what it asked.
    ///
    /// # Errors
    /// 404 where it asks no such thing, or no more.
    pub async fn answer(&self, answer: Answer) -> Result<(), ApiError> {
        let id = match &answer {
            Answer::Approval { call_id, .. } => call_id.as_str(),
            Answer::Question { id, .. } => id.as_str(),
        };
        if !self.asked().iter().any(|ask| ask.id() == id) {
            return Err(ApiError::not_found(format!("the turn does not wait for an answer to `{id}`")));
        }
        self.answers.send(answer).await.map_err(|_| self.over())
    }

    /// Says something to the agent while it works, all or nothing: it is told before the next request to its model.
    ///
    /// # Errors
    /// 400 for more messages than can wait; 404 where the turn is over; 429 where too many wait already.
    pub fn steer(&self, messages: Vec<Message>) -> Result<(), ApiError> {
        if messages.len() > self.steer.max_capacity() {
            let most = self.steer.max_capacity();
            return Err(ApiError::invalid(format!("no more than {most} messages can join a turn at once")));
        }
        let places = self.steer.try_reserve_many(messages.len()).map_err(|error| match error {
            TrySendError::Closed(()) => self.over(),
            TrySendError::Full(()) => {
                let message = format!("as many messages as may wait for the turn `{}` to take them", self.turn);
                ApiError::too_many("too_many_messages", message, Duration::from_secs(1))
            }
        })?;
        places.zip(messages).for_each(|(place, message)| place.send(message));
        Ok(())
    }

    /// Ends it; what happened is saved. Its stream still ends with `TurnFinished`.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// The user goes on to something else: see [`TurnControl::decline`](crate::agent::TurnControl::decline).
    pub(super) fn decline(&self) {
        self.decline.cancel();
    }

    fn over(&self) -> ApiError {
        ApiError::not_found(format!("the turn `{}` is over", self.turn))
    }
}

/// A turn that this request started or took up: the stream of its events. Dropping it cancels the turn.
pub struct Run {
    runs: Runs,
    handle: Arc<RunHandle>,
    first: Option<AgentEvent>,
    events: EventStream,
    /// Until it is handed on.
    seat: Option<Seat>,
    #[expect(dead_code, reason = "held, not read")]
    places: (Option<Place>, TaskTrackerToken),
    watch: Watch,
}

impl Run {
    pub(super) fn new(
        runs: Runs,
        handle: Arc<RunHandle>,
        first: AgentEvent,
        events: EventStream,
        (seat, place, watch): (Seat, Option<Place>, Watch),
    ) -> Self {
        let places = (place, runs.inner.alive.token());
        Self { runs, handle, first: Some(first), events, seat: Some(seat), places, watch }
    }

    /// Its place, for another turn of the same user.
    pub(super) fn into_seat(mut self) -> Option<Seat> {
        self.seat.take()
    }

    #[must_use]
    pub fn handle(&self) -> &Arc<RunHandle> {
        &self.handle
    }

    /// Lets the turn wait for the answers that its caller brings with the next request; see [`Runs::resume`]. One whose
    /// caller never comes back goes on with the default answers and is seen to its end.
    pub fn park(self) {
        let (inner, key) = (Arc::clone(&self.runs.inner), self.handle.key.clone());
        let patience = inner.rules.load().patience;
        let wait = inner.parked.put(key, self);
        inner.clone().tasks.spawn(async move {
            let end = async {
                tokio::select! {
                    () = tokio::time::sleep(patience) => {}
                    () = inner.closing.cancelled() => {}
                }
            };
            if let Some(mut run) = inner.parked.left(wait, end).await {
                while run.next().await.is_some() {}
            }
        });
    }
}

impl Stream for Run {
    type Item = AgentEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AgentEvent>> {
        let event = match self.first.take() {
            Some(first) => Some(first),
            None => std::task::ready!(self.events.poll_next_unpin(cx)),
        };
        if let Some(event) = &event {
            self.watch.see(event);
            let rules = **self.runs.inner.rules.load();
            self.handle.see(event);
            self.handle.asked.see(event, rules.patience, rules.approval, &self.handle.answers);
        }
        Poll::Ready(event)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        locked(&self.runs.inner.running).remove(&self.handle.turn);
    }
}
