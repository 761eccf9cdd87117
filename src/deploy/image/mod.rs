//! An OCI image, made without Docker: our executable, then the agent and what it names, on nothing or on a base image.
//!
//! The same input gives the same digest: entries are sorted, have no times and no owners but ours, and nothing of the
//! machine gets in. Layers are kept by their content, so that an executable that did not change costs nothing.

mod assets;
mod cache;
mod config;
mod digest;
mod layer;
mod layout;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub use assets::Assets;
pub use cache::{Blob, Cache};
pub use digest::Digest;
pub use layer::Content;
pub use layout::{Omitted, tar as write_tar, write as write_layout};

use super::{DeployError, Progress};

/// Of the parts of an image (OCI image specification 1.1, media types).
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Who runs inside: a user that is nobody on any host.
pub const USER: u32 = 65532;
/// Where the agent is.
pub const FOLDER: &str = "agent";

/// A layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// As it is sent: compressed.
    pub blob: Blob,
    pub media_type: String,
    /// Of the archive inside.
    pub diff_id: Digest,
    /// Whether it was there already.
    pub reused: bool,
}

/// An image, whose layers are in the cache.
#[derive(Clone, Debug)]
pub struct Image {
    /// The name of the agent.
    pub name: String,
    pub manifest: Vec<u8>,
    pub config: Vec<u8>,
    /// From the bottom up.
    pub layers: Vec<Layer>,
    /// Of the agent file and all that it names.
    pub agent_hash: Digest,
    /// As OCI calls it, such as `amd64`.
    pub architecture: String,
    /// What the image lacks that the agent may want.
    pub warnings: Vec<String>,
}

impl Image {
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// The digest of its configuration, by which Docker knows it.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of(&self.config)
    }

    /// A tag that only this image has.
    #[must_use]
    pub fn tag(&self) -> String {
        self.digest().short().to_owned()
    }

    /// Bytes to send to who has nothing of it.
    #[must_use]
    pub fn size(&self) -> u64 {
        let layers: u64 = self.layers.iter().map(|layer| layer.blob.size).sum();
        layers + (self.manifest.len() + self.config.len()) as u64
    }
}

/// An image to begin with, pulled from a registry.
#[derive(Clone, Debug)]
pub struct Base {
    /// As it was asked for, by digest.
    pub reference: String,
    pub config: serde_json::Value,
    pub layers: Vec<Layer>,
}

/// What an image is made of.
#[derive(Clone, Debug)]
pub struct Recipe<'a> {
    /// Our executable, static and for Linux.
    pub binary: &'a Path,
    pub assets: &'a Assets,
    /// `FROM scratch` where absent.
    pub base: Option<&'a Base>,
    /// The profile of the agent file that it runs with.
    pub profile: Option<&'a str>,
    /// Of the sources, such as a commit; for a label.
    pub revision: Option<&'a str>,
}

/// Makes the image. Blocks the thread.
///
/// # Errors
/// An executable that cannot run in an image; a cache that cannot be written.
pub fn build(recipe: &Recipe, cache: &Cache, progress: &dyn Progress) -> Result<Image, DeployError> {
    let architecture = crate::sandbox::architecture(recipe.binary)?;
    let binary = layer::of_binary(recipe.binary, cache, progress)?;
    progress.step("packing the agent", None, None);
    let agent = layer::of_files(&recipe.assets.files, cache)?;
    let assets = recipe.assets;
    let mut layers = recipe.base.map_or(vec![], |base| base.layers.clone());
    layers.extend([binary.clone(), agent.clone()]);
    let agent_hash = agent.diff_id.clone();
    let mut labels: BTreeMap<String, String> = assets.labels.clone();
    labels.insert("agentscope.agent".to_owned(), assets.name.clone());
    labels.insert("agentscope.agent-hash".to_owned(), agent_hash.to_string());
    labels.insert("agentscope.binary".to_owned(), binary.diff_id.to_string());
    labels.insert("agentscope.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    if let Some(revision) = recipe.revision {
        labels.insert("org.opencontainers.image.revision".to_owned(), revision.to_owned());
    }
    if let Some(base) = recipe.base {
        labels.insert("org.opencontainers.image.base.name".to_owned(), base.reference.clone());
    }
    let config = config::config(&config::Parts {
        architecture: &architecture,
        base: recipe.base.map(|base| &base.config),
        layers: &layers,
        command: command(assets, recipe.profile),
        port: assets.port,
        labels,
    });
    let manifest = config::manifest(&config, &layers);
    Ok(Image {
        name: assets.name.clone(),
        manifest,
        config,
        layers,
        agent_hash,
        architecture,
        warnings: assets.warnings_on(recipe.base.is_some()),
    })
}

/// What the container runs, after our executable.
#[must_use]
pub fn command(assets: &Assets, profile: Option<&str>) -> Vec<String> {
    let mut command = vec!["run".to_owned(), format!("/{FOLDER}/{}", assets.agent_file), "--host".to_owned()];
    command.push("0.0.0.0".to_owned());
    command.extend(["--port".to_owned(), assets.port.to_string()]);
    if let Some(profile) = profile {
        command.extend(["--profile".to_owned(), profile.to_owned()]);
    }
    command
}

/// Where layers are kept.
#[must_use]
pub fn cache_folder(cache: &Path) -> PathBuf {
    cache.join("images")
}
