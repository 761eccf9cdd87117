//! Where an agent's messages and state go.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::{
    domain::{Message, SessionKey},
    store::{SessionLock, Store, StoreError, Used, merge_patch},
};

/// Whether an answer is kept while it is written. Somebody who looks at it in a terminal of this process has no other copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Partials {
    Kept,
    Not,
}

/// The session, held for the turn; or, for an agent that another called, nothing that lasts.
pub(super) struct Journal {
    session: Option<Session>,
    state: Mutex<Value>,
}

struct Session {
    store: Arc<dyn Store>,
    key: SessionKey,
    lock: Mutex<Option<SessionLock>>,
    /// Nothing was said in it before this turn.
    new: bool,
    partials: Partials,
    writing: Mutex<Writing>,
}

/// The answer that is being written.
#[derive(Default)]
struct Writing {
    unkept: String,
    /// Some of it is in the store.
    kept: bool,
}

impl Journal {
    pub(super) fn session(
        (store, partials): (Arc<dyn Store>, Partials),
        key: SessionKey,
        state: Value,
        lock: SessionLock,
        new: bool,
    ) -> Self {
        let session = Session { store, key, lock: Mutex::new(Some(lock)), new, partials, writing: Mutex::default() };
        Self { session: Some(session), state: Mutex::new(state) }
    }

    pub(super) fn private() -> Self {
        Self { session: None, state: Mutex::new(Value::Object(Map::new())) }
    }

    pub(super) fn is_session(&self) -> bool {
        self.session.is_some()
    }

    pub(super) fn is_new(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.new)
    }

    pub(super) fn state(&self) -> Value {
        locked(&self.state).clone()
    }

    /// Saves messages that became final, and what was used. Nothing to save costs nothing. What could not be saved is
    /// the caller's to bring again, and what was kept of an answer stays until then.
    pub(super) async fn save(&self, messages: &[Message], used: &[Used]) -> Result<(), StoreError> {
        let Some(session) = &self.session else { return Ok(()) };
        if !messages.is_empty() || !used.is_empty() || locked(&session.writing).kept {
            session.store.save(&session.key, messages, used).await?;
        }
        *locked(&session.writing) = Writing::default();
        Ok(())
    }

    pub(super) fn keeps_partials(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.partials == Partials::Kept)
    }

    /// The answer goes on with `text`. What is saved next takes its place.
    pub(super) fn writes(&self, text: &str) {
        if let Some(session) = self.session.as_ref().filter(|session| session.partials == Partials::Kept) {
            locked(&session.writing).unkept.push_str(text);
        }
    }

    /// Keeps what was written since the last time. Does not wait.
    pub(super) fn keep_written(&self) {
        let Some(session) = &self.session else { return };
        let mut writing = locked(&session.writing);
        if !writing.unkept.is_empty() {
            session.store.keep_partial(&session.key, &std::mem::take(&mut writing.unkept));
            writing.kept = true;
        }
    }

    pub(super) async fn patch(&self, patch: &Value) -> Result<(), StoreError> {
        merge_patch(&mut locked(&self.state), patch);
        match &self.session {
            Some(session) => session.store.patch_state(&session.key, patch).await,
            None => Ok(()),
        }
    }

    /// Lets go of the session. To be done before the end of the turn is shown: whoever sees it may start the next.
    pub(super) fn release(&self) {
        if let Some(session) = &self.session {
            drop(locked(&session.lock).take());
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No holder can panic between two changes that belong together.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
