//! A turn that goes on without a caller, kept so that it can be followed: from its start, or from where a connection
//! broke off.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::watch;

use super::{Run, RunHandle, locked};
use crate::domain::{AgentEvent, SessionKey, TurnId};

/// How long one is kept after its end.
pub(super) const KEPT: Duration = Duration::from_mins(10);

/// Most events of turns that are over; the turns that ended first are forgotten before their time.
const MOST: usize = 200_000;

/// All recordings that can be followed.
#[derive(Default)]
pub(super) struct Recordings {
    all: HashMap<TurnId, Arc<Recording>>,
    /// Those that are over, each with the number of its events, in the order in which they ended.
    over: VecDeque<(TurnId, usize)>,
    events: usize,
}

impl Recordings {
    pub(super) fn insert(&mut self, turn: TurnId, recording: Arc<Recording>) {
        self.all.insert(turn, recording);
    }

    pub(super) fn get(&self, turn: &TurnId) -> Option<Arc<Recording>> {
        self.all.get(turn).cloned()
    }

    /// Its turn is over: from now on it may have to make room.
    pub(super) fn ended(&mut self, recording: &Recording) {
        let count = locked(&recording.events).len();
        self.over.push_back((recording.handle.turn.clone(), count));
        self.events += count;
        while self.events > MOST {
            let Some((turn, _)) = self.over.front().cloned() else { return };
            self.remove(&turn);
        }
    }

    /// Forgets those that are over, of sessions that are gone.
    pub(super) fn forget(&mut self, of: impl Fn(&SessionKey) -> bool) {
        let gone = |recording: &&Arc<Recording>| recording.is_over() && of(&recording.handle.key);
        let gone: Vec<_> = self.all.values().filter(gone).map(|recording| recording.handle.turn.clone()).collect();
        gone.iter().for_each(|turn| self.remove(turn));
    }

    pub(super) fn remove(&mut self, turn: &TurnId) {
        if self.all.remove(turn).is_none() {
            return;
        }
        // They are removed in the order in which they ended, but for a few.
        let at = self.over.iter().position(|(other, _)| other == turn);
        if let Some((_, count)) = at.and_then(|at| self.over.remove(at)) {
            self.events -= count;
        }
    }
}

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

    /// Waits for the end of the turn.
    pub async fn over(&self) {
        // The recording has the sender.
        let _ = self.seen.subscribe().wait_for(|seen| seen.1).await;
    }

    /// Whether the turn is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.seen.borrow().1
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::domain::{AgentPath, EventKind, SessionId};

    fn recording(events: usize) -> Arc<Recording> {
        let (turn, session) = (TurnId::new(), SessionId::from("s"));
        let key = SessionKey { user: "ann".to_owned(), session: session.clone() };
        let (answers, steer) = (mpsc::channel(1).0, mpsc::channel(1).0);
        let control = (CancellationToken::new(), CancellationToken::new());
        let handle = RunHandle::new(turn.clone(), key, "demo".to_owned(), answers, steer, control);
        let recording = Recording::new(&Arc::new(handle));
        let kind = EventKind::TextDelta { text: String::new() };
        let event = Arc::new(AgentEvent { seq: 0, session, turn, agent: AgentPath::root("demo"), kind });
        *locked(&recording.events) = vec![event; events];
        Arc::new(recording)
    }

    #[test]
    fn turns_that_are_over_make_room_and_those_that_run_do_not() {
        let mut all = Recordings::default();
        let turns = [recording(MOST), recording(MOST / 2), recording(MOST / 2), recording(1)];
        for recording in &turns {
            all.insert(recording.handle.turn.clone(), Arc::clone(recording));
        }
        let there = |all: &Recordings| turns.each_ref().map(|recording| all.get(&recording.handle.turn).is_some());
        all.ended(&turns[1]);
        all.ended(&turns[2]);
        assert_eq!(there(&all), [true; 4]);
        all.ended(&turns[3]);
        assert_eq!(there(&all), [true, false, true, true]);
        all.remove(&turns[1].handle.turn);
        all.remove(&turns[2].handle.turn);
        assert_eq!((all.events, all.over.len()), (1, 1));
    }
}
