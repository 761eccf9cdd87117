//! Identifiers as types of their own, so that one kind cannot be passed for another.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// As its text. (For shared text serde's own derive wants a feature that every crate would be built with.)
macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|text| Self(text.into()))
            }
        }
    };
}

// Every event carries several of them: a clone is to cost nothing.
macro_rules! id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        as_text!($name);

        impl $name {
            /// A new id; ids made later sort later.
            #[must_use]
            pub fn new() -> Self {
                Self(format!(concat!($prefix, "{}"), uuid::Uuid::now_v7().simple()).into())
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id.into())
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

id! {
    /// A conversation that is remembered.
    SessionId = "ses_",
    /// One message of the user and everything the agent does to answer it.
    TurnId = "turn_",
    /// One call of a tool, as the model named it or as we had to name it.
    CallId = "call_",
    /// One question that an agent or a tool put to the user.
    QuestionId = "q_",
    /// A turn in the background, that whoever began it asks about later.
    TaskId = "task_",
}

/// An id that somebody made up and that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to {MOST_ID} characters, none of them a space or a control character")]
pub struct WrongId;

/// Most characters of an id that somebody made up.
const MOST_ID: usize = 128;

impl SessionId {
    /// An id that comes from outside.
    ///
    /// # Errors
    /// One that could not be typed, or seen, in a list.
    pub fn parse(id: &str) -> Result<Self, WrongId> {
        typed(id).map(Self)
    }
}

impl TaskId {
    /// An id that comes from outside.
    ///
    /// # Errors
    /// As [`SessionId::parse`].
    pub fn parse(id: &str) -> Result<Self, WrongId> {
        typed(id).map(Self)
    }
}

fn typed(id: &str) -> Result<Arc<str>, WrongId> {
    let fits = (1..=MOST_ID).contains(&id.chars().count()) && !id.chars().any(|c| c.is_whitespace() || c.is_control());
    if fits { Ok(id.into()) } else { Err(WrongId) }
}

/// A session belongs to a user; two users may use the same session id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionKey {
    pub user: String,
    pub session: SessionId,
}

/// Which agent of a team an event comes from: `assistant`, or `assistant/researcher#2` for the second time that
/// `assistant` called `researcher` in this turn.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentPath(Arc<str>);

as_text!(AgentPath);

impl AgentPath {
    #[must_use]
    pub fn root(name: &str) -> Self {
        Self(name.into())
    }

    /// The path of the `nth` call (from 1) of the agent `name` by this one.
    #[must_use]
    pub fn child(&self, name: &str, nth: u32) -> Self {
        let path = if nth <= 1 { format!("{}/{name}", self.0) } else { format!("{}/{name}#{nth}", self.0) };
        Self(path.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the agent itself.
    #[must_use]
    pub fn name(&self) -> &str {
        let last = self.0.rsplit('/').next().unwrap_or(&self.0);
        last.split('#').next().unwrap_or(last)
    }

    /// The same for every call of the agents on it.
    #[must_use]
    pub fn without_calls(&self) -> String {
        let names = self.0.split('/').map(|part| part.split('#').next().unwrap_or(part));
        names.collect::<Vec<_>>().join("/")
    }

    /// How many agents stand above this one; 0 for the agent the user talks to.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.matches('/').count()
    }
}

impl fmt::Display for AgentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
