//! Waits until a revision has answered, and until calls go where they should.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{
    super::{
        kind::Kind,
        labels::{self, Role},
        manifests::Whose,
        rollout::{LOOK, Questions, Watch},
    },
    Knative,
    observe::{condition, ready_condition},
    traffic::Traffic,
};
use crate::deploy::{DeployError, Progress};

impl Knative {
    /// Waits until Knative says that the revision can be called, for which an instance has to have been ready; then asks
    /// that instance what is to be asked.
    ///
    /// # Errors
    /// Why it does not get so far, with the end of its log and what happened to it.
    pub(super) async fn prove(
        &self,
        whose: Whose<'_>,
        questions: &Questions<'_>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        progress.step("waiting until it answers", None, None);
        let site = &self.site;
        let called = labels::revision(whose.name, whose.revision);
        let mut watch = Watch::begin(whose, questions);
        loop {
            let pods = site.pods(whose, Role::Serving).await?;
            let revision = site.cluster.get(Kind::Revision, whose.namespace, &called).await?;
            let ready = revision.as_ref().map_or(&Value::Null, ready_condition);
            if ready["status"] == "True" {
                return match (questions.smoke, watch.ready(&pods)) {
                    (None, _) => Ok(()),
                    (Some(_), Some(pod)) => site.ask(&watch, pod, (questions.smoke, patience), progress).await,
                    (Some(_), None) => Err(DeployError::Failed {
                        what: "the new revision has no instance that `deploy.smoke` could be asked of".to_owned(),
                        hint: Some("`deploy.knative.scale.min` keeps one".to_owned()),
                    }),
                };
            }
            if pods.is_empty() {
                self.not_made(whose, ready).await?;
            } else {
                site.examine(&mut watch, &pods).await?;
            }
            site.in_time(&watch, &pods, patience).await?;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// # Errors
    /// Knative makes no instance of it, and says why.
    async fn not_made(&self, whose: Whose<'_>, revision: &Value) -> Result<(), DeployError> {
        let service = self.site.cluster.get(Kind::KnativeService, whose.namespace, whose.name).await?;
        let seen =
            service.filter(|service| service["status"]["observedGeneration"] == service["metadata"]["generation"]);
        // A name that another revision has is told by the Service alone; whether calls are led is not of this revision.
        let of_service = seen.as_ref().map_or(&Value::Null, |service| condition(service, "ConfigurationsReady"));
        let failed = [revision, of_service].into_iter().find(|condition| condition["status"] == "False");
        match failed.and_then(|condition| condition["message"].as_str()) {
            Some(why) => Err(DeployError::Failed {
                what: format!("the cluster runs no instance of the new revision: {why}"),
                hint: None,
            }),
            None => Ok(()),
        }
    }

    /// Waits until calls are led as `traffic` says.
    ///
    /// # Errors
    /// Why they are not.
    pub(super) async fn settle(
        &self,
        whose: Whose<'_>,
        traffic: &Traffic,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        progress.step("leading calls to it", None, None);
        let started = Instant::now();
        loop {
            let found = self.site.cluster.get(Kind::KnativeService, whose.namespace, whose.name).await?;
            let service = found.unwrap_or_default();
            let seen = service["status"]["observedGeneration"] == service["metadata"]["generation"];
            let ready = ready_condition(&service);
            if seen && ready["status"] == "True" && traffic.is_in_force(&service, whose.name) {
                return Ok(());
            }
            let why = ready["message"].as_str().unwrap_or("it does not say why");
            if seen && ready["status"] == "False" {
                return Err(DeployError::Failed {
                    what: format!("no calls are led to the revision: {why}"),
                    hint: None,
                });
            }
            if started.elapsed() > patience {
                return Err(DeployError::Failed {
                    what: format!("no calls were led to the revision within {} s: {why}", patience.as_secs()),
                    hint: None,
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
