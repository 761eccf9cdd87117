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
            let found = self.cluster.get(Kind::Secret, namespace, &at.secret).await?;
            let lacking = match &found {
                None => format!("the namespace `{namespace}` has no Secret `{}`", at.secret),
                Some(found) if !found["data"][key].is_string() => {
                    format!("the Secret `{namespace}/{}` has no key `{key}`", at.secret)
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
    ) -> Result<(), DeployError> {
        let mut all: BTreeMap<&str, &Secret> = secrets.iter().map(|(name, secret)| (name.as_str(), secret)).collect();
        all.insert(SERVE_TOKEN, token);
        let data = all.iter().map(|(name, secret)| ((*name).to_owned(), STANDARD.encode(secret.expose()).into()));
        self.claim(Kind::Secret, whose, secret(whose, data.collect(), "data")).await?;
        match config_map {
            Some(object) => self.claim(Kind::ConfigMap, whose, object).await,
            None => Ok(()),
        }
    }

    /// Makes what only this deploy may make: who comes second finds it there.
    async fn claim(&self, kind: Kind, whose: Whose<'_>, mut object: Value) -> Result<(), DeployError> {
        object["metadata"]["annotations"][labels::MAKER] = sandbox::docker::this_process().into();
        if self.cluster.create(kind, &object).await? {
            return Ok(());
        }
        let name = labels::revision(whose.name, whose.revision);
        let found = self.cluster.get(kind, whose.namespace, &name).await?.unwrap_or_default();
        if found.is_object() && !labels::is_ours(whose.target, &found, whose.name) {
            return Err(not_ours(kind, &found));
        }
        let made = found["metadata"]["creationTimestamp"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
        let age = made.map_or(0, |made| Timestamp::now().as_second() - made.as_second());
        let age = Duration::from_secs(u64::try_from(age).unwrap_or_default());
        if !sandbox::docker::is_gone(labels::annotation(&found, labels::MAKER), age) {
            return Err(DeployError::Failed {
                what: format!("`{}` is just being changed from elsewhere", whose.id()),
                hint: Some(format!(
                    "if that is not so, `kubectl delete -n {} {} {name}` lets the next try begin",
                    whose.namespace,
                    kind.plural()
                )),
            });
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
