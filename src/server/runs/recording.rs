//! A turn that goes on without a caller, kept so that it can be followed: from its start, or from where a connection
//! broke off.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::watch;

use super::{Run, RunHandle, locked};
use crate::domain::AgentEvent;

/// How long one is kept after its end.
pub(super) const KEPT: Duration = Duration::from_mins(10);

/// The events of a turn so far.
pub struct Recording {
    pub handle: Arc<RunHandle>,
    events: Mutex<Vec<Arc<AgentEvent>>>,
    /// How many there are, and whether that is all.
    seen: watch::Sender<(usize, bool)>,
}

impl Recording {
    pub(super) fn new(handle: &Arc<RunHandle>) -> Self {
        Self { handle: Arc::clone(handle), events: Mutex::default(), seen: watch::Sender::new((0, false)) }
    }

    pub(super) async fn fill(&self, mut run: Run) {
        while let Some(event) = run.next().await {
            let count = {
                let mut events = locked(&self.events);
                events.push(Arc::new(event));
                events.len()
            };
            self.seen.send_replace((count, false));
        }
        self.seen.send_modify(|seen| seen.1 = true);
    }

    /// The events after number `after`, then those to come, to the end of the turn.
    pub fn follow(self: &Arc<Self>, after: Option<u64>) -> impl Stream<Item = Arc<AgentEvent>> + Unpin + Send + use<> {
        let next = after.map_or(0, |after| usize::try_from(after).unwrap_or(usize::MAX).saturating_add(1));
        let state = (Arc::clone(self), self.seen.subscribe(), next);
        Box::pin(stream::unfold(state, |(recording, mut seen, next)| async move {
            loop {
                let event = locked(&recording.events).get(next).cloned();
                if let Some(event) = event {
                    return Some((event, (recording, seen, next + 1)));
                }
                if seen.borrow_and_update().1 && locked(&recording.events).len() <= next {
                    return None;
                }
                seen.changed().await.ok()?;
            }
        }))
    }

    /// How many events there are so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.seen.borrow().0 as u64
    }

    /// Whether the turn is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.seen.borrow().1
    }
}
