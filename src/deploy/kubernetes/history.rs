//! Revisions that were: one of them again, none of them any more.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Kubernetes, Site,
    kind::{Kind, NAMED},
    labels::{self, Role, Target},
    manifests::{Whose, objects},
    observe::There,
    rights::needs,
    rollout::Questions,
};
use crate::{
    config::SERVE_TOKEN,
    deploy::{DeployError, Progress, Purge},
};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// Longer than pods have to end.
const ENDING: Duration = Duration::from_secs(60);

impl Kubernetes {
    /// Lets a revision be the wanted one, with the very template that it had: the cluster knows its ReplicaSet by that.
    pub(super) async fn turn_to(&self, whose: Whose<'_>, there: &There) -> Result<(), DeployError> {
        let lost = || DeployError::Failed {
            what: format!("the cluster does not remember what revision {} was", whose.revision),
            hint: Some("`agentscope deploy` makes a new one".to_owned()),
        };
        let spec = there.spec(whose.revision).ok_or_else(lost)?;
        let template = if whose.revision == there.current() {
            there.deployment.as_ref().map(|deployment| &deployment["spec"]["template"])
        } else {
            there.template(whose.revision)
        };
        let mut template = template.ok_or_else(lost)?.clone();
        if let Some(marks) = template["metadata"]["labels"].as_object_mut() {
            marks.remove("pod-template-hash");
        }
        for (kind, mut object) in objects(&spec, whose)? {
            if kind == Kind::Deployment {
                object["spec"]["template"] = template.clone();
            }
            self.site.cluster.apply(kind, &object).await?;
        }
        Ok(())
    }

    /// Takes away the Ingress that this revision did not ask for. Who may not see one has made none.
    pub(super) async fn end_ingress(&self, whose: Whose<'_>, there: &There) -> Result<(), DeployError> {
        let Whose { namespace, name, revision, .. } = whose;
        if there.spec(revision).is_none_or(|spec| spec.ingress.is_some()) {
            return Ok(());
        }
        match self.ingress(namespace, name).await? {
            Some(found) if labels::is_ours(Target::Kubernetes, &found, name) => {
                self.site.cluster.delete(Kind::Ingress, namespace, name).await
            }
            _ => Ok(()),
        }
    }

    /// Lets an earlier revision serve again.
    pub(super) async fn back(
        &self,
        (namespace, name): (&str, &str),
        to: Option<u32>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let there = self.there(namespace, name).await?;
        let current = there.current();
        if current == 0 {
            return Err(self.site.missing(namespace, name));
        }
        let kinds: &[Kind] = if there.has_ingress(name) { &[Kind::Ingress] } else { &[] };
        self.site.allowed(namespace, &needs(kinds)).await?;
        let revision =
            earlier(&Target::Kubernetes.id(namespace, name), to, there.current(), there.answered(to).into_iter())?;
        let whose = self.site.whose(namespace, name, revision);
        let secrets = self.site.secrets(namespace, name, revision).await;
        let token = secrets.get(SERVE_TOKEN).cloned().ok_or_else(|| DeployError::Failed {
            what: format!("the secrets of revision {revision} are not there any more"),
            hint: Some("`agentscope deploy` makes a new revision".to_owned()),
        })?;
        self.site.interrupt.check()?;
        progress.step(&format!("going back to revision {revision}"), None, None);
        self.turn_to(whose, &there).await?;
        let spec = there.spec(revision);
        let (port, replicas) = spec.map_or((0, 1), |spec| (spec.program.port, spec.replicas));
        let questions = Questions { role: Role::Serving, port, replicas, token: &token, smoke: None };
        match self.site.watch(whose, &questions, patience, progress).await {
            Ok(()) => {
                self.answered(whose).await?;
                self.end_ingress(whose, &there).await
            }
            Err(error) => {
                let whose = Whose { revision: current, ..whose };
                self.turn_to(whose, &there).await?;
                self.end_ingress(whose, &there).await?;
                Err(error.leaving(format!("revision {current} goes on as before")))
            }
        }
    }

    /// Lets it rest; its revisions and what it keeps stay.
    pub(super) async fn halt(&self, namespace: &str, name: &str) -> Result<(), DeployError> {
        let there = self.there(namespace, name).await?;
        if there.deployment.is_none() {
            return Err(self.site.missing(namespace, name));
        }
        let none = json!({ "spec": { "replicas": 0 } });
        self.site.cluster.merge(Kind::Deployment, (namespace, name), &none).await?;
        self.site.ended(namespace, name).await
    }

    /// Removes all of it, and with `purge` what it kept.
    pub(super) async fn clear(&self, namespace: &str, name: &str, purge: Purge) -> Result<(), DeployError> {
        let mut found = self.everything(namespace, name).await?;
        if purge == Purge::No {
            found.retain(|(kind, _)| *kind != Kind::PersistentVolumeClaim);
        }
        self.site.take_away((namespace, name), found).await
    }

    /// What is ours, that callers come by first.
    async fn everything(&self, namespace: &str, name: &str) -> Result<Vec<(Kind, Value)>, DeployError> {
        let mut all = vec![];
        let ours = labels::ours(Target::Kubernetes, Some(name));
        for kind in NAMED.iter().rev().chain(&[Kind::Pod, Kind::Secret, Kind::ConfigMap]) {
            let found = match self.site.cluster.list(*kind, Some(namespace), &ours).await {
                // Who may make none has none.
                Err(_) if matches!(kind, Kind::Ingress | Kind::PersistentVolumeClaim) => vec![],
                found => found?,
            };
            all.extend(found.into_iter().map(|object| (*kind, object)));
        }
        Ok(all)
    }
}

impl Site {
    /// Removes what is `found` of a deployment, in this order, and waits until its pods have ended.
    ///
    /// # Errors
    /// Nothing of it.
    pub(super) async fn take_away(
        &self,
        (namespace, name): (&str, &str),
        found: Vec<(Kind, Value)>,
    ) -> Result<(), DeployError> {
        if found.is_empty() {
            return Err(self.missing(namespace, name));
        }
        for (kind, object) in found {
            let called = object["metadata"]["name"].as_str().unwrap_or_default();
            self.cluster.delete(kind, namespace, called).await?;
        }
        self.ended(namespace, name).await
    }

    /// Until no pod of it is left: they have some seconds to end what they do.
    pub(super) async fn ended(&self, namespace: &str, name: &str) -> Result<(), DeployError> {
        let started = Instant::now();
        loop {
            let pods = self.cluster.list(Kind::Pod, Some(namespace), &labels::ours(self.target, Some(name))).await?;
            if pods.is_empty() {
                return Ok(());
            }
            if started.elapsed() > ENDING {
                return Err(DeployError::Failed {
                    what: format!("the pods of `{}` do not end", self.target.id(namespace, name)),
                    hint: Some(format!("`kubectl get pods -n {namespace}` shows them: their node may be away")),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The revision to go back to: `to`, else the one before.
pub(super) fn earlier(
    id: &str,
    to: Option<u32>,
    current: u32,
    numbers: impl Iterator<Item = u32>,
) -> Result<u32, DeployError> {
    let mut numbers: Vec<u32> = numbers.filter(|number| *number > 0).collect();
    numbers.sort_unstable();
    let wanted = match to {
        Some(number) if number == current => {
            return Err(DeployError::Usage {
                what: format!("revision {number} of `{id}` is the current one"),
                hint: "`agentscope status` shows its revisions".to_owned(),
            });
        }
        Some(number) => numbers.into_iter().find(|there| *there == number),
        None => numbers.into_iter().rfind(|there| *there < current),
    };
    wanted.ok_or_else(|| DeployError::NotFound {
        what: match to {
            Some(number) => format!("`{id}` has no revision {number}"),
            None => format!("`{id}` has no revision before {current}"),
        },
        hint: "`agentscope status` shows those that there are".to_owned(),
    })
}
