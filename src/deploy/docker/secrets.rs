//! The secrets of a revision: files in a volume, which only the agent reads.

use std::{collections::BTreeMap, io};

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::StreamExt as _;

use super::{Docker, body, labels};
use crate::{
    config::{SERVE_TOKEN, Secret},
    deploy::{DeployError, engine::failed, image::USER},
    sandbox,
};

/// Where they are inside.
pub(super) const FOLDER: &str = "/run/secrets/agentscope";
/// The token that callers need.
pub(super) const TOKEN: &str = SERVE_TOKEN;
/// By which our own `chat` inside says who it is.
const OWN: &str = "AGENTSCOPE_TOKEN";

impl Docker {
    /// Fills the volume of a revision, through a container that is never started.
    pub(super) async fn keep(
        &self,
        (name, number): (&str, u32),
        image: &str,
        secrets: &BTreeMap<String, Secret>,
        token: &Secret,
    ) -> Result<(), DeployError> {
        let filler = labels::filler(name, number);
        let made = ContainerCreateBody {
            image: Some(image.to_owned()),
            labels: Some(self.step_marks(name, number)),
            host_config: Some(HostConfig {
                mounts: Some(vec![body::secrets(name, number, false)]),
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::default().name(&filler).build();
        self.client().create_container(Some(options), made).await.map_err(failed("make a container for secrets"))?;
        let mut all = secrets.clone();
        all.insert(TOKEN.to_owned(), token.clone());
        all.insert(OWN.to_owned(), token.clone());
        let sent = self.fill(&filler, &all).await;
        let dropped = self.drop_container(&filler, Volumes::Keep).await;
        sent.and(dropped)
    }

    async fn fill(&self, container: &str, secrets: &BTreeMap<String, Secret>) -> Result<(), DeployError> {
        let archive = archive(secrets).map_err(DeployError::io("pack the secrets"))?;
        let options = UploadToContainerOptionsBuilder::default().path(FOLDER).build();
        let body = bollard::body_full(archive.into());
        self.client().upload_to_container(container, Some(options), body).await.map_err(failed("take the secrets"))
    }

    /// The token of a revision; `None` where there is no such container or file.
    pub(super) async fn read_token(&self, container: &str) -> Result<Option<Secret>, DeployError> {
        let path = format!("{FOLDER}/{TOKEN}");
        let options = DownloadFromContainerOptionsBuilder::default().path(&path).build();
        let mut stream = Box::pin(self.client().download_from_container(container, Some(options)));
        let mut bytes = vec![];
        while let Some(part) = stream.next().await {
            match part {
                Ok(part) => bytes.extend_from_slice(&part),
                Err(error) if sandbox::docker::is_status(&error, 404) => return Ok(None),
                Err(error) => return Err(failed("give the token")(error)),
            }
        }
        let read = || -> io::Result<Option<String>> {
            let mut archive = tar::Archive::new(&bytes[..]);
            let Some(entry) = archive.entries()?.next() else { return Ok(None) };
            io::read_to_string(entry?).map(Some)
        };
        Ok(read().map_err(DeployError::io("read the token"))?.map(Secret::from))
    }
}

/// What becomes of the volumes that only this container has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Volumes {
    Keep,
    Drop,
}

fn archive(secrets: &BTreeMap<String, Secret>) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(vec![]);
    for (name, secret) in secrets {
        let bytes = secret.expose().as_bytes();
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o400);
        header.set_uid(USER.into());
        header.set_gid(USER.into());
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes)?;
    }
    archive.into_inner()
}
