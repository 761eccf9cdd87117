//! What a backend that makes a box and whoever keeps it on record tell each other meanwhile.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Confinement, SandboxError};
use crate::config::Lock;

/// Without it no box lives: it comes once the box is on record, so that none is there that nobody knows of. A backend keeps it
/// until it does nothing more to the box, also where nobody waits for it any more: it keeps others away.
#[must_use]
pub struct Clearance {
    /// Until it is.
    granted: Option<oneshot::Receiver<()>>,
    alive: Option<oneshot::Sender<Confinement>>,
    _making: Option<Arc<Lock>>,
}

/// The other end of a [`Clearance`].
pub(super) struct Control {
    /// Dropped without a word, the box is not to be.
    pub(super) grant: oneshot::Sender<()>,
    /// What holds in a box that lives and is about to answer. Never comes from a backend that says nothing before.
    pub(super) alive: oneshot::Receiver<Confinement>,
}

impl Clearance {
    /// For a box that is never on record.
    pub fn given() -> Self {
        Self { granted: None, alive: None, _making: None }
    }

    /// One that is to be granted. `making` is what others are kept away by.
    pub(super) fn pair(making: Arc<Lock>) -> (Control, Self) {
        let ((grant, granted), (tell, alive)) = (oneshot::channel(), oneshot::channel());
        (Control { grant, alive }, Self { granted: Some(granted), alive: Some(tell), _making: Some(making) })
    }

    /// Waits until the box may live.
    ///
    /// # Errors
    /// It is not to.
    pub async fn await_granted(&mut self) -> Result<(), SandboxError> {
        if let Some(granted) = &mut self.granted {
            granted.await.map_err(|_| unwanted())?;
            self.granted = None;
        }
        Ok(())
    }

    /// The same, but blocks the thread. An error also where nobody waits for the box any more.
    ///
    /// # Errors
    /// It is not to live.
    pub fn block_on_granted(&mut self) -> Result<(), SandboxError> {
        let granted = self.granted.take().map_or(Ok(()), oneshot::Receiver::blocking_recv);
        let gone = self.alive.as_ref().is_some_and(oneshot::Sender::is_closed);
        if granted.is_err() || gone { Err(unwanted()) } else { Ok(()) }
    }

    /// Tells that the box lives and is about to answer.
    pub fn tell_alive(&mut self, confinement: &Confinement) {
        if let Some(alive) = self.alive.take() {
            // Where nobody waits for it any more, the next who looks finds that it was only begun.
            let _ = alive.send(confinement.clone());
        }
    }
}

fn unwanted() -> SandboxError {
    SandboxError::Failed { what: "nobody wants the sandbox any more".to_owned(), hint: None }
}
