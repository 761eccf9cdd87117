//! How sandboxes are made: held by their maker until they are on record.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Sandbox, Sandboxes, locks::Held};
use crate::{
    config::Lock,
    sandbox::{
        Action, BoxFolder, Clearance, Confinement, Progress, SandboxBackend, SandboxError, SandboxId, SandboxSpec,
        Status,
        clearance::Control,
        registry::{Record, Registry},
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
        let Held { making, tie } = self.hold_all(&spec.id).await?;
        let making = Arc::new(making);
        let made = match self.make(&spec, limit, &*backend, progress, &making).await {
            Err(SandboxError::TooMany { .. }) => {
                // Some may have ended since we last looked.
                self.reconcile().await?;
                self.make(&spec, limit, &*backend, progress, &making).await
            }
            made => made,
        };
        let confinement = made?;
        self.note(&spec, Action::Create { backend: spec.backend });
        drop(making);
        let tie = spec.lifetime.tied.then_some(tie);
        Ok(Sandbox::new(self.clone(), spec, Some(confinement), backend, tie))
    }

    /// It is made while it is put on record that it is, and gets ready while it is put on record that it lives.
    async fn make(
        &self,
        spec: &SandboxSpec,
        limit: Option<u32>,
        backend: &dyn SandboxBackend,
        progress: &dyn Progress,
        making: &Arc<Lock>,
    ) -> Result<Confinement, SandboxError> {
        let new = !BoxFolder::new(&self.shared.root, &spec.id).exists();
        let (Control { grant, alive, _wanted }, mut clearance) = Clearance::pair(Arc::clone(making));
        let begin = async {
            self.begin(spec, limit, making).await.map(|()| {
                // Where it could not be made, nobody waits for this.
                let _ = grant.send(());
            })
        };
        let create = async {
            if limit.is_some() {
                // There may be too many already.
                clearance.await_granted().await?;
            }
            backend.create(spec, clearance, progress).await
        };
        let started = async {
            match alive.await {
                // From then on it is there also where this process dies.
                Ok(confinement) => self.started(spec, &confinement, making).await,
                Err(_) => Err(SandboxError::Box("it does not live".to_owned())),
            }
        };
        // The first comes first, also where all threads are busy: others wait for it.
        let (begun, made, started) = tokio::join!(biased; begin, create, started);
        begun?;
        let confinement = match made {
            Ok(confinement) => confinement,
            Err(error) => {
                // What went wrong first is what matters.
                let _ = self.failed(&spec.id, new, making).await;
                return Err(error);
            }
        };
        if let Err(error) = started {
            // One that is not on record is one that nobody finds. One that was there before keeps its workspace.
            let _ = if new { backend.remove(&spec.id).await } else { backend.stop(&spec.id).await };
            let _ = self.failed(&spec.id, new, making).await;
            return Err(error);
        }
        Ok(confinement)
    }

    /// Puts on record that it lives.
    async fn started(
        &self,
        spec: &SandboxSpec,
        confinement: &Confinement,
        making: &Arc<Lock>,
    ) -> Result<(), SandboxError> {
        let (id, seen) = (spec.id.clone(), confinement.clone());
        if self.registry_by(making, move |registry| registry.started(&id, &seen)).await? {
            return Ok(());
        }
        let what = format!("the sandbox `{}` was removed while it was being made", spec.id);
        Err(SandboxError::Failed { what, hint: None })
    }

    /// Forgets one that could not be made, unless there is something of it: of one that was there before its workspace, of a
    /// `new` one what could not be deleted now, for want of descriptors perhaps, which is deleted by whoever looks next.
    async fn failed(&self, id: &SandboxId, new: bool, making: &Arc<Lock>) -> Result<(), SandboxError> {
        let there = BoxFolder::new(&self.shared.root, id).exists();
        let id = id.clone();
        let known = move |registry: &Registry| match (there, new) {
            (false, _) => registry.forget(&id),
            (true, false) => registry.set_state(&id, Status::Stopped),
            (true, true) => registry.set_state(&id, Status::Starting),
        };
        self.registry_by(making, known).await
    }

    /// Puts on record that it is being made.
    pub(super) async fn begin(
        &self,
        spec: &SandboxSpec,
        limit: Option<u32>,
        making: &Arc<Lock>,
    ) -> Result<(), SandboxError> {
        let record = Record::starting(spec, Timestamp::now());
        self.registry_by(making, move |registry| registry.begin(&record, limit)).await
    }

    /// Writes for who holds `making`, and goes on to write where nobody waits for it any more.
    async fn registry_by<T: Send + 'static>(
        &self,
        making: &Arc<Lock>,
        work: impl FnOnce(&Registry) -> Result<T, SandboxError> + Send + 'static,
    ) -> Result<T, SandboxError> {
        let making = Arc::clone(making);
        self.registry(move |registry| {
            let done = work(registry);
            drop(making);
            done
        })
        .await
    }
}
