//! Which revisions are called, and how often: `spec.traffic` of the Service.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::labels;

/// Percent of the calls by revision; those that get none are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic(BTreeMap<u32, u32>);

impl Traffic {
    /// As the Service has it; `latest` is the revision that its template makes.
    pub(super) fn read(service: &Value, name: &str, latest: u32) -> Self {
        let mut shares = BTreeMap::new();
        for entry in service["spec"]["traffic"].as_array().into_iter().flatten() {
            let revision = match entry["revisionName"].as_str() {
                Some(called) => number(called, name),
                None => latest,
            };
            let percent = entry["percent"].as_u64().and_then(|percent| u32::try_from(percent).ok()).unwrap_or_default();
            if revision > 0 && percent > 0 {
                *shares.entry(revision).or_default() += percent;
            }
        }
        Self(shares)
    }

    pub(super) fn of(shares: impl Iterator<Item = (u32, u32)>) -> Self {
        Self(shares.collect())
    }

    pub(super) fn all_to(revision: u32) -> Self {
        Self([(revision, 100)].into())
    }

    /// `percent` to `revision` and the rest to the one that had most, or else to `otherwise`.
    pub(super) fn split(&self, revision: u32, percent: u32, otherwise: Option<u32>) -> Self {
        let others = self.0.iter().filter(|(number, _)| **number != revision);
        let most = others.max_by_key(|(_, percent)| **percent).map(|(number, _)| *number);
        match most.or(otherwise).filter(|_| percent < 100) {
            Some(rest) => Self([(revision, percent), (rest, 100 - percent)].into()),
            None => Self::all_to(revision),
        }
    }

    pub(super) fn share(&self, revision: u32) -> u32 {
        self.0.get(&revision).copied().unwrap_or_default()
    }

    /// The newest that is called.
    pub(super) fn newest(&self) -> Option<u32> {
        self.0.keys().next_back().copied()
    }

    pub(super) fn to_value(&self, name: &str) -> Value {
        let entry = |(revision, percent): (&u32, &u32)| json!({ "revisionName": labels::revision(name, *revision), "percent": percent });
        self.0.iter().map(entry).collect()
    }

    /// Whether the gateway does so already, as `status.traffic` of the Service says.
    pub(super) fn is_in_force(&self, service: &Value, name: &str) -> bool {
        let shown = json!({ "spec": { "traffic": service["status"]["traffic"] } });
        Self::read(&shown, name, 0) == *self
    }
}

/// The number of a revision of ours by its name, or 0.
fn number(called: &str, name: &str) -> u32 {
    let rest = called.strip_prefix(name).and_then(|rest| rest.strip_prefix("-r"));
    rest.and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_revision_takes_from_the_one_that_had_most() {
        let service = json!({ "spec": { "traffic": [
            { "revisionName": "demo-r2", "percent": 90 }, { "latestRevision": true, "percent": 10 },
            { "revisionName": "demo-r1", "percent": 0, "tag": "old" },
        ] } });
        let traffic = Traffic::read(&service, "demo", 3);
        assert_eq!((traffic.newest(), traffic.share(2), traffic.share(1)), (Some(3), 90, 0));
        let next = traffic.split(4, 25, None);
        assert_eq!(
            next.to_value("demo"),
            json!([{ "revisionName": "demo-r2", "percent": 75 }, { "revisionName": "demo-r4", "percent": 25 }])
        );
        assert_eq!(traffic.split(3, 100, None), Traffic::all_to(3));
        assert_eq!(Traffic::all_to(3).split(3, 10, None), Traffic::all_to(3));
        assert_eq!(Traffic::all_to(3).split(3, 10, Some(2)).share(2), 90);
    }
}
