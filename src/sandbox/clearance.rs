//! What a backend that makes a box and whoever keeps it on record tell each other meanwhile.

use std::sync::{Arc, Weak};

use tokio::sync::oneshot;

use super::{Confinement, SandboxError};
use crate::config::Lock;

/// Without it no box lives: it comes once the box is on record, so that none is there that nobody knows of. It keeps others
/// away, so it belongs to the work that goes on where nobody waits for the box any more.
#[must_use]
pub struct Clearance {
    /// Until it is.
    granted: Option<oneshot::Receiver<()>>,
    alive: Option<oneshot::Sender<Confinement>>,
    /// As long as somebody waits for the box.
    wanted: Option<Weak<()>>,
    _making: Option<Arc<Lock>>,
}

/// The other end of a [`Clearance`].
pub(super) struct Control {
    /// Dropped without a word, the box is not to be.
    pub(super) grant: oneshot::Sender<()>,
    /// What holds in a box that lives.
    pub(super) alive: oneshot::Receiver<Confinement>,
    /// Dropped, nobody waits for the box any more.
    pub(super) _wanted: Arc<()>,
}

impl Clearance {
    /// For a box that is never on record.
    pub fn given() -> Self {
        Self { granted: None, alive: None, wanted: None, _making: None }
    }

    /// One that is to be granted. `making` is what others are kept away by.
    pub(super) fn pair(making: Arc<Lock>) -> (Control, Self) {
        let ((grant, granted), (tell, alive)) = (oneshot::channel(), oneshot::channel());
        let wanted = Arc::new(());
        let weak = Arc::downgrade(&wanted);
        let control = Control { grant, alive, _wanted: wanted };
        (control, Self { granted: Some(granted), alive: Some(tell), wanted: Some(weak), _making: Some(making) })
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
        self.granted.take().map_or(Ok(()), oneshot::Receiver::blocking_recv).map_err(|_| unwanted())?;
        self.check_wanted()
    }

    /// # Errors
    /// Nobody waits for the box any more.
    pub fn check_wanted(&self) -> Result<(), SandboxError> {
        let gone = self.wanted.as_ref().is_some_and(|wanted| wanted.strong_count() == 0);
        if gone { Err(unwanted()) } else { Ok(()) }
    }

    /// Tells that the box lives, at the latest when it is made; it need not answer yet.
    pub fn tell_alive(&mut self, confinement: &Confinement) {
        if let Some(alive) = self.alive.take() {
            // Where nobody waits for it any more, nobody wants to know.
            let _ = alive.send(confinement.clone());
        }
    }
}

fn unwanted() -> SandboxError {
    SandboxError::Failed { what: "nobody wants the sandbox any more".to_owned(), hint: None }
}
