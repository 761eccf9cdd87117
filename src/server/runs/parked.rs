//! Turns that wait for the next request of their caller, each for a time of its own.

use std::{collections::HashMap, sync::Mutex};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::locked;
use crate::domain::SessionKey;

/// What waits, by session.
pub(super) struct Parked<T> {
    all: Mutex<HashMap<SessionKey, (T, DropGuard)>>,
}

/// One wait. What is parked again waits anew.
pub(super) struct Wait {
    key: SessionKey,
    /// Fires, while the map is locked, when it is taken up.
    over: CancellationToken,
}

impl<T> Default for Parked<T> {
    fn default() -> Self {
        Self { all: Mutex::default() }
    }
}

impl<T> Parked<T> {
    pub(super) fn put(&self, key: SessionKey, turn: T) -> Wait {
        let over = CancellationToken::new();
        let before = locked(&self.all).insert(key.clone(), (turn, over.clone().drop_guard()));
        drop(before);
        Wait { key, over }
    }

    pub(super) fn take(&self, key: &SessionKey) -> Option<T> {
        let mut all = locked(&self.all);
        all.remove(key).map(|(turn, _over)| turn)
    }

    /// What nobody has taken up by the end of `patience`.
    pub(super) async fn left(&self, wait: Wait, patience: impl Future<Output = ()>) -> Option<T> {
        tokio::select! {
            biased;
            () = wait.over.cancelled() => return None,
            () = patience => {}
        }
        let mut all = locked(&self.all);
        if wait.over.is_cancelled() { None } else { all.remove(&wait.key).map(|(turn, _over)| turn) }
    }

    /// Lets go of all.
    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut *locked(&self.all));
        drop(all);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::domain::SessionId;

    #[tokio::test(start_paused = true)]
    async fn what_is_parked_again_waits_anew() {
        let parked = Arc::new(Parked::default());
        let key = SessionKey { user: "ann".to_owned(), session: SessionId::from("s") };
        let park = |turn: &'static str| {
            let (wait, parked) = (parked.put(key.clone(), turn), Arc::clone(&parked));
            tokio::spawn(async move { parked.left(wait, tokio::time::sleep(Duration::from_secs(10))).await })
        };
        let first = park("once");
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(parked.take(&key), Some("once"));
        let second = park("twice");
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(first.await.unwrap(), None, "its wait is over since it was taken up");
        assert_eq!(parked.take(&key), Some("twice"));
        assert_eq!(second.await.unwrap(), None);
        assert_eq!(park("left").await.unwrap(), Some("left"));
        assert_eq!(parked.take(&key), None);
    }
}
