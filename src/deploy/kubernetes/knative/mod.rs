//! The target `knative`: a deployment is a Service of Knative (serving.knative.dev/v1), its revisions are those of that.
//!
//! Knative starts instances when calls come, ends them when none do, and forgets revisions that nobody is led to. So what
//! a revision was asked to be stands on its ConfigMap, which is called `NAME-rN` as its Secret is; a deployment that was
//! stopped is those. A new revision is led to when it has answered: until then all calls go where they went.

mod apply;
mod history;
mod manifests;
mod observe;
mod rollout;
mod spec;
mod traffic;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;

use self::{observe::There, spec::Spec};
use super::{
    kind::Kind,
    labels::Target,
    observe::with_secrets,
    rights::{ALL, Need},
    site::Site,
};
use crate::{
    config::{Env, Secret},
    deploy::{
        DeployError, DeployRequest, Deployer, Deployment, Follow, Forward, Interrupt, LogStream, Progress, Purge,
        plan::{Desired, Observed, Plan},
    },
    runtime::http::Http,
};

/// Those that carry the name of the deployment, in the order in which they are sent.
pub(super) const NAMED: &[Kind] = &[Kind::ServiceAccount, Kind::KnativeService];

const NEEDS: &[Need] = &[
    (Kind::KnativeService, "", ALL),
    (Kind::Revision, "", &["get", "list", "delete"]),
    (Kind::Pod, "", &["list", "delete"]),
    (Kind::Pod, "log", &["get"]),
    (Kind::Pod, "portforward", &["get", "create"]),
    (Kind::Secret, "", &["get", "list", "create", "delete"]),
    (Kind::ConfigMap, "", &["get", "list", "create", "patch", "delete"]),
    (Kind::ServiceAccount, "", ALL),
];

/// Deployments with Knative in the current context's cluster.
pub struct Knative {
    site: Site,
}

impl Knative {
    /// # Errors
    /// No kubeconfig, or one that cannot be used. Asks nobody.
    pub async fn open(env: &Env, http: &Arc<Http>, state: PathBuf, interrupt: Interrupt) -> Result<Self, DeployError> {
        Ok(Self { site: Site::open(Target::Knative, env, http, state, interrupt).await? })
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
    async fn look(&self, (namespace, name): (&str, &str), there: &There) -> Result<Observed, DeployError> {
        let mut observed = there.observed(namespace, name);
        observed.drift = self.drift((namespace, name), there).await?;
        let secrets = self.site.secrets(namespace, name, there.current()).await;
        with_secrets(&mut observed, &secrets);
        Ok(observed)
    }

    async fn deployment(&self, place: (&str, &str), changed: bool) -> Result<Deployment, DeployError> {
        let there = self.there(place).await?;
        Ok(self.site.told(place, there.observed(place.0, place.1), changed))
    }
}

#[async_trait]
impl Deployer for Knative {
    fn target(&self) -> &'static str {
        Target::Knative.name()
    }

    fn render(&self, request: &DeployRequest) -> Result<Desired, DeployError> {
        spec::desired(request)
    }

    fn manifests(&self, plan: &Plan) -> Result<Option<Vec<Value>>, DeployError> {
        let (namespace, name) = self.site.split(plan.observed.place());
        manifests::shown(plan, self.site.whose(namespace, name, plan.revision())).map(Some)
    }

    async fn observe(&self, place: &str) -> Result<Observed, DeployError> {
        let place = self.site.split(place);
        let there = self.there(place).await?;
        self.look(place, &there).await
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
        let place = self.site.split(place);
        let there = self.there(place).await?;
        match there.current() {
            0 => Err(self.site.missing(place.0, place.1)),
            current if !there.has_instance(current) => Err(DeployError::Failed {
                what: format!("`{}` has no instance now, and so no log", Target::Knative.id(place.0, place.1)),
                hint: Some("the next call starts one; `deploy.knative.scale.min` keeps some".to_owned()),
            }),
            current => self.site.log(place.0, (&there.pods, current), lines, follow).await,
        }
    }

    async fn token(&self, place: &str) -> Result<Secret, DeployError> {
        let place = self.site.split(place);
        let there = self.there(place).await?;
        self.site.token(place, there.current()).await
    }

    async fn reach(&self, place: &str) -> Result<Option<Forward>, DeployError> {
        let place = self.site.split(place);
        let there = self.there(place).await?;
        let port = there.spec(there.current()).map(|spec: Spec| spec.program.port);
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
        self.site.interrupt.or(self.halt(place)).await
    }

    async fn remove(&self, place: &str, _purge: Purge) -> Result<(), DeployError> {
        let place = self.site.split(place);
        let lock = self.site.lock(place)?;
        self.site.interrupt.or(self.clear(place)).await?;
        lock.remove();
        Ok(())
    }
}
