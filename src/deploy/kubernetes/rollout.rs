//! Watches a new revision until it answers, or until there is a reason why it will not.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Site,
    container::CONTAINER,
    kind::Kind,
    labels::{self, Role},
    manifests::Whose,
    pods::{self, Logs, Trouble},
};
use crate::{
    config::{Secret, agent_file::Smoke},
    deploy::{DeployError, Progress},
};

/// Between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(250);
/// What may pass has so long to do it.
const PASSING: Duration = Duration::from_secs(5);
/// One that says the same for so long will not get ready by itself.
const SETTLED: Duration = Duration::from_secs(8);
/// Lines of its log that a failure shows, our own questions not counted.
const LINES: i64 = 100;
const PROBES: [&str; 2] = [r#""route":"/readiness""#, r#""route":"/liveness""#];
/// Of events that a failure shows.
const EVENTS: usize = 5;

/// What is known of a rollout while it is watched.
pub(super) struct Watch<'a> {
    whose: Whose<'a>,
    port: u16,
    replicas: usize,
    token: &'a Secret,
    started: Instant,
    /// What it says of itself, and since when.
    said: String,
    since: Instant,
    /// Since when something is in its way that may pass.
    passing: Option<Instant>,
}

/// What a revision is asked.
pub(super) struct Questions<'a> {
    /// Which of its pods are asked.
    pub(super) role: Role,
    pub(super) port: u16,
    pub(super) replicas: u32,
    pub(super) token: &'a Secret,
    pub(super) smoke: Option<&'a Smoke>,
}

impl<'a> Watch<'a> {
    pub(super) fn begin(whose: Whose<'a>, questions: &Questions<'a>) -> Self {
        let started = Instant::now();
        Self {
            whose,
            port: questions.port,
            replicas: questions.replicas as usize,
            token: questions.token,
            started,
            said: String::new(),
            since: started,
            passing: None,
        }
    }

    /// One of those that are ready, where there are as many as there should be.
    pub(super) fn ready<'p>(&self, pods: &'p [Value]) -> Option<&'p str> {
        let ready: Vec<&Value> = pods.iter().filter(|pod| pods::is_ready(pod)).collect();
        ready.first().filter(|_| ready.len() >= self.replicas).map(|pod| pods::name(pod))
    }
}

impl Site {
    /// Waits until the revision runs as often as it should and says that it can answer, then asks it.
    ///
    /// # Errors
    /// Why it does not, with the end of its log and what happened to it.
    pub(super) async fn watch(
        &self,
        whose: Whose<'_>,
        questions: &Questions<'_>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        self.interrupt.or(self.until_answered(whose, questions, patience, progress)).await
    }

    async fn until_answered(
        &self,
        whose: Whose<'_>,
        questions: &Questions<'_>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        progress.step("waiting until it answers", None, None);
        let mut watch = Watch::begin(whose, questions);
        loop {
            let pods = self.pods(whose, questions.role).await?;
            if let Some(pod) = watch.ready(&pods) {
                return self.ask(&watch, pod, (questions.smoke, patience), progress).await;
            }
            self.examine(&mut watch, &pods).await?;
            if pods.is_empty() && questions.role == Role::Serving {
                self.not_made(&watch).await?;
            }
            self.in_time(&watch, &pods, patience).await?;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// # Errors
    /// It takes longer than it may.
    pub(super) async fn in_time(
        &self,
        watch: &Watch<'_>,
        pods: &[Value],
        patience: Duration,
    ) -> Result<(), DeployError> {
        if watch.started.elapsed() <= patience {
            return Ok(());
        }
        let why = if watch.said.is_empty() { "it does not answer" } else { &watch.said };
        let what = format!("the new revision was not ready within {} s: {why}", patience.as_secs());
        Err(self.failing(watch.whose, pods.first(), &what, Logs::Present).await)
    }

    /// Those of the revision that are not about to end.
    pub(super) async fn pods(&self, whose: Whose<'_>, role: Role) -> Result<Vec<Value>, DeployError> {
        let ours = labels::ours(whose.target, Some(whose.name));
        let selector = format!("{ours},{}={},{}={}", labels::REVISION, whose.revision, labels::ROLE, role.name());
        let mut pods = self.cluster.list(Kind::Pod, Some(whose.namespace), &selector).await?;
        pods.retain(|pod| !pods::is_leaving(pod));
        Ok(pods)
    }

    /// # Errors
    /// Something that will not get better by waiting.
    pub(super) async fn examine(&self, watch: &mut Watch<'_>, pods: &[Value]) -> Result<(), DeployError> {
        if let Some((pod, trouble)) = pods.iter().find_map(|pod| Some((pod, pods::trouble(pod)?))) {
            return self.stuck(watch, pod, &trouble).await;
        }
        watch.passing = None;
        let Some(pod) = pods.iter().find(|pod| pods::is_running(pod) && !pods::is_ready(pod)) else { return Ok(()) };
        let at = (watch.whose.namespace, pods::name(pod), watch.port);
        let said = self.cluster.unready(at, watch.token).await.unwrap_or_default();
        if said != watch.said {
            (watch.said, watch.since) = (said, Instant::now());
        }
        if watch.said.is_empty() || watch.since.elapsed() < SETTLED {
            return Ok(());
        }
        let what = format!("the new revision is not ready: {}", watch.said);
        Err(self.failing(watch.whose, Some(pod), &what, Logs::Present).await)
    }

    async fn stuck(&self, watch: &mut Watch<'_>, pod: &Value, trouble: &Trouble) -> Result<(), DeployError> {
        let since = *watch.passing.get_or_insert_with(Instant::now);
        if trouble.may_pass && (since.elapsed() < PASSING || self.is_growing(watch.whose, pod).await) {
            return Ok(());
        }
        let what = format!("the new revision does not run: {}", trouble.what);
        Err(self.failing(watch.whose, Some(pod), &what, trouble.logs).await)
    }

    /// Whether a node is being added for it.
    async fn is_growing(&self, whose: Whose<'_>, pod: &Value) -> bool {
        let events = self.cluster.events(whose.namespace, pod).await;
        events.iter().any(|event| event["reason"] == "TriggeredScaleUp")
    }

    /// # Errors
    /// The cluster makes no pod, as where a quota is used up.
    async fn not_made(&self, watch: &Watch<'_>) -> Result<(), DeployError> {
        let whose = watch.whose;
        let found = self.cluster.get(Kind::Deployment, whose.namespace, whose.name).await?.unwrap_or_default();
        let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let seen = found["status"]["observedGeneration"] == found["metadata"]["generation"];
        let failed = |condition: &&Value| condition["type"] == "ReplicaFailure" && condition["status"] == "True";
        match conditions.iter().find(failed).filter(|_| seen) {
            Some(condition) => {
                let why = condition["message"].as_str().unwrap_or("it does not say why");
                let what = format!("the cluster makes no pod of the new revision: {why}");
                Err(DeployError::Failed { what, hint: None })
            }
            None => Ok(()),
        }
    }

    pub(super) async fn ask(
        &self,
        watch: &Watch<'_>,
        pod: &str,
        (smoke, patience): (Option<&Smoke>, Duration),
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let Some(smoke) = smoke else { return Ok(()) };
        progress.step("asking it what `deploy.smoke` says", None, None);
        let at = (watch.whose.namespace, pod, watch.port);
        match self.cluster.smoke(at, watch.token, smoke, patience).await {
            Ok(()) => Ok(()),
            Err(what) => Err(DeployError::Failed { what, hint: None }),
        }
    }

    /// `what`, with the end of the log and what happened to the pod.
    async fn failing(&self, whose: Whose<'_>, pod: Option<&Value>, what: &str, logs: Logs) -> DeployError {
        let mut lines = vec![];
        if let Some(pod) = pod {
            let name = pods::name(pod);
            if logs != Logs::None {
                lines.extend(self.last_words(whose.namespace, name, logs).await);
            }
            let events = self.cluster.events(whose.namespace, pod).await;
            let warnings = events.iter().filter(|event| event["type"] == "Warning").rev();
            let of = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().trim().to_owned();
            let news = warnings.filter(|event| !what.contains(&of(event, "message")));
            let mut told: Vec<String> =
                news.map(|event| format!("event {}: {}", of(event, "reason"), of(event, "message"))).collect();
            told.dedup();
            lines.extend(told.into_iter().take(EVENTS));
        }
        let lines: String = lines.iter().map(|line| format!("\n  {line}")).collect();
        DeployError::Failed { what: format!("{what}{lines}"), hint: None }
    }

    async fn last_words(&self, namespace: &str, pod: &str, logs: Logs) -> Vec<String> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), namespace);
        let params = LogParams {
            container: Some(CONTAINER.to_owned()),
            previous: logs == Logs::Previous,
            tail_lines: Some(LINES),
            ..LogParams::default()
        };
        let text = pods.logs(pod, &params).await.unwrap_or_default();
        let ours = |line: &&str| PROBES.iter().any(|probe| line.contains(probe));
        text.lines().filter(|line| !ours(line)).map(str::to_owned).collect()
    }

    /// Lets the pods of a revision begin anew.
    pub(super) async fn restart(&self, whose: Whose<'_>) -> Result<(), DeployError> {
        for pod in self.pods(whose, Role::Serving).await?.iter().filter(|pod| !pods::is_ready(pod)) {
            self.cluster.delete(Kind::Pod, whose.namespace, pods::name(pod)).await?;
        }
        Ok(())
    }
}
