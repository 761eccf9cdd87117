//! The locks by which processes tell each other what they make and what ends with them.

use std::time::Duration;

use super::Sandboxes;
use crate::{
    config::Lock,
    sandbox::{SandboxError, SandboxId},
};

/// How long somebody who wants something of a sandbox waits for the process that is making it: not for ever, as an image
/// may take long to be pulled.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at whether it is made.
const ROUND: Duration = Duration::from_millis(5);

/// What others are kept from by.
pub(super) struct Held {
    /// The right to make the sandbox, or to clear up what is left of it.
    pub(super) making: Lock,
    /// By which it is tied to this process.
    pub(super) tie: Lock,
}

impl Sandboxes {
    /// Takes the right to make the sandbox, or to clear up what is left of it; `None` while another has it.
    pub(super) fn try_hold(&self, id: &SandboxId) -> Result<Option<Lock>, SandboxError> {
        self.shared.locks.try_acquire(id.as_str()).map_err(self.locking(id))
    }

    /// The same where the sandbox is tied to nobody.
    pub(super) fn try_hold_all(&self, id: &SandboxId) -> Result<Option<Held>, SandboxError> {
        let Some(making) = self.try_hold(id)? else { return Ok(None) };
        let tie = self.shared.locks.try_acquire(&format!("{id} tied")).map_err(self.locking(id))?;
        Ok(tie.map(|tie| Held { making, tie }))
    }

    /// The same, but waits: for one who clears up, mostly.
    pub(super) async fn hold_all(&self, id: &SandboxId) -> Result<Held, SandboxError> {
        let late = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(held) = self.try_hold_all(id)? {
                return Ok(held);
            }
            if tokio::time::Instant::now() >= late {
                let what = format!("another is making the sandbox `{id}`, or uses it and ends it afterwards");
                return Err(SandboxError::Failed { what, hint: None });
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Whether a process is making the sandbox.
    pub(super) fn is_being_made(&self, id: &SandboxId) -> Result<bool, SandboxError> {
        self.shared.locks.is_held(id.as_str()).map_err(self.locking(id))
    }

    fn locking(&self, id: &SandboxId) -> impl FnOnce(std::io::Error) -> SandboxError + use<> {
        SandboxError::io(format!("lock the sandbox `{id}` in `{}`", self.shared.locks.path().display()))
    }

    /// Waits for whoever finds or makes the sandbox of this session.
    pub(super) async fn hold_session(&self, user: &str, session: &str) -> Result<Lock, SandboxError> {
        // With its length, so that no user's name ends in another's session.
        let (locks, name) = (self.shared.locks.clone(), format!("session {} {user} {session}", user.len()));
        tokio::task::spawn_blocking(move || locks.acquire(&name))
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
            .map_err(SandboxError::io("lock the sandbox of the session"))
    }

    /// Waits while a process makes the sandbox. Gives whether one did.
    pub(super) async fn await_maker(&self, id: &SandboxId) -> Result<bool, SandboxError> {
        let late = tokio::time::Instant::now() + PATIENCE;
        let mut waited = false;
        while self.is_being_made(id)? && tokio::time::Instant::now() < late {
            waited = true;
            tokio::time::sleep(ROUND).await;
        }
        Ok(waited)
    }
}
