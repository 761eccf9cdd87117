//! Our own executable inside a container: a volume of the engine that holds it, filled once and mounted read-only.
//!
//! Whoever fills it holds a container of a name that only one can have, so that nobody sees it half filled, whatever
//! process, home or machine he comes from.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions},
    query_parameters::{
        ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
        ListVolumesOptionsBuilder, RemoveVolumeOptions, UploadToContainerOptionsBuilder,
    },
};
use sha2::{Digest as _, Sha256};

use super::{
    engine::{Engine, failed, is_status},
    maker,
};
use crate::sandbox::{
    SandboxError,
    executable::{self, check, shown, unusable},
};

/// Where the volume is mounted.
pub(super) const FOLDER: &str = "/.agentscope";
/// The executable in it.
pub(super) const PATH: &str = "/.agentscope/agentscope";
/// Of volumes that hold it.
const LABEL: &str = "agentscope.binary";

/// Between two looks at whether another has filled the volume.
const LOOK: Duration = Duration::from_millis(50);
/// Until whoever fills it is given up: longer than the upload may take.
const FILLED_WITHIN: Duration = Duration::from_secs(180);

/// An executable that runs in any image: static, for Linux, of the engine's architecture.
#[derive(Clone, Debug)]
pub(super) struct Binary {
    path: PathBuf,
    size: u64,
    /// The name of the volume.
    pub(super) volume: String,
}

impl Binary {
    /// # Errors
    /// An executable that cannot run in any image, with what to do instead.
    pub(super) fn of(path: &Path, arch: &str) -> Result<Self, SandboxError> {
        let shown = shown(path);
        let reading = || SandboxError::io(format!("read `{}`", shown.display()));
        let mut file = File::open(path).map_err(reading())?;
        check(&mut file, arch).map_err(reading())?.map_err(|unfit| unusable(path, &unfit))?;
        let metadata = file.metadata().map_err(reading())?;
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        // The hash of what is in it would cost more than the box; a build has a time and a size of its own.
        let identity = format!("{} {} {modified:?} {arch}", env!("CARGO_PKG_VERSION"), metadata.len());
        let hash: String = Sha256::digest(identity).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            path: path.to_owned(),
            size: metadata.len(),
            volume: format!("agentscope-{}-{hash}", env!("CARGO_PKG_VERSION")),
        })
    }

    /// Whether it is of this version and no other program: what is looked at once, before it is sent.
    ///
    /// # Errors
    /// Another program.
    pub(super) fn verify(&self) -> Result<(), SandboxError> {
        executable::verify(&self.path)
    }

    pub(super) fn mount(&self, read_only: bool) -> Mount {
        Mount {
            target: Some(FOLDER.to_owned()),
            source: Some(self.volume.clone()),
            typ: Some(MountType::VOLUME),
            read_only: Some(read_only),
            // Made with the container, so that at no time it is there and nobody's.
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                labels: Some([(LABEL.to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into()),
                ..MountVolumeOptions::default()
            }),
            ..Mount::default()
        }
    }

    /// Whether a container that mounts the volume finds the executable whole.
    pub(super) async fn is_whole_in(&self, docker: &Docker, container: &str) -> bool {
        let options = ContainerArchiveInfoOptionsBuilder::default().path(PATH).build();
        docker
            .get_container_archive_info(container, Some(options))
            .await
            .is_ok_and(|info| u64::try_from(info.size).is_ok_and(|size| size == self.size))
    }

    /// Looks at the executable, unless the engine has it already. To be called before a container mounts the volume, which
    /// makes it.
    ///
    /// # Errors
    /// Another program than ours.
    pub(super) async fn admit(&self, docker: &Docker) -> Result<(), SandboxError> {
        if docker.inspect_volume(&self.volume).await.is_ok() {
            return Ok(());
        }
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.verify())
            .await
            .map_err(|error| SandboxError::io("look at our executable")(io::Error::other(error)))?
    }

    /// Fills the volume, through a container of `image` that is never started. Where another process is about to, waits
    /// for it.
    ///
    /// # Errors
    /// As the engine says.
    pub(super) async fn fill(&self, engine: &Engine, image: &str) -> Result<(), SandboxError> {
        let filling = async {
            while !self.fill_once(engine, image).await? {
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        tokio::time::timeout(FILLED_WITHIN, filling).await.unwrap_or_else(|_| {
            Err(SandboxError::Failed {
                what: format!("our executable did not arrive on the engine within {} s", FILLED_WITHIN.as_secs()),
                hint: Some(format!("`docker rm -f {}` lets the next try begin again", self.lock())),
            })
        })
    }

    /// Gives `false` where another process is at it.
    async fn fill_once(&self, engine: &Engine, image: &str) -> Result<bool, SandboxError> {
        let docker = &engine.docker;
        let options = CreateContainerOptionsBuilder::default().name(&self.lock()).build();
        if let Err(error) = docker.create_container(Some(options), self.filler(image)).await {
            return match docker.inspect_container(&self.lock(), None::<InspectContainerOptions>).await {
                Ok(_) => maker::sweep(engine).await.map(|()| false),
                // It was there, and is gone now.
                Err(_) if is_status(&error, 409) => Ok(false),
                Err(_) => Err(failed("make a container to copy our executable with")(error)),
            };
        }
        self.drop_others(docker).await;
        let sent = match self.is_whole_in(docker, &self.lock()).await {
            true => Ok(()),
            false => self.send(docker).await,
        };
        let arrived = sent.is_ok() && self.is_whole_in(docker, &self.lock()).await;
        let removed = maker::remove(engine, &self.lock()).await;
        sent?;
        removed?;
        if arrived {
            return Ok(true);
        }
        Err(SandboxError::Failed {
            what: "our executable did not arrive on the engine".to_owned(),
            hint: Some("the engine's disk may be full: `docker system df`".to_owned()),
        })
    }

    /// The name of the container that only one can have.
    fn lock(&self) -> String {
        format!("{}-filling", self.volume)
    }

    fn filler(&self, image: &str) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(vec![PATH.to_owned()]),
            labels: Some([(maker::LABEL.to_owned(), maker::this())].into()),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                mounts: Some(vec![self.mount(false)]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    async fn send(&self, docker: &Docker) -> Result<(), SandboxError> {
        let path = self.path.clone();
        let archive = tokio::task::spawn_blocking(move || archive(&path))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(SandboxError::io("pack our executable"))?;
        let options = UploadToContainerOptionsBuilder::default().path(FOLDER).build();
        docker
            .upload_to_container(&self.lock(), Some(options), bollard::body_full(archive.into()))
            .await
            .map_err(failed("copy our executable to the engine"))
    }

    /// Volumes of other builds that no container uses; the engine refuses to remove those in use.
    pub(super) async fn drop_others(&self, docker: &Docker) {
        let filters = std::collections::HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]);
        let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
        let Ok(listed) = docker.list_volumes(Some(options)).await else { return };
        for volume in listed.volumes.unwrap_or_default().into_iter().filter(|volume| volume.name != self.volume) {
            let _ = docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await;
        }
    }
}

fn archive(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(file.metadata()?.len());
    header.set_mode(0o755);
    header.set_entry_type(tar::EntryType::Regular);
    let mut archive = tar::Builder::new(vec![]);
    archive.append_data(&mut header, "agentscope", &mut file)?;
    archive.into_inner()
}
