//! Where an agent's messages and state go.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::{
    domain::{Message, SessionKey},
    store::{SessionLock, Store, StoreError, merge_patch},
};

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
}

impl Journal {
    pub(super) fn session(store: Arc<dyn Store>, key: SessionKey, state: Value, lock: SessionLock, new: bool) -> Self {
        let session = Session { store, key, lock: Mutex::new(Some(lock)), new };
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

    /// Saves messages that became final. Nothing to save costs nothing.
    pub(super) async fn append(&self, messages: &[Message]) -> Result<(), StoreError> {
        match &self.session {
            Some(session) if !messages.is_empty() => session.store.append(&session.key, messages).await,
            Some(_) | None => Ok(()),
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
