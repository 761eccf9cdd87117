//! The target `docker`: a deployment is a container of the engine, its revisions are the containers before.
//!
//! Labels are the record. The container called `agentscope-NAME` is the current revision, `agentscope-NAME.rN` is
//! another; `agentscope-NAME.rN.secrets` is a volume with the secrets of a revision, `agentscope-NAME.data` one with what
//! the agent keeps. A dot cannot be in the name of a deployment, so no two have a name in common.

mod apply;
mod body;
mod inside;
mod labels;
mod lock;
mod observe;
mod port;
mod secrets;
mod swap;

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;
use bollard::{
    Docker as Client,
    query_parameters::{InspectContainerOptions, LogsOptionsBuilder},
};
use futures_util::StreamExt as _;

use super::{
    DeployError, DeployRequest, Deployer, Deployment, Follow, Interrupt, LogStream, Progress, Purge,
    engine::{Engine, failed},
    plan::{Desired, Observed, Plan, State},
};
use crate::config::{FileLock, Secret};

/// Containers of one engine.
pub struct Docker {
    engine: Engine,
    /// Where locks are.
    state: PathBuf,
    interrupt: Interrupt,
}

impl Docker {
    #[must_use]
    pub fn new(engine: Engine, state: PathBuf, interrupt: Interrupt) -> Self {
        Self { engine, state, interrupt }
    }

    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    fn client(&self) -> &Client {
        self.engine.client()
    }

    /// Keeps others of this machine from changing the same deployment; other machines meet at [`Docker::alone`].
    fn lock(&self, name: &str) -> Result<FileLock, DeployError> {
        let path = self.state.join("deploy").join(format!("docker-{name}.lock"));
        let held =
            FileLock::try_acquire(&path).map_err(DeployError::io(format!("use the lock `{}`", path.display())))?;
        held.ok_or_else(|| DeployError::Failed {
            what: format!("`docker/{name}` is just being changed by another command"),
            hint: Some("try again when it is done; `agentscope status` shows the deployment".to_owned()),
        })
    }

    /// What there is; an error where there is nothing.
    async fn there(&self, name: &str) -> Result<Observed, DeployError> {
        let observed = self.observe(name).await?;
        if observed.exists() { Ok(observed) } else { Err(missing(name)) }
    }

    /// The container that serves, which a deploy that was killed may have left without the name; an error where there is
    /// nothing.
    async fn current(&self, name: &str) -> Result<String, DeployError> {
        let all = self.containers(Some(name)).await?;
        if !observe::observed(name, &all).exists() {
            return Err(missing(name));
        }
        Ok(observe::current(name, &all).map_or_else(|| labels::current(name), |current| current.name.clone()))
    }

    /// One of those that it is made of; an error where there is nothing.
    async fn image(&self, name: &str) -> Result<String, DeployError> {
        let all = self.containers(Some(name)).await?;
        lock::image(&all).map(str::to_owned).ok_or_else(|| missing(name))
    }

    /// What there is, the current container looked at more closely.
    async fn with_drift(&self, name: &str, all: &[observe::Container]) -> Result<Observed, DeployError> {
        let mut observed = observe::observed(name, all);
        if let (Some(container), Some(revision)) = (observe::current(name, all), observed.current()) {
            let found = self.client().inspect_container(&container.name, None::<InspectContainerOptions>).await;
            observed.drift = observe::drift(&revision.spec, &found.map_err(failed("look at the container"))?);
        }
        Ok(observed)
    }

    /// One that has just answered, or was found to be as it should.
    async fn deployment(&self, name: &str, changed: bool) -> Result<Deployment, DeployError> {
        let mut observed = self.there(name).await?;
        if changed && observed.state == State::Starting {
            // The engine has not asked it yet, but we have.
            observed.state = State::Running;
        }
        let revision = observed.current().map_or(0, |current| current.number);
        let token_ref = format!("docker volume {}, {}", labels::secrets_volume(name, revision), secrets::TOKEN);
        Ok(Deployment { observed, token_ref, changed })
    }
}

/// As everything that is addressed and not there.
fn missing(name: &str) -> DeployError {
    DeployError::NotFound {
        what: format!("there is no deployment `docker/{name}`"),
        hint: "`agentscope list` shows those that exist".to_owned(),
    }
}

#[async_trait]
impl Deployer for Docker {
    fn target(&self) -> &'static str {
        labels::TARGET
    }

    fn render(&self, request: &DeployRequest) -> Result<Desired, DeployError> {
        Ok(body::desired(request))
    }

    async fn observe(&self, name: &str) -> Result<Observed, DeployError> {
        let all = self.containers(Some(name)).await?;
        self.with_drift(name, &all).await
    }

    async fn apply(&self, plan: Plan, patience: Duration, progress: &dyn Progress) -> Result<Deployment, DeployError> {
        let name = plan.desired.name.clone();
        let _lock = self.lock(&name)?;
        let image = plan.desired.spec["image"].as_str().unwrap_or_default().to_owned();
        match self.make(plan, patience, progress).await {
            Ok(changed) => self.deployment(&name, changed).await,
            Err(error) => {
                // Nothing of it is left, but where a revision uses it.
                self.drop_image(&image).await;
                Err(error)
            }
        }
    }

    async fn list(&self) -> Result<Vec<Observed>, DeployError> {
        Ok(observe::all(&self.containers(None).await?))
    }

    async fn logs(&self, name: &str, lines: Option<u32>, follow: Follow) -> Result<LogStream, DeployError> {
        let container = self.current(name).await?;
        let tail = lines.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let options =
            LogsOptionsBuilder::default().stdout(true).stderr(true).follow(follow == Follow::Yes).tail(&tail).build();
        let stream = self.client().logs(&container, Some(options));
        Ok(stream
            .map(|part| part.map(bollard::container::LogOutput::into_bytes).map_err(failed("give the log")))
            .boxed())
    }

    async fn token(&self, name: &str) -> Result<Secret, DeployError> {
        let container = self.current(name).await?;
        self.read_token(&container).await?.ok_or_else(|| DeployError::Failed {
            what: format!("`docker/{name}` has no token"),
            hint: Some("`agentscope deploy` gives it one".to_owned()),
        })
    }

    async fn rollback(
        &self,
        name: &str,
        to: Option<u32>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<Deployment, DeployError> {
        let _lock = self.lock(name)?;
        let image = self.image(name).await?;
        self.alone(name, &image, self.back(name, to, patience, progress)).await?;
        self.deployment(name, true).await
    }

    async fn stop(&self, name: &str) -> Result<(), DeployError> {
        let _lock = self.lock(name)?;
        let (container, image) = (self.current(name).await?, self.image(name).await?);
        self.alone(name, &image, self.interrupt.or(self.halt(&container))).await
    }

    async fn remove(&self, name: &str, purge: Purge) -> Result<(), DeployError> {
        let lock = self.lock(name)?;
        let images = match self.image(name).await {
            Ok(image) => self.alone(name, &image, self.clear(name, purge)).await?,
            // There is nothing but what it kept.
            Err(DeployError::NotFound { .. }) => self.clear(name, purge).await?,
            Err(error) => return Err(error),
        };
        // What keeps others away is a container of one of them.
        for image in images {
            self.drop_image(&image).await;
        }
        lock.remove();
        Ok(())
    }
}
