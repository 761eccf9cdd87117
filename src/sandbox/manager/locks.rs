//! The file locks by which processes tell each other what they make and what ends with them.

use std::{path::PathBuf, time::Duration};

use sha2::{Digest as _, Sha256};

use super::Sandboxes;
use crate::{
    config::FileLock,
    sandbox::{SandboxError, SandboxId, Status},
};

/// How long somebody who wants a sandbox stopped or removed waits for the process that is making it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at whether it is made.
const ROUND: Duration = Duration::from_millis(5);

impl Sandboxes {
    /// Takes the lock of the sandbox, or `None` while a process makes it or is tied to it.
    pub(super) async fn hold(&self, id: &SandboxId) -> Result<Option<FileLock>, SandboxError> {
        let path = self.locks().join(id.as_str());
        let locking = format!("lock the sandbox by `{}`", path.display());
        tokio::task::spawn_blocking(move || FileLock::try_acquire(&path))
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
            .map_err(SandboxError::io(locking))
    }

    /// Waits for whoever finds or makes the sandbox of this session.
    pub(super) async fn hold_session(&self, user: &str, session: &str) -> Result<FileLock, SandboxError> {
        // Hashed: a name of any length and with any signs becomes a name of a file.
        let name = Sha256::new().chain_update(user).chain_update([0]).chain_update(session).finalize();
        let name: String = name.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let path = self.locks().join(format!("session-{name}"));
        tokio::task::spawn_blocking(move || FileLock::acquire(&path))
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
            .map_err(SandboxError::io("lock the sandbox of the session"))
    }

    pub(super) fn locks(&self) -> PathBuf {
        self.shared.database.with_extension("locks")
    }

    /// Waits while a process makes the sandbox: until it lets go of it, or, where it is tied, has put it on record. Not for
    /// ever: an image may take long to be pulled.
    pub(super) async fn await_maker(&self, id: &SandboxId) -> Result<(), SandboxError> {
        let late = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < late {
            if let Some(held) = self.hold(id).await? {
                held.remove();
                return Ok(());
            }
            let sought = id.clone();
            let record = self.registry(move |registry| registry.get(&sought)).await?;
            // Its lock is kept as long as it is tied.
            if record.is_some_and(|record| record.state != Status::Starting && record.spec.lifetime.tied) {
                return Ok(());
            }
            tokio::time::sleep(ROUND).await;
        }
        Ok(())
    }

    /// Deletes the locks that nobody holds: of processes that were killed.
    pub(super) async fn sweep_locks(&self) {
        let folder = self.locks();
        let swept = tokio::task::spawn_blocking(move || {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                // Whoever has opened it meanwhile sees that it is gone.
                if let Ok(Some(held)) = FileLock::try_acquire(&entry.path()) {
                    held.remove();
                }
            }
        });
        // What cannot be deleted now may be next time.
        let _ = swept.await;
    }
}
