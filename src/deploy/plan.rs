//! What a deployment is to be, what it is, and the difference. Pure: nothing here asks anybody.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Artefact, DeployRequest};
use crate::config::{Secret, agent_file::Smoke};

/// What a deployment is to be.
#[derive(Clone, Debug)]
pub struct Desired {
    pub name: String,
    /// All that is sent to the target, but for secrets and what `artefact` holds.
    pub spec: Value,
    /// What the spec refers to, such as by a digest.
    pub artefact: Option<Artefact>,
    /// By the names under which the agent looks for them.
    pub secrets: BTreeMap<String, Secret>,
    /// What the new revision is asked before it counts.
    pub smoke: Option<Smoke>,
    /// What changes for the agent by being deployed, to be read by whoever deploys it.
    pub notes: Vec<String>,
}

impl Desired {
    /// What `request` asks for, as `spec` says it to the target.
    pub(super) fn of(request: &DeployRequest, spec: Value, notes: Vec<String>) -> Self {
        Self {
            name: request.name.clone(),
            spec,
            artefact: Some(request.artefact.clone()),
            secrets: request.secrets.clone(),
            smoke: request.settings.smoke.clone(),
            notes,
        }
    }
}

/// How a deployment, or a revision of it, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    Starting,
    /// It runs and cannot answer, or ends again and again.
    Failing,
    Stopped,
    /// The target cannot be asked.
    Unknown,
}

impl State {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Failing => "failing",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }
}

/// A revision that the target remembers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Revision {
    pub number: u32,
    /// The one that runs, or ran last.
    pub current: bool,
    pub state: State,
    /// In seconds since 1970, of the target's clock.
    pub created: i64,
    pub agent_hash: String,
    pub spec: Value,
    /// What tells one value of a secret from another, by its name.
    #[serde(skip)]
    pub secrets: BTreeMap<String, String>,
    /// The target's own words for how it is.
    pub detail: String,
}

/// What a deployment is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observed {
    /// `TARGET/NAME`, or `TARGET/NAMESPACE/NAME`.
    pub id: String,
    pub name: String,
    pub target: &'static str,
    pub state: State,
    /// Where callers reach it.
    pub url: Option<String>,
    /// Oldest first; none where there is no such deployment.
    pub revisions: Vec<Revision>,
    /// Where what runs is no longer what was sent: somebody changed it by hand.
    pub drift: Vec<Change>,
}

impl Observed {
    #[must_use]
    pub fn current(&self) -> Option<&Revision> {
        self.revisions.iter().find(|revision| revision.current)
    }

    #[must_use]
    pub fn exists(&self) -> bool {
        !self.revisions.is_empty()
    }

    /// By which its target knows it: the id without the target.
    #[must_use]
    pub fn place(&self) -> &str {
        self.id.split_once('/').map_or(&*self.id, |(_, place)| place)
    }
}

/// One difference; `from` is absent for what is new, `to` for what goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub what: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

/// What would be done.
#[derive(Clone, Debug)]
pub struct Plan {
    pub desired: Desired,
    pub observed: Observed,
    pub changes: Vec<Change>,
}

impl Plan {
    #[must_use]
    pub fn changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Whether what is there only has to run again, or to be called more or less often.
    #[must_use]
    pub fn keeps_revision(&self) -> bool {
        self.changes.iter().all(|change| matches!(&*change.what, "state" | "traffic"))
    }

    /// The number of the revision that there will be.
    #[must_use]
    pub fn revision(&self) -> u32 {
        let last = self.observed.revisions.iter().map(|revision| revision.number).max().unwrap_or(0);
        match self.observed.current() {
            Some(current) if self.keeps_revision() => current.number,
            _ => last + 1,
        }
    }
}

/// The difference between what is to be and what is.
#[must_use]
pub fn diff(desired: Desired, observed: Observed) -> Plan {
    let mut changes = vec![];
    let current = observed.current();
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    if let Some(current) = current {
        leaves("", &current.spec, &mut old);
    }
    leaves("", &desired.spec, &mut new);
    for what in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let (from, to) = (old.get(what).cloned(), new.get(what).cloned());
        if from != to {
            changes.push(Change { what: what.clone(), from, to });
        }
    }
    changes.extend(observed.drift.iter().map(|drift| Change {
        // Back to what is wanted, whatever it was changed to.
        what: drift.what.clone(),
        from: drift.to.clone(),
        to: new.get(&drift.what).cloned(),
    }));
    let none = BTreeMap::new();
    let known = current.map_or(&none, |current| &current.secrets);
    for name in known.keys().chain(desired.secrets.keys()).collect::<BTreeSet<_>>() {
        let secret = |there: bool| there.then(|| "a secret".to_owned());
        let (from, to) = (known.get(name), desired.secrets.get(name));
        let same = matches!((from, to), (Some(from), Some(to)) if is_of(from, to));
        if !same {
            let to = to.map(|_| if from.is_some() { "another secret".to_owned() } else { "a secret".to_owned() });
            changes.push(Change { what: format!("secrets.{name}"), from: secret(from.is_some()), to });
        }
    }
    if let Some(current) = current.filter(|current| matches!(current.state, State::Stopped | State::Failing)) {
        changes.push(Change {
            what: "state".to_owned(),
            from: Some(current.state.name().to_owned()),
            to: Some(State::Running.name().to_owned()),
        });
    }
    Plan { desired, observed, changes }
}

fn leaves(at: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match value {
        Value::Null => {}
        Value::Object(map) => map.iter().for_each(|(key, value)| leaves(&below(key), value, out)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(&below(&index.to_string()), item, out);
            }
        }
        Value::String(text) => drop(out.insert(at.to_owned(), text.clone())),
        other => drop(out.insert(at.to_owned(), other.to_string())),
    }
}

/// What tells a value from others and says nothing of it to who does not have it: a hash with a salt of its own.
#[must_use]
pub fn fingerprint(secret: &Secret) -> String {
    salted(&uuid::Uuid::now_v7().simple().to_string(), secret)
}

pub(super) fn is_of(fingerprint: &str, secret: &Secret) -> bool {
    fingerprint.split_once(':').is_some_and(|(salt, _)| salted(salt, secret) == fingerprint)
}

fn salted(salt: &str, secret: &Secret) -> String {
    let hash = Sha256::new_with_prefix(salt).chain_update(secret.expose()).finalize();
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{salt}:{hex}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn observed(spec: &Value, secret: Option<&str>, state: State) -> Observed {
        let secrets = secret.map(|value| ("KEY".to_owned(), fingerprint(&value.into()))).into_iter().collect();
        let revision = Revision {
            number: 3,
            current: true,
            state,
            created: 0,
            agent_hash: String::new(),
            spec: spec.clone(),
            secrets,
            detail: String::new(),
        };
        Observed {
            id: "docker/demo".into(),
            name: "demo".into(),
            target: "docker",
            state,
            url: None,
            revisions: vec![revision],
            drift: vec![],
        }
    }

    fn desired(spec: &Value, secret: Option<&str>) -> Desired {
        let secrets = secret.map(|value| ("KEY".to_owned(), value.into())).into_iter().collect();
        Desired { name: "demo".into(), spec: spec.clone(), artefact: None, secrets, smoke: None, notes: vec![] }
    }

    fn shown(plan: &Plan) -> String {
        let line = |change: &Change| format!("{} {:?} -> {:?}", change.what, change.from, change.to);
        let lines: Vec<_> = plan.changes.iter().map(line).collect();
        format!("revision {}\n{}", plan.revision(), lines.join("\n"))
    }

    #[test]
    fn what_is_the_same_changes_nothing() {
        let spec = json!({ "image": "sha256:a", "memory": 1, "publish": { "host": "127.0.0.1", "port": null } });
        let plan = diff(desired(&spec, Some("k")), observed(&spec, Some("k"), State::Running));
        assert_eq!((plan.changed(), plan.revision()), (false, 3));
        let plan = diff(desired(&spec, Some("k")), observed(&spec, Some("k"), State::Stopped));
        assert_eq!((plan.keeps_revision(), plan.revision()), (true, 3));
    }

    #[test]
    fn every_difference_is_told_and_no_secret() {
        let old = json!({ "image": "sha256:a", "memory": 1, "publish": { "host": "127.0.0.1" } });
        let new = json!({ "image": "sha256:b", "cpu": 2, "publish": { "host": "127.0.0.1" } });
        let plan = diff(desired(&new, Some("k2")), observed(&old, Some("k1"), State::Running));
        insta::assert_snapshot!(shown(&plan), @r#"
        revision 4
        cpu None -> Some("2")
        image Some("sha256:a") -> Some("sha256:b")
        memory Some("1") -> None
        secrets.KEY Some("a secret") -> Some("another secret")
        "#);
        let first = Observed { revisions: vec![], ..observed(&old, None, State::Unknown) };
        assert_eq!(diff(desired(&new, None), first).revision(), 1);
    }
}
