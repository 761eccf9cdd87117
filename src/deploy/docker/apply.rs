//! A new revision: proved where nobody reaches it, then put in the place of the old one.

use std::time::Duration;

use bollard::query_parameters::{CreateContainerOptionsBuilder, InspectContainerOptions};

use super::{
    Docker,
    body::{self, Role},
    inside, labels,
    observe::{self, Container},
    port::Port,
    secrets::Volumes,
};
use crate::{
    config::Secret,
    deploy::{
        Artefact, DeployError, Progress,
        engine::failed,
        plan::{self, Desired, Plan},
    },
    sandbox,
};

impl Docker {
    /// Makes what `plan` wants of what there is now; `false` where that is so already.
    pub(super) async fn make(
        &self,
        plan: Plan,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<bool, DeployError> {
        let name = plan.desired.name.clone();
        self.ours(&name).await?;
        let Some(plan) = self.to_do(&name, plan.desired).await? else { return Ok(false) };
        if let Some(Artefact::Image { image, name, cache }) = &plan.desired.artefact {
            let loading = async { self.engine.load(image, name, cache, progress).await.map(drop) };
            self.interrupt.or(loading).await?;
        }
        let image = plan.desired.spec["image"].as_str().unwrap_or_default().to_owned();
        self.alone(&name, &image, self.change(plan.desired, patience, progress)).await
    }

    /// What there is to do; nothing where all is as it should be.
    async fn to_do(&self, name: &str, desired: Desired) -> Result<Option<Plan>, DeployError> {
        let all = self.containers(Some(name)).await?;
        let plan = plan::diff(desired, self.with_drift(name, &all).await?);
        let unfinished = observe::current(name, &all).is_some_and(|current| current.name != labels::current(name));
        Ok((plan.changed() || unfinished).then_some(plan))
    }

    async fn change(&self, desired: Desired, patience: Duration, progress: &dyn Progress) -> Result<bool, DeployError> {
        let name = desired.name.clone();
        self.sweep(&name).await?;
        // Others may have changed it since it was planned.
        let Some(plan) = self.to_do(&name, desired).await? else { return Ok(false) };
        let all = self.containers(Some(&name)).await?;
        let current = observe::current(&name, &all);
        if let Some(current) = current.filter(|_| plan.keeps_revision()) {
            let port = inside::port(&plan.desired.spec);
            let named = all.iter().find(|container| container.name == labels::current(&name));
            self.swap(&name, named, (&current.name, port), patience, progress).await?;
            return Ok(true);
        }
        self.replace(&plan, current, patience, progress).await?;
        // What stays now goes with the next.
        let _ = self.prune(&name).await;
        Ok(true)
    }

    /// # Errors
    /// A container of the name that is not ours: it is not taken over.
    async fn ours(&self, name: &str) -> Result<(), DeployError> {
        let container = labels::current(name);
        match self.client().inspect_container(&container, None::<InspectContainerOptions>).await {
            Ok(found) => {
                let marks = found.config.and_then(|config| config.labels).unwrap_or_default();
                if marks.get(labels::NAME).is_some_and(|deployment| deployment == name) {
                    return Ok(());
                }
                Err(DeployError::Usage {
                    what: format!("the engine has a container `{container}` that no deploy made"),
                    hint: "choose another name with `--name`".to_owned(),
                })
            }
            Err(error) if sandbox::docker::is_status(&error, 404) => Ok(()),
            Err(error) => Err(failed("look for the container")(error)),
        }
    }

    async fn replace(
        &self,
        plan: &Plan,
        current: Option<&Container>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let (desired, number) = (&plan.desired, plan.revision());
        let name = desired.name.as_str();
        let token = match current {
            Some(current) => self.read_token(&current.name).await?,
            None => None,
        };
        let token = token.unwrap_or_else(new_token);
        let image = desired.spec["image"].as_str().unwrap_or_default();
        progress.step(&format!("making revision {number}"), None, None);
        let port = Port::of(desired, current, &self.containers(None).await?, self.engine.is_here());
        port.check()?;
        let made = async {
            // Of a deploy that was killed just here.
            self.drop_volume(&labels::secrets_volume(name, number)).await?;
            self.keep((name, number), image, &desired.secrets, &token).await?;
            self.prove(desired, number, patience, progress).await?;
            self.serve(desired, number, current, port, patience, progress).await
        };
        if let Err(error) = made.await {
            // What failed is not kept: the number is free again.
            let dropped = match self.drop_container(&labels::revision(name, number), Volumes::Keep).await {
                Ok(()) => self.drop_volume(&labels::secrets_volume(name, number)).await,
                Err(error) => Err(error),
            };
            return Err(match current {
                Some(_) if dropped.is_ok() => error.leaving("the old revision goes on as before"),
                _ => error.undone(dropped),
            });
        }
        Ok(())
    }

    /// At a port that another may take meanwhile, where it need not be this one.
    async fn serve(
        &self,
        desired: &Desired,
        number: u32,
        current: Option<&Container>,
        mut port: Port,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let name = desired.name.as_str();
        let new = labels::revision(name, number);
        loop {
            let role = Role::Serving { port: port.next()? };
            self.create(desired, number, &role).await?;
            match self.swap(name, current, (&new, inside::port(&desired.spec)), patience, progress).await {
                Err(DeployError::PortTaken { .. }) if port.may_be_another() => {
                    self.drop_container(&new, Volumes::Keep).await?;
                }
                other => return other,
            }
        }
    }

    async fn create(&self, desired: &Desired, number: u32, role: &Role) -> Result<(), DeployError> {
        let mut marks = body::marks(desired, number);
        let name = match role {
            Role::Serving { .. } => labels::revision(&desired.name, number),
            Role::Candidate => {
                marks.extend(self.step_marks(&desired.name, number));
                labels::candidate(&desired.name, number)
            }
        };
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        if let Role::Serving { port } = role {
            marks.insert(labels::PORT.to_owned(), port.to_string());
        }
        let body = body::container(desired, number, role, marks);
        self.client().create_container(Some(options), body).await.map(drop).map_err(failed("make the container"))
    }

    /// Tries the revision where nobody reaches it.
    async fn prove(
        &self,
        desired: &Desired,
        number: u32,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let candidate = labels::candidate(&desired.name, number);
        let port = inside::port(&desired.spec);
        let proved = async {
            self.create(desired, number, &Role::Candidate).await?;
            self.start(&candidate).await?;
            self.ready(&candidate, port, patience, progress).await?;
            match &desired.smoke {
                Some(smoke) => {
                    progress.step("asking it what `deploy.smoke` says", None, None);
                    self.interrupt.or(self.smoke(&candidate, port, smoke, patience)).await
                }
                None => Ok(()),
            }
        }
        .await;
        let dropped = self.drop_container(&candidate, Volumes::Drop).await;
        // What is left of one that failed the next deploy sweeps away.
        proved.and(dropped)
    }
}

fn new_token() -> Secret {
    sandbox::Token::random().expose().into()
}
