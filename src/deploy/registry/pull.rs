//! An image from a registry, to begin another with.

use std::io::Write as _;

use http::StatusCode;
use reqwest::header;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    Reference, Registry,
    client::{Access, cached},
};
use crate::{
    config::Env,
    deploy::{
        DeployError, Progress,
        image::{Base, Blob, Cache, Digest, Layer},
    },
    runtime::http::Http,
};

/// What we understand, in OCI's words and Docker's.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                        application/vnd.docker.distribution.manifest.list.v2+json, \
                        application/vnd.docker.distribution.manifest.v2+json";

/// Pulls what is not in the cache yet of the image for `architecture`.
///
/// # Errors
/// As the registry says; no image for Linux and this architecture; contents that are not what they are called.
pub async fn pull_base(
    reference: &Reference,
    architecture: &str,
    cache: &Cache,
    (http, env): (&Http, &Env),
    progress: &dyn Progress,
) -> Result<Base, DeployError> {
    let registry = Registry::open(reference, Access::Pull, http, env).await?;
    progress.step(&format!("asking {} for {}", reference.registry, reference.repository), None, None);
    let wanted = match (&reference.digest, &reference.tag) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.clone(),
        (None, None) => "latest".to_owned(),
    };
    let (mut digest, mut manifest) = registry.manifest(&wanted).await?;
    if let Some(manifests) = manifest["manifests"].as_array() {
        digest = for_platform(manifests, architecture).ok_or_else(|| DeployError::NotFound {
            what: format!("`{reference}` has no image for linux/{architecture}"),
            hint: "name another base, or an executable for another architecture with `--runtime-binary`".to_owned(),
        })?;
        (_, manifest) = registry.manifest(&digest.to_string()).await?;
    }
    let broken = || DeployError::Failed {
        what: format!("`{reference}` is not an image with layers"),
        hint: Some("images of old registries (schema 1) and artifacts cannot be built on".to_owned()),
    };
    let config_blob = blob(&manifest["config"]).ok_or_else(broken)?;
    let config = registry.document(&config_blob).await?;
    let config: Value = serde_json::from_slice(&config).map_err(|_| broken())?;
    if config["architecture"].as_str().is_some_and(|found| found != architecture) {
        return Err(DeployError::NotFound {
            what: format!(
                "`{reference}` is for {}, not for {architecture}",
                config["architecture"].as_str().unwrap_or_default()
            ),
            hint: "name another base, or an executable for another architecture with `--runtime-binary`".to_owned(),
        });
    }
    let diff_ids = config["rootfs"]["diff_ids"].as_array().ok_or_else(broken)?;
    let entries = manifest["layers"].as_array().filter(|layers| layers.len() == diff_ids.len()).ok_or_else(broken)?;
    let mut layers = vec![];
    for (entry, diff_id) in entries.iter().zip(diff_ids) {
        let blob = blob(entry).ok_or_else(broken)?;
        let diff_id = diff_id.as_str().and_then(Digest::parse).ok_or_else(broken)?;
        let reused = cache.has(&blob);
        if !reused {
            registry.fetch(&blob, cache, progress).await?;
        }
        layers.push(Layer { blob, media_type: media_type(entry), diff_id, reused });
    }
    Ok(Base { reference: reference.pinned(&digest), config, layers })
}

fn blob(entry: &Value) -> Option<Blob> {
    Some(Blob { digest: Digest::parse(entry["digest"].as_str()?)?, size: entry["size"].as_u64()? })
}

/// In OCI's words: the bytes are the same.
fn media_type(entry: &Value) -> String {
    match entry["mediaType"].as_str().unwrap_or_default() {
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        "application/vnd.docker.image.rootfs.diff.tar" => "application/vnd.oci.image.layer.v1.tar".to_owned(),
        other => other.to_owned(),
    }
}

fn for_platform(manifests: &[Value], architecture: &str) -> Option<Digest> {
    let fits = |entry: &&Value| {
        let platform = &entry["platform"];
        platform["os"] == "linux" && platform["architecture"] == architecture
    };
    Digest::parse(manifests.iter().find(fits)?["digest"].as_str()?)
}

impl Registry<'_> {
    async fn manifest(&self, name: &str) -> Result<(Digest, Value), DeployError> {
        let at = self.at(&format!("manifests/{name}"));
        let response = self.send(|client| client.get(&at).header(header::ACCEPT, ACCEPTED)).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(DeployError::NotFound {
                    what: format!("the registry `{}` has no image `{}`", self.reference.registry, self.reference),
                    hint: "look at its name and tag; a registry may also say so to who has no right to see it"
                        .to_owned(),
                });
            }
            _ => return Err(self.refused("give an image", response).await),
        }
        let bytes = self.whole(response, &format!("the manifest `{name}`")).await?;
        let digest = Digest::of(&bytes);
        let asked = Digest::parse(name);
        if asked.is_some_and(|asked| asked != digest) {
            return Err(self.corrupt(name));
        }
        let manifest = serde_json::from_slice(&bytes).map_err(|_| self.corrupt(name))?;
        Ok((digest, manifest))
    }

    async fn document(&self, blob: &Blob) -> Result<Vec<u8>, DeployError> {
        let response = self.blob(blob).await?;
        let bytes = self.whole(response, &format!("the configuration `{}`", blob.digest.short())).await?;
        if Digest::of(&bytes) == blob.digest { Ok(bytes) } else { Err(self.corrupt(&blob.digest.to_string())) }
    }

    async fn blob(&self, blob: &Blob) -> Result<reqwest::Response, DeployError> {
        let at = self.at(&format!("blobs/{}", blob.digest));
        let response = self.send(|client| client.get(&at)).await?;
        let response = self.follow(response).await?;
        if response.status() == StatusCode::OK {
            Ok(response)
        } else {
            Err(self.refused("give a layer", response).await)
        }
    }

    /// Into the cache, once it is whole and what it is called.
    async fn fetch(&self, blob: &Blob, cache: &Cache, progress: &dyn Progress) -> Result<(), DeployError> {
        let what = format!("fetching {} from {}", blob.digest.short(), self.reference.registry);
        let mut stream = self.blob(blob).await?.bytes_stream();
        let mut file = cache.incoming().map_err(cached)?;
        let (mut hash, mut done) = (Sha256::new(), 0);
        while let Some(piece) = self.piece(&mut stream).await? {
            done += piece.len() as u64;
            if done > blob.size {
                break;
            }
            hash.update(&piece);
            file.write_all(&piece).map_err(cached)?;
            progress.step(&what, Some(done), Some(blob.size));
        }
        if done != blob.size || Digest::finish(hash) != blob.digest {
            return Err(self.corrupt(&blob.digest.to_string()));
        }
        cache.accept(file, &blob.digest).map_err(cached)
    }

    fn corrupt(&self, name: &str) -> DeployError {
        DeployError::Failed {
            what: format!("what the registry `{}` gives as `{name}` is something else", self.reference.registry),
            hint: Some("it may have been cut off on its way: try again".to_owned()),
        }
    }
}
