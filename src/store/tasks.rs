//! Turns in the background, and the asking of a turn to stop: what several processes, or several callers of one, must
//! know of each other.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StoreError;
use crate::domain::{AgentEvent, SessionId, SessionKey, TaskId, TurnId};

/// Why a task failed whose process is gone.
pub const ORPHANED: &str = "the process that ran it ended before it did";

/// A turn in the background: running, or how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRecord {
    pub id: TaskId,
    /// Whose it is, and the session that it is a turn of.
    pub key: SessionKey,
    pub agent: String,
    /// Which protocol began it: `process`, `a2a`, `responses` or `turns`.
    pub protocol: String,
    /// `None` until the turn has begun.
    pub turn: Option<TurnId>,
    pub status: TaskStatus,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// The request as its protocol wants it back.
    pub request: Value,
    /// What came of it, in the protocol's own JSON.
    pub result: Option<Value>,
    pub error: Option<String>,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    Submitted,
    Running,
    /// Somebody must answer before it goes on.
    InputRequired,
    Completed,
    Failed,
    Canceled,
}

impl TaskStatus {
    const ALL: [Self; 6] =
        [Self::Submitted, Self::Running, Self::InputRequired, Self::Completed, Self::Failed, Self::Canceled];

    /// Whether it stays so.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Submitted | Self::Running | Self::InputRequired => false,
            Self::Completed | Self::Failed | Self::Canceled => true,
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Running => "running",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// The status that [`TaskStatus::as_str`] names so.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Which tasks a list is of; all where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct TaskQuery {
    pub user: Option<String>,
    pub protocol: Option<&'static str>,
    pub agent: Option<String>,
    pub session: Option<SessionId>,
    pub status: Option<TaskStatus>,
    /// Those that ended then or later; that began, where they have not ended; that were made, where they have not begun.
    pub since: Option<Timestamp>,
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskPage {
    /// Newest first.
    pub tasks: Vec<TaskRecord>,
    /// Where the next part begins; `None` where there is none. Stays what it is whatever is added or removed.
    pub next: Option<u64>,
    /// How many there are on all pages together.
    pub total: u64,
}

/// Tasks, with the events of their turns for those who come later. Every write is atomic, as those of
/// [`super::Store`] are.
///
/// `user` is whose task it must be; `None` asks for no one's in particular.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Makes or replaces a task. It belongs to this process from then on: see [`Tasks::orphaned`].
    ///
    /// # Errors
    /// [`StoreError::TaskEnded`] where it is final already, so that of two who end it the first wins;
    /// [`StoreError::NoTask`] where it is another user's.
    async fn put(&self, task: &TaskRecord) -> Result<(), StoreError>;

    /// # Errors
    /// [`StoreError::NoTask`], also for another user's.
    async fn task(&self, user: Option<&str>, id: &TaskId) -> Result<TaskRecord, StoreError>;

    /// At most `most` of a list, from its start or from where another part said that the next begins.
    async fn page(&self, of: &TaskQuery, from: Option<u64>, most: usize) -> Result<TaskPage, StoreError>;

    /// At most `most`, newest first.
    async fn tasks(&self, user: Option<&str>, most: usize) -> Result<Vec<TaskRecord>, StoreError> {
        let of = TaskQuery { user: user.map(str::to_owned), ..TaskQuery::default() };
        Ok(self.page(&of, None, most).await?.tasks)
    }

    /// Adds events of the task's turn, all or none. Their `seq` is kept; one that is there already stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NoTask`].
    async fn add_events(&self, id: &TaskId, events: &[AgentEvent]) -> Result<(), StoreError>;

    /// The events with a `seq` greater than `after`, all where `None`, in order.
    ///
    /// # Errors
    /// [`StoreError::NoTask`].
    async fn events(&self, id: &TaskId, after: Option<u64>) -> Result<Vec<AgentEvent>, StoreError>;

    /// Removes a task and its events. Its turn, should it run, is not stopped by this.
    ///
    /// # Errors
    /// [`StoreError::NoTask`], also for another user's.
    async fn remove_task(&self, user: Option<&str>, id: &TaskId) -> Result<(), StoreError>;

    /// Finds the tasks that are not final and whose process is gone, marks them as failed with [`ORPHANED`], and gives
    /// them as they are now. Each is given once, to whoever asks first.
    async fn orphaned(&self) -> Result<Vec<TaskRecord>, StoreError>;

    /// Removes the final tasks that ended before then, and says how many.
    async fn forget_tasks(&self, finished_before: Timestamp) -> Result<u64, StoreError>;
}

/// Asking whoever holds a session, in whichever process, to stop its turn.
#[async_trait]
pub trait Interrupts: Send + Sync {
    /// Asks the holder of the session's lock to stop; `false` where nobody holds it. A request ends with the hold: the
    /// next holder does not see it.
    async fn interrupt(&self, key: &SessionKey) -> Result<bool, StoreError>;

    /// Takes the requests to those sessions of `held` that are held through this handle. Meant to be called often: it
    /// costs next to nothing while there is none.
    async fn interrupted(&self, held: &[SessionKey]) -> Result<Vec<SessionKey>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_one_name_each() {
        for status in TaskStatus::ALL {
            assert_eq!(TaskStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(TaskStatus::parse("Running"), None);
    }
}
