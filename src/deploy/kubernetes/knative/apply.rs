//! A new revision beside the old one, which gets all calls until the new one has answered.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{
    super::{
        kind::Kind,
        labels::{self, Role},
        manifests::{KEPT, Whose},
        observe::{number, secrets},
        rollout::{LOOK, Questions},
    },
    Knative, NEEDS,
    manifests::{objects, record},
    observe::There,
    spec::Spec,
    traffic::Traffic,
};
use crate::{
    config::{SERVE_TOKEN, Secret, agent_file::Smoke},
    deploy::{
        DeployError, Progress,
        plan::{self, Plan, State},
    },
    sandbox,
};

/// For Knative to do what it was told.
const TURNING: Duration = Duration::from_secs(10);

/// A revision on its way to its calls.
pub(super) struct Turn<'a> {
    pub(super) there: &'a There,
    pub(super) whose: Whose<'a>,
    pub(super) spec: &'a Spec,
    pub(super) token: &'a Secret,
    pub(super) smoke: Option<&'a Smoke>,
    /// Who is called until it has answered; it itself where there is nobody.
    pub(super) before: Traffic,
    pub(super) after: Traffic,
    pub(super) patience: Duration,
    pub(super) progress: &'a dyn Progress,
}

impl Knative {
    /// Makes what `plan` wants of what there is now; `false` where that is so already.
    pub(super) async fn make(
        &self,
        (namespace, name): (&str, &str),
        plan: Plan,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<bool, DeployError> {
        let there = self.there((namespace, name)).await?;
        // Others may have changed it since it was planned.
        let plan = plan::diff(plan.desired, self.look((namespace, name), &there).await?);
        let current = there.current();
        if !plan.changed() && there.is_proved(current) {
            return Ok(false);
        }
        let site = &self.site;
        let latest = there.latest();
        if latest > 0 && !there.is_proved(latest) {
            site.nobody_makes(site.whose(namespace, name, latest)).await?;
        }
        let spec = Spec::of_plan(&plan.desired)?;
        let whose = site.whose(namespace, name, plan.revision());
        let traffic = there.traffic(name);
        let after = traffic.split(whose.revision, spec.traffic, there.besides(whose.revision));
        site.namespace_is_there(namespace).await?;
        site.allowed(namespace, NEEDS).await?;
        site.free(&objects(&spec, whose, &after)?, namespace, name).await?;
        site.referred(namespace, &spec.program.references).await?;
        site.interrupt.or(site.push(&plan.desired, progress)).await?;
        let is_new = whose.revision != current;
        let secret = site.cluster.get(Kind::Secret, namespace, &labels::revision(name, current)).await?;
        let token = secret.and_then(|secret| secrets(&secret).remove(SERVE_TOKEN));
        let token = token.unwrap_or_else(|| sandbox::Token::random().expose().into());
        if is_new {
            progress.step(&format!("making revision {}", whose.revision), None, None);
            let record = record(&plan.desired, whose, site.env.user())?;
            site.keep(whose, (&plan.desired.secrets, &token), Some(record), patience).await?;
            self.free_name(whose, &there).await?;
        } else if plan.observed.state == State::Failing {
            site.restart(whose).await?;
        }
        let before = if traffic.newest().is_some() { traffic } else { Traffic::all_to(whose.revision) };
        let smoke = plan.desired.smoke.as_ref().filter(|_| is_new || !there.is_proved(current));
        let turn = Turn { there: &there, whose, spec: &spec, token: &token, smoke, before, after, patience, progress };
        if let Err(error) = self.turn_to(&turn).await {
            return Err(self.undo(error, whose, &there).await);
        }
        // What stays now goes with the next.
        let _ = self.prune((namespace, name)).await;
        Ok(true)
    }

    /// Lets a revision be made, and when it has answered be called.
    pub(super) async fn turn_to(&self, turn: &Turn<'_>) -> Result<(), DeployError> {
        let Turn { whose, spec, patience, progress, .. } = *turn;
        self.send((whose, spec), &turn.before, turn.there).await?;
        let questions = Questions {
            role: Role::Serving,
            port: spec.program.port,
            replicas: 1,
            token: turn.token,
            smoke: turn.smoke,
        };
        let interrupt = &self.site.interrupt;
        interrupt.check()?;
        interrupt.or(self.prove(whose, &questions, patience, progress)).await?;
        // Before it is called, as that can be told from the Service. With what it was asked last: another share of the
        // calls is no other revision.
        let marks = json!({ labels::PROVED: "yes", labels::SPEC: spec.to_value().to_string() });
        let record = labels::revision(whose.name, whose.revision);
        let marks = json!({ "metadata": { "annotations": marks } });
        self.site.cluster.merge(Kind::ConfigMap, (whose.namespace, &record), &marks).await?;
        if turn.after != turn.before {
            self.send((whose, spec), &turn.after, turn.there).await?;
        }
        interrupt.or(self.settle(whose, &turn.after, patience, progress)).await
    }

    /// With the very template of a revision that Knative has: it would not take another one under that name.
    async fn send(
        &self,
        (whose, spec): (Whose<'_>, &Spec),
        traffic: &Traffic,
        there: &There,
    ) -> Result<(), DeployError> {
        for (kind, mut object) in objects(spec, whose, traffic)? {
            if let (Kind::KnativeService, Some(revision)) = (kind, there.revision(whose.revision)) {
                object["spec"]["template"]["spec"] = revision["spec"].clone();
            }
            self.site.cluster.apply(kind, &object).await?;
        }
        Ok(())
    }

    /// Takes away what has the name of a revision that nobody remembers, as one that was made again while it was removed.
    async fn free_name(&self, whose: Whose<'_>, there: &There) -> Result<(), DeployError> {
        if there.revision(whose.revision).is_none() || there.latest() == whose.revision {
            return Ok(());
        }
        let called = labels::revision(whose.name, whose.revision);
        self.site.cluster.delete(Kind::Revision, whose.namespace, &called).await?;
        let started = Instant::now();
        while self.site.cluster.get(Kind::Revision, whose.namespace, &called).await?.is_some() {
            if started.elapsed() > TURNING {
                return Err(DeployError::Failed {
                    what: format!("the revision `{}/{called}` of an earlier deploy does not go", whose.namespace),
                    hint: Some("`kubectl describe revision` shows what holds it".to_owned()),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Puts back what was there before: what failed is not kept, and its number is free again.
    async fn undo(&self, error: DeployError, whose: Whose<'_>, before: &There) -> DeployError {
        let Whose { namespace, name, .. } = whose;
        let current = before.current();
        let undone = match &before.service {
            Some(_) => self.restore((namespace, name), before).await,
            // It was let rest, or there was nothing.
            None if current > 0 => self.site.cluster.delete(Kind::KnativeService, namespace, name).await,
            None => self.clear((namespace, name)).await,
        };
        let undone = match undone {
            Ok(()) if whose.revision != current => self.forget(whose).await,
            undone => undone,
        };
        match undone {
            Err(undoing) => error.left(&undoing),
            Ok(()) if before.service.is_some() => error.leaving(format!("revision {current} goes on as before")),
            Ok(()) => error,
        }
    }

    /// Lets calls go where they went.
    pub(super) async fn restore(&self, (namespace, name): (&str, &str), before: &There) -> Result<(), DeployError> {
        let current = before.current();
        match before.spec(current) {
            Some(spec) => {
                let whose = self.site.whose(namespace, name, current);
                self.send((whose, &spec), &before.traffic(name), before).await?;
                self.turned(whose).await
            }
            None => Ok(()),
        }
    }

    /// Waits until Knative has read the template again: it makes a revision anew that goes before that.
    async fn turned(&self, whose: Whose<'_>) -> Result<(), DeployError> {
        let (started, called) = (Instant::now(), labels::revision(whose.name, whose.revision));
        while started.elapsed() < TURNING {
            let found = self.site.cluster.get(Kind::KnativeService, whose.namespace, whose.name).await?;
            let service = found.unwrap_or_default();
            let seen = service["status"]["observedGeneration"] == service["metadata"]["generation"];
            if seen && service["status"]["latestCreatedRevisionName"] == *called {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        // What is left over then is found by the next deploy.
        Ok(())
    }

    /// Removes a revision with all that is kept of it.
    async fn forget(&self, whose: Whose<'_>) -> Result<(), DeployError> {
        let called = labels::revision(whose.name, whose.revision);
        for kind in [Kind::Revision, Kind::Secret, Kind::ConfigMap] {
            self.site.cluster.delete(kind, whose.namespace, &called).await?;
        }
        // Its number is free then: the next one of that number is not judged by the instances of this one.
        let started = Instant::now();
        while started.elapsed() < TURNING && !self.site.pods(whose, Role::Serving).await?.is_empty() {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Removes those that are older than the last few, and what deploys left that were killed.
    async fn prune(&self, place: (&str, &str)) -> Result<(), DeployError> {
        let (namespace, name) = place;
        let there = self.there(place).await?;
        let traffic = there.traffic(name);
        let idle: Vec<u32> = there.numbers().into_iter().filter(|number| traffic.share(*number) == 0).collect();
        let stay: Vec<u32> = idle.into_iter().rev().take(KEPT as usize).collect();
        let ours = labels::ours(self.site.target, Some(name));
        for kind in [Kind::Revision, Kind::Secret, Kind::ConfigMap] {
            for object in self.site.cluster.list(kind, Some(namespace), &ours).await? {
                let revision = number(&object);
                if revision > 0 && traffic.share(revision) == 0 && !stay.contains(&revision) {
                    let called = object["metadata"]["name"].as_str().unwrap_or_default();
                    self.site.cluster.delete(kind, namespace, called).await?;
                }
            }
        }
        Ok(())
    }
}
