//! The target `local`: a deployment is a process of this machine, which keeps a server running.
//!
//! [`place`] says which files there are, `supervisor` is the process. Nobody else can be asked of it, so a record is kept:
//! `record.json`, without secrets. Whether a revision runs is asked of its supervisor, never read in the record.

mod apply;
mod ask;
mod begin;
mod end;
mod logs;
mod observe;
mod place;
mod port;
mod record;
mod spec;
mod supervisor;
mod wire;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use async_trait::async_trait;

use self::{place::Place, record::Record};
use super::{
    DeployError, DeployRequest, Deployer, Deployment, Follow, Interrupt, LogStream, Progress, Purge,
    plan::{Desired, Observed, Plan},
};
use crate::config::{Env, FileLock, Keys, Paths, Secret};

/// As in `local/NAME`.
const TARGET: &str = "local";

/// How long another command is waited for, and how often it is looked.
const BUSY: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(20);

/// The hidden subcommands: the supervisor, and its server.
pub(crate) const SUPERVISE: &str = supervisor::COMMAND;
pub(crate) const SERVE: &str = "__serve";

pub(crate) use wire::{Order, Serving};

/// The process itself: [`SUPERVISE`].
pub(crate) fn supervise(args: &[OsString]) -> ExitCode {
    supervisor::main(args)
}

/// Processes of this user on this machine.
pub struct Local {
    env: Env,
    /// Where locks are.
    locks: PathBuf,
    /// The folder of all deployments.
    root: PathBuf,
    /// What a rollback needs again.
    keys: Keys,
    interrupt: Interrupt,
}

impl Local {
    #[must_use]
    pub fn new(env: &Env, paths: &Paths, keys: Keys, interrupt: Interrupt) -> Self {
        let locks = paths.state.join("deploy");
        Self { env: env.clone(), root: locks.join(TARGET), locks, keys, interrupt }
    }

    fn place(&self, name: &str) -> Result<Place, DeployError> {
        Place::new(&self.root, name)
    }

    /// Keeps others from changing the same deployment. Waits for what a command that was broken off has yet to tidy up.
    async fn lock(&self, name: &str) -> Result<FileLock, DeployError> {
        self.place(name)?;
        let path = self.locks.join(format!("{TARGET}-{name}.lock"));
        let begun = Instant::now();
        let held = loop {
            let held = FileLock::try_acquire(&path);
            match held.map_err(DeployError::io(format!("use the lock `{}`", path.display())))? {
                None if begun.elapsed() < BUSY => tokio::time::sleep(LOOK).await,
                held => break held,
            }
        };
        held.ok_or_else(|| DeployError::Failed {
            what: format!("`{TARGET}/{name}` is just being changed by another command"),
            hint: Some("try again when it is done; `agentscope status` shows the deployment".to_owned()),
        })
    }

    /// What there is; an error where there is nothing.
    fn there(&self, name: &str) -> Result<(Place, Record), DeployError> {
        let place = self.place(name)?;
        let record = Record::read(&place.record())?.ok_or_else(|| missing(name))?;
        Ok((place, record))
    }

    async fn deployment(&self, name: &str, changed: bool) -> Result<Deployment, DeployError> {
        let observed = self.observe(name).await?;
        Ok(Deployment { observed, token_ref: format!("the supervisor of {TARGET}/{name}, in its memory"), changed })
    }
}

/// As everything that is addressed and not there.
fn missing(name: &str) -> DeployError {
    DeployError::NotFound {
        what: format!("there is no deployment `{TARGET}/{name}`"),
        hint: "`agentscope list` shows those that exist".to_owned(),
    }
}

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeployError> + Send + 'static,
) -> Result<T, DeployError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(DeployError::Failed { what: format!("the work was broken off: {error}"), hint: None })
    })
}

#[async_trait]
impl Deployer for Local {
    fn target(&self) -> &'static str {
        TARGET
    }

    fn render(&self, request: &DeployRequest) -> Result<Desired, DeployError> {
        Ok(spec::desired(request, &self.place(&request.name)?))
    }

    async fn observe(&self, place: &str) -> Result<Observed, DeployError> {
        let (name, place) = (place.to_owned(), self.place(place)?);
        blocking(move || observe::observed(&name, &place)).await
    }

    async fn apply(&self, plan: Plan, patience: Duration, progress: &dyn Progress) -> Result<Deployment, DeployError> {
        let name = plan.desired.name.clone();
        let lock = self.lock(&name).await?;
        let changed = self.make(plan, &lock, patience, progress).await?;
        self.deployment(&name, changed).await
    }

    async fn list(&self) -> Result<Vec<Observed>, DeployError> {
        let root = self.root.clone();
        blocking(move || {
            let all =
                names(&root).into_iter().filter_map(|name| observe::listed(&name, &Place::new(&root, &name).ok()?));
            Ok(all.collect())
        })
        .await
    }

    async fn logs(&self, place: &str, lines: Option<u32>, follow: Follow) -> Result<LogStream, DeployError> {
        let (place, record) = self.there(place)?;
        logs::stream(place, &record, lines, follow)
    }

    async fn token(&self, place: &str) -> Result<Secret, DeployError> {
        let (name, (place, record)) = (place.to_owned(), self.there(place)?);
        blocking(move || match ask::secrets(&place, &record.supervisor) {
            Ok(secrets) => Ok(secrets.token.into()),
            Err(_) => Err(DeployError::Failed {
                what: format!("`{TARGET}/{name}` does not run, and so has no token"),
                hint: Some("`agentscope deploy local` starts it again".to_owned()),
            }),
        })
        .await
    }

    async fn rollback(
        &self,
        place: &str,
        to: Option<u32>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<Deployment, DeployError> {
        let lock = self.lock(place).await?;
        self.back(place, to, &lock, patience, progress).await?;
        self.deployment(place, true).await
    }

    async fn stop(&self, place: &str) -> Result<(), DeployError> {
        let _lock = self.lock(place).await?;
        let (place, mut record) = self.there(place)?;
        let stopping = blocking(move || {
            record.stopped = true;
            record.write(&place.record())?;
            end::all(&place)
        });
        self.interrupt.or(stopping).await
    }

    async fn remove(&self, place: &str, purge: Purge) -> Result<(), DeployError> {
        let lock = self.lock(place).await?;
        self.interrupt.or(self.clear(place, purge)).await?;
        lock.remove();
        Ok(())
    }
}

/// The folders below `root`.
fn names(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
