//! Revisions that were: one of them again, none of them any more.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::{history::earlier, kind::Kind, labels},
    Knative, NAMED, NEEDS,
    apply::Turn,
    observe::RESTS,
    traffic::Traffic,
};
use crate::deploy::{DeployError, Progress};

impl Knative {
    /// Lets an earlier revision be called again.
    pub(super) async fn back(
        &self,
        place: (&str, &str),
        to: Option<u32>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let (namespace, name) = place;
        let there = self.there(place).await?;
        let current = there.current();
        if current == 0 {
            return Err(self.site.missing(namespace, name));
        }
        self.site.allowed(namespace, NEEDS).await?;
        let id = self.site.target.id(namespace, name);
        let numbers = there.numbers().into_iter().filter(|number| to.is_some() || there.is_proved(*number));
        let revision = earlier(&id, to, current, numbers)?;
        let whose = self.site.whose(namespace, name, revision);
        let token = self.site.token(place, revision).await?;
        let spec = there.spec(revision).ok_or_else(|| DeployError::Failed {
            what: format!("the cluster does not remember what revision {revision} was"),
            hint: Some("`agentscope deploy` makes a new one".to_owned()),
        })?;
        progress.step(&format!("going back to revision {revision}"), None, None);
        let after = Traffic::all_to(revision);
        let before = if there.service.is_some() { there.traffic(name) } else { after.clone() };
        let turn =
            Turn { there: &there, whose, spec: &spec, token: &token, smoke: None, before, after, patience, progress };
        let Err(error) = self.turn_to(&turn).await else { return Ok(()) };
        let restored = match there.service {
            Some(_) => self.restore(place, &there).await,
            None => self.site.cluster.delete(Kind::KnativeService, namespace, name).await,
        };
        Err(match restored {
            Err(undoing) => error.left(&undoing),
            Ok(()) if there.service.is_some() => error.leaving(format!("revision {current} goes on as before")),
            Ok(()) => error,
        })
    }

    /// Lets it rest: Knative has no word for that, so its Service goes, and what is kept of its revisions stays.
    pub(super) async fn halt(&self, place: (&str, &str)) -> Result<(), DeployError> {
        let (namespace, name) = place;
        let there = self.there(place).await?;
        let current = there.current();
        if current == 0 {
            return Err(self.site.missing(namespace, name));
        }
        if !there.numbers().into_iter().any(|number| there.is_proved(number)) {
            // There is nothing that could be started again.
            return self.clear(place).await;
        }
        for number in there.numbers() {
            let mark = if number == current { json!("yes") } else { Value::Null };
            let mark = json!({ "metadata": { "annotations": { RESTS: mark } } });
            let record = labels::revision(name, number);
            self.site.cluster.merge(Kind::ConfigMap, (namespace, &record), &mark).await?;
        }
        self.site.cluster.delete(Kind::KnativeService, namespace, name).await?;
        self.site.ended(namespace, name).await
    }

    /// Removes all of it.
    pub(super) async fn clear(&self, place: (&str, &str)) -> Result<(), DeployError> {
        let (namespace, name) = place;
        let ours = labels::ours(self.site.target, Some(name));
        let mut found = vec![];
        // What callers come by first.
        for kind in NAMED.iter().rev().chain(&[Kind::Secret, Kind::ConfigMap]) {
            let all = self.site.cluster.list(*kind, Some(namespace), &ours).await?;
            found.extend(all.into_iter().map(|object| (*kind, object)));
        }
        self.site.take_away((namespace, name), found).await
    }
}
