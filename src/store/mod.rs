//! What is remembered: sessions with their messages and state, notes from one session to the next, and turns in the
//! background; and what those who share it must know of each other: who holds a session, and who wants its turn to stop.
//!
//! Two implementations, SQLite and memory, held to one contract (`contract/`). What they must do alike and what has
//! nothing to do with how it is kept (titles, merge patches, the ranking of notes) is written once, beside them.

#[cfg(test)]
mod contract;
mod export;
mod location;
mod memory;
mod merge;
mod rank;
mod sqlite;
mod tasks;
mod usage;

use std::{any::Any, path::PathBuf};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use export::Export;
pub use location::{Stores, open};
pub use memory::MemoryStore;
pub use merge::merge_patch;
pub use sqlite::SqliteStore;
pub use tasks::{Interrupts, ORPHANED, TaskPage, TaskQuery, TaskRecord, TaskStatus, Tasks};
pub use usage::{SessionUsage, Used};

use crate::domain::{Content, Message, Role, SessionId, SessionKey, TaskId};

/// What `session list` shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionInfo {
    pub id: SessionId,
    pub user: String,
    /// Name of the agent, and the file it came from, if one.
    pub agent: String,
    pub source: Option<String>,
    /// Given by `rename`, or the start of the user's first message; empty before there is one.
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

/// A session that is held, and what is in it.
pub struct OpenedSession {
    pub lock: SessionLock,
    /// As [`Store::state`] gives it.
    pub state: Value,
    /// As [`Store::history`] gives it.
    pub history: Vec<Message>,
}

/// Sessions. Every write is atomic: it is there whole or not at all, also after `kill -9`.
///
/// [`Store::open_session`] keeps turns apart; the other methods do not ask for it, so that a session can be read, listed and
/// renamed while a turn runs.
#[async_trait]
pub trait Store: Send + Sync {
    /// Takes the session for a turn, and reads it. A new one is made by the first thing that is saved in it, as `new`
    /// says.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another holder lives.
    async fn open_session(&self, key: &SessionKey, new: &NewSession) -> Result<OpenedSession, StoreError>;

    /// As [`Store::open_session`], for who knows what is in it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another holder lives.
    async fn lock(&self, key: &SessionKey, new: &NewSession) -> Result<SessionLock, StoreError> {
        Ok(self.open_session(key, new).await?.lock)
    }

    /// Whether a turn could be saved now.
    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// All messages, oldest first; empty for an unknown session.
    async fn history(&self, key: &SessionKey) -> Result<Vec<Message>, StoreError>;

    /// Adds messages to the end, and to what the session used, all or none, making the session if it is new. What
    /// [`Store::keep_partial`] kept is gone with it.
    async fn save(&self, key: &SessionKey, messages: &[Message], used: &[Used]) -> Result<(), StoreError>;

    /// As [`Store::save`], where nothing was used.
    async fn append(&self, key: &SessionKey, messages: &[Message]) -> Result<(), StoreError> {
        self.save(key, messages, &[]).await
    }

    /// Adds to the answer that is being written in a session, so that it outlives the death of this process: once nobody
    /// holds the session any more, it is its last message. For the holder, after something was saved. Does not wait; what
    /// cannot be kept is not. A store that ends with the process keeps nothing.
    fn keep_partial(&self, _key: &SessionKey, _text: &str) {}

    /// What the session used; nothing for an unknown one.
    async fn usage(&self, key: &SessionKey) -> Result<SessionUsage, StoreError>;

    /// The state kept besides the messages; an empty object for an unknown session.
    async fn state(&self, key: &SessionKey) -> Result<Value, StoreError>;

    /// Applies a merge patch (RFC 7396) to the state, making the session if it is new. The state stays an object: a
    /// patch that is none changes nothing.
    async fn patch_state(&self, key: &SessionKey, patch: &Value) -> Result<(), StoreError>;

    /// The sessions of `user`, of every user where `None`, last used first.
    async fn sessions(&self, user: Option<&str>) -> Result<Vec<SessionInfo>, StoreError>;

    /// # Errors
    /// [`StoreError::NotFound`].
    async fn info(&self, key: &SessionKey) -> Result<SessionInfo, StoreError>;

    /// # Errors
    /// [`StoreError::NotFound`].
    async fn rename(&self, key: &SessionKey, title: &str) -> Result<(), StoreError>;

    /// Copies the first `keep` messages (all where `None`) and the state into a new session of the same user, which has
    /// used nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Exists`] where there is a session `new`.
    async fn fork(&self, key: &SessionKey, keep: Option<u64>, new: SessionId) -> Result<(), StoreError>;

    /// Goes back to the first `keep` messages; the state stays as it is. To keep the rest as well, [`fork`](Self::fork)
    /// first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Busy`] while a turn runs.
    async fn truncate(&self, key: &SessionKey, keep: u64) -> Result<(), StoreError>;

    /// Removes a session, and the tasks that were turns of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Busy`] while a turn runs.
    async fn remove(&self, key: &SessionKey) -> Result<(), StoreError>;

    /// Removes all sessions of a user, and his tasks, and says how many sessions there were. A turn that begins at the
    /// same moment may find the session of before, but adds to a new one.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while a turn of one of them runs; nothing is removed then.
    async fn remove_user(&self, user: &str) -> Result<u64, StoreError>;
}

/// A note of the `memory` tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    pub id: i64,
    pub text: String,
    pub created_at: Timestamp,
}

/// The scope of the notes that an agent keeps about a user: JSON, so that no name can be made to look like another's.
#[must_use]
pub fn note_scope(agent: &str, user: &str) -> String {
    serde_json::json!([agent, user]).to_string()
}

/// Whether the notes of this scope are about `user`.
fn is_about(scope: &str, user: &str) -> bool {
    serde_json::from_str(scope).is_ok_and(|(_, about): (String, String)| about == user)
}

/// Notes that outlive a session. `scope` keeps agents and users apart: see [`note_scope`].
#[async_trait]
pub trait Notes: Send + Sync {
    async fn add(&self, scope: &str, text: &str) -> Result<Note, StoreError>;

    /// At most `most` notes with a word of `query` in them, best first; the newest first where `query` is empty.
    async fn search(&self, scope: &str, query: &str, most: usize) -> Result<Vec<Note>, StoreError>;

    /// # Errors
    /// [`StoreError::NoNote`].
    async fn forget(&self, scope: &str, id: i64) -> Result<(), StoreError>;

    /// Removes what every agent noted about a user, and says how many notes there were.
    async fn forget_user(&self, user: &str) -> Result<u64, StoreError>;
}

/// Why something could not be remembered or recalled.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no session `{0}`")]
    NotFound(SessionId),
    #[error("session `{0}` is in use by another turn")]
    Busy(SessionId),
    #[error("there is a session `{0}` already")]
    Exists(SessionId),
    #[error("no note {0}")]
    NoNote(i64),
    #[error("no task `{0}`")]
    NoTask(TaskId),
    #[error("task `{0}` has ended")]
    TaskEnded(TaskId),
    #[error("could not open the session store at `{path}`")]
    Open { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("`{path}` is not a session store")]
    Foreign { path: PathBuf },
    #[error("the session store at `{path}` is damaged")]
    Damaged { path: PathBuf },
    #[error(
        "the session store at `{path}` was made by a newer agentscope (its format is {found}, this one knows {known})"
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("there is no room left for the session store")]
    Full,
    #[error("another process keeps the session store locked")]
    Locked,
    #[error("could not use the session store")]
    Failed { source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the session store holds something unreadable: {what}")]
    Corrupt { what: String },
    #[error("`storage.{key}` names no kind of store there is")]
    Unknown { key: &'static str },
    #[error("`storage.{key}` asks for {what}, which comes with a later version")]
    Later { key: &'static str, what: &'static str },
    #[error("`storage.state` and `storage.sessions` differ")]
    Split,
}

impl StoreError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound(_) => Some("`agentscope session list` shows the sessions there are"),
            Self::Busy(_) => {
                Some("wait until that turn has ended, or go on in a copy made with `agentscope session fork`")
            }
            Self::Exists(_) => Some("choose another id"),
            Self::Open { .. } => {
                Some("check that its folder can be made and written, or set AGENTSCOPE_HOME to another one")
            }
            Self::Foreign { .. } => Some("name another file under `storage` in the agent file"),
            Self::Damaged { .. } => Some("move the file away to start anew, or put back a copy of it"),
            Self::Newer { .. } => Some("update agentscope, or set AGENTSCOPE_HOME to another folder"),
            Self::Unknown { .. } | Self::Later { .. } => Some("use `sqlite:`, `sqlite:PATH` or `in-process:`"),
            Self::Split => Some("the state is kept with its session: leave `storage.state` out"),
            Self::Full => Some("make room on the disk that it is on"),
            Self::Locked => Some("end the program that has its database open for writing, then try again"),
            Self::NoNote(_) | Self::NoTask(_) | Self::TaskEnded(_) | Self::Failed { .. } | Self::Corrupt { .. } => None,
        }
    }
}

/// The title of a session that was not given one: the first line of the user's first message, cut to fit a list.
fn title_of(messages: &[Message]) -> Option<String> {
    const MOST: usize = 60;
    let text =
        messages.iter().filter(|message| message.role == Role::User).flat_map(|message| &message.content).find_map(
            |content| match content {
                Content::Text { text } => Some(text.trim()).filter(|text| !text.is_empty()),
                _ => None,
            },
        )?;
    let line: String = text.lines().next()?.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST {
        return Some(line);
    }
    Some(line.chars().take(MOST - 1).chain(['…']).collect())
}

/// Now, in the precision that is kept, microseconds. A time is for people to read: a clock may be set, so that nothing is
/// put in order by it.
fn now() -> Timestamp {
    Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap_or(Timestamp::MAX)
}
