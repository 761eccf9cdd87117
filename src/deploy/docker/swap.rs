//! One revision after another: which container serves, and what becomes of the others.

use std::{collections::HashMap, time::Duration};

use bollard::query_parameters::{
    RemoveContainerOptionsBuilder, RemoveVolumeOptions, RenameContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder,
};

use super::{
    Docker, body, inside, labels, missing,
    observe::{self, Container},
    secrets::Volumes,
};
use crate::{
    deploy::{DeployError, Progress, Purge, engine::failed},
    sandbox,
};

/// Revisions that stay, the current one among them.
const KEPT: usize = 5;

impl Docker {
    /// Lets `new` serve in place of `old`; takes `old` back where `new` does not answer.
    pub(super) async fn swap(
        &self,
        name: &str,
        old: Option<&Container>,
        new: (&str, u16),
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let (new, port) = new;
        self.interrupt.check()?;
        progress.step("taking over", None, None);
        let old = old.filter(|old| old.name != new);
        let serves = old.filter(|old| old.is_up());
        let mut ran = false;
        let begun = async {
            if let Some(old) = serves {
                self.halt(&old.name).await?;
            }
            ran = !self.start(new).await?;
            self.ready(new, port, patience, progress).await?;
            if let Some(old) = old.filter(|old| old.name == labels::current(name)) {
                self.rename(&old.name, &labels::revision(name, old.number)).await?;
            }
            match new == labels::current(name) {
                true => Ok(()),
                false => self.rename(new, &labels::current(name)).await,
            }
        }
        .await;
        if let Err(error) = begun {
            // One that ran before may get well by itself.
            if !ran {
                let _ = self.halt(new).await;
            }
            if let Some(old) = serves {
                // By its id, whatever it is called by now.
                let id = old.summary.id.as_deref().unwrap_or(&old.name);
                let started = self.start(id).await.map(drop);
                let _ = self.rename(id, &old.name).await;
                return Err(error.undone(started));
            }
            return Err(error);
        }
        Ok(())
    }

    /// Lets an earlier revision serve again.
    pub(super) async fn back(
        &self,
        name: &str,
        to: Option<u32>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let all = self.containers(Some(name)).await?;
        let current = observe::current(name, &all).ok_or_else(|| missing(name))?;
        let others = || all.iter().filter(|one| one.step.is_none() && !one.is_new() && one.number != current.number);
        let wanted = match to {
            Some(number) if number == current.number => {
                return Err(DeployError::Usage {
                    what: format!("revision {number} of `docker/{name}` is the current one"),
                    hint: "`agentscope status` shows its revisions".to_owned(),
                });
            }
            Some(number) => others().find(|one| one.number == number),
            None => others().filter(|one| one.number < current.number).max_by_key(|one| one.number),
        };
        let wanted = wanted.ok_or_else(|| DeployError::NotFound {
            what: match to {
                Some(number) => format!("`docker/{name}` has no revision {number}"),
                None => format!("`docker/{name}` has no revision before {}", current.number),
            },
            hint: "`agentscope status` shows those that there are".to_owned(),
        })?;
        let observed = observe::observed(name, &all);
        let port = observed.revisions.iter().find(|revision| revision.number == wanted.number);
        let port = port.map_or(0, |revision| inside::port(&revision.spec));
        let swapped = self.swap(name, Some(current), (&wanted.name, port), patience, progress).await;
        swapped.map_err(|error| match current.is_running() {
            true => error.leaving(format!("revision {} goes on as before", current.number)),
            false => error,
        })
    }

    /// Removes all of it, and with `purge` what it kept. Gives the images that nothing of it needs then.
    pub(super) async fn clear(&self, name: &str, purge: Purge) -> Result<Vec<String>, DeployError> {
        let mut all = self.containers(Some(name)).await?;
        // That one is ours until the end.
        all.retain(|container| container.name != labels::lock(name));
        if all.is_empty() && purge == Purge::No {
            return Err(missing(name));
        }
        let data = labels::data_volume(name);
        if all.is_empty() && self.client().inspect_volume(&data).await.is_err() {
            return Err(missing(name));
        }
        for container in &all {
            self.drop_revision(container).await?;
        }
        if purge == Purge::No {
            return Ok(vec![]);
        }
        self.drop_volume(&data).await?;
        Ok(all.into_iter().filter_map(|container| container.summary.image_id).collect())
    }

    /// What deploys that died left on the way: whoever made it held the lock that we hold now.
    pub(super) async fn sweep(&self, name: &str) -> Result<(), DeployError> {
        for container in self.containers(Some(name)).await? {
            match &container.step {
                Some(_) if container.name == labels::lock(name) => {}
                Some(_) => self.drop_container(&container.name, Volumes::Drop).await?,
                // Made to serve and never begun.
                None if container.is_new() => self.drop_revision(&container).await?,
                None => {}
            }
        }
        Ok(())
    }

    /// Removes the oldest revisions, and the images that nobody uses any more.
    pub(super) async fn prune(&self, name: &str) -> Result<(), DeployError> {
        let mut all = self.containers(Some(name)).await?;
        all.retain(|container| container.step.is_none());
        all.sort_by_key(|container| std::cmp::Reverse(container.number));
        for old in all.iter().skip(KEPT).filter(|old| !old.is_running()) {
            self.drop_revision(old).await?;
            if let Some(image) = &old.summary.image_id {
                self.drop_image(image).await;
            }
        }
        Ok(())
    }

    pub(super) fn step_marks(&self, name: &str, number: u32) -> HashMap<String, String> {
        HashMap::from([
            (labels::NAME.to_owned(), name.to_owned()),
            (labels::REVISION.to_owned(), number.to_string()),
            (labels::STEP.to_owned(), sandbox::docker::this_process()),
        ])
    }

    /// `false` where it runs already.
    pub(super) async fn start(&self, container: &str) -> Result<bool, DeployError> {
        let started = self.client().start_container(container, None::<StartContainerOptions>).await;
        let started = match started {
            Err(error) if sandbox::docker::is_status(&error, 304) => Ok(false),
            other => other.map(|()| true),
        };
        started.map_err(|error| {
            let said = sandbox::docker::said(&error);
            match said.contains("port is already allocated") || said.contains("address already in use") {
                true => DeployError::PortTaken { port: bound(&said) },
                false => DeployError::Failed {
                    what: format!("the engine could not start the container: {said}"),
                    hint: None,
                },
            }
        })
    }

    /// Lets it end its turns, for [`body::GRACE`] seconds at most.
    pub(super) async fn halt(&self, container: &str) -> Result<(), DeployError> {
        let options = StopContainerOptionsBuilder::default().t(body::GRACE).build();
        match self.client().stop_container(container, Some(options)).await {
            // It was stopped already.
            Err(error) if sandbox::docker::is_status(&error, 304) => Ok(()),
            other => other.map_err(failed("stop the container")),
        }
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), DeployError> {
        let options = RenameContainerOptionsBuilder::default().name(to).build();
        self.client().rename_container(from, options).await.map_err(failed("rename the container"))
    }

    async fn drop_revision(&self, container: &Container) -> Result<(), DeployError> {
        self.drop_container(&container.name, Volumes::Keep).await?;
        self.drop_volume(&labels::secrets_volume(&container.deployment, container.number)).await
    }

    pub(super) async fn drop_container(&self, name: &str, volumes: Volumes) -> Result<(), DeployError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(volumes == Volumes::Drop).build();
        match self.client().remove_container(name, Some(options)).await {
            Err(error) if sandbox::docker::is_status(&error, 404) => Ok(()),
            other => other.map_err(failed("remove the container")),
        }
    }

    pub(super) async fn drop_volume(&self, name: &str) -> Result<(), DeployError> {
        match self.client().remove_volume(name, None::<RemoveVolumeOptions>).await {
            Err(error) if sandbox::docker::is_status(&error, 404) => Ok(()),
            other => other.map_err(failed("remove the volume")),
        }
    }

    /// One that something else uses stays.
    pub(super) async fn drop_image(&self, image: &str) {
        let _ = self.client().remove_image(image, None::<bollard::query_parameters::RemoveImageOptions>, None).await;
    }
}

/// The port in `Bind for 127.0.0.1:8080 failed: …`.
fn bound(said: &str) -> u16 {
    let digits = |word: &str| word.rsplit(':').next().and_then(|port| port.parse().ok());
    said.split(' ').filter(|word| word.contains(':')).find_map(digits).unwrap_or_default()
}
