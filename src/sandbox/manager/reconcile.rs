//! What we remember and what there is, brought together. What there is wins.

use std::collections::HashMap;

use futures_util::future::join_all;

use super::{Filter, Sandboxes};
use crate::sandbox::{Found, SandboxError, SandboxInfo, Status, Usage, registry::Record};

impl Sandboxes {
    /// The sandboxes that fit, oldest first, as they are now.
    ///
    /// # Errors
    /// A registry that cannot be read. A backend that does not answer is none: what it has is `unknown`.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<SandboxInfo>, SandboxError> {
        let mut all = self.reconcile().await?;
        all.retain(|info| filter.fits(info));
        Ok(all)
    }

    /// Asks the backends what there is, corrects what we remember, and clears up after processes that died.
    pub(super) async fn reconcile(&self) -> Result<Vec<SandboxInfo>, SandboxError> {
        // Read first: what is made meanwhile is then found and not remembered, never remembered and not found.
        let records = self.registry(|registry| registry.all()).await?;
        let mut found = HashMap::new();
        let mut silent = vec![];
        // At once: one that does not answer keeps nobody waiting for the others.
        let lists = join_all(self.shared.backends.iter().map(|backend| backend.list())).await;
        for (backend, list) in self.shared.backends.iter().zip(lists) {
            match list {
                Ok(list) => found.extend(list.into_iter().map(|found| (found.spec.id.clone(), found))),
                Err(_) => silent.push(backend.kind()),
            }
        }
        let mut all = vec![];
        for record in records {
            let there = found.remove(&record.spec.id);
            if there.is_none() && silent.contains(&record.spec.backend) {
                all.push(SandboxInfo::new(&record, Status::Unknown, Usage::default()));
            } else {
                all.extend(self.settle(record, there).await?);
            }
        }
        for (_, there) in found {
            all.extend(self.adopt(there).await?);
        }
        all.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(all)
    }

    /// Corrects what is remembered of one by what there is of it.
    pub(super) async fn settle(
        &self,
        mut record: Record,
        there: Option<Found>,
    ) -> Result<Option<SandboxInfo>, SandboxError> {
        let usage = there.as_ref().map(|found| found.usage).unwrap_or_default();
        let tied = record.spec.lifetime.tied;
        if record.state == Status::Starting || tied {
            let Some(held) = self.hold(&record.spec.id).await? else {
                // Its maker lives.
                let state = there.map_or(record.state, |found| found.state.into());
                return Ok(Some(SandboxInfo::new(&record, state, usage)));
            };
            let kept = self.orphaned(&mut record).await?;
            held.remove();
            return Ok(kept.then(|| SandboxInfo::new(&record, record.state, Usage::default())));
        }
        let state = there.as_ref().map_or(Status::Stopped, |found| found.state.into());
        if state != record.state {
            self.set_state(&record.spec.id, state).await?;
            record.state = state;
        }
        Ok(Some(SandboxInfo::new(&record, state, usage)))
    }

    /// Clears up after a maker that died. What belongs to a session keeps its workspace, and is kept: the session may
    /// go on.
    async fn orphaned(&self, record: &mut Record) -> Result<bool, SandboxError> {
        let id = &record.spec.id;
        // It may have been finished, or cleared up, since we read.
        let (sought, backend) = (id.clone(), self.backend(record.spec.backend)?);
        let Some(now) = self.registry(move |registry| registry.get(&sought)).await? else { return Ok(false) };
        if now.state != Status::Starting && !now.spec.lifetime.tied {
            *record = now;
            return Ok(true);
        }
        if now.state != Status::Starting && record.spec.session.is_some() {
            match backend.stop(id).await {
                Ok(()) | Err(SandboxError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            self.set_state(id, Status::Stopped).await?;
            record.state = Status::Stopped;
            return Ok(true);
        }
        backend.remove(id).await?;
        self.forget(id).await?;
        Ok(false)
    }

    /// Remembers one that a backend has and we did not know.
    async fn adopt(&self, there: Found) -> Result<Option<SandboxInfo>, SandboxError> {
        let record = Record {
            state: there.state.into(),
            confinement: Some(there.confinement.clone()),
            ..Record::starting(&there.spec, there.created)
        };
        let id = there.spec.id.clone();
        let known = self.registry(move |registry| {
            registry.adopt(&record)?;
            registry.get(&id)
        });
        match known.await? {
            Some(record) => self.settle(record, Some(there)).await,
            None => Ok(None),
        }
    }
}
