//! What the user allowed for a session. It holds for the whole team, as "always" does: who was asked about a call does
//! not see, and should not have to see, which of the agents makes the next one.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use crate::{config::Rule, domain::SessionKey};

/// What the user allowed for one session.
#[derive(Clone, Debug, Default)]
pub struct Granted {
    rules: Vec<Rule>,
    /// Calls as they were, since not every call has a rule that can stand for it.
    calls: HashSet<(String, String)>,
}

impl Granted {
    /// Adds a call and the rules for its like.
    pub fn add(&mut self, name: &str, arguments: &Value, rules: Vec<Rule>) {
        self.calls.insert((name.to_owned(), arguments.to_string()));
        for rule in rules {
            if !self.rules.contains(&rule) {
                self.rules.push(rule);
            }
        }
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether this very call was allowed.
    pub(super) fn is_this(&self, name: &str, arguments: &Value) -> bool {
        !self.calls.is_empty() && self.calls.contains(&(name.to_owned(), arguments.to_string()))
    }
}

/// Of every session in which the user allowed something.
#[derive(Debug, Default)]
pub struct Grants(Mutex<HashMap<SessionKey, Granted>>);

impl Grants {
    #[must_use]
    pub fn of(&self, session: &SessionKey) -> Granted {
        self.all().get(session).cloned().unwrap_or_default()
    }

    /// See [`Granted::add`].
    pub fn add(&self, session: &SessionKey, name: &str, arguments: &Value, rules: Vec<Rule>) {
        self.all().entry(session.clone()).or_default().add(name, arguments, rules);
    }

    /// Takes back everything that was allowed in the session.
    pub fn forget(&self, session: &SessionKey) {
        self.all().remove(session);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<SessionKey, Granted>> {
        // No holder can panic between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
