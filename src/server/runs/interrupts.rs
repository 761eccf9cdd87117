//! Stopping the turn of a session, whichever process runs it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::StreamExt as _;

use super::{Inner, Runs, locked};
use crate::{domain::SessionKey, server::ApiError};

/// Between two looks whether another process asked to stop a turn of ours: it has no other way to tell than to leave a
/// note in the store. Only while turns run; those of this process are told at once.
const LOOK: Duration = Duration::from_millis(200);

impl Runs {
    /// Stops the turn that the session runs, here or in another process that shares the store. Whether there is one.
    ///
    /// # Errors
    /// 503 where the store fails.
    pub async fn stop(&self, key: &SessionKey) -> Result<bool, ApiError> {
        if self.stop_here(key) {
            return Ok(true);
        }
        Ok(self.inner.interrupts.interrupt(key).await?)
    }

    fn stop_here(&self, key: &SessionKey) -> bool {
        let Some(handle) = self.of_session(key) else { return false };
        handle.cancel();
        // Nobody reads the events of one that waits for its caller.
        if let Some(mut run) = self.resume(key) {
            self.inner.tasks.spawn(async move { while run.next().await.is_some() {} });
        }
        true
    }

    /// Sees to it that somebody looks for requests of other processes. To be called with every turn that starts.
    pub(super) fn look_out(&self) {
        if !self.inner.looking.swap(true, Ordering::SeqCst) {
            tokio::spawn(look(self.clone()));
        }
    }
}

async fn look(runs: Runs) {
    while let Some(keys) = running(&runs.inner) {
        match runs.inner.interrupts.interrupted(&keys).await {
            Ok(asked) => {
                for key in asked {
                    let _ = runs.stop_here(&key);
                }
            }
            Err(error) => tracing::debug!(%error, "could not look for requests to stop"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The sessions of the turns that run; `None` where none does, and the looking ends.
fn running(inner: &Arc<Inner>) -> Option<Vec<SessionKey>> {
    let running = locked(&inner.running);
    if running.is_empty() {
        inner.looking.store(false, Ordering::SeqCst);
        return None;
    }
    Some(running.values().map(|handle| handle.key.clone()).collect())
}
