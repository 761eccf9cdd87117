//! What a revision needs before it is made: its image, its Secret and its ConfigMap, and names that are free.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    Site,
    kind::Kind,
    labels,
    manifests::{Whose, secret},
    observe::not_ours,
};
use crate::{
    config::{SERVE_TOKEN, Secret, agent_file::SecretKey},
    deploy::{
        Artefact, DeployError, Progress,
        plan::Desired,
        registry::{self, Reference},
    },
    sandbox,
};

impl Site {
    /// # Errors
    /// An object of the name that is somebody else's.
    pub(super) async fn free(&self, made: &[(Kind, Value)], namespace: &str, name: &str) -> Result<(), DeployError> {
        for (kind, object) in made {
            let called = object["metadata"]["name"].as_str().unwrap_or_default();
            if let Some(found) = self.cluster.get(*kind, namespace, called).await?
                && !labels::is_ours(self.target, &found, name)
            {
                return Err(not_ours(*kind, &found));
            }
        }
        Ok(())
    }

    /// # Errors
    /// A Secret of somebody else, or a key of it, that the agent file names and that is not there.
    pub(super) async fn referred(
        &self,
        namespace: &str,
        references: &BTreeMap<String, SecretKey>,
    ) -> Result<(), DeployError> {
        for (variable, at) in references {
            let key = at.key.as_deref().unwrap_or(variable);
            let found = self.cluster.get(Kind::Secret, namespace, &at.name).await?;
            let lacking = match &found {
                None => format!("the namespace `{namespace}` has no Secret `{}`", at.name),
                Some(found) if !found["data"][key].is_string() => {
                    format!("the Secret `{namespace}/{}` has no key `{key}`", at.name)
                }
                Some(_) => continue,
            };
            return Err(DeployError::Usage {
                what: format!("{lacking}, where `deploy.{}.secrets.{variable}` is to be", self.target.name()),
                hint: "make it, or name another; `kubectl get secrets` shows those that there are".to_owned(),
            });
        }
        Ok(())
    }

    /// The image to its registry, where it is ours to bring.
    pub(super) async fn push(&self, desired: &Desired, progress: &dyn Progress) -> Result<(), DeployError> {
        let Some(Artefact::Image { image, name, cache }) = &desired.artefact else { return Ok(()) };
        let to = Reference::parse(name)?;
        let to = Reference { digest: None, ..to };
        registry::push(image, &to, cache, (&self.http, &self.env), progress).await.map(drop)
    }

    /// The Secret and the ConfigMap of a revision.
    pub(super) async fn keep(
        &self,
        whose: Whose<'_>,
        (secrets, token): (&BTreeMap<String, Secret>, &Secret),
        config_map: Option<Value>,
        patience: Duration,
    ) -> Result<(), DeployError> {
        let mut all: BTreeMap<&str, &Secret> = secrets.iter().map(|(name, secret)| (name.as_str(), secret)).collect();
        all.insert(SERVE_TOKEN, token);
        let data = all.iter().map(|(name, secret)| ((*name).to_owned(), STANDARD.encode(secret.expose()).into()));
        self.claim(Kind::Secret, whose, secret(whose, data.collect(), "data"), patience).await?;
        let Some(config_map) = config_map else { return Ok(()) };
        let claimed = self.claim(Kind::ConfigMap, whose, config_map, patience).await;
        if claimed.is_err() {
            let called = labels::revision(whose.name, whose.revision);
            self.cluster.delete(Kind::Secret, whose.namespace, &called).await?;
        }
        claimed
    }

    /// # Errors
    /// Another deploy is at work on this revision.
    pub(super) async fn nobody_makes(&self, whose: Whose<'_>) -> Result<(), DeployError> {
        let called = labels::revision(whose.name, whose.revision);
        match self.cluster.get(Kind::Secret, whose.namespace, &called).await? {
            Some(found) if is_being_made(&found) => Err(busy(Kind::Secret, whose)),
            _ => Ok(()),
        }
    }

    /// Makes what only this deploy may make: who comes second finds it there.
    async fn claim(
        &self,
        kind: Kind,
        whose: Whose<'_>,
        mut object: Value,
        patience: Duration,
    ) -> Result<(), DeployError> {
        // It waits at most three times: until it is tried, until it answers, and until calls come to it.
        let until = Timestamp::now().as_second().saturating_add_unsigned(patience.as_secs() * 3 + 60);
        object["metadata"]["annotations"][labels::MAKER] = sandbox::docker::this_process().into();
        object["metadata"]["annotations"][labels::UNTIL] = until.to_string().into();
        if self.cluster.create(kind, &object).await? {
            return Ok(());
        }
        let name = labels::revision(whose.name, whose.revision);
        let found = self.cluster.get(kind, whose.namespace, &name).await?.unwrap_or_default();
        if found.is_object() && !labels::is_ours(whose.target, &found, whose.name) {
            return Err(not_ours(kind, &found));
        }
        if is_being_made(&found) {
            return Err(busy(kind, whose));
        }
        // Of a deploy that was killed before its Deployment knew of it.
        self.cluster.delete(kind, whose.namespace, &name).await?;
        match self.cluster.create(kind, &object).await? {
            true => Ok(()),
            false => Err(DeployError::Failed {
                what: format!("the {} `{name}` is there again as soon as it is removed", kind.name()),
                hint: Some("another deploy may be at work: try again when it is done".to_owned()),
            }),
        }
    }
}

/// Whether who made it may still be at work.
fn is_being_made(found: &Value) -> bool {
    let made = found["metadata"]["creationTimestamp"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    let now = Timestamp::now().as_second();
    let age = Duration::from_secs(u64::try_from(made.map_or(0, |made| now - made.as_second())).unwrap_or_default());
    let over = labels::annotation(found, labels::UNTIL).parse::<i64>().is_ok_and(|until| until < now);
    found.is_object() && !over && !sandbox::docker::is_gone(labels::annotation(found, labels::MAKER), age)
}

fn busy(kind: Kind, whose: Whose<'_>) -> DeployError {
    DeployError::Failed {
        what: format!("`{}` is just being changed from elsewhere", whose.id()),
        hint: Some(format!(
            "if that is not so, `kubectl delete -n {} {} {}` lets the next try begin",
            whose.namespace,
            kind.plural(),
            labels::revision(whose.name, whose.revision)
        )),
    }
}
