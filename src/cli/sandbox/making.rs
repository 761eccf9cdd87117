//! Making a sandbox that a signal can break off.

use std::time::Duration;

use crate::{
    runtime::shutdown::{Signal, Signals},
    sandbox::{Progress, Sandbox, SandboxError, SandboxSpec, Sandboxes},
};

/// What takes longer is given up: it is mostly an image that is being pulled.
const PATIENCE: Duration = Duration::from_secs(2);

/// `None` where we were told to end meanwhile; nothing is left then.
///
/// # Errors
/// As [`Sandboxes::create`].
pub(super) async fn make(
    spec: SandboxSpec,
    limit: Option<u32>,
    progress: &dyn Progress,
    signals: &mut Signals,
    all: &Sandboxes,
) -> Result<Option<Sandbox>, SandboxError> {
    let id = spec.id.clone();
    let mut making = Box::pin(all.create(spec, limit, progress));
    tokio::select! {
        made = &mut making => return made.map(Some),
        Signal::Interrupt | Signal::Terminate = signals.recv() => {}
    }
    // What is done in another thread goes on when nobody waits for it, so that half of it would be left.
    if let Ok(Ok(sandbox)) = tokio::time::timeout(PATIENCE, making).await {
        sandbox.close().await?;
    }
    all.remove(&id).await?;
    Ok(None)
}
