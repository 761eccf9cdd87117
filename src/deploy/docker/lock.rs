//! One change of a deployment at a time, whichever machine it comes from: the name of a container is the lock, which the
//! engine gives to one alone. The container is never started.

use std::time::Duration;

use bollard::{
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{CreateContainerOptionsBuilder, InspectContainerOptions},
};

use super::{Docker, inside::PROGRAM, labels, observe::Container, secrets::Volumes};
use crate::{
    deploy::{DeployError, engine::failed},
    sandbox::{self, docker::is_status},
};

/// One that ends just now is not there any more when it is looked at.
const TRIES: usize = 3;

impl Docker {
    /// Does `work` while no other changes the deployment. `image` is any that the engine has.
    ///
    /// # Errors
    /// Another is at it; those of `work`.
    pub(super) async fn alone<T>(
        &self,
        name: &str,
        image: &str,
        work: impl Future<Output = Result<T, DeployError>>,
    ) -> Result<T, DeployError> {
        self.hold(name, image).await?;
        let done = work.await;
        // One that stays is taken from us as soon as this process has ended.
        let _ = self.drop_container(&labels::lock(name), Volumes::Keep).await;
        done
    }

    async fn hold(&self, name: &str, image: &str) -> Result<(), DeployError> {
        let lock = labels::lock(name);
        for _ in 0..TRIES {
            let made = ContainerCreateBody {
                image: Some(image.to_owned()),
                // Of which no image need have one.
                cmd: Some(vec![PROGRAM.to_owned()]),
                labels: Some(self.step_marks(name, 0)),
                host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..HostConfig::default() }),
                ..ContainerCreateBody::default()
            };
            let options = CreateContainerOptionsBuilder::default().name(&lock).build();
            match self.client().create_container(Some(options), made).await {
                Err(error) if is_status(&error, 409) => self.take_from_the_dead(name).await?,
                other => return other.map(drop).map_err(failed("keep others from changing the deployment")),
            }
        }
        Err(busy(name))
    }

    /// Removes the lock of a process that ended.
    ///
    /// # Errors
    /// It runs, as far as anybody can tell.
    async fn take_from_the_dead(&self, name: &str) -> Result<(), DeployError> {
        let found = match self.client().inspect_container(&labels::lock(name), None::<InspectContainerOptions>).await {
            Err(error) if is_status(&error, 404) => return Ok(()),
            other => other.map_err(failed("look who changes the deployment"))?,
        };
        let marks = found.config.and_then(|config| config.labels).unwrap_or_default();
        let made = found.created.and_then(|time| time.to_string().parse::<jiff::Timestamp>().ok());
        let age = made.map_or(0, |made| jiff::Timestamp::now().as_second() - made.as_second());
        let age = Duration::from_secs(u64::try_from(age).unwrap_or_default());
        let maker = marks.get(labels::STEP).map_or("", String::as_str);
        if marks.get(labels::NAME).is_none_or(|deployment| deployment != name) || !sandbox::docker::is_gone(maker, age)
        {
            return Err(busy(name));
        }
        // By its id: another may have taken it meanwhile, and made one of that name.
        self.drop_container(&found.id.unwrap_or_default(), Volumes::Keep).await
    }
}

/// An image that the engine has, as a container is made of it.
pub(super) fn image(all: &[Container]) -> Option<&str> {
    all.iter().find_map(|container| container.summary.image_id.as_deref())
}

fn busy(name: &str) -> DeployError {
    DeployError::Failed {
        what: format!("`docker/{name}` is just being changed from elsewhere"),
        hint: Some(format!("if that is not so, `docker rm -f {}` lets the next try begin", labels::lock(name))),
    }
}
