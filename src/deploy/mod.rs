//! From the agent file to where it runs.
//!
//! [`image`] makes an OCI image in-process, [`registry`] sends it to a registry, [`engine`] to a container engine. A
//! [`Deployer`] is a target, of which [`docker`] and [`kubernetes`] are two; [`plan`] is the difference between what is to be and what is.
//! Knows no terminal and no agent loop: what goes into an image is told by the agent file alone.

mod deployer;
pub mod docker;
pub mod engine;
mod error;
mod forward;
pub mod image;
mod interrupt;
pub mod kubernetes;
pub mod local;
pub mod plan;
pub(crate) mod probe;
pub mod registry;
pub mod variables;

pub use deployer::{Artefact, DeployRequest, Deployer, Deployment, Follow, LogStream, Publish, Purge};
pub use error::DeployError;
pub use forward::Forward;
pub use interrupt::Interrupt;

pub use crate::sandbox::Progress;
