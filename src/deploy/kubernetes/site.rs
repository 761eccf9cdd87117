//! A cluster as one user has it, whatever there runs the agent.

use std::{path::PathBuf, sync::Arc};

use super::{
    cluster::Cluster,
    config,
    kind::Kind,
    labels::{self, Target},
    manifests::Whose,
    observe::secrets,
};
use crate::{
    config::{Env, FileLock, SERVE_TOKEN, Secret},
    deploy::{DeployError, Deployment, Interrupt, plan::Observed},
    runtime::http::Http,
};

/// The cluster of the current context.
pub(super) struct Site {
    pub(super) target: Target,
    pub(super) cluster: Cluster,
    /// By which a client can be made elsewhere.
    pub(super) config: kube::Config,
    /// Of the context.
    pub(super) namespace: String,
    pub(super) env: Env,
    pub(super) http: Arc<Http>,
    /// Where locks are.
    state: PathBuf,
    /// Whether a namespace that is missing is made.
    pub(super) create_namespace: bool,
    pub(super) interrupt: Interrupt,
}

impl Site {
    /// # Errors
    /// No kubeconfig, or one that cannot be used. Asks nobody.
    pub(super) async fn open(
        target: Target,
        env: &Env,
        http: &Arc<Http>,
        state: PathBuf,
        interrupt: Interrupt,
    ) -> Result<Self, DeployError> {
        let (cluster, config) = config::open(env, http).await?;
        Ok(Self {
            target,
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

    /// Namespace and name of `NAMESPACE/NAME`, or of a name in the context's namespace.
    pub(super) fn split<'a>(&'a self, place: &'a str) -> (&'a str, &'a str) {
        place.split_once('/').unwrap_or((&self.namespace, place))
    }

    pub(super) fn whose<'a>(&self, namespace: &'a str, name: &'a str, revision: u32) -> Whose<'a> {
        Whose { target: self.target, namespace, name, revision }
    }

    /// Keeps others of this machine from changing the same deployment; other machines meet at the names of Secrets.
    pub(super) fn lock(&self, (namespace, name): (&str, &str)) -> Result<FileLock, DeployError> {
        let path = self.state.join("deploy").join(format!("{}-{namespace}-{name}.lock", self.target.name()));
        let held =
            FileLock::try_acquire(&path).map_err(DeployError::io(format!("use the lock `{}`", path.display())))?;
        held.ok_or_else(|| DeployError::Failed {
            what: format!("`{}` is just being changed by another command", self.target.id(namespace, name)),
            hint: Some("try again when it is done; `agentscope status` shows the deployment".to_owned()),
        })
    }

    /// As everything that is addressed and not there.
    pub(super) fn missing(&self, namespace: &str, name: &str) -> DeployError {
        DeployError::NotFound {
            what: format!("there is no deployment `{}`", self.target.id(namespace, name)),
            hint: "`agentscope list` shows those that exist".to_owned(),
        }
    }

    /// What is told of a deployment after something was done to it.
    pub(super) fn told(&self, (namespace, name): (&str, &str), observed: Observed, changed: bool) -> Deployment {
        let current = observed.current().map_or(0, |revision| revision.number);
        let token_ref = format!("secret {namespace}/{}, {SERVE_TOKEN}", labels::revision(name, current));
        Deployment { observed, token_ref, changed }
    }

    /// The token of a revision; 0 is that of a deployment that is not there.
    pub(super) async fn token(&self, (namespace, name): (&str, &str), revision: u32) -> Result<Secret, DeployError> {
        if revision == 0 {
            return Err(self.missing(namespace, name));
        }
        let secret = labels::revision(name, revision);
        let found = self.cluster.get(Kind::Secret, namespace, &secret).await?;
        found.as_ref().and_then(|found| secrets(found).remove(SERVE_TOKEN)).ok_or_else(|| DeployError::Failed {
            what: format!("the secret `{namespace}/{secret}` has no token"),
            hint: Some("`agentscope deploy` gives it one".to_owned()),
        })
    }
}
