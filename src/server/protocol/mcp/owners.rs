//! Whose MCP session is whose: a session id alone lets nobody in.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::server::Caller;

/// Who began a session, and the agent it was begun with. The token's name alone would do until the agent file gives it
/// to another user.
type Owner = (Caller, String);

/// Most sessions that are known, and most that are begun with one token; the oldest are forgotten, and with them their
/// owners' way in.
const MOST: usize = 10_000;
const MOST_OF_ONE: usize = 1_000;

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
        let his = owner.0.token.is_some()
            && known.owners.values().filter(|(_, known)| *known == owner).count() >= MOST_OF_ONE;
        let forgotten = (his || known.owners.len() >= MOST).then(|| {
            let all = known.owners.iter().filter(|(_, (_, known))| !his || *known == owner);
            all.min_by_key(|(_, (number, _))| *number).map(|(id, _)| id.clone())
        });
        known.owners.insert(session.to_owned(), (number, owner));
        let oldest = forgotten.flatten()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_begins_many_forgets_his_own() {
        let owners = Owners::default();
        let owner = |token: &str| {
            let mut caller = Caller::of_user(token.to_owned());
            caller.token = Some(token.to_owned());
            (caller, "agent".to_owned())
        };
        assert_eq!(owners.add("bobs", owner("bob")), None);
        for n in 0..MOST_OF_ONE {
            assert_eq!(owners.add(&format!("{n}"), owner("ann")), None);
        }
        assert_eq!(owners.add("more", owner("ann")).as_deref(), Some("0"));
        assert!(owners.owns("bobs", &owner("bob")) && owners.owns("1", &owner("ann")));
        assert!(!owners.owns("0", &owner("ann")));
    }
}
