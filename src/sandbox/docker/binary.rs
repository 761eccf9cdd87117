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
use crate::sandbox::SandboxError;

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

/// How an executable of this version is told from any other without running it: this text stands in every one.
#[used]
static MARK: &str = concat!("\u{1e}agentscope ", env!("CARGO_PKG_VERSION"), " runs in boxes\u{1e}");
/// What the mark begins and ends with.
const BOUND: u8 = 0x1e;

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
    #[error("is not agentscope {}", env!("CARGO_PKG_VERSION"))]
    Foreign,
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
        let found = File::open(&self.path).and_then(|file| marked(io::BufReader::new(file)));
        match found.map_err(SandboxError::io(format!("read `{}`", self.path.display())))? {
            true => Ok(()),
            false => Err(unusable(&self.path, &Unfit::Foreign)),
        }
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

fn unusable(path: &Path, unfit: &Unfit) -> SandboxError {
    SandboxError::Failed {
        what: format!("`{}` cannot be put into containers: it {unfit}", shown(path).display()),
        hint: Some(
            "name a static one of this version with `--runtime-binary FILE` or AGENTSCOPE_RUNTIME_BINARY; releases are \
             static, and `cargo rustc --release --bin agentscope -- -C target-feature=+crt-static` builds one"
                .to_owned(),
        ),
    }
}

/// As the user knows it.
fn shown(path: &Path) -> PathBuf {
    let itself = path.starts_with("/proc/self").then(|| std::fs::read_link(path).ok()).flatten();
    itself.unwrap_or_else(|| path.to_owned())
}

/// Whether [`MARK`] stands in a file.
fn marked(mut file: impl io::BufRead) -> io::Result<bool> {
    let mut piece = vec![];
    while file.read_until(BOUND, &mut piece)? > 0 {
        if piece == MARK.as_bytes()[1..] {
            return Ok(true);
        }
        piece.clear();
    }
    Ok(false)
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

    #[test]
    fn only_this_program_of_this_version_is_sent() {
        let mark = |text: &str| marked(io::Cursor::new(text.as_bytes().to_vec())).unwrap();
        assert!(mark(&format!("\u{7f}ELF\u{1e}.{MARK}\0rest")));
        assert!(!mark(&MARK.replace("agentscope", "agentscript")) && !mark(&MARK.replace(" runs", ".9 runs")));
        assert!(!mark(""));
        let other = tempfile::NamedTempFile::new().unwrap();
        let binary = Binary { path: other.path().to_owned(), size: 0, volume: String::new() };
        let text = binary.verify().unwrap_err().to_string();
        assert!(
            text.ends_with(concat!("cannot be put into containers: it is not agentscope ", env!("CARGO_PKG_VERSION"))),
            "{text}"
        );
    }

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
