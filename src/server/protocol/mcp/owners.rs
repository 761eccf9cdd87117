//! Whose MCP session is whose: a session id alone lets nobody in.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::server::Caller;

/// Who began a session, and the agent it was begun with. The token's name alone would do until the agent file gives it
/// to another user.
type Owner = (Caller, String);

/// Most sessions that are known; the oldest are forgotten, and with them their owners' way in.
const MOST: usize = 10_000;

/// Owners by session id.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    owners: HashMap<String, (u64, Owner)>,
    next: u64,
}

impl Owners {
    /// Remembers a session. Gives the one that is forgotten for it, if any, to be closed.
    pub(super) fn add(&self, session: &str, owner: Owner) -> Option<String> {
        let mut known = self.known();
        let number = known.next;
        known.next += 1;
        known.owners.insert(session.to_owned(), (number, owner));
        if known.owners.len() <= MOST {
            return None;
        }
        let oldest = known.owners.iter().min_by_key(|(_, (number, _))| *number).map(|(id, _)| id.clone())?;
        known.owners.remove(&oldest);
        Some(oldest)
    }

    pub(super) fn owns(&self, session: &str, owner: &Owner) -> bool {
        self.known().owners.get(session).is_some_and(|(_, known)| known == owner)
    }

    pub(super) fn remove(&self, session: &str) {
        self.known().owners.remove(session);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // No holder can panic between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
