//! Which cluster, and who asks: `KUBECONFIG`, else `~/.kube/config`, else the pod that this runs in.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use super::cluster::{Cluster, chain};
use crate::{config::Env, deploy::DeployError, runtime::http::Http};

/// What a pod is told of its cluster.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";
const IN_CLUSTER_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

const CONNECTING: Duration = Duration::from_secs(10);

/// The files that hold the contexts.
fn files(env: &Env) -> Vec<PathBuf> {
    match env.var("KUBECONFIG") {
        Some(list) => std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => env.var("HOME").map(|home| Path::new(home).join(".kube/config")).into_iter().collect(),
    }
}

/// Whether this machine knows of a cluster, which need not answer.
#[must_use]
pub fn is_known(env: &Env) -> bool {
    env.var("KUBECONFIG").is_some() || files(env).iter().any(|file| file.exists()) || in_cluster(env)
}

fn in_cluster(env: &Env) -> bool {
    env.var(IN_CLUSTER).is_some() && Path::new(IN_CLUSTER_TOKEN).exists()
}

/// The cluster, and how it is reached.
///
/// # Errors
/// No kubeconfig, or one that is wrong; `--offline` where it is not on this machine.
pub(super) async fn open(env: &Env, http: &Http) -> Result<(Cluster, Config), DeployError> {
    let mut config = read(env).await?;
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    http.permit(&server)?;
    config.connect_timeout = Some(CONNECTING);
    let mut roots = http.trusted()?;
    roots.extend(config.root_cert.take().unwrap_or_default());
    config.root_cert = Some(roots);
    let client = Client::try_from(config.clone()).map_err(|error| DeployError::Usage {
        what: format!("the kubeconfig cannot be used: {}", chain(&error)),
        hint: "look at the certificates and the user of its current context".to_owned(),
    })?;
    Ok((Cluster { client, server }, config))
}

async fn read(env: &Env) -> Result<Config, DeployError> {
    let mut all: Option<Kubeconfig> = None;
    for file in files(env).iter().map(|file| env.cwd.join(file)).filter(|file| file.exists()) {
        let wrong = |error: &dyn std::error::Error| DeployError::Usage {
            what: format!(
                "the kubeconfig `{}` cannot be read: {}",
                file.display(),
                chain(error).lines().next().unwrap_or_default()
            ),
            hint: "`kubectl config view` shows what is in it".to_owned(),
        };
        let read = Kubeconfig::read_from(&file).map_err(|error| wrong(&error))?;
        all = Some(match all {
            Some(before) => before.merge(read).map_err(|error| wrong(&error))?,
            None => read,
        });
    }
    match all {
        Some(read) => {
            let context = read.current_context.clone().unwrap_or_default();
            let names: Vec<String> = read.contexts.iter().map(|context| format!("`{}`", context.name)).collect();
            Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.map_err(|error| {
                DeployError::Usage {
                    what: format!("the context `{context}` of the kubeconfig cannot be used: {}", chain(&error)),
                    hint: format!(
                        "`kubectl config use-context` chooses one of those that it has: {}",
                        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
                    ),
                }
            })
        }
        None if in_cluster(env) => Config::incluster().map_err(|error| DeployError::Usage {
            what: format!("this pod cannot use its cluster: {}", chain(&error)),
            hint: "its service account has to be mounted".to_owned(),
        }),
        None => Err(missing(env)),
    }
}

fn missing(env: &Env) -> DeployError {
    DeployError::Usage {
        what: match env.var("KUBECONFIG") {
            Some(list) => format!("there is no kubeconfig `{list}`, which KUBECONFIG names"),
            None => "there is no kubeconfig: neither KUBECONFIG is set nor is there a `~/.kube/config`".to_owned(),
        },
        hint: "set KUBECONFIG to the file with the cluster's address and your login".to_owned(),
    }
}
