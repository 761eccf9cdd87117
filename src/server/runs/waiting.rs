//! Who waits for a session: first come, first served, within this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{Mutex as Turnstile, OwnedMutexGuard};

use super::locked;
use crate::{config::agent_file::Busy, domain::SessionKey};

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
    /// Waits for the session. `None` where nobody is to wait and somebody has it.
    pub(super) async fn join(&self, key: &SessionKey, busy: Busy) -> Option<Place> {
        let turnstile = Arc::clone(locked(&self.turnstiles).entry(key.clone()).or_default());
        let mut place = Place { key: key.clone(), turnstiles: Arc::clone(&self.turnstiles), guard: None };
        let guard = match busy {
            Busy::Queue => turnstile.lock_owned().await,
            Busy::Reject => turnstile.try_lock_owned().ok()?,
        };
        place.guard = Some(guard);
        Some(place)
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
