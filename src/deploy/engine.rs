//! An image into a container engine, as `docker load` does it, without the layers that the engine has.

use std::{collections::HashMap, io};

use bollard::{
    errors::Error,
    query_parameters::{ImportImageOptionsBuilder, ListImagesOptionsBuilder, TagImageOptionsBuilder},
};
use futures_util::StreamExt as _;
use tokio_util::io::{ReaderStream, SyncIoBridge};

use super::{
    DeployError, Progress,
    image::{self, Cache, Image, Omitted},
};
use crate::{
    config::Env,
    sandbox::{self, SandboxError, docker::said},
};

/// Bytes on their way to the engine.
const BUFFER: usize = 256 << 10;
/// So many images of ours are looked at for layers.
const LOOKED_AT: usize = 20;

/// A container engine of this machine, or the one that DOCKER_HOST names.
pub struct Engine {
    inner: sandbox::docker::Engine,
}

/// What the engine got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// By which name it knows the image.
    pub name: String,
    /// Layers that were sent.
    pub layers: usize,
    pub bytes: u64,
}

impl Engine {
    /// # Errors
    /// No engine, or one that does not answer.
    pub async fn connect(env: &Env) -> Result<Self, DeployError> {
        match sandbox::docker::Engine::connect(env, sandbox::BackendKind::Docker).await {
            Ok(inner) => Ok(Self { inner }),
            Err(SandboxError::Unavailable { reason, .. }) if !Self::is_named(env) => {
                let hint = "install one, or set DOCKER_HOST; `agentscope deploy local` needs none".to_owned();
                Err(DeployError::NoEngine { reason, hint })
            }
            Err(SandboxError::Unavailable { reason, hint, .. }) => Err(DeployError::NoEngine { reason, hint }),
            Err(other) => Err(other.into()),
        }
    }

    /// Whether there is one to ask: a socket, or an address that DOCKER_HOST or Docker's own settings name.
    #[must_use]
    pub fn is_named(env: &Env) -> bool {
        sandbox::docker::Engine::is_named(env)
    }

    pub(super) fn client(&self) -> &bollard::Docker {
        &self.inner.docker
    }

    /// Whether it is on this machine, so that its ports are this machine's.
    pub(super) fn is_here(&self) -> bool {
        self.inner.local
    }

    /// As OCI calls it, such as `amd64`.
    #[must_use]
    pub fn architecture(&self) -> &str {
        &self.inner.arch
    }

    /// Loads `image` and calls it `name`.
    ///
    /// # Errors
    /// As the engine says.
    pub async fn load(
        &self,
        image: &Image,
        name: &str,
        cache: &Cache,
        progress: &dyn Progress,
    ) -> Result<Loaded, DeployError> {
        let none = || Loaded { name: name.to_owned(), layers: 0, bytes: 0 };
        if self.has(image, name).await? {
            return Ok(none());
        }
        let id = image.id().to_string();
        if self.inspect(&id).await?.is_some() {
            self.tag(&id, name).await?;
            return Ok(none());
        }
        progress.step("loading the image into the engine", None, None);
        let known = Omitted(self.common_layers(image).await);
        let loaded = self.send(image, name, cache, known).await;
        // An engine that keeps contents otherwise may want all of them.
        let omitted = match (loaded, known) {
            (Ok(()), _) if known.0 == 0 || self.has(image, name).await? => known,
            (Err(error), Omitted(0)) => return Err(error),
            _ => {
                self.send(image, name, cache, Omitted(0)).await?;
                Omitted(0)
            }
        };
        let sent = &image.layers[omitted.0..];
        Ok(Loaded { name: name.to_owned(), layers: sent.len(), bytes: sent.iter().map(|layer| layer.blob.size).sum() })
    }

    /// Whether the engine knows this image by this name. It calls it by the digest of its configuration, or of its manifest
    /// where it keeps images as containerd does.
    async fn has(&self, image: &Image, name: &str) -> Result<bool, DeployError> {
        let ours = [image.id(), image.digest()];
        let found = self.inspect(name).await?;
        Ok(found.is_some_and(|found| ours.iter().any(|ours| found.trim_start_matches("sha256:") == ours.hex())))
    }

    /// The id of an image, if it is there.
    async fn inspect(&self, name: &str) -> Result<Option<String>, DeployError> {
        match self.inner.docker.inspect_image(name).await {
            Ok(found) => Ok(found.id),
            Err(error) if sandbox::docker::is_status(&error, 404) => Ok(None),
            Err(error) => Err(failed("look for the image")(error)),
        }
    }

    async fn tag(&self, id: &str, name: &str) -> Result<(), DeployError> {
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        let options = TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
        self.inner.docker.tag_image(id, Some(options)).await.map_err(failed("name the image"))
    }

    /// How many of the lowest layers the engine has, as far as images of ours say.
    async fn common_layers(&self, image: &Image) -> usize {
        let filters = HashMap::from([("label".to_owned(), vec!["agentscope.agent-hash".to_owned()])]);
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let Ok(images) = self.inner.docker.list_images(Some(options)).await else { return 0 };
        let ours: Vec<String> = image.layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let mut most = 0;
        for other in images.iter().take(LOOKED_AT) {
            let Ok(found) = self.inner.docker.inspect_image(&other.id).await else { continue };
            let theirs = found.root_fs.and_then(|root| root.layers).unwrap_or_default();
            most = most.max(ours.iter().zip(&theirs).take_while(|(ours, theirs)| ours == theirs).count());
        }
        most
    }

    async fn send(&self, image: &Image, name: &str, cache: &Cache, omitted: Omitted) -> Result<(), DeployError> {
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        let (image, name, cache) = (image.clone(), name.to_owned(), cache.clone());
        let writing = tokio::task::spawn_blocking(move || {
            let out = io::BufWriter::with_capacity(BUFFER, SyncIoBridge::new(ours));
            image::write_tar(&image, &name, &cache, omitted, out)
        });
        let body = bollard::body_try_stream(ReaderStream::with_capacity(theirs, BUFFER));
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let mut answer = Box::pin(self.inner.docker.import_image(options, body, None));
        while let Some(step) = answer.next().await {
            step.map_err(failed("load the image"))?;
        }
        // The engine has taken all of it, or said why not.
        writing.await.map_err(io::Error::other).flatten().map_err(DeployError::io("send the image to the engine"))
    }
}

/// For `map_err`: what was being done when the engine refused.
pub(super) fn failed(what: &'static str) -> impl Fn(Error) -> DeployError {
    move |error| DeployError::Failed {
        what: format!("the engine could not {what}: {}", said(&error)),
        hint: error_hint(&error),
    }
}

fn error_hint(error: &Error) -> Option<String> {
    said(error)
        .contains("no space left")
        .then(|| "the engine's disk is full; `docker system df` shows with what".to_owned())
}
