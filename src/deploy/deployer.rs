//! What every target can do. The platform is the record: nothing of a deployment is kept elsewhere.
//!
//! A deployment is addressed by what comes after the target in its id: its name, or `NAMESPACE/NAME` where the target has
//! namespaces. That is what `place` means here.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde_json::Value;

use super::{
    DeployError, Forward, Progress,
    image::{Assets, Cache, Image},
    plan::{Desired, Observed, Plan},
};
use crate::config::{Secret, agent_file::Deploy};

/// What is asked for, whatever the target.
#[derive(Clone, Debug)]
pub struct DeployRequest {
    pub name: String,
    /// What is brought there.
    pub artefact: Artefact,
    /// Of the agent file and all that it names.
    pub agent_hash: String,
    /// The profile of the agent file that it runs with.
    pub profile: Option<String>,
    /// That the agent listens on inside.
    pub port: u16,
    pub secrets: std::collections::BTreeMap<String, Secret>,
    /// What the agent file says of deployments.
    pub settings: Deploy,
    /// Where callers reach it on the host; any port that is free where absent.
    pub publish: Publish,
    pub notes: Vec<String>,
}

/// What a target is given to run.
#[derive(Clone, Debug)]
pub enum Artefact {
    /// An image whose layers are in the cache, with the name that the target will know it by.
    Image { image: Box<Image>, name: String, cache: Cache },
    /// The files of the agent alone: what runs them is there.
    Files(Box<Assets>),
}

/// An address of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    pub host: std::net::IpAddr,
    pub port: Option<u16>,
}

/// How a deployment is after something was done to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    pub observed: Observed,
    /// Where its token is, for whoever may look there.
    pub token_ref: String,
    pub changed: bool,
}

/// Whether logs go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    Yes,
    No,
}

/// What becomes of what a deployment keeps, such as sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    Yes,
    No,
}

pub type LogStream = BoxStream<'static, Result<Bytes, DeployError>>;

/// A place where agents run.
#[async_trait]
pub trait Deployer: Send + Sync {
    fn target(&self) -> &'static str;

    /// All that would be sent. Asks nobody.
    ///
    /// # Errors
    /// What the target cannot do.
    fn render(&self, request: &DeployRequest) -> Result<Desired, DeployError>;

    /// What a plan would send, as documents, where that is how the target is spoken to; without the values of secrets.
    ///
    /// # Errors
    /// What the target cannot do.
    fn manifests(&self, _plan: &Plan) -> Result<Option<Vec<Value>>, DeployError> {
        Ok(None)
    }

    /// What there is of a deployment; without revisions where there is none.
    ///
    /// # Errors
    /// A target that cannot be asked.
    async fn observe(&self, place: &str) -> Result<Observed, DeployError>;

    /// Brings there what it needs and makes it so. The new revision has answered when this returns; the old one goes on serving where it does not.
    ///
    /// # Errors
    /// A revision that does not answer within `patience`, with its last words.
    async fn apply(&self, plan: Plan, patience: Duration, progress: &dyn Progress) -> Result<Deployment, DeployError>;

    /// Every deployment of ours there.
    ///
    /// # Errors
    /// A target that cannot be asked.
    async fn list(&self) -> Result<Vec<Observed>, DeployError>;

    /// What the current revision writes, its last `lines` or all.
    ///
    /// # Errors
    /// No such deployment.
    async fn logs(&self, place: &str, lines: Option<u32>, follow: Follow) -> Result<LogStream, DeployError>;

    /// The token that the deployment was given.
    ///
    /// # Errors
    /// No such deployment.
    async fn token(&self, place: &str) -> Result<Secret, DeployError>;

    /// A way to it for as long as that is held, where no address leads there.
    ///
    /// # Errors
    /// No such deployment, or none that runs.
    async fn reach(&self, _place: &str) -> Result<Option<Forward>, DeployError> {
        Ok(None)
    }

    /// Lets an earlier revision run again: `to`, else the one before.
    ///
    /// # Errors
    /// No such revision; one that does not answer, where the present one goes on.
    async fn rollback(
        &self,
        place: &str,
        to: Option<u32>,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<Deployment, DeployError>;

    /// Stops what runs. Its revisions and what it keeps stay.
    ///
    /// # Errors
    /// No such deployment.
    async fn stop(&self, place: &str) -> Result<(), DeployError>;

    /// Removes it with all its revisions.
    ///
    /// # Errors
    /// No such deployment.
    async fn remove(&self, place: &str, purge: Purge) -> Result<(), DeployError>;
}
