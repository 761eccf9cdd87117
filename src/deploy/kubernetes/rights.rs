//! What a deploy needs to be allowed, asked before anything is touched.

use futures_util::future::try_join_all;
use serde_json::json;

use super::{Site, kind::Kind};
use crate::deploy::DeployError;

/// A kind, what of it, and what is done with it.
pub(super) type Need = (Kind, &'static str, &'static [&'static str]);

/// Of a deployment that runs as a Deployment.
const NEEDS: &[Need] = &[
    (Kind::Deployment, "", ALL),
    (Kind::ReplicaSet, "", &["list", "delete"]),
    (Kind::Pod, "", &["list", "create", "delete"]),
    (Kind::Pod, "log", &["get"]),
    // Which of them it takes depends on the cluster: that by which a WebSocket is opened, or what it is opened for.
    (Kind::Pod, "portforward", &["get", "create"]),
    (Kind::Secret, "", &["get", "list", "create", "delete"]),
    (Kind::ConfigMap, "", &["get", "list", "create", "delete"]),
    (Kind::Service, "", ALL),
    (Kind::ServiceAccount, "", ALL),
    (Kind::NetworkPolicy, "", ALL),
];

/// Needed by who asks for one.
const OPTIONAL: &[Kind] = &[Kind::Ingress, Kind::PersistentVolumeClaim];
pub(super) const ALL: &[&str] = &["get", "list", "create", "patch", "delete"];

/// What the Deployment of these kinds needs, which are made or taken away.
pub(super) fn needs(kinds: &[Kind]) -> Vec<Need> {
    let more = OPTIONAL.iter().filter(|kind| kinds.contains(kind)).map(|kind| (*kind, "", ALL));
    NEEDS.iter().copied().chain(more).collect()
}

impl Site {
    /// # Errors
    /// All that is not allowed, in one message.
    pub(super) async fn allowed(&self, namespace: &str, needs: &[Need]) -> Result<(), DeployError> {
        let all = needs.iter().flat_map(|(kind, part, verbs)| verbs.iter().map(move |verb| (*kind, *part, *verb)));
        let asked = all.map(|(kind, part, verb)| async move {
            let attributes = json!({
                "namespace": namespace,
                "verb": verb,
                "group": kind.group(),
                "resource": kind.plural(),
                "subresource": part,
            });
            let of = if part.is_empty() { kind.plural().to_owned() } else { format!("{}/{part}", kind.plural()) };
            Ok::<_, DeployError>((!self.cluster.may(&attributes).await?).then_some((of, verb)))
        });
        let lacking: Vec<(String, &str)> = try_join_all(asked).await?.into_iter().flatten().collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let mut shown: Vec<String> = vec![];
        for (of, verb) in lacking {
            match shown.last_mut().filter(|last| last.starts_with(&format!("{of} ("))) {
                Some(last) => last.insert_str(last.len() - 1, &format!(", {verb}")),
                None => shown.push(format!("{of} ({verb})")),
            }
        }
        Err(DeployError::Failed {
            what: format!("you may not do all that this takes in the namespace `{namespace}`: {}", shown.join(", ")),
            hint: Some("ask for a role in that namespace with these verbs; none is needed beyond it".to_owned()),
        })
    }

    /// # Errors
    /// None of that name.
    pub(super) async fn namespace_is_there(&self, namespace: &str) -> Result<(), DeployError> {
        if self.cluster.has_namespace(namespace).await? {
            return Ok(());
        }
        if self.create_namespace {
            return self.cluster.make_namespace(namespace).await;
        }
        Err(DeployError::Usage {
            what: format!("there is no namespace `{namespace}`"),
            hint: format!(
                "`kubectl create namespace {namespace}` makes it, and so does `create_namespace: true` below \
                 `deploy.{}`",
                self.target.name()
            ),
        })
    }
}
