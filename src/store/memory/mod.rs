//! The store that forgets when the process ends: for tests and for `in-process:`.

mod tasks;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    NewSession, Note, Notes, OpenedSession, SessionInfo, SessionLock, SessionUsage, Store, StoreError, Used, is_about,
    merge_patch, now, rank, title_of,
};
use crate::domain::{Message, SessionId, SessionKey};

/// Sessions and notes in memory. A clone is another handle to the same ones.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    sessions: BTreeMap<SessionKey, Session>,
    /// How often any of them was used.
    uses: u64,
    /// With what they are to be made of, should they be new.
    held: BTreeMap<SessionKey, NewSession>,
    /// Those of `held` that are asked to stop.
    asked: BTreeSet<SessionKey>,
    /// The newest last.
    tasks: Vec<tasks::Task>,
    last_task: u64,
    notes: Vec<(String, Note)>,
    last_note: i64,
}

#[derive(Clone, Debug)]
struct Session {
    /// `messages` is set on reading.
    info: SessionInfo,
    messages: Vec<Message>,
    state: Value,
    usage: SessionUsage,
    /// Greater than that of every session used before.
    used: u64,
}

impl Session {
    fn new(key: &SessionKey, new: NewSession) -> Self {
        let created_at = now();
        Self {
            info: SessionInfo {
                id: key.session.clone(),
                user: key.user.clone(),
                agent: new.agent,
                source: new.source,
                title: String::new(),
                created_at,
                updated_at: created_at,
                messages: 0,
                parent: None,
            },
            messages: vec![],
            state: json!({}),
            usage: SessionUsage::default(),
            used: 0,
        }
    }

    fn info(&self) -> SessionInfo {
        SessionInfo { messages: self.messages.len() as u64, ..self.info.clone() }
    }
}

impl MemoryStore {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No method can panic between two changes that belong together.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn session(&mut self, key: &SessionKey) -> Result<&mut Session, StoreError> {
        self.sessions.get_mut(key).ok_or_else(|| StoreError::NotFound(key.session.clone()))
    }

    /// The session, used now.
    fn used(&mut self, key: &SessionKey) -> &mut Session {
        self.uses += 1;
        let used = self.uses;
        let new = || self.held.get(key).cloned().unwrap_or_default();
        let session = self.sessions.entry(key.clone()).or_insert_with(|| Session::new(key, new()));
        session.used = used;
        session.info.updated_at = now();
        session
    }
}

/// Lets go of a session when dropped.
struct Held {
    store: MemoryStore,
    key: SessionKey,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut kept = self.store.kept();
        kept.held.remove(&self.key);
        kept.asked.remove(&self.key);
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn open_session(&self, key: &SessionKey, new: &NewSession) -> Result<OpenedSession, StoreError> {
        let mut kept = self.kept();
        let Entry::Vacant(free) = kept.held.entry(key.clone()) else {
            return Err(StoreError::Busy(key.session.clone()));
        };
        free.insert(new.clone());
        let session = kept.sessions.get(key);
        Ok(OpenedSession {
            state: session.map_or_else(|| json!({}), |session| session.state.clone()),
            history: session.map(|session| session.messages.clone()).unwrap_or_default(),
            lock: SessionLock::new(Held { store: self.clone(), key: key.clone() }),
        })
    }

    async fn history(&self, key: &SessionKey) -> Result<Vec<Message>, StoreError> {
        Ok(self.kept().sessions.get(key).map(|session| session.messages.clone()).unwrap_or_default())
    }

    async fn save(&self, key: &SessionKey, messages: &[Message], used: &[Used]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let session = kept.used(key);
        session.messages.extend_from_slice(messages);
        session.usage.add(used);
        if session.info.title.is_empty() {
            session.info.title = title_of(messages).unwrap_or_default();
        }
        Ok(())
    }

    async fn usage(&self, key: &SessionKey) -> Result<SessionUsage, StoreError> {
        Ok(self.kept().sessions.get(key).map(|session| session.usage.clone()).unwrap_or_default())
    }

    async fn state(&self, key: &SessionKey) -> Result<Value, StoreError> {
        Ok(self.kept().sessions.get(key).map_or_else(|| json!({}), |session| session.state.clone()))
    }

    async fn patch_state(&self, key: &SessionKey, patch: &Value) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let session = kept.used(key);
        if patch.is_object() {
            merge_patch(&mut session.state, patch);
        }
        Ok(())
    }

    async fn sessions(&self, user: Option<&str>) -> Result<Vec<SessionInfo>, StoreError> {
        let kept = self.kept();
        let mut sessions: Vec<_> =
            kept.sessions.values().filter(|session| user.is_none_or(|user| session.info.user == user)).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.used));
        Ok(sessions.into_iter().map(Session::info).collect())
    }

    async fn info(&self, key: &SessionKey) -> Result<SessionInfo, StoreError> {
        Ok(self.kept().session(key)?.info())
    }

    async fn rename(&self, key: &SessionKey, title: &str) -> Result<(), StoreError> {
        title.clone_into(&mut self.kept().session(key)?.info.title);
        Ok(())
    }

    async fn fork(&self, key: &SessionKey, keep: Option<u64>, new: SessionId) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let mut copy = kept.session(key)?.clone();
        let keep = keep.and_then(|keep| usize::try_from(keep).ok()).unwrap_or(usize::MAX);
        copy.messages.truncate(keep);
        copy.usage = SessionUsage::default();
        copy.info.id = new.clone();
        copy.info.parent = Some(key.session.clone());
        copy.info.created_at = now();
        copy.info.updated_at = copy.info.created_at;
        kept.uses += 1;
        copy.used = kept.uses;
        match kept.sessions.entry(SessionKey { user: key.user.clone(), session: new.clone() }) {
            Entry::Occupied(_) => Err(StoreError::Exists(new)),
            Entry::Vacant(place) => {
                place.insert(copy);
                Ok(())
            }
        }
    }

    async fn truncate(&self, key: &SessionKey, keep: u64) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.session(key)?;
        if kept.held.contains_key(key) {
            return Err(StoreError::Busy(key.session.clone()));
        }
        if let Some(session) = kept.sessions.get_mut(key) {
            session.messages.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
        }
        Ok(())
    }

    async fn remove(&self, key: &SessionKey) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.session(key)?;
        if kept.held.contains_key(key) {
            return Err(StoreError::Busy(key.session.clone()));
        }
        kept.sessions.remove(key);
        kept.tasks.retain(|task| task.record.key != *key);
        Ok(())
    }

    async fn remove_user(&self, user: &str) -> Result<u64, StoreError> {
        let mut kept = self.kept();
        if let Some(held) = kept.held.keys().find(|key| key.user == user) {
            return Err(StoreError::Busy(held.session.clone()));
        }
        let before = kept.sessions.len();
        kept.sessions.retain(|key, _| key.user != user);
        kept.tasks.retain(|task| task.record.key.user != user);
        Ok((before - kept.sessions.len()) as u64)
    }
}

#[async_trait]
impl Notes for MemoryStore {
    async fn add(&self, scope: &str, text: &str) -> Result<Note, StoreError> {
        let mut kept = self.kept();
        kept.last_note += 1;
        let note = Note { id: kept.last_note, text: text.to_owned(), created_at: now() };
        kept.notes.push((scope.to_owned(), note.clone()));
        Ok(note)
    }

    async fn search(&self, scope: &str, query: &str, most: usize) -> Result<Vec<Note>, StoreError> {
        let kept = self.kept();
        let newest_first = kept.notes.iter().rev().filter(|(of, _)| of == scope).map(|(_, note)| note.clone());
        Ok(rank::best(newest_first.collect(), query, most))
    }

    async fn forget(&self, scope: &str, id: i64) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let index =
            kept.notes.iter().position(|(of, note)| of == scope && note.id == id).ok_or(StoreError::NoNote(id))?;
        kept.notes.remove(index);
        Ok(())
    }

    async fn forget_user(&self, user: &str) -> Result<u64, StoreError> {
        let mut kept = self.kept();
        let before = kept.notes.len();
        kept.notes.retain(|(scope, _)| !is_about(scope, user));
        Ok((before - kept.notes.len()) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[tokio::test]
    async fn contract() {
        let store = MemoryStore::new();
        contract::store(&store).await;
        contract::notes(&store).await;
        contract::tasks(&store, &store).await;
        contract::interrupts(&store, &store).await;
    }
}
