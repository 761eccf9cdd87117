//! A store that fails in the middle of a turn.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use serde_json::Value;

use super::{Stage, calls, outcome, says};
use crate::{
    domain::{FailureCode, Message, SessionId, SessionKey, TurnOutcome},
    store::{MemoryStore, NewSession, OpenedSession, SessionInfo, SessionUsage, Store, StoreError, Used},
};

/// Fails to save once.
struct Stumbling {
    store: MemoryStore,
    /// So many times it saves before that.
    left: AtomicUsize,
}

#[async_trait]
impl Store for Stumbling {
    async fn save(&self, key: &SessionKey, messages: &[Message], used: &[Used]) -> Result<(), StoreError> {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(StoreError::Locked);
        }
        self.store.save(key, messages, used).await
    }

    async fn open_session(&self, key: &SessionKey, new: &NewSession) -> Result<OpenedSession, StoreError> {
        self.store.open_session(key, new).await
    }

    async fn history(&self, key: &SessionKey) -> Result<Vec<Message>, StoreError> {
        self.store.history(key).await
    }

    async fn usage(&self, key: &SessionKey) -> Result<SessionUsage, StoreError> {
        self.store.usage(key).await
    }

    async fn state(&self, key: &SessionKey) -> Result<Value, StoreError> {
        self.store.state(key).await
    }

    async fn patch_state(&self, key: &SessionKey, patch: &Value) -> Result<(), StoreError> {
        self.store.patch_state(key, patch).await
    }

    async fn sessions(&self, user: Option<&str>) -> Result<Vec<SessionInfo>, StoreError> {
        self.store.sessions(user).await
    }

    async fn info(&self, key: &SessionKey) -> Result<SessionInfo, StoreError> {
        self.store.info(key).await
    }

    async fn rename(&self, key: &SessionKey, title: &str) -> Result<(), StoreError> {
        self.store.rename(key, title).await
    }

    async fn fork(&self, key: &SessionKey, keep: Option<u64>, new: SessionId) -> Result<(), StoreError> {
        self.store.fork(key, keep, new).await
    }

    async fn truncate(&self, key: &SessionKey, keep: u64) -> Result<(), StoreError> {
        self.store.truncate(key, keep).await
    }

    async fn remove(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.store.remove(key).await
    }

    async fn remove_user(&self, user: &str) -> Result<u64, StoreError> {
        self.store.remove_user(user).await
    }
}

/// What a turn leaves whose store fails after it saved `times`: roles with their calls, and answers that were paid for.
async fn left(times: usize) -> (String, u64) {
    let script = vec![calls(&[("c1", "read", r#"{"path":"notes.txt"}"#)]), says("There they are.")];
    let mut stage = Stage::new("tools: [files]", script);
    stage.write("notes.txt", "three");
    stage.store_between =
        Some(Arc::new(Stumbling { store: stage.store.clone(), left: AtomicUsize::new(times) }) as Arc<dyn Store>);
    let events = stage.turn("What is in it?").await;
    let failed = matches!(outcome(&events), TurnOutcome::Failed { code: FailureCode::Store, .. });
    assert!(failed, "{:?}", outcome(&events));
    let roles: Vec<_> = stage
        .history()
        .await
        .iter()
        .map(|message| format!("{:?}{}", message.role, "+call".repeat(message.calls().count())))
        .collect();
    let used = stage.store.usage(&Stage::key()).await.unwrap();
    (roles.join(" "), used.agents.iter().map(|used| used.answers).sum())
}

#[tokio::test]
async fn what_could_not_be_saved_is_saved_at_the_end_of_the_turn() {
    // What the user said; the answer with its call; the result of that; the second answer.
    assert_eq!(left(0).await, ("User".to_owned(), 0));
    assert_eq!(left(1).await, ("User Assistant+call Tool".to_owned(), 1));
    assert_eq!(left(2).await, ("User Assistant+call Tool".to_owned(), 1));
    assert_eq!(left(3).await, ("User Assistant+call Tool Assistant".to_owned(), 2));
}
