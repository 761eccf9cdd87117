//! What we remember and what there is, brought together. What there is wins.

use std::{collections::HashMap, time::Duration};

use futures_util::future::join_all;
use jiff::Timestamp;

use super::{Filter, Sandbox, Sandboxes, locks::to_the_end};
use crate::sandbox::{
    BackendKind, BoxFolder, Found, SandboxError, SandboxId, SandboxInfo, State, Status, Usage, registry::Record,
};

/// How long the daemon of a sandbox that is adopted may take to say how long it lives.
const ANSWER: Duration = Duration::from_secs(2);

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
        self.sweep(&all).await;
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
        if record.state == Status::Starting || record.spec.lifetime.tied {
            let Some(held) = self.try_hold_all(&record.spec.id)? else {
                // Its maker lives.
                let state = there.map_or(record.state, |found| found.state.into());
                return Ok(Some(SandboxInfo::new(&record, state, usage)));
            };
            let (all, orphan) = (self.clone(), record.clone());
            // What cannot be cleared up is shown, and `prune` and `rm` say why: it must not hide the others.
            return Ok(match to_the_end(held, async move { all.orphaned(orphan).await }).await {
                Ok(kept) => kept.map(|record| SandboxInfo::new(&record, record.state, Usage::default())),
                Err(_) => Some(SandboxInfo::new(&record, Status::Stopped, usage)),
            });
        }
        let mut state: Status = there.as_ref().map_or(Status::Stopped, |found| found.state.into());
        // The clock of its daemon is frozen with it.
        if state == Status::Paused
            && record.expires.is_some_and(|end| end <= Timestamp::now())
            && let Some(held) = self.try_hold(&record.spec.id)?
        {
            let (backend, id) = (self.backend(record.spec.backend)?, record.spec.id.clone());
            to_the_end(held, async move { backend.stop(&id).await }).await?;
            state = Status::Stopped;
        }
        if state != record.state {
            if self.is_being_made(&record.spec.id)? {
                return Ok(Some(SandboxInfo::new(&record, record.state, usage)));
            }
            // Somebody may be making it anew since we read.
            let before = record.clone();
            let corrected = self.registry(move |registry| match registry.correct(&before, state)? {
                true => Ok(Some(Record { state, ..before })),
                false => registry.get(&before.spec.id),
            });
            let Some(now) = corrected.await? else { return Ok(None) };
            (state, record) = (now.state, now);
        }
        Ok(Some(SandboxInfo::new(&record, state, usage)))
    }

    /// Clears up after a maker that died. What belongs to a session keeps its workspace, and is kept: the session may
    /// go on.
    async fn orphaned(&self, record: Record) -> Result<Option<Record>, SandboxError> {
        let id = &record.spec.id;
        // It may have been finished, or cleared up, since we read.
        let (sought, backend) = (id.clone(), self.backend(record.spec.backend)?);
        let Some(now) = self.registry(move |registry| registry.get(&sought)).await? else { return Ok(None) };
        if now.state != Status::Starting && !now.spec.lifetime.tied {
            return Ok(Some(now));
        }
        if record.spec.session.is_some() {
            // Also one that was only being made: it may have been made again, on the workspace that it had.
            match backend.stop(id).await {
                Ok(()) => {
                    self.set_state(id, Status::Stopped).await?;
                    return Ok(Some(Record { state: Status::Stopped, ..record }));
                }
                Err(SandboxError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        backend.remove(id).await?;
        self.forget(id).await?;
        Ok(None)
    }

    /// Deletes what belongs to no sandbox that is known: folders of those whose maker died before they were on record, or
    /// that were half made when the registry was lost.
    async fn sweep(&self, known: &[SandboxInfo]) {
        let Ok(entries) = std::fs::read_dir(&self.shared.root) else { return };
        for entry in entries.flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<SandboxId>().ok()) else { continue };
            // One that has a record belongs to a backend that is silent.
            let recorded = || BoxFolder::new(&self.shared.root, &id).record().is_ok();
            if known.iter().any(|info| info.id == id) || recorded() {
                continue;
            }
            let Ok(Some(_held)) = self.try_hold(&id) else { continue };
            let sought = id.clone();
            if let Ok(None) = self.registry(move |registry| registry.get(&sought)).await {
                // First the one that makes boxes before they are on record: to others its folder says nothing of them.
                let (local, others): (Vec<_>, Vec<_>) =
                    self.shared.backends.iter().partition(|backend| backend.kind() == BackendKind::Local);
                for backend in local.into_iter().chain(others) {
                    match backend.remove(&id).await {
                        // A silent one has nothing to do with a folder that has no record.
                        Ok(()) | Err(SandboxError::Unavailable { .. }) => {}
                        // The folder is what the next look finds it by.
                        Err(_) => break,
                    }
                }
            }
        }
    }

    /// Remembers one that a backend has and we did not know.
    async fn adopt(&self, there: Found) -> Result<Option<SandboxInfo>, SandboxError> {
        let mut record = Record {
            state: there.state.into(),
            confinement: Some(there.confinement.clone()),
            ..Record::starting(&there.spec, there.created)
        };
        if there.state == State::Running {
            // It may have been renewed: its own clock knows.
            let backend = self.backend(there.spec.backend)?;
            let found = Sandbox::new(self.clone(), there.spec.clone(), None, backend, None);
            if let Ok(client) = found.client()
                && let Ok(Ok(info)) = tokio::time::timeout(ANSWER, client.info()).await
            {
                record.expires = info.left.and_then(|left| Timestamp::now().checked_add(left).ok());
            }
        }
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
