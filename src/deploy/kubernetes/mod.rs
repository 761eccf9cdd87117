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
mod forward;
mod history;
mod kind;
mod labels;
mod logs;
mod manifests;
mod observe;
mod patch;
mod pod;
mod pods;
mod rights;
mod rollout;
mod spec;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;

use self::{cluster::Cluster, kind::Kind, manifests::Whose, observe::There};
use super::{
    DeployError, DeployRequest, Deployer, Deployment, Follow, Forward, Interrupt, LogStream, Progress, Purge,
    plan::{Desired, Observed, Plan},
};
use crate::{
    config::{Env, FileLock, SERVE_TOKEN, Secret},
    runtime::http::Http,
};

pub use config::is_known;

/// The cluster of the current context.
pub struct Kubernetes {
    cluster: Cluster,
    /// By which a client can be made elsewhere.
    config: kube::Config,
    /// Of the context.
    namespace: String,
    env: Env,
    http: Arc<Http>,
    /// Where locks are.
    state: PathBuf,
    /// Whether a namespace that is missing is made.
    create_namespace: bool,
    interrupt: Interrupt,
}

impl Kubernetes {
    /// # Errors
    /// No kubeconfig, or one that cannot be used. Asks nobody.
    pub async fn open(env: &Env, http: &Arc<Http>, state: PathBuf, interrupt: Interrupt) -> Result<Self, DeployError> {
        let (cluster, config) = config::open(env, http).await?;
        Ok(Self {
            cluster,
            namespace: config.default_namespace.clone(),
            config,
            env: env.clone(),
            http: Arc::clone(http),
            state,
            create_namespace: false,
            interrupt,
        })
    }

    /// The same, which makes the namespace where it is missing.
    #[must_use]
    pub fn creating_namespace(self, create_namespace: bool) -> Self {
        Self { create_namespace, ..self }
    }

    /// The namespace of the context.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Namespace and name of `NAMESPACE/NAME`, or of a name in the context's namespace.
    fn split<'a>(&'a self, place: &'a str) -> (&'a str, &'a str) {
        place.split_once('/').unwrap_or((&self.namespace, place))
    }

    /// Keeps others of this machine from changing the same deployment; other machines meet at the names of Secrets.
    fn lock(&self, (namespace, name): (&str, &str)) -> Result<FileLock, DeployError> {
        let path = self.state.join("deploy").join(format!("kubernetes-{namespace}-{name}.lock"));
        let held =
            FileLock::try_acquire(&path).map_err(DeployError::io(format!("use the lock `{}`", path.display())))?;
        held.ok_or_else(|| DeployError::Failed {
            what: format!("`kubernetes/{namespace}/{name}` is just being changed by another command"),
            hint: Some("try again when it is done; `agentscope status` shows the deployment".to_owned()),
        })
    }

    /// What there is, with what was changed by hand and what tells its secrets from others.
    async fn look(&self, namespace: &str, name: &str, there: &There) -> Result<Observed, DeployError> {
        let mut observed = observe::observed(namespace, name, there);
        observed.drift = self.drift(namespace, name, there).await?;
        let secrets = self.secrets(namespace, name, there.current()).await;
        observe::with_secrets(&mut observed, &secrets);
        Ok(observed)
    }

    async fn deployment(&self, (namespace, name): (&str, &str), changed: bool) -> Result<Deployment, DeployError> {
        let there = self.there(namespace, name).await?;
        let observed = observe::observed(namespace, name, &there);
        let secret = labels::revision(name, there.current());
        let token_ref = format!("secret {namespace}/{secret}, {SERVE_TOKEN}");
        Ok(Deployment { observed, token_ref, changed })
    }
}

/// As everything that is addressed and not there.
fn missing(namespace: &str, name: &str) -> DeployError {
    DeployError::NotFound {
        what: format!("there is no deployment `kubernetes/{namespace}/{name}`"),
        hint: "`agentscope list` shows those that exist".to_owned(),
    }
}

#[async_trait]
impl Deployer for Kubernetes {
    fn target(&self) -> &'static str {
        labels::TARGET
    }

    fn render(&self, request: &DeployRequest) -> Result<Desired, DeployError> {
        spec::desired(request)
    }

    fn manifests(&self, plan: &Plan) -> Result<Option<Vec<Value>>, DeployError> {
        let (namespace, name) = self.split(plan.observed.place());
        manifests::shown(&plan.desired, Whose { namespace, name, revision: plan.revision() }).map(Some)
    }

    async fn observe(&self, place: &str) -> Result<Observed, DeployError> {
        let (namespace, name) = self.split(place);
        let there = self.there(namespace, name).await?;
        self.look(namespace, name, &there).await
    }

    async fn apply(&self, plan: Plan, patience: Duration, progress: &dyn Progress) -> Result<Deployment, DeployError> {
        let place = plan.observed.place().to_owned();
        let place = self.split(&place);
        let _lock = self.lock(place)?;
        let changed = self.make(place, plan, patience, progress).await?;
        self.deployment(place, changed).await
    }

    async fn list(&self) -> Result<Vec<Observed>, DeployError> {
        self.everywhere().await
    }

    async fn logs(&self, place: &str, lines: Option<u32>, follow: Follow) -> Result<LogStream, DeployError> {
        let (namespace, name) = self.split(place);
        self.log(namespace, name, lines, follow).await
    }

    async fn token(&self, place: &str) -> Result<Secret, DeployError> {
        let (namespace, name) = self.split(place);
        let current = self.there(namespace, name).await?.current();
        if current == 0 {
            return Err(missing(namespace, name));
        }
        let secret = labels::revision(name, current);
        let found = self.cluster.get(Kind::Secret, namespace, &secret).await?;
        found.as_ref().and_then(|found| observe::secrets(found).remove(SERVE_TOKEN)).ok_or_else(|| {
            DeployError::Failed {
                what: format!("the secret `{namespace}/{secret}` has no token"),
                hint: Some("`agentscope deploy` gives it one".to_owned()),
            }
        })
    }

    async fn reach(&self, place: &str) -> Result<Option<Forward>, DeployError> {
        let (namespace, name) = self.split(place);
        self.forward(namespace, name).await.map(Some)
    }

    async fn rollback(
        &self,
        place: &str,
        to: Option<u32>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<Deployment, DeployError> {
        let place = self.split(place);
        let _lock = self.lock(place)?;
        self.back(place, to, patience, progress).await?;
        self.deployment(place, true).await
    }

    async fn stop(&self, place: &str) -> Result<(), DeployError> {
        let place = self.split(place);
        let _lock = self.lock(place)?;
        self.interrupt.or(self.halt(place.0, place.1)).await
    }

    async fn remove(&self, place: &str, purge: Purge) -> Result<(), DeployError> {
        let place = self.split(place);
        let lock = self.lock(place)?;
        self.interrupt.or(self.clear(place.0, place.1, purge)).await?;
        lock.remove();
        Ok(())
    }
}
