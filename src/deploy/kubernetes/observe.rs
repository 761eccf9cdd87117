//! What the cluster says of our objects.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::{
    Kubernetes, Site,
    kind::Kind,
    labels::{self, Target},
    manifests::objects,
    pods,
    spec::Spec,
};
use crate::{
    config::Secret,
    deploy::{
        DeployError,
        plan::{Change, Observed, Revision, State, fingerprint},
    },
};

/// Everything of one deployment that matters.
pub(super) struct There {
    pub(super) deployment: Option<Value>,
    /// Those of the Deployment, each a revision.
    pub(super) sets: Vec<Value>,
    pub(super) pods: Vec<Value>,
    pub(super) ingress: Option<Value>,
    pub(super) service: Option<Value>,
}

impl There {
    /// The revision that is wanted now; 0 where there is none.
    pub(super) fn current(&self) -> u32 {
        self.deployment.as_ref().map_or(0, |deployment| number(&deployment["spec"]["template"]))
    }

    /// The last revision that answered.
    pub(super) fn proved(&self) -> Option<u32> {
        labels::annotation(self.deployment.as_ref()?, labels::PROVED).parse().ok()
    }

    /// The revisions to go back to: who asks for none by its number gets one that has answered. While a revision is the
    /// wanted one, the cluster gives its ReplicaSet what the Deployment is marked with.
    pub(super) fn answered(&self, to: Option<u32>) -> Vec<u32> {
        let fits = |set: &&Value| to.is_some() || labels::annotation(set, labels::PROVED) == number(set).to_string();
        self.sets.iter().filter(fits).map(number).collect()
    }

    /// Whether the Ingress is one that a deploy made.
    pub(super) fn has_ingress(&self, name: &str) -> bool {
        self.ingress.as_ref().is_some_and(|ingress| labels::is_ours(Target::Kubernetes, ingress, name))
    }

    /// The template of a revision, as its ReplicaSet remembers it.
    pub(super) fn template(&self, revision: u32) -> Option<&Value> {
        let set = self.sets.iter().find(|set| number(set) == revision);
        set.map(|set| &set["spec"]["template"])
    }

    /// What was asked of a revision.
    pub(super) fn spec(&self, revision: u32) -> Option<Spec> {
        let template = match &self.deployment {
            Some(deployment) if revision == self.current() => &deployment["spec"]["template"],
            _ => self.template(revision)?,
        };
        serde_json::from_str(labels::annotation(template, labels::SPEC)).ok()
    }
}

/// The number of the revision that an object is of, or 0.
pub(super) fn number(object: &Value) -> u32 {
    labels::label(object, labels::REVISION).parse().unwrap_or_default()
}

impl Kubernetes {
    /// # Errors
    /// A cluster that cannot be asked; a Deployment of the name that is not ours.
    pub(super) async fn there(&self, namespace: &str, name: &str) -> Result<There, DeployError> {
        let deployment = self.site.cluster.get(Kind::Deployment, namespace, name).await?;
        if let Some(found) = deployment.as_ref().filter(|found| !labels::is_ours(Target::Kubernetes, found, name)) {
            return Err(not_ours(Kind::Deployment, found));
        }
        let ours = labels::ours(Target::Kubernetes, Some(name));
        let (sets, pods, ingress, service) = tokio::try_join!(
            self.site.cluster.list(Kind::ReplicaSet, Some(namespace), &ours),
            self.site.cluster.list(Kind::Pod, Some(namespace), &ours),
            self.ingress(namespace, name),
            self.site.cluster.get(Kind::Service, namespace, name),
        )?;
        Ok(There { deployment, sets, pods, ingress, service })
    }

    /// None for who may not see it: only who asks for one needs that.
    pub(super) async fn ingress(&self, namespace: &str, name: &str) -> Result<Option<Value>, DeployError> {
        self.site.cluster.see(Kind::Ingress, namespace, name).await
    }

    /// What differs between what was sent and what is there.
    pub(super) async fn drift(&self, namespace: &str, name: &str, there: &There) -> Result<Vec<Change>, DeployError> {
        let revision = there.current();
        let Some(spec) = there.spec(revision) else { return Ok(vec![]) };
        let sent = objects(&spec, self.site.whose(namespace, name, revision))?;
        let asked = sent.iter().map(|(kind, object)| async move {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            Ok::<_, DeployError>(match kind {
                Kind::Deployment => there.deployment.clone(),
                Kind::Ingress => there.ingress.clone(),
                Kind::Service => there.service.clone(),
                kind => self.site.cluster.get(*kind, namespace, name).await?,
            })
        });
        let is = try_join_all(asked).await?;
        let mut changes = vec![];
        for ((kind, sent), is) in sent.iter().zip(is) {
            match is {
                Some(is) => differences(kind.name(), sent, &is, &mut changes),
                None => changes.push(Change {
                    what: kind.name().to_owned(),
                    from: sent["metadata"]["name"].as_str().map(str::to_owned),
                    to: None,
                }),
            }
        }
        // One that nobody asks for any more still leads callers here.
        if spec.ingress.is_none() && there.has_ingress(name) {
            changes.push(Change { what: Kind::Ingress.name().to_owned(), from: None, to: Some(name.to_owned()) });
        }
        // One that was let rest was not changed by hand.
        changes.retain(|change| !(change.what == "Deployment.spec.replicas" && change.to.as_deref() == Some("0")));
        Ok(changes)
    }

    /// Every deployment of ours, in all namespaces or, for who may not see those, in that of the context.
    pub(super) async fn everywhere(&self) -> Result<Vec<Observed>, DeployError> {
        let all = self.site.cluster.may_list_all(Kind::Deployment).await?;
        let scope = (!all).then_some(self.site.namespace.as_str());
        let ours = labels::ours(Target::Kubernetes, None);
        let deployments = self.site.cluster.list(Kind::Deployment, scope, &ours).await?;
        let (sets, pods, ingresses, services) = tokio::try_join!(
            self.site.cluster.list(Kind::ReplicaSet, scope, &ours),
            self.site.cluster.list(Kind::Pod, scope, &ours),
            async { Ok(self.site.cluster.list(Kind::Ingress, scope, &ours).await.unwrap_or_default()) },
            self.site.cluster.list(Kind::Service, scope, &ours),
        )?;
        let same = |one: &Value, other: &Value| {
            one["metadata"]["namespace"] == other["metadata"]["namespace"]
                && labels::label(one, Target::Kubernetes.label()) == labels::label(other, Target::Kubernetes.label())
        };
        let of = |all: &[Value], deployment: &Value| {
            all.iter().filter(|one| same(one, deployment)).cloned().collect::<Vec<_>>()
        };
        let observed = deployments.iter().map(|deployment| {
            let there = There {
                deployment: Some(deployment.clone()),
                sets: of(&sets, deployment),
                pods: of(&pods, deployment),
                ingress: of(&ingresses, deployment).pop(),
                service: of(&services, deployment).pop(),
            };
            let namespace = deployment["metadata"]["namespace"].as_str().unwrap_or_default();
            self::observed(namespace, labels::label(deployment, Target::Kubernetes.label()), &there)
        });
        Ok(observed.collect())
    }
}

impl Site {
    /// The secrets of a revision; none for who may not see them.
    pub(super) async fn secrets(&self, namespace: &str, name: &str, revision: u32) -> BTreeMap<String, Secret> {
        let found = self.cluster.get(Kind::Secret, namespace, &labels::revision(name, revision)).await;
        found.ok().flatten().map(|found| secrets(&found)).unwrap_or_default()
    }
}

/// What is in a Secret.
pub(super) fn secrets(secret: &Value) -> BTreeMap<String, Secret> {
    let data = secret["data"].as_object().into_iter().flatten();
    data.filter_map(|(key, value)| {
        let bytes = STANDARD.decode(value.as_str()?).ok()?;
        Some((key.clone(), String::from_utf8(bytes).ok()?.into()))
    })
    .collect()
}

/// # Errors
/// What nobody here made is not taken over.
pub(super) fn not_ours(kind: Kind, found: &Value) -> DeployError {
    let of = |key: &str| found["metadata"][key].as_str().unwrap_or_default();
    DeployError::Usage {
        what: format!("the namespace `{}` has a {} `{}` that no deploy made", of("namespace"), kind.name(), of("name")),
        hint: "choose another name with `--name`".to_owned(),
    }
}

/// Every value of `sent` that `is` has not; what `is` has besides is the cluster's own.
pub(super) fn differences(at: &str, sent: &Value, is: &Value, out: &mut Vec<Change>) {
    match sent {
        Value::Object(sent) => {
            sent.iter().for_each(|(key, sent)| differences(&format!("{at}.{key}"), sent, &is[key], out))
        }
        Value::Array(sent) => {
            for (index, sent) in sent.iter().enumerate() {
                differences(&format!("{at}.{index}"), sent, &is[index], out);
            }
        }
        sent if sent == is => {}
        sent => out.push(Change { what: at.to_owned(), from: text(sent), to: text(is) }),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// What there is of one deployment.
pub(super) fn observed(namespace: &str, name: &str, there: &There) -> Observed {
    let current = there.current();
    let mut numbers: BTreeSet<u32> = there.sets.iter().map(number).filter(|number| *number > 0).collect();
    if current > 0 {
        numbers.insert(current);
    }
    let revisions: Vec<Revision> = numbers.iter().map(|number| revision(*number, there)).collect();
    let state = revisions.iter().find(|revision| revision.current).map_or(State::Stopped, |revision| revision.state);
    Observed {
        id: Target::Kubernetes.id(namespace, name),
        name: name.to_owned(),
        target: Target::Kubernetes.name(),
        state,
        url: url(there),
        revisions,
        drift: vec![],
    }
}

fn revision(number: u32, there: &There) -> Revision {
    let set = there.sets.iter().find(|set| self::number(set) == number);
    let current = number == there.current();
    let source = set.or(there.deployment.as_ref());
    let spec = there.spec(number);
    let (state, detail) = state(number, current, there);
    Revision {
        number,
        current,
        state,
        created: source.map_or(0, |source| seconds(&source["metadata"]["creationTimestamp"])),
        agent_hash: spec.as_ref().map(|spec| spec.program.agent_hash.clone()).unwrap_or_default(),
        spec: spec.map(|spec| spec.to_value()).unwrap_or_default(),
        secrets: BTreeMap::new(),
        detail,
    }
}

/// How a revision is, of its pods, and in words.
fn state(number: u32, current: bool, there: &There) -> (State, String) {
    let wanted = there.deployment.as_ref().and_then(|deployment| deployment["spec"]["replicas"].as_u64()).unwrap_or(1);
    let pods: Vec<&Value> =
        there.pods.iter().filter(|pod| self::number(pod) == number && !pods::is_leaving(pod)).collect();
    if pods.is_empty() && (!current || wanted == 0) {
        return (State::Stopped, String::new());
    }
    let ready = pods.iter().filter(|pod| pods::is_ready(pod)).count() as u64;
    let detail = format!("{ready} of {wanted} ready");
    if let Some(trouble) = pods.iter().find_map(|pod| pods::trouble(pod)) {
        return (if ready > 0 { State::Running } else { State::Failing }, format!("{detail}: {}", trouble.what));
    }
    (if ready > 0 { State::Running } else { State::Starting }, detail)
}

/// Where callers beyond the cluster reach it.
fn url(there: &There) -> Option<String> {
    if let Some(rule) = there.ingress.as_ref().map(|ingress| &ingress["spec"]) {
        let scheme = if rule["tls"].is_array() { "https" } else { "http" };
        return Some(format!("{scheme}://{}", rule["rules"][0]["host"].as_str()?));
    }
    let service = there.service.as_ref()?;
    let address = &service["status"]["loadBalancer"]["ingress"][0];
    let host = address["hostname"].as_str().or(address["ip"].as_str())?;
    Some(format!("http://{host}"))
}

/// Of a time as the API writes it.
pub(super) fn seconds(time: &Value) -> i64 {
    time.as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok()).map_or(0, jiff::Timestamp::as_second)
}

/// So that a plan can tell which secrets are others.
pub(super) fn with_secrets(observed: &mut Observed, secrets: &BTreeMap<String, Secret>) {
    if let Some(current) = observed.revisions.iter_mut().find(|revision| revision.current) {
        let ours = |name: &str| name == crate::config::SERVE_TOKEN;
        current.secrets = secrets
            .iter()
            .filter(|(name, _)| !ours(name))
            .map(|(name, secret)| (name.clone(), fingerprint(secret)))
            .collect();
    }
}
