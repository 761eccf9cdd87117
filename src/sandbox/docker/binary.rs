//! Our own executable inside a container: a volume of the engine that holds it, filled once and mounted read-only.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig, Mount, MountType, VolumeCreateRequest},
    query_parameters::{
        ContainerArchiveInfoOptionsBuilder, CreateContainerOptions, ListVolumesOptionsBuilder,
        RemoveContainerOptionsBuilder, RemoveVolumeOptions, UploadToContainerOptionsBuilder,
    },
};
use sha2::{Digest as _, Sha256};

use super::engine::{Engine, failed};
use crate::sandbox::SandboxError;

/// Where the volume is mounted.
pub(super) const FOLDER: &str = "/.agentscope";
/// The executable in it.
pub(super) const PATH: &str = "/.agentscope/agentscope";
/// Of volumes that hold it.
const LABEL: &str = "agentscope.binary";

/// An executable that runs in any image: static, for Linux, of the engine's architecture.
#[derive(Clone, Debug)]
pub(super) struct Binary {
    path: PathBuf,
    size: u64,
    /// The name of the volume.
    pub(super) volume: String,
}

/// Why an executable cannot run in any image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Unfit {
    #[error("is not an executable for Linux")]
    NotElf,
    #[error("is for {0}, and the engine is for {1}")]
    Architecture(String, String),
    #[error("is dynamically linked, so it runs only where its libraries are")]
    Dynamic,
}

impl Binary {
    /// # Errors
    /// An executable that cannot run in any image, with what to do instead.
    pub(super) fn of(path: &Path, arch: &str) -> Result<Self, SandboxError> {
        let reading = || SandboxError::io(format!("read `{}`", path.display()));
        let mut file = File::open(path).map_err(reading())?;
        check(&mut file, arch).map_err(reading())?.map_err(|unfit| SandboxError::Failed {
            what: format!("`{}` cannot be put into containers: it {unfit}", path.display()),
            hint: Some(
                "name a static one of this version with `--runtime-binary FILE` or AGENTSCOPE_RUNTIME_BINARY; \
                 releases are static, and `cargo rustc --release --bin agentscope -- -C target-feature=+crt-static` \
                 builds one"
                    .to_owned(),
            ),
        })?;
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

    pub(super) fn mount(&self, read_only: bool) -> Mount {
        Mount {
            target: Some(FOLDER.to_owned()),
            source: Some(self.volume.clone()),
            typ: Some(MountType::VOLUME),
            read_only: Some(read_only),
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

    /// Fills the volume, through a container of `image` that is never started.
    ///
    /// # Errors
    /// As the engine says.
    pub(super) async fn fill(&self, engine: &Engine, image: &str) -> Result<(), SandboxError> {
        let docker = &engine.docker;
        self.drop_others(docker).await;
        let labels = [(LABEL.to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into();
        let volume =
            VolumeCreateRequest { name: Some(self.volume.clone()), labels: Some(labels), ..Default::default() };
        docker.create_volume(volume).await.map_err(failed("make a volume for our executable"))?;
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(vec![PATH.to_owned()]),
            labels: Some([(LABEL.to_owned(), "filling".to_owned())].into()),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                mounts: Some(vec![self.mount(false)]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let made = docker
            .create_container(None::<CreateContainerOptions>, body)
            .await
            .map_err(failed("make a container to copy our executable with"))?;
        let sent = self.send(docker, &made.id).await;
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        let removed = docker.remove_container(&made.id, Some(options)).await;
        sent?;
        removed.map_err(failed("remove the container that our executable was copied with"))
    }

    async fn send(&self, docker: &Docker, container: &str) -> Result<(), SandboxError> {
        let path = self.path.clone();
        let archive = tokio::task::spawn_blocking(move || archive(&path))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(SandboxError::io("pack our executable"))?;
        let options = UploadToContainerOptionsBuilder::default().path(FOLDER).build();
        docker
            .upload_to_container(container, Some(options), bollard::body_full(archive.into()))
            .await
            .map_err(failed("copy our executable to the engine"))
    }

    /// Volumes of other builds that no container uses; the engine refuses to remove those in use.
    async fn drop_others(&self, docker: &Docker) {
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

/// Reads the ELF header and the program headers (System V ABI, chapter 4): 64 bits, little endian, as all machines
/// that we build for are.
fn check(file: &mut (impl io::Read + io::Seek), arch: &str) -> io::Result<Result<(), Unfit>> {
    const INTERPRETER: u32 = 3;
    let mut head = [0; 64];
    match file.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Err(Unfit::NotElf)),
        other => other?,
    }
    if head[..6] != *b"\x7fELF\x02\x01" {
        return Ok(Err(Unfit::NotElf));
    }
    let half = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let machine = match half(18) {
        62 => "amd64".to_owned(),
        183 => "arm64".to_owned(),
        243 => "riscv64".to_owned(),
        other => format!("machine {other}"),
    };
    if machine != arch {
        return Ok(Err(Unfit::Architecture(machine, arch.to_owned())));
    }
    let (start, size, count) = (&head[32..40], u64::from(half(54)), u64::from(half(56)));
    let start = start.iter().rev().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    for index in 0..count {
        file.seek(io::SeekFrom::Start(start.saturating_add(index * size)))?;
        let mut kind = [0; 4];
        file.read_exact(&mut kind)?;
        if u32::from_le_bytes(kind) == INTERPRETER {
            return Ok(Err(Unfit::Dynamic));
        }
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file with one program header of this kind.
    fn elf(machine: u16, kind: u32) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[32] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64..68].copy_from_slice(&kind.to_le_bytes());
        file
    }

    #[test]
    fn only_a_static_executable_of_the_engines_architecture_is_sent() {
        let checked = |bytes: Vec<u8>| check(&mut io::Cursor::new(bytes), "amd64").unwrap();
        assert_eq!(checked(elf(62, 1)), Ok(()));
        assert_eq!(checked(elf(62, 3)), Err(Unfit::Dynamic));
        assert_eq!(checked(elf(183, 1)), Err(Unfit::Architecture("arm64".to_owned(), "amd64".to_owned())));
        assert_eq!(checked(b"#!/bin/sh\n".to_vec()), Err(Unfit::NotElf));
        assert_eq!(checked(vec![0; 100]), Err(Unfit::NotElf));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agentscope");
        std::fs::write(&path, elf(62, 3)).unwrap();
        let error = Binary::of(&path, "amd64").unwrap_err();
        let text = error.to_string().replace(&folder.path().display().to_string(), "[DIR]");
        insta::assert_snapshot!(text, @"`[DIR]/agentscope` cannot be put into containers: it is dynamically linked, so it runs only where its libraries are");
    }
}
