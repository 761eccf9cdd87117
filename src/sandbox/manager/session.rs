//! The sandbox of a chat session, found again.

use super::{Sandbox, Sandboxes, locks::to_the_end};
use crate::{
    domain::SessionKey,
    sandbox::{
        Found, Progress, SandboxError, SandboxSpec, State, Status, Tier,
        registry::Record,
        workspace::{Journal, Workspace},
    },
};

impl Sandboxes {
    /// The sandbox of the chat session that `spec` names: the one that is there, or a new one, on the workspace of its
    /// predecessor if there was one; that is then told by [`Sandbox::take_replaced`]. Two processes at once get the same.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn for_session(
        &self,
        spec: SandboxSpec,
        limit: Option<u32>,
        progress: &dyn Progress,
    ) -> Result<Sandbox, SandboxError> {
        let Some(session) = spec.session.clone() else { return self.create(spec, limit, progress).await };
        let _held = self.hold_session(&spec.user, &session).await?;
        self.found_or_made(spec, &session, limit, progress).await
    }

    async fn found_or_made(
        &self,
        mut spec: SandboxSpec,
        session: &str,
        limit: Option<u32>,
        progress: &dyn Progress,
    ) -> Result<Sandbox, SandboxError> {
        let Some((known, there)) = self.of_session(&spec, session).await? else {
            return self.create(spec, limit, progress).await;
        };
        let id = known.spec.id.clone();
        let backend = self.backend(known.spec.backend)?;
        let alive = there.as_ref().is_some_and(|found| found.state != State::Stopped);
        if alive && same(&known.spec, &spec) {
            if there.as_ref().is_some_and(|found| found.state == State::Paused) {
                self.resume(&id).await?;
            }
            let confinement = there.map(|found| found.confinement);
            // Its lifetime is that of the first who asked for it, so nobody holds it twice.
            return Ok(Sandbox::new(self.clone(), SandboxSpec { id, ..spec }, confinement, backend, None));
        }
        if alive {
            // The user has changed what it is made of.
            let of = id.clone();
            match to_the_end(self.hold(&id).await?, async move { backend.stop(&of).await }).await {
                Ok(()) | Err(SandboxError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if known.spec.backend == spec.backend {
            spec.id = id;
        } else {
            self.remove(&id).await?;
        }
        Ok(self.create(spec, limit, progress).await?.replaced())
    }

    /// What is remembered of the session's sandbox, and what there is of it.
    async fn of_session(
        &self,
        spec: &SandboxSpec,
        session: &str,
    ) -> Result<Option<(Record, Option<Found>)>, SandboxError> {
        let recall = || {
            let (user, session, agent) = (spec.user.clone(), session.to_owned(), spec.agent.clone());
            self.registry(move |registry| registry.of_session(&user, &session, agent.as_deref()))
        };
        let Some(mut known) = recall().await? else { return Ok(None) };
        // By somebody who does not want it any more: it may be taken back.
        if self.await_maker(&known.spec.id).await? {
            let Some(now) = recall().await? else { return Ok(None) };
            known = now;
        }
        let there = self.inspect(&known).await?;
        if known.state != Status::Starting && !known.spec.lifetime.tied {
            return Ok(Some((known, there)));
        }
        // Where its maker died it is about to end, or is half made.
        self.settle(known, there).await?;
        match recall().await? {
            Some(known) => {
                let there = self.inspect(&known).await?;
                Ok(Some((known, there)))
            }
            None => Ok(None),
        }
    }

    async fn inspect(&self, known: &Record) -> Result<Option<Found>, SandboxError> {
        match self.backend(known.spec.backend)?.inspect(&known.spec.id).await {
            Ok(found) => Ok(Some(found)),
            Err(SandboxError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The workspace of the sandbox that a chat session has, running or not; `None` where it has none, or none with a
    /// folder of the user's.
    ///
    /// # Errors
    /// A folder that is gone.
    pub async fn workspace_of_session(&self, key: &SessionKey) -> Result<Option<Workspace>, SandboxError> {
        if !self.shared.database.exists() {
            return Ok(None);
        }
        let (user, session) = (key.user.clone(), key.session.as_str().to_owned());
        let known = self.registry(move |registry| registry.of_session(&user, &session, None)).await?;
        let Some(known) = known.filter(|known| known.spec.workspace.path.is_some()) else { return Ok(None) };
        let tier = known.confinement.map_or(Tier::None, |confinement| confinement.tier);
        Workspace::of(&known.spec, tier, &self.folder(&known.spec.id)).map(Some)
    }

    /// Where what the session changed in its workspace is recorded.
    #[must_use]
    pub fn journal_of_session(&self, key: &SessionKey) -> Journal {
        Journal::of_session(self.state(), key)
    }

    /// Removes the sandboxes of a session that is gone, with their private copies. Leaves what is in the user's folder.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    pub async fn remove_of_session(&self, key: &SessionKey) -> Result<(), SandboxError> {
        if !self.shared.database.exists() {
            return Ok(());
        }
        let mut records = self.registry(|registry| registry.all()).await?;
        let session = Some(key.session.as_str());
        records.retain(|record| record.spec.user == key.user && record.spec.session.as_deref() == session);
        for record in records {
            self.remove(&record.spec.id).await?;
        }
        Ok(())
    }
}

/// Whether a sandbox that was made of `known` serves one who wants `wanted`. What was written down of the environment
/// has no values, so that a change of one alone is not seen.
fn same(known: &SandboxSpec, wanted: &SandboxSpec) -> bool {
    let what = |spec: &SandboxSpec| {
        let mut spec = spec.without_secrets();
        spec.id = known.id.clone();
        spec.labels.clear();
        spec.lifetime.tied = false;
        serde_json::to_value(spec).ok()
    };
    what(known) == what(wanted)
}
