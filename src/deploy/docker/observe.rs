//! What the engine says of our containers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::{
    models::{ContainerInspectResponse, ContainerSummary, ContainerSummaryStateEnum},
    query_parameters::ListContainersOptionsBuilder,
};

use serde_json::Value;

use super::{Docker, labels};
use crate::deploy::{
    DeployError,
    engine::failed,
    plan::{Change, Observed, Revision, State},
};

/// Of which all that matters is known.
pub(super) struct Container {
    pub(super) name: String,
    pub(super) deployment: String,
    pub(super) number: u32,
    /// A step on the way, made by this process.
    pub(super) step: Option<String>,
    pub(super) summary: ContainerSummary,
}

impl Container {
    fn of(summary: ContainerSummary) -> Option<Self> {
        let marks = summary.labels.as_ref()?;
        let names = summary.names.as_ref()?;
        Some(Self {
            name: names.first()?.trim_start_matches('/').to_owned(),
            deployment: marks.get(labels::NAME)?.clone(),
            number: marks.get(labels::REVISION)?.parse().ok()?,
            step: marks.get(labels::STEP).cloned(),
            summary,
        })
    }

    fn mark(&self, label: &str) -> &str {
        self.summary.labels.as_ref().and_then(|marks| marks.get(label)).map_or("", String::as_str)
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.summary.state, Some(ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::PAUSED))
    }

    /// It runs, or the engine is about to start it again.
    pub(super) fn is_up(&self) -> bool {
        self.is_running() || self.summary.state == Some(ContainerSummaryStateEnum::RESTARTING)
    }

    /// Never started: what a deploy that was killed left behind.
    pub(super) fn is_new(&self) -> bool {
        self.summary.state == Some(ContainerSummaryStateEnum::CREATED)
    }

    fn state(&self) -> State {
        let status = self.summary.status.as_deref().unwrap_or_default();
        match self.summary.state {
            Some(ContainerSummaryStateEnum::RUNNING) if status.contains("unhealthy") => State::Failing,
            Some(ContainerSummaryStateEnum::RUNNING) if status.contains("health: starting") => State::Starting,
            Some(ContainerSummaryStateEnum::RUNNING) => State::Running,
            Some(ContainerSummaryStateEnum::RESTARTING | ContainerSummaryStateEnum::DEAD) => State::Failing,
            _ => State::Stopped,
        }
    }

    /// The port of the host that it was made for.
    pub(super) fn bound_port(&self) -> Option<u16> {
        self.mark(labels::PORT).parse().ok()
    }

    /// Where the host leads to it, while it runs.
    fn published(&self) -> Option<(String, u16)> {
        let ports = self.summary.ports.as_ref()?;
        ports.iter().find_map(|port| Some((port.ip.clone().unwrap_or_default(), port.public_port?)))
    }

    fn revision(&self, current: bool) -> Revision {
        let secrets: BTreeMap<String, String> = serde_json::from_str(self.mark(labels::SECRETS)).unwrap_or_default();
        let spec: Value = serde_json::from_str(self.mark(labels::SPEC)).unwrap_or_default();
        Revision {
            number: self.number,
            current,
            state: self.state(),
            created: self.summary.created.unwrap_or_default(),
            agent_hash: spec["agent_hash"].as_str().unwrap_or_default().to_owned(),
            spec,
            secrets,
            detail: self.summary.status.clone().unwrap_or_default(),
        }
    }
}

impl Docker {
    /// Our containers, those of `name` or all.
    pub(super) async fn containers(&self, name: Option<&str>) -> Result<Vec<Container>, DeployError> {
        let label = name.map_or_else(|| labels::NAME.to_owned(), |name| format!("{}={name}", labels::NAME));
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = self.client().list_containers(Some(options)).await.map_err(failed("list containers"))?;
        Ok(found.into_iter().filter_map(Container::of).collect())
    }
}

/// The container that is the current revision: the one of that name, else the one that runs, as one whose deploy was killed
/// on the way.
pub(super) fn current<'a>(name: &str, all: &'a [Container]) -> Option<&'a Container> {
    let mine = || all.iter().filter(|container| container.deployment == name && container.step.is_none());
    let named = mine().find(|container| container.name == labels::current(name));
    let running = mine().filter(|container| container.is_running()).max_by_key(|container| container.number);
    match (named, running) {
        (Some(named), _) if named.is_running() => Some(named),
        (_, Some(running)) => Some(running),
        (named, None) => named,
    }
}

pub(super) fn observed(name: &str, all: &[Container]) -> Observed {
    let current = current(name, all);
    let mut revisions: Vec<Revision> = all
        .iter()
        .filter(|container| container.deployment == name && container.step.is_none() && !container.is_new())
        .map(|container| container.revision(current.is_some_and(|current| current.number == container.number)))
        .collect();
    revisions.sort_by_key(|revision| revision.number);
    let url = current.and_then(Container::published).map(|(host, port)| url(&host, port));
    Observed {
        id: format!("{}/{name}", labels::TARGET),
        name: name.to_owned(),
        target: labels::TARGET,
        state: current.map_or(State::Stopped, Container::state),
        url,
        revisions,
        drift: vec![],
    }
}

/// What of the container is not as its label says that it was made.
pub(super) fn drift(spec: &Value, found: &ContainerInspectResponse) -> Vec<Change> {
    let host = found.host_config.as_ref();
    let number = |number: Option<i64>| number.filter(|number| *number != 0).map(|number| number.to_string());
    let is = [
        ("memory", number(host.and_then(|host| host.memory))),
        ("cpu_millis", number(host.and_then(|host| host.nano_cpus.map(|nanos| nanos / 1_000_000)))),
        ("pids", number(host.and_then(|host| host.pids_limit))),
    ];
    let sent = |what: &str| match &spec[what] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let changed = is.into_iter().filter(|(what, is)| sent(what) != *is);
    changed.map(|(what, is)| Change { what: what.to_owned(), from: sent(what), to: is }).collect()
}

fn url(host: &str, port: u16) -> String {
    match host {
        "" | "0.0.0.0" | "::" => format!("http://127.0.0.1:{port}"),
        host if host.contains(':') => format!("http://[{host}]:{port}"),
        host => format!("http://{host}:{port}"),
    }
}

pub(super) fn all(containers: &[Container]) -> Vec<Observed> {
    let names: BTreeSet<&str> = containers.iter().map(|container| container.deployment.as_str()).collect();
    names.into_iter().map(|name| observed(name, containers)).filter(Observed::exists).collect()
}
