//! The locks by which processes tell each other what they make and what ends with them.

use std::{io, time::Duration};

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

/// What others are kept away by.
pub(super) struct Held {
    /// The right to make the sandbox, to end it or to clear up what is left of it.
    pub(super) making: Lock,
    /// By which it is tied to this process.
    pub(super) tie: Lock,
}

impl Sandboxes {
    /// Takes the right to make the sandbox, to end it or to clear up what is left of it; `None` while another has it.
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
        patiently(|| self.try_hold_all(id)).await?.ok_or_else(|| SandboxError::Failed {
            what: format!("somebody is at work on the sandbox `{id}`, or has it to himself until he ends it"),
            hint: None,
        })
    }

    /// As [`try_hold`](Self::try_hold), but waits; `None` where somebody takes long.
    pub(super) async fn hold(&self, id: &SandboxId) -> Result<Option<Lock>, SandboxError> {
        patiently(|| self.try_hold(id)).await
    }

    /// Whether somebody has that right, mostly to make it.
    pub(super) fn is_being_made(&self, id: &SandboxId) -> Result<bool, SandboxError> {
        self.shared.locks.is_held(id.as_str()).map_err(self.locking(id))
    }

    fn locking(&self, id: &SandboxId) -> impl FnOnce(io::Error) -> SandboxError + use<> {
        SandboxError::io(format!("lock the sandbox `{id}` in `{}`", self.shared.locks.path().display()))
    }

    /// Waits for whoever finds or makes the sandbox of this session.
    pub(super) async fn hold_session(&self, user: &str, session: &str) -> Result<Lock, SandboxError> {
        // With its length, so that no user's name ends in another's session.
        let name = format!("session {} {user} {session}", user.len());
        loop {
            let held = self.shared.locks.try_acquire(&name);
            match held.map_err(SandboxError::io("lock the sandbox of the session"))? {
                Some(held) => return Ok(held),
                None => tokio::time::sleep(ROUND).await,
            }
        }
    }

    /// Waits while somebody has that right. Gives whether one did.
    pub(super) async fn await_maker(&self, id: &SandboxId) -> Result<bool, SandboxError> {
        let made = self.is_being_made(id)?;
        if made {
            patiently(|| Ok((!self.is_being_made(id)?).then_some(()))).await?;
        }
        Ok(made)
    }
}

/// What `ask` gives, within [`PATIENCE`].
async fn patiently<T>(ask: impl Fn() -> Result<Option<T>, SandboxError>) -> Result<Option<T>, SandboxError> {
    let late = tokio::time::Instant::now() + PATIENCE;
    loop {
        let asked = ask()?;
        if asked.is_some() || tokio::time::Instant::now() >= late {
            return Ok(asked);
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// Does `work` to its end, also where nobody waits for it any more, and lets go of what is `held` only then.
pub(super) async fn to_the_end<T: Send + 'static>(
    held: impl Send + 'static,
    work: impl Future<Output = Result<T, SandboxError>> + Send + 'static,
) -> Result<T, SandboxError> {
    let working = tokio::spawn(async move {
        let done = work.await;
        drop(held);
        done
    });
    working.await.map_err(|error| SandboxError::io("work on a sandbox")(io::Error::other(error)))?
}
