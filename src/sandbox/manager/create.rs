//! How sandboxes are made: held by their maker until they are on record.

use jiff::Timestamp;

use super::{Sandbox, Sandboxes};
use crate::sandbox::{
    Action, BoxFolder, Confinement, Progress, SandboxBackend, SandboxError, SandboxId, SandboxSpec, Status,
    registry::Record,
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
        // To open the registry, which may fail, is for before there is anything.
        let quick = backend.is_quick(&spec) && self.shared.registry.get().is_some();
        let made = match self.make(&spec, limit, &*backend, progress, quick).await {
            Err(SandboxError::TooMany { .. }) => {
                // Some may have ended since we last looked.
                match self.reconcile().await {
                    Ok(_) => self.make(&spec, limit, &*backend, progress, false).await,
                    Err(error) => Err(error),
                }
            }
            made => made,
        };
        let confinement = match made {
            Ok(confinement) => confinement,
            Err(error) => {
                held.remove();
                return Err(error);
            }
        };
        self.note(&spec, Action::Create { backend: spec.backend });
        let held = if spec.lifetime.tied {
            Some(held)
        } else {
            held.remove();
            None
        };
        Ok(Sandbox::new(self.clone(), spec, Some(confinement), backend, held))
    }

    /// It is on record before it is told to live; if `at_once`, it is made meanwhile.
    async fn make(
        &self,
        spec: &SandboxSpec,
        limit: Option<u32>,
        backend: &dyn SandboxBackend,
        progress: &dyn Progress,
        at_once: bool,
    ) -> Result<Confinement, SandboxError> {
        let new = !BoxFolder::new(&self.shared.root, &spec.id).exists();
        let begin = self.begin(spec, limit);
        let made = if at_once {
            let (begun, made) = tokio::join!(begin, backend.create(spec, progress));
            if let Err(error) = begun {
                drop(made);
                self.take_back(&spec.id, new, backend).await;
                return Err(error);
            }
            made
        } else {
            begin.await?;
            backend.create(spec, progress).await
        };
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                // What went wrong first is what matters.
                let _ = self.failed(&spec.id).await;
                return Err(error);
            }
        };
        let alive = match made.go().await {
            Ok(confinement) => self.started(spec, confinement).await,
            Err(error) => Err(error),
        };
        if alive.is_err() {
            // One that is not on record is one that nobody finds.
            self.take_back(&spec.id, new, backend).await;
        }
        alive
    }

    /// Puts on record that it lives.
    async fn started(&self, spec: &SandboxSpec, confinement: Confinement) -> Result<Confinement, SandboxError> {
        let (id, seen) = (spec.id.clone(), confinement.clone());
        if self.registry(move |registry| registry.started(&id, &seen)).await? {
            return Ok(confinement);
        }
        let what = format!("the sandbox `{}` was removed while it was being made", spec.id);
        Err(SandboxError::Failed { what, hint: None })
    }

    /// After a failure, which is what matters. One that was there before keeps its workspace.
    async fn take_back(&self, id: &SandboxId, new: bool, backend: &dyn SandboxBackend) {
        let _ = if new { backend.remove(id).await } else { backend.stop(id).await };
        let _ = self.failed(id).await;
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
        self.registry(move |registry| registry.begin(&record, limit)).await
    }
}
