//! What all agents at work in one turn share: the way out for events, the way in for answers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{EventStream, approval::Grants, inbox::Inbox};
use crate::{
    domain::{AgentEvent, AgentPath, EventKind, SessionKey, TurnId},
    store::{SessionUsage, Used},
};

/// Events that may wait for a slow reader before the turn does.
const EVENTS: usize = 64;

pub(super) struct Run {
    pub(super) key: SessionKey,
    pub(super) inbox: Inbox,
    /// As [`TurnControl::decline`](super::TurnControl::decline).
    pub(super) decline: CancellationToken,
    pub(super) grants: Arc<Grants>,
    /// Boxed: a channel makes room for 32 of its items at once, and a thousand turns have a channel each.
    events: mpsc::Sender<Box<(AgentPath, EventKind)>>,
    /// How often each agent was called, for its path.
    called: Mutex<HashMap<AgentPath, u32>>,
    /// What was used and is not in the store yet.
    used: Mutex<SessionUsage>,
}

impl Run {
    /// A run, and the stream its events come out of. The stream counts them, so that their order is the one in which
    /// they were emitted; dropping it fires `guard`.
    pub(super) fn new(
        key: SessionKey,
        (attended, decline): (bool, CancellationToken),
        grants: Arc<Grants>,
        guard: DropGuard,
    ) -> (Self, EventStream) {
        let (events, received) = mpsc::channel::<Box<(AgentPath, EventKind)>>(EVENTS);
        let (session, turn) = (key.session.clone(), TurnId::new());
        let stream = stream::unfold((received, 0, guard), move |(mut received, seq, guard)| {
            let (session, turn) = (session.clone(), turn.clone());
            async move {
                let (agent, kind) = *received.recv().await?;
                Some((AgentEvent { seq, session, turn, agent, kind }, (received, seq + 1, guard)))
            }
        });
        let run = Self {
            key,
            inbox: Inbox::new(attended),
            decline,
            grants,
            events,
            called: Mutex::default(),
            used: Mutex::default(),
        };
        (run, stream.boxed())
    }

    /// Waits while the reader is behind; does nothing once it is gone.
    pub(super) async fn emit(&self, agent: &AgentPath, kind: EventKind) {
        let _ = self.events.send(Box::new((agent.clone(), kind))).await;
    }

    pub(super) fn uses(&self, used: Used) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).add(&[used]);
    }

    pub(super) fn take_used(&self) -> Vec<Used> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner)).agents
    }

    /// What was taken could not be saved.
    pub(super) fn put_back(&self, taken: Vec<Used>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let since = std::mem::replace(&mut used.agents, taken);
        used.add(&since);
    }

    /// The path of another call of `name` by the agent at `caller`.
    pub(super) fn called(&self, caller: &AgentPath, name: &str) -> AgentPath {
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        let times = called.entry(caller.child(name, 1)).or_default();
        *times += 1;
        caller.child(name, *times)
    }
}
