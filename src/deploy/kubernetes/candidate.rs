//! A pod that nobody reaches, to try a revision before it takes over.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Kubernetes,
    kind::Kind,
    labels::{self, Role},
    manifests::{Whose, head},
    rollout::Questions,
};
use crate::deploy::{DeployError, Progress};

/// Seconds after which the cluster ends one whose deploy was killed.
const LONGEST: u32 = 3600;

/// The pod of a revision with an empty folder of its own for what the agent keeps.
fn pod(whose: Whose<'_>, template: &Value) -> Value {
    let mut pod = head(Kind::Pod, &labels::candidate(whose.name, whose.revision), whose);
    let mut marks = template["metadata"]["labels"].clone();
    marks[labels::ROLE] = Role::Candidate.name().into();
    pod["metadata"]["labels"] = marks;
    let mut spec = template["spec"].clone();
    spec["restartPolicy"] = "Never".into();
    spec["activeDeadlineSeconds"] = LONGEST.into();
    for volume in spec["volumes"].as_array_mut().into_iter().flatten() {
        if volume["name"] == "data" {
            *volume = json!({ "name": "data", "emptyDir": {} });
        }
    }
    pod.insert("spec".to_owned(), spec);
    Value::Object(pod)
}

impl Kubernetes {
    /// While it is replaced, one more pod is there than before, at least.
    ///
    /// # Errors
    /// The namespace has no room for it, or rules that it does not meet.
    pub(super) async fn has_room(&self, whose: Whose<'_>, deployment: &Value) -> Result<(), DeployError> {
        let mut pod = pod(whose, &deployment["spec"]["template"]);
        // Its own may not be there yet.
        pod["spec"]["serviceAccountName"] = "default".into();
        self.site.cluster.would_take(Kind::Pod, &pod).await
    }

    /// Tries what this Deployment is about to run.
    ///
    /// # Errors
    /// Why it does not answer as it should.
    pub(super) async fn try_out(
        &self,
        whose: Whose<'_>,
        deployment: &Value,
        questions: &Questions<'_>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let name = labels::candidate(whose.name, whose.revision);
        self.site.cluster.delete_now(Kind::Pod, whose.namespace, &name).await?;
        let template = &deployment["spec"]["template"];
        let tried = async {
            if !self.site.cluster.create(Kind::Pod, &pod(whose, template)).await? {
                return Err(DeployError::Failed {
                    what: format!("the pod `{name}` of an earlier try is still about to end"),
                    hint: Some("try again in half a minute".to_owned()),
                });
            }
            self.site.watch(whose, questions, patience, progress).await
        };
        let tried = tried.await;
        let gone = self.site.cluster.delete_now(Kind::Pod, whose.namespace, &name).await;
        tried.and(gone)
    }
}
