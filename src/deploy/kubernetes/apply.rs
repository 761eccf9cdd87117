//! A new revision in the place of the old one, which serves until the new one answers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Kubernetes,
    kind::Kind,
    labels::{self, Role},
    manifests::{Whose, config_map, objects},
    observe::{There, number, secrets},
    rights::needs,
    rollout::Questions,
    spec::Spec,
};
use crate::{
    config::{SERVE_TOKEN, Secret, agent_file::Smoke},
    deploy::{
        DeployError, Progress, Purge,
        plan::{self, Desired, Plan, State},
    },
    sandbox,
};

/// A revision on its way.
struct Making<'a> {
    whose: Whose<'a>,
    spec: Spec,
    made: Vec<(Kind, Value)>,
    /// What becomes of the claim where this is the first revision and does not answer.
    purge: Purge,
    patience: Duration,
    progress: &'a dyn Progress,
}

impl Kubernetes {
    /// Makes what `plan` wants of what there is now; `false` where that is so already.
    pub(super) async fn make(
        &self,
        (namespace, name): (&str, &str),
        plan: Plan,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<bool, DeployError> {
        let there = self.there(namespace, name).await?;
        // Others may have changed it since it was planned.
        let plan = plan::diff(plan.desired, self.look(namespace, name, &there).await?);
        let current = there.current();
        if !plan.changed() && there.proved() == Some(current) {
            return Ok(false);
        }
        if current > 0 && there.proved() != Some(current) {
            self.site.nobody_makes(self.site.whose(namespace, name, current)).await?;
        }
        let spec = spec_of(&plan.desired)?;
        let whose = self.site.whose(namespace, name, plan.revision());
        let made = objects(&spec, whose)?;
        self.site.namespace_is_there(namespace).await?;
        let mut kinds: Vec<Kind> = made.iter().map(|(kind, _)| *kind).collect();
        kinds.extend(there.has_ingress(name).then_some(Kind::Ingress));
        self.site.allowed(namespace, &needs(&kinds)).await?;
        self.site.free(&made, namespace, name).await?;
        self.site.referred(namespace, &spec.program.references).await?;
        let deployment = made.iter().find(|(kind, _)| *kind == Kind::Deployment).map(|(_, deployment)| deployment);
        if let Some(deployment) = deployment.filter(|_| whose.revision != current) {
            self.has_room(whose, deployment).await?;
        }
        let purge = self.claims(&made, namespace).await?;
        self.site.interrupt.or(self.site.push(&plan.desired, progress)).await?;
        let making = Making { whose, spec, made, purge, patience, progress };
        if whose.revision == current {
            self.again(&making, &plan, &there).await?;
            // Of deploys that were killed.
            let _ = self.prune(namespace, name).await;
            return Ok(true);
        }
        progress.step(&format!("making revision {}", whose.revision), None, None);
        // One that cannot be read now is not replaced: callers have it.
        let before = self.site.cluster.get(Kind::Secret, namespace, &labels::revision(name, current)).await?;
        let token = before.and_then(|secret| secrets(&secret).remove(SERVE_TOKEN));
        let token = token.unwrap_or_else(|| sandbox::Token::random().expose().into());
        self.site.keep(whose, (&plan.desired.secrets, &token), config_map(whose, &plan.desired)?, patience).await?;
        if let Err(error) = self.replace(&making, &plan, &there, &token).await {
            return Err(self.undo(error, (whose, purge), &there).await);
        }
        if making.spec.ingress.is_none() && there.has_ingress(name) {
            self.site.cluster.delete(Kind::Ingress, namespace, name).await?;
        }
        // What stays now goes with the next.
        let _ = self.prune(namespace, name).await;
        Ok(true)
    }

    /// Tries it first where the old one would have to go before it is known to answer, or be back when it answers wrongly.
    async fn replace(
        &self,
        making: &Making<'_>,
        plan: &Plan,
        there: &There,
        token: &Secret,
    ) -> Result<(), DeployError> {
        self.site.interrupt.check()?;
        let Making { whose, spec, made, patience, progress, .. } = making;
        let mut smoke = plan.desired.smoke.as_ref();
        let serves = there.proved().is_some() && plan.observed.state != State::Stopped;
        let deployment = made.iter().find(|(kind, _)| *kind == Kind::Deployment).map(|(_, deployment)| deployment);
        if let Some(deployment) = deployment.filter(|_| serves && (smoke.is_some() || spec.storage.is_some())) {
            let questions = Questions { role: Role::Candidate, replicas: 1, port: spec.program.port, token, smoke };
            self.try_out(*whose, deployment, &questions, *patience, *progress).await?;
            smoke = None;
        }
        for (kind, object) in made {
            let object = if *kind == Kind::Deployment { self.owned(object.clone()) } else { object.clone() };
            self.site.cluster.apply(*kind, &object).await?;
        }
        self.prove(making, smoke, token).await
    }

    /// The present revision once more: it was stopped, or it was not seen to answer.
    async fn again(&self, making: &Making<'_>, plan: &Plan, there: &There) -> Result<(), DeployError> {
        let whose = making.whose;
        let secrets = self.site.secrets(whose.namespace, whose.name, whose.revision).await;
        let token = secrets.get(SERVE_TOKEN).cloned().unwrap_or_else(|| String::new().into());
        if plan.observed.state == State::Failing {
            self.site.restart(whose).await?;
        }
        let replicas = json!({ "spec": { "replicas": making.spec.replicas } });
        self.site.cluster.merge(Kind::Deployment, (whose.namespace, whose.name), &replicas).await?;
        match self.prove(making, plan.desired.smoke.as_ref(), &token).await {
            Err(error) if there.proved().is_some_and(|proved| proved != whose.revision) => {
                Err(self.undo(error, (whose, making.purge), there).await)
            }
            Err(error) if plan.observed.state == State::Stopped => {
                let none = json!({ "spec": { "replicas": 0 } });
                self.site.cluster.merge(Kind::Deployment, (whose.namespace, whose.name), &none).await?;
                Err(error.leaving("it is stopped again"))
            }
            other => other,
        }
    }

    /// Until it has answered, which is remembered.
    async fn prove(&self, making: &Making<'_>, smoke: Option<&Smoke>, token: &Secret) -> Result<(), DeployError> {
        let spec = &making.spec;
        let questions =
            Questions { role: Role::Serving, port: spec.program.port, replicas: spec.replicas, token, smoke };
        self.site.watch(making.whose, &questions, making.patience, making.progress).await?;
        self.answered(making.whose).await
    }

    pub(super) async fn answered(&self, whose: Whose<'_>) -> Result<(), DeployError> {
        let proved = json!({ "metadata": { "annotations": { labels::PROVED: whose.revision.to_string() } } });
        self.site.cluster.merge(Kind::Deployment, (whose.namespace, whose.name), &proved).await.map(drop)
    }

    /// With who made it.
    fn owned(&self, mut deployment: Value) -> Value {
        deployment["spec"]["template"]["metadata"]["annotations"][labels::OWNER] = self.site.env.user().into();
        deployment
    }

    /// Whether the claim is new with this: one that an earlier deployment kept outlives a deploy that fails.
    async fn claims(&self, made: &[(Kind, Value)], namespace: &str) -> Result<Purge, DeployError> {
        let claim = made.iter().find(|(kind, _)| *kind == Kind::PersistentVolumeClaim);
        let Some((kind, claim)) = claim else { return Ok(Purge::No) };
        let called = claim["metadata"]["name"].as_str().unwrap_or_default();
        let there = self.site.cluster.get(*kind, namespace, called).await?.is_some();
        Ok(if there { Purge::No } else { Purge::Yes })
    }

    /// Puts back what was there before: what failed is not kept, and its number is free again.
    async fn undo(&self, error: DeployError, (whose, purge): (Whose<'_>, Purge), before: &There) -> DeployError {
        let back = before.proved().filter(|proved| *proved != whose.revision);
        let undone = match back {
            Some(revision) => {
                let whose = Whose { revision, ..whose };
                let turned = async {
                    self.turn_to(whose, before).await?;
                    self.end_ingress(whose, before).await?;
                    self.forget(whose, |number| !known(before, number)).await
                };
                turned.await
            }
            // There was nothing before.
            None if before.deployment.is_none() => self.clear(whose.namespace, whose.name, purge).await,
            None => Ok(()),
        };
        match (undone, back) {
            (Err(undoing), _) => error.left(&undoing),
            (Ok(()), Some(revision)) => error.leaving(format!("revision {revision} goes on as before")),
            (Ok(()), None) => error,
        }
    }

    /// Removes revisions that do not count: their ReplicaSets and pods, Secrets and ConfigMaps.
    async fn forget(&self, whose: Whose<'_>, which: impl Fn(u32) -> bool) -> Result<(), DeployError> {
        for kind in [Kind::ReplicaSet, Kind::Pod, Kind::Secret, Kind::ConfigMap] {
            for object in self
                .site
                .cluster
                .list(kind, Some(whose.namespace), &labels::ours(whose.target, Some(whose.name)))
                .await?
            {
                let revision = number(&object);
                // One of a deploy that was killed, or of this one.
                let tried = labels::label(&object, labels::ROLE) == Role::Candidate.name();
                if revision > 0 && (tried || which(revision)) {
                    let called = object["metadata"]["name"].as_str().unwrap_or_default();
                    self.site.cluster.delete(kind, whose.namespace, called).await?;
                }
            }
        }
        Ok(())
    }

    /// Removes the secrets and texts of revisions that the cluster does not remember any more.
    async fn prune(&self, namespace: &str, name: &str) -> Result<(), DeployError> {
        let there = self.there(namespace, name).await?;
        self.forget(self.site.whose(namespace, name, 0), |number| !known(&there, number)).await
    }
}

fn known(there: &There, revision: u32) -> bool {
    revision == there.current() || there.template(revision).is_some()
}

fn spec_of(desired: &Desired) -> Result<Spec, DeployError> {
    Spec::read(&desired.spec)
        .ok_or_else(|| DeployError::Failed { what: "the plan is for another target".to_owned(), hint: None })
}
