//! An image to a registry: what it lacks, and nothing else.

use http::StatusCode;
use reqwest::{Body, header};
use tokio_util::io::ReaderStream;

use super::{
    Reference, Registry,
    client::{Access, cached},
};
use crate::{
    config::Env,
    deploy::{
        DeployError, Progress,
        image::{Blob, Cache, Digest, Image, MANIFEST},
    },
    runtime::http::Http,
};

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    pub reference: Reference,
    /// Layers and documents that the registry lacked.
    pub blobs: usize,
    pub bytes: u64,
    /// The tag was of this image already: nothing was written.
    pub unchanged: bool,
}

enum Content<'a> {
    Bytes(&'a [u8]),
    Cached,
}

/// Sends `image`, tagged as `to` says, or by a tag that only it has.
///
/// # Errors
/// As the registry says.
pub async fn push(
    image: &Image,
    to: &Reference,
    cache: &Cache,
    (http, env): (&Http, &Env),
    progress: &dyn Progress,
) -> Result<Pushed, DeployError> {
    let registry = Registry::open(to, Access::Push, http, env).await?;
    let tag = to.tag.clone().unwrap_or_else(|| image.tag());
    let digest = image.digest();
    let reference = Reference { tag: Some(tag.clone()), digest: None, ..to.clone() };
    let mut pushed = Pushed { reference, blobs: 0, bytes: 0, unchanged: false };
    progress.step(&format!("asking {} what it has", to.registry), None, None);
    if registry.tagged(&tag).await? == Some(digest.clone()) {
        pushed.unchanged = true;
        return Ok(pushed);
    }
    let config = Blob { digest: image.id(), size: image.config.len() as u64 };
    let layers = image.layers.iter().map(|layer| (&layer.blob, Content::Cached));
    for (blob, content) in layers.chain([(&config, Content::Bytes(&image.config))]) {
        if registry.has(&blob.digest).await? {
            continue;
        }
        registry.send_blob(blob, &content, cache, progress).await?;
        pushed.blobs += 1;
        pushed.bytes += blob.size;
    }
    registry.send_manifest(&tag, &image.manifest, &digest).await?;
    Ok(pushed)
}

impl Registry<'_> {
    /// The digest that a tag stands for.
    async fn tagged(&self, tag: &str) -> Result<Option<Digest>, DeployError> {
        let at = self.at(&format!("manifests/{tag}"));
        let response = self.send(|client| client.head(&at).header(header::ACCEPT, MANIFEST)).await?;
        match response.status() {
            StatusCode::OK => {
                let digest = response.headers().get("docker-content-digest").and_then(|digest| digest.to_str().ok());
                Ok(digest.and_then(Digest::parse))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.refused("look for the tag", response).await),
        }
    }

    async fn has(&self, digest: &Digest) -> Result<bool, DeployError> {
        let at = self.at(&format!("blobs/{digest}"));
        let response = self.send(|client| client.head(&at)).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() || status.is_redirection() => Ok(true),
            _ => Err(self.refused("look for a layer", response).await),
        }
    }

    /// In one piece: `POST` for a place, then `PUT` (OCI distribution specification 1.1, "Pushing a blob monolithically").
    async fn send_blob(
        &self,
        blob: &Blob,
        content: &Content<'_>,
        cache: &Cache,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let at = self.at("blobs/uploads/");
        let response = self.send(|client| client.post(&at).header(header::CONTENT_LENGTH, 0)).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.refused("take a layer", response).await);
        }
        let location = response.headers().get(header::LOCATION).and_then(|at| at.to_str().ok());
        let mut to = location.and_then(|at| response.url().join(at).ok()).ok_or_else(|| DeployError::Failed {
            what: format!("the registry `{}` did not say where to send a layer", self.reference.registry),
            hint: None,
        })?;
        to.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
        let what = format!("sending {} to {}", blob.digest.short(), self.reference.registry);
        progress.step(&what, Some(0), Some(blob.size));
        let file = match content {
            Content::Bytes(_) => None,
            Content::Cached => Some(std::fs::File::open(cache.path(&blob.digest)).map_err(cached)?),
        };
        let body = || match (content, &file) {
            (Content::Bytes(bytes), _) => Body::from(bytes.to_vec()),
            (Content::Cached, Some(file)) => file.try_clone().map_or_else(
                |_| Body::from(vec![]),
                |file| {
                    use std::io::Seek as _;
                    let mut file = file;
                    // A second try begins anew.
                    let _ = file.rewind();
                    Body::wrap_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file), 256 << 10))
                },
            ),
            (Content::Cached, None) => Body::from(vec![]),
        };
        let response = self
            .send(|client| {
                client
                    .put(to.clone())
                    .header(header::CONTENT_TYPE, "application/octet-stream")
                    .header(header::CONTENT_LENGTH, blob.size)
                    .body(body())
            })
            .await?;
        match response.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
            _ => Err(self.refused("take a layer", response).await),
        }
    }

    async fn send_manifest(&self, tag: &str, manifest: &[u8], digest: &Digest) -> Result<(), DeployError> {
        let at = self.at(&format!("manifests/{tag}"));
        let response =
            self.send(|client| client.put(&at).header(header::CONTENT_TYPE, MANIFEST).body(manifest.to_vec())).await?;
        if response.status() != StatusCode::CREATED {
            return Err(self.refused("take the image", response).await);
        }
        let said = response.headers().get("docker-content-digest").and_then(|said| said.to_str().ok());
        match said.and_then(Digest::parse) {
            Some(said) if said != *digest => Err(DeployError::Failed {
                what: format!("the registry `{}` kept another image than was sent", self.reference.registry),
                hint: None,
            }),
            _ => Ok(()),
        }
    }
}
