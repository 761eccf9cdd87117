//! The target `kubernetes`: a deployment is a Deployment of the cluster, its revisions are the ReplicaSets of that.
//!
//! Labels and annotations are the record. Every ReplicaSet remembers in its template what its revision was asked to be;
//! its Secret, and the ConfigMap with the agent where the image does not hold it, are called `NAME-rN`, cannot be changed
//! and stay as long as it. The Deployment says which revision answered last: where a new one does not, that is the one
//! to go back to.

mod apply;
mod candidate;
mod cluster;
mod config;
mod container;
mod forward;
mod history;
mod keep;
mod kind;
mod knative;
mod labels;
mod logs;
mod manifests;
mod observe;
mod patch;
mod pod;
mod pods;
mod program;
mod rights;
mod rollout;
mod site;
mod spec;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;

use self::{labels::Target, observe::There, site::Site};
use super::{
    DeployError, DeployRequest, Deployer, Deployment, Follow, Forward, Interrupt, LogStream, Progress, Purge,
    plan::{Desired, Observed, Plan},
};
use crate::{
    config::{Env, Secret},
    runtime::http::Http,
};

pub use config::is_known;
pub use knative::Knative;

/// Deployments of the current context's cluster.
pub struct Kubernetes {
    site: Site,
}

impl Kubernetes {
    /// # Errors
    /// No kubeconfig, or one that cannot be used. Asks nobody.
    pub async fn open(env: &Env, http: &Arc<Http>, state: PathBuf, interrupt: Interrupt) -> Result<Self, DeployError> {
        Ok(Self { site: Site::open(Target::Kubernetes, env, http, state, interrupt).await? })
    }

    /// The same, which makes the namespace where it is missing.
    #[must_use]
    pub fn creating_namespace(mut self, create_namespace: bool) -> Self {
        self.site.create_namespace = create_namespace;
        self
    }

    /// The namespace of the context.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.site.namespace
    }

    /// What there is, with what was changed by hand and what tells its secrets from others.
    async fn look(&self, namespace: &str, name: &str, there: &There) -> Result<Observed, DeployError> {
        let mut observed = observe::observed(namespace, name, there);
        observed.drift = self.drift(namespace, name, there).await?;
        let secrets = self.site.secrets(namespace, name, there.current()).await;
        observe::with_secrets(&mut observed, &secrets);
        Ok(observed)
    }

    async fn deployment(&self, place: (&str, &str), changed: bool) -> Result<Deployment, DeployError> {
        let there = self.there(place.0, place.1).await?;
        Ok(self.site.told(place, observe::observed(place.0, place.1, &there), changed))
    }
}

#[async_trait]
impl Deployer for Kubernetes {
    fn target(&self) -> &'static str {
        Target::Kubernetes.name()
    }

    fn render(&self, request: &DeployRequest) -> Result<Desired, DeployError> {
        spec::desired(request)
    }

    fn manifests(&self, plan: &Plan) -> Result<Option<Vec<Value>>, DeployError> {
        let (namespace, name) = self.site.split(plan.observed.place());
        manifests::shown(&plan.desired, self.site.whose(namespace, name, plan.revision())).map(Some)
    }

    async fn observe(&self, place: &str) -> Result<Observed, DeployError> {
        let (namespace, name) = self.site.split(place);
        let there = self.there(namespace, name).await?;
        self.look(namespace, name, &there).await
    }

    async fn apply(&self, plan: Plan, patience: Duration, progress: &dyn Progress) -> Result<Deployment, DeployError> {
        let place = plan.observed.place().to_owned();
        let place = self.site.split(&place);
        let _lock = self.site.lock(place)?;
        let changed = self.make(place, plan, patience, progress).await?;
        self.deployment(place, changed).await
    }

    async fn list(&self) -> Result<Vec<Observed>, DeployError> {
        self.everywhere().await
    }

    async fn logs(&self, place: &str, lines: Option<u32>, follow: Follow) -> Result<LogStream, DeployError> {
        let (namespace, name) = self.site.split(place);
        let there = self.there(namespace, name).await?;
        match there.current() {
            0 => Err(self.site.missing(namespace, name)),
            current => self.site.log(namespace, (&there.pods, current), lines, follow).await,
        }
    }

    async fn token(&self, place: &str) -> Result<Secret, DeployError> {
        let place = self.site.split(place);
        let there = self.there(place.0, place.1).await?;
        self.site.token(place, there.current()).await
    }

    async fn reach(&self, place: &str) -> Result<Option<Forward>, DeployError> {
        let place = self.site.split(place);
        let there = self.there(place.0, place.1).await?;
        let port = there.spec(there.current()).map(|spec| spec.program.port);
        self.site.forward(place, (&there.pods, there.current()), port).map(Some)
    }

    async fn rollback(
        &self,
        place: &str,
        to: Option<u32>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<Deployment, DeployError> {
        let place = self.site.split(place);
        let _lock = self.site.lock(place)?;
        self.back(place, to, patience, progress).await?;
        self.deployment(place, true).await
    }

    async fn stop(&self, place: &str) -> Result<(), DeployError> {
        let place = self.site.split(place);
        let _lock = self.site.lock(place)?;
        self.site.interrupt.or(self.halt(place.0, place.1)).await
    }

    async fn remove(&self, place: &str, purge: Purge) -> Result<(), DeployError> {
        let place = self.site.split(place);
        let lock = self.site.lock(place)?;
        self.site.interrupt.or(self.clear(place.0, place.1, purge)).await?;
        lock.remove();
        Ok(())
    }
}
