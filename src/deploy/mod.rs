//! From the agent file to where it runs.
//!
//! [`image`] makes an OCI image in-process, [`registry`] sends it to a registry, [`engine`] to a container engine. Knows no
//! terminal and no agent loop: what goes into an image is told by the agent file alone.

pub mod engine;
mod error;
pub mod image;
pub mod registry;

pub use error::DeployError;

pub use crate::sandbox::Progress;
