//! Another version of the agent file.

use std::path::PathBuf;

use super::{AgentApp, AppError};
use crate::config::{Secret, agent_file::Loaded};

impl AgentApp {
    /// Reads the agent file again and serves what it says now; turns that run end on the version before. What cannot
    /// change while the server runs is told in the log.
    ///
    /// # Errors
    /// Everything that keeps it from being served; the version before then goes on.
    pub async fn reload(&self) -> Result<(), AppError> {
        let inner = &self.inner;
        let with = (&inner.http, &inner.paths);
        let read = inner.opener.read(with).await?;
        self.permit(inner.app.bound(), &read.loaded.file.serve)?;
        for part in fixed(&self.loaded(), &read.loaded) {
            tracing::warn!(part, "this part of the agent file counts from the next start on");
        }
        inner.app.replace(inner.opener.open(read, &inner.app.stores, with)?);
        Ok(())
    }

    /// The files whose change is a change of what is served.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let loaded = self.loaded();
        let Some(path) = &loaded.path else { return vec![] };
        let specs = std::iter::once(&loaded.file.agent).chain(loaded.file.agents.values());
        let named = specs.flat_map(|spec| spec.instructions_file.iter().chain(&spec.mcp_file)).cloned();
        let beside = std::iter::once(PathBuf::from(".env")).chain(named).map(|file| loaded.dir.join(file));
        std::iter::once(path.clone()).chain(beside).collect()
    }
}

/// What changed and cannot change while the server runs.
fn fixed(before: &Loaded, now: &Loaded) -> Vec<&'static str> {
    let (a, b) = (&before.file, &now.file);
    let stores = |loaded: &Loaded| {
        let storage = &loaded.file.storage;
        [&storage.sessions, &storage.state, &storage.long_term].map(|at| at.as_ref().map(|at| at.expose().to_owned()))
    };
    let otlp = |loaded: &Loaded| {
        let telemetry = loaded.file.telemetry.as_ref()?;
        let header = |(name, value): (&String, &Secret)| (name.clone(), value.expose().to_owned());
        Some((telemetry.otlp.clone(), telemetry.headers.iter().map(header).collect::<Vec<_>>()))
    };
    let changed = [
        ("serve.host", a.serve.host != b.serve.host),
        ("serve.port", a.serve.port != b.serve.port),
        ("storage", stores(before) != stores(now)),
        ("telemetry", otlp(before) != otlp(now)),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(part, _)| part).collect()
}
