//! How sandboxes are made: held by their maker until they are on record.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Sandbox, Sandboxes};
use crate::{
    config::FileLock,
    sandbox::{
        Action, BoxFolder, Confinement, Progress, SandboxBackend, SandboxError, SandboxId, SandboxSpec, Status,
        registry::Record,
    },
};

impl Sandboxes {
    /// Makes the sandbox, unless `limit` of the user's are there already.
    ///
    /// # Errors
    /// Those of the backend; [`SandboxError::TooMany`]. Nothing is left behind.
    pub async fn create(
        &self,
        spec: SandboxSpec,
        limit: Option<u32>,
        progress: &dyn Progress,
    ) -> Result<Sandbox, SandboxError> {
        let backend = self.backend(spec.backend)?;
        backend.expect();
        let held = self.hold(&spec.id).await?.ok_or_else(|| SandboxError::Failed {
            what: format!("another process is making the sandbox `{}`", spec.id),
            hint: None,
        })?;
        if let Err(error) = self.begin(&spec, limit).await {
            held.remove();
            return Err(error);
        }
        match backend.create(&spec, progress).await {
            Ok(confinement) => self.made(spec, confinement, backend, held).await,
            Err(error) => {
                // What went wrong first is what matters.
                let _ = self.failed(&spec.id).await;
                held.remove();
                Err(error)
            }
        }
    }

    /// Forgets one that could not be made, unless there is something of it.
    async fn failed(&self, id: &SandboxId) -> Result<(), SandboxError> {
        let folder = BoxFolder::new(&self.shared.root, id);
        if !folder.exists() {
            return self.forget(id).await;
        }
        if folder.record().is_ok() {
            // It was there before, and its workspace is.
            return self.set_state(id, Status::Stopped).await;
        }
        // What could not be deleted now, for want of descriptors perhaps, is deleted by whoever looks next.
        Ok(())
    }

    /// Puts on record that it is being made.
    pub(super) async fn begin(&self, spec: &SandboxSpec, limit: Option<u32>) -> Result<(), SandboxError> {
        let record = Record::starting(spec, Timestamp::now());
        let again = record.clone();
        match self.registry(move |registry| registry.begin(&record, limit)).await {
            Err(SandboxError::TooMany { .. }) => {
                // Some may have ended since we last looked.
                self.reconcile().await?;
                self.registry(move |registry| registry.begin(&again, limit)).await
            }
            other => other,
        }
    }

    async fn made(
        &self,
        spec: SandboxSpec,
        confinement: Confinement,
        backend: Arc<dyn SandboxBackend>,
        held: FileLock,
    ) -> Result<Sandbox, SandboxError> {
        let (id, seen) = (spec.id.clone(), confinement.clone());
        let wanted = match self.registry(move |registry| registry.started(&id, &seen)).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(SandboxError::Failed {
                what: format!("the sandbox `{}` was removed while it was being made", spec.id),
                hint: None,
            }),
            Err(error) => Err(error),
        };
        if let Err(error) = wanted {
            // One that is not on record is one that nobody finds.
            let _ = backend.remove(&spec.id).await;
            let _ = self.forget(&spec.id).await;
            held.remove();
            return Err(error);
        }
        self.note(&spec, Action::Create { backend: spec.backend });
        let held = if spec.lifetime.tied {
            Some(held)
        } else {
            held.remove();
            None
        };
        Ok(Sandbox::new(self.clone(), spec, Some(confinement), backend, held))
    }
}
