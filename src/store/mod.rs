//! What is remembered: sessions with their messages and state, and notes from one session to the next.
//!
//! Two implementations, SQLite and memory, held to one contract (`contract.rs`).

use std::any::Any;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::domain::{Message, SessionId, SessionKey};

/// What `session list` shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionInfo {
    pub id: SessionId,
    pub user: String,
    /// Name of the agent, and the file it came from, if one.
    pub agent: String,
    pub source: Option<String>,
    /// Given by `rename`, or the start of the first message.
    pub title: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub messages: u64,
    /// The session it was forked from.
    pub parent: Option<SessionId>,
}

/// What is known of a session when it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSession {
    pub agent: String,
    pub source: Option<String>,
}

/// A session held by this process for a turn; dropping it lets go, and so does the death of the process.
pub struct SessionLock(#[expect(dead_code, reason = "held, not read")] Box<dyn Any + Send>);

impl SessionLock {
    pub fn new(guard: impl Any + Send) -> Self {
        Self(Box::new(guard))
    }
}

/// Sessions. Every write is atomic: it is there whole or not at all, also after `kill -9`.
#[async_trait]
pub trait Store: Send + Sync {
    /// Takes the session for a turn, making it if it is new.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another holder lives.
    async fn lock(&self, key: &SessionKey, new: &NewSession) -> Result<SessionLock, StoreError>;

    /// All messages, oldest first; empty for an unknown session.
    async fn history(&self, key: &SessionKey) -> Result<Vec<Message>, StoreError>;

    /// Adds messages to the end, all or none, making the session if it is new.
    async fn append(&self, key: &SessionKey, messages: &[Message]) -> Result<(), StoreError>;

    /// The state kept besides the messages; an empty object for an unknown session.
    async fn state(&self, key: &SessionKey) -> Result<Value, StoreError>;

    /// Applies a merge patch (RFC 7396) to the state.
    async fn patch_state(&self, key: &SessionKey, patch: &Value) -> Result<(), StoreError>;

    /// The sessions of `user`, of every user where `None`, last used first.
    async fn sessions(&self, user: Option<&str>) -> Result<Vec<SessionInfo>, StoreError>;

    /// # Errors
    /// [`StoreError::NotFound`].
    async fn info(&self, key: &SessionKey) -> Result<SessionInfo, StoreError>;

    /// # Errors
    /// [`StoreError::NotFound`].
    async fn rename(&self, key: &SessionKey, title: &str) -> Result<(), StoreError>;

    /// Copies the first `keep` messages (all where `None`) and the state into a new session of the same user.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn fork(&self, key: &SessionKey, keep: Option<u64>, new: SessionId) -> Result<(), StoreError>;

    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Busy`] while a turn runs.
    async fn remove(&self, key: &SessionKey) -> Result<(), StoreError>;
}

/// A note of the `memory` tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    pub id: i64,
    pub text: String,
    pub created_at: Timestamp,
}

/// Notes that outlive a session. `scope` keeps agents and users apart.
#[async_trait]
pub trait Notes: Send + Sync {
    async fn add(&self, scope: &str, text: &str) -> Result<Note, StoreError>;

    /// The notes that fit the words of `query`, best first; the newest where `query` is empty.
    async fn search(&self, scope: &str, query: &str, most: usize) -> Result<Vec<Note>, StoreError>;

    /// # Errors
    /// [`StoreError::NoNote`].
    async fn forget(&self, scope: &str, id: i64) -> Result<(), StoreError>;
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no session `{0}`")]
    NotFound(SessionId),
    #[error("session `{0}` is in use by another process")]
    Busy(SessionId),
    #[error("no note {0}")]
    NoNote(i64),
    #[error("could not open the session store at `{path}`")]
    Open { path: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("could not use the session store")]
    Failed { source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the session store holds something unreadable: {what}")]
    Corrupt { what: String },
}
