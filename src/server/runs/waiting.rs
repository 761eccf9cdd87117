//! Who waits for a session: first come, first served, within this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::{Mutex as Turnstile, OwnedMutexGuard};

use super::locked;
use crate::{config::agent_file::Busy, domain::SessionKey, server::ApiError};

/// Most that wait for one session. Who waits takes the room of a turn: one session must not take all that there is.
pub(super) const MOST: usize = 32;
/// What is told to those who find a line that is too long.
const TOO_LONG: &str = "too_many_waiting";

type Turnstiles = Arc<Mutex<HashMap<SessionKey, Arc<Turnstile<()>>>>>;

/// The lines before all sessions.
#[derive(Default)]
pub(super) struct Line {
    turnstiles: Turnstiles,
}

/// The head of the line, until it is dropped.
pub(super) struct Place {
    key: SessionKey,
    turnstiles: Turnstiles,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Line {
    /// Waits for the session, behind at most `most` others.
    ///
    /// # Errors
    /// 409 where nobody is to wait and somebody has it; 503 where too many wait.
    pub(super) async fn join(&self, key: &SessionKey, busy: Busy, most: usize) -> Result<Place, ApiError> {
        let turnstile = Arc::clone(locked(&self.turnstiles).entry(key.clone()).or_default());
        // Besides those who wait, the map knows it, who has it, and we.
        if Arc::strong_count(&turnstile) > most.saturating_add(2) {
            let message = format!("as many requests wait for session `{}` as may", key.session);
            return Err(ApiError::unavailable(TOO_LONG, message, Duration::from_secs(1)));
        }
        let mut place = Place { key: key.clone(), turnstiles: Arc::clone(&self.turnstiles), guard: None };
        let guard = match busy {
            Busy::Queue => turnstile.lock_owned().await,
            Busy::Reject => turnstile.try_lock_owned().map_err(|_| ApiError::busy(&key.session))?,
        };
        place.guard = Some(guard);
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut turnstiles = locked(&self.turnstiles);
        drop(self.guard.take());
        // Nobody but the map knows it.
        if turnstiles.get(&self.key).is_some_and(|turnstile| Arc::strong_count(turnstile) == 1) {
            turnstiles.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::domain::SessionId;

    #[tokio::test]
    async fn a_line_has_an_end_and_leaves_nothing_behind() {
        let line = Line::default();
        let key = SessionKey { user: "ann".to_owned(), session: SessionId::from("s") };
        let first = line.join(&key, Busy::Queue, MOST).await.ok().unwrap();
        let mut waiting: Vec<_> = (0..MOST).map(|_| Box::pin(line.join(&key, Busy::Queue, MOST))).collect();
        assert!(waiting.iter_mut().all(|place| place.now_or_never().is_none()));
        assert_eq!(line.join(&key, Busy::Queue, MOST).await.err().unwrap().code, TOO_LONG);
        assert_eq!(line.join(&key, Busy::Reject, MOST).await.err().unwrap().status.as_u16(), 503);
        waiting.pop();
        assert!(line.join(&key, Busy::Queue, MOST).now_or_never().is_none());
        drop(waiting);
        assert_eq!(line.join(&key, Busy::Reject, MOST).await.err().unwrap().code, "session_busy");
        drop(first);
        assert!(locked(&line.turnstiles).is_empty());
    }
}
