//! What the cluster says of our objects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    super::{
        kind::Kind,
        labels::{self, Target},
        observe::{differences, not_ours, number, seconds},
        pods,
    },
    Knative,
    manifests::{VISIBILITY, objects},
    spec::Spec,
    traffic::Traffic,
};
use crate::deploy::{
    DeployError,
    plan::{Change, Observed, Revision, State},
};

/// Of the record of the revision that was called when the deployment was stopped.
pub(super) const RESTS: &str = "agentscope.rests";

/// Everything of one deployment that matters.
#[derive(Default)]
pub(super) struct There {
    /// None where it is stopped.
    pub(super) service: Option<Value>,
    /// The ConfigMaps of revisions, those of a deploy that was killed too.
    records: Vec<Value>,
    /// As far as Knative remembers them.
    revisions: Vec<Value>,
    pub(super) pods: Vec<Value>,
}

impl There {
    /// Which revisions are called, as the Service was told.
    pub(super) fn traffic(&self, name: &str) -> Traffic {
        self.service.as_ref().map(|service| Traffic::read(service, name, self.latest())).unwrap_or_default()
    }

    /// The revision that the template of the Service makes, or 0.
    pub(super) fn latest(&self) -> u32 {
        self.service.as_ref().map_or(0, |service| number(&service["spec"]["template"]))
    }

    fn name(&self) -> &str {
        let one = self.service.as_ref().or(self.records.first());
        one.map_or("", |one| labels::label(one, Target::Knative.label()))
    }

    /// The revision that is wanted now; 0 where there is none.
    pub(super) fn current(&self) -> u32 {
        if self.service.is_some() {
            return self.traffic(self.name()).newest().unwrap_or_else(|| self.latest());
        }
        let proved = self.records.iter().filter(|record| is_marked(record, labels::PROVED));
        let rests = proved.clone().find(|record| is_marked(record, RESTS)).map(number);
        rests.or_else(|| proved.map(number).max()).unwrap_or_default()
    }

    pub(super) fn is_proved(&self, revision: u32) -> bool {
        self.record(revision).is_some_and(|record| is_marked(record, labels::PROVED))
    }

    pub(super) fn record(&self, revision: u32) -> Option<&Value> {
        self.records.iter().find(|record| number(record) == revision)
    }

    /// Those that count, oldest first: that have answered, or are called, or are about to.
    pub(super) fn numbers(&self) -> BTreeSet<u32> {
        let traffic = self.traffic(self.name());
        let counts = |record: &&Value| {
            let number = number(record);
            is_marked(record, labels::PROVED) || traffic.share(number) > 0 || number == self.latest()
        };
        self.records.iter().filter(counts).map(number).filter(|number| *number > 0).collect()
    }

    /// The revision before another that can be called, or else another.
    pub(super) fn besides(&self, revision: u32) -> Option<u32> {
        let mut all = self.numbers();
        all.retain(|number| self.service.is_some() && self.revision(*number).is_some());
        let before = all.range(..revision).next_back();
        before.or(all.range(revision + 1..).next_back()).copied()
    }

    /// What was asked of a revision.
    pub(super) fn spec(&self, revision: u32) -> Option<Spec> {
        serde_json::from_str(labels::annotation(self.record(revision)?, labels::SPEC)).ok()
    }

    pub(super) fn has_instance(&self, revision: u32) -> bool {
        self.pods.iter().any(|pod| number(pod) == revision && !pods::is_leaving(pod))
    }

    /// As Knative has it.
    pub(super) fn revision(&self, revision: u32) -> Option<&Value> {
        self.revisions.iter().find(|one| number(one) == revision)
    }

    pub(super) fn observed(&self, namespace: &str, name: &str) -> Observed {
        let current = self.current();
        let revisions: Vec<Revision> = self.numbers().into_iter().map(|number| self.told(number, name)).collect();
        let state =
            revisions.iter().find(|revision| revision.number == current).map_or(State::Stopped, |one| one.state);
        Observed {
            id: Target::Knative.id(namespace, name),
            name: name.to_owned(),
            target: Target::Knative.name(),
            state,
            url: self.url(),
            revisions,
            drift: vec![],
        }
    }

    fn told(&self, number: u32, name: &str) -> Revision {
        let share = self.traffic(name).share(number);
        let spec = self.spec(number).map(|spec| match self.besides(number) {
            Some(_) if share > 0 => Spec { traffic: share, ..spec },
            // Alone it has all of them, whatever it should have.
            _ => spec,
        });
        let (state, detail) = self.state(number, share);
        let created = self.record(number).map_or(0, |record| seconds(&record["metadata"]["creationTimestamp"]));
        Revision {
            number,
            current: number == self.current(),
            state,
            created,
            agent_hash: spec.as_ref().map(|spec| spec.program.agent_hash.clone()).unwrap_or_default(),
            spec: spec.map(|spec| spec.to_value()).unwrap_or_default(),
            secrets: BTreeMap::new(),
            detail,
        }
    }

    /// How a revision is, of what Knative says and of its pods, and in words.
    fn state(&self, number: u32, share: u32) -> (State, String) {
        if self.service.is_none() || share == 0 && number != self.latest() {
            return (State::Stopped, String::new());
        }
        let mut pods: Vec<&Value> = self.pods.iter().filter(|pod| self::number(pod) == number).collect();
        pods.retain(|pod| !pods::is_leaving(pod));
        let ready = pods.iter().filter(|pod| pods::is_ready(pod)).count();
        let instances = match ready {
            0 => "no instance now".to_owned(),
            1 => "1 instance ready".to_owned(),
            ready => format!("{ready} instances ready"),
        };
        let detail = if share == 100 { instances } else { format!("{share} % of the calls, {instances}") };
        let condition = self.revision(number).map_or(&Value::Null, |revision| ready_condition(revision));
        let trouble = pods.iter().find_map(|pod| pods::trouble(pod)).map(|trouble| trouble.what);
        match (&condition["status"], trouble) {
            (_, Some(trouble)) if ready == 0 => (State::Failing, format!("{detail}: {trouble}")),
            (Value::String(status), None) if status == "False" && ready == 0 => {
                (State::Failing, format!("{detail}: {}", condition["message"].as_str().unwrap_or_default()))
            }
            (Value::String(status), trouble) if status == "True" || ready > 0 => {
                (State::Running, trouble.map_or(detail.clone(), |trouble| format!("{detail}: {trouble}")))
            }
            _ => (State::Starting, detail),
        }
    }

    /// Where callers beyond the cluster reach it.
    fn url(&self) -> Option<String> {
        let service = self.service.as_ref()?;
        let hidden = labels::label(service, VISIBILITY) == "cluster-local";
        service["status"]["url"].as_str().filter(|_| !hidden).map(str::to_owned)
    }
}

pub(super) fn is_marked(record: &Value, mark: &str) -> bool {
    !labels::annotation(record, mark).is_empty()
}

/// Whether it does what it is to do; null until Knative has looked at it.
pub(super) fn ready_condition(object: &Value) -> &Value {
    condition(object, "Ready")
}

pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let all = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().find(|condition| condition["type"] == kind).unwrap_or(&Value::Null)
}

impl Knative {
    /// # Errors
    /// A cluster that cannot be asked, or has no Knative; a Service of the name that is not ours.
    pub(super) async fn there(&self, (namespace, name): (&str, &str)) -> Result<There, DeployError> {
        let service = self.site.cluster.get(Kind::KnativeService, namespace, name).await?;
        // What there is none of may be of a kind that the cluster does not know.
        if service.is_none() && !self.is_installed().await? {
            return Err(DeployError::Usage {
                what: format!(
                    "the cluster `{}` has no Knative: it does not know serving.knative.dev/v1",
                    self.site.cluster.server
                ),
                hint: "install Knative Serving there, or deploy to `kubernetes`".to_owned(),
            });
        }
        if let Some(found) = service.as_ref().filter(|found| !labels::is_ours(Target::Knative, found, name)) {
            return Err(not_ours(Kind::KnativeService, found));
        }
        let ours = labels::ours(Target::Knative, Some(name));
        let (records, revisions, pods) = tokio::try_join!(
            self.site.cluster.list(Kind::ConfigMap, Some(namespace), &ours),
            self.site.cluster.list(Kind::Revision, Some(namespace), &ours),
            self.site.cluster.list(Kind::Pod, Some(namespace), &ours),
        )?;
        Ok(There { service, records, revisions, pods })
    }

    async fn is_installed(&self) -> Result<bool, DeployError> {
        self.site.cluster.serves(Kind::KnativeService).await
    }

    /// What differs between what was sent and what is there.
    pub(super) async fn drift(
        &self,
        (namespace, name): (&str, &str),
        there: &There,
    ) -> Result<Vec<Change>, DeployError> {
        let mut changes = vec![];
        let revision = there.latest();
        let (Some(service), Some(spec)) = (&there.service, there.spec(revision)) else { return Ok(changes) };
        for (kind, sent) in objects(&spec, self.site.whose(namespace, name, revision), &there.traffic(name))? {
            let is = match kind {
                Kind::KnativeService => Some(service.clone()),
                kind => self.site.cluster.get(kind, namespace, name).await?,
            };
            match is {
                // What it is led to is told by itself.
                Some(is) => differences(kind.name(), &without_traffic(sent), &is, &mut changes),
                None => changes.push(Change { what: kind.name().to_owned(), from: Some(name.to_owned()), to: None }),
            }
        }
        Ok(changes)
    }

    /// Every deployment of ours, in all namespaces or, for who may not see those, in that of the context.
    pub(super) async fn everywhere(&self) -> Result<Vec<Observed>, DeployError> {
        if !self.is_installed().await? {
            return Ok(vec![]);
        }
        let cluster = &self.site.cluster;
        let all = cluster.may_list_all(Kind::KnativeService).await? && cluster.may_list_all(Kind::ConfigMap).await?;
        let scope = (!all).then_some(self.site.namespace.as_str());
        let ours = labels::ours(Target::Knative, None);
        let (services, records, revisions, pods) = tokio::try_join!(
            cluster.list(Kind::KnativeService, scope, &ours),
            cluster.list(Kind::ConfigMap, scope, &ours),
            cluster.list(Kind::Revision, scope, &ours),
            cluster.list(Kind::Pod, scope, &ours),
        )?;
        let mut found: BTreeMap<(String, String), There> = BTreeMap::new();
        let mut add = |objects: Vec<Value>, to: fn(&mut There, Value)| {
            for object in objects {
                let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
                let name = labels::label(&object, Target::Knative.label()).to_owned();
                to(found.entry((namespace, name)).or_default(), object);
            }
        };
        add(services, |there, service| there.service = Some(service));
        add(records, |there, record| there.records.push(record));
        add(revisions, |there, revision| there.revisions.push(revision));
        add(pods, |there, pod| there.pods.push(pod));
        found.retain(|_, there| there.current() > 0);
        Ok(found.iter().map(|((namespace, name), there)| there.observed(namespace, name)).collect())
    }
}

fn without_traffic(mut sent: Value) -> Value {
    if let Some(spec) = sent["spec"].as_object_mut() {
        spec.remove("traffic");
    }
    sent
}
