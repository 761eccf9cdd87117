//! The two layers of ours: the executable, which seldom changes, and the agent, which is small.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use super::{Cache, Digest, FOLDER, Layer, USER, cache};
use crate::{
    deploy::{DeployError, Progress},
    sandbox,
};

/// A file or a link of the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    File {
        bytes: Vec<u8>,
        executable: bool,
    },
    /// To another file of the agent, relative.
    Link(String),
}

/// Our executable, a folder for what the agent keeps, and one for temporary files.
pub(super) fn of_binary(path: &Path, cache: &Cache, progress: &dyn Progress) -> Result<Layer, DeployError> {
    let reading = || DeployError::io(format!("read `{}`", path.display()));
    let stamp = cache::stamp(path).map_err(reading())?;
    if let Some(layer) = cache.layer_of(&stamp) {
        return Ok(layer);
    }
    // It takes a while, and who else is about to can wait for it.
    let _packing = cache.lock(&stamp)?;
    if let Some(layer) = cache.layer_of(&stamp) {
        return Ok(layer);
    }
    sandbox::verify(path)?;
    let file = File::open(path).map_err(reading())?;
    let size = file.metadata().map_err(reading())?.len();
    cache.keep(&stamp, |out| {
        let mut archive = tar::Builder::new(out);
        let read = Watched { file, done: 0, size, progress };
        append(&mut archive, "agentscope", header(tar::EntryType::Regular, 0o755, 0, size), read)?;
        append(&mut archive, "data/", header(tar::EntryType::Directory, 0o700, USER, 0), io::empty())?;
        append(&mut archive, "tmp/", header(tar::EntryType::Directory, 0o1777, 0, 0), io::empty())?;
        archive.into_inner()?.flush()
    })
}

/// The files of the agent by their paths below its folder, with the folders that they are in.
pub(super) fn of_files(files: &BTreeMap<String, Content>, cache: &Cache) -> Result<Layer, DeployError> {
    let archive = archive(files).map_err(DeployError::io("pack the agent"))?;
    let source = Digest::of(&archive);
    if let Some(layer) = cache.layer_of(&source) {
        return Ok(layer);
    }
    cache.keep(&source, |out| out.write_all(&archive))
}

/// Of an agent and all that it names: the digest of the layer that it would be.
///
/// # Errors
/// Paths that no archive can hold.
pub fn agent_hash(files: &BTreeMap<String, Content>) -> Result<Digest, DeployError> {
    archive(files).map(|archive| Digest::of(&archive)).map_err(DeployError::io("pack the agent"))
}

fn archive(files: &BTreeMap<String, Content>) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(vec![]);
    let mut folders = std::collections::BTreeSet::from([format!("{FOLDER}/")]);
    for path in files.keys() {
        folders.extend(path.match_indices('/').map(|(at, _)| format!("{FOLDER}/{}/", &path[..at])));
    }
    for folder in folders {
        append(&mut archive, &folder, header(tar::EntryType::Directory, 0o755, 0, 0), io::empty())?;
    }
    for (path, content) in files {
        let path = format!("{FOLDER}/{path}");
        match content {
            Content::File { bytes, executable } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                append(&mut archive, &path, header(tar::EntryType::Regular, mode, 0, bytes.len() as u64), &bytes[..])?;
            }
            Content::Link(to) => {
                let mut header = header(tar::EntryType::Symlink, 0o777, 0, 0);
                archive.append_link(&mut header, &path, to)?;
            }
        }
    }
    archive.into_inner()
}

/// Of nobody's time: what is the same has the same digest.
fn header(kind: tar::EntryType, mode: u32, owner: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner.into());
    header.set_gid(owner.into());
    header.set_mtime(0);
    header.set_size(size);
    header
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    path: &str,
    mut header: tar::Header,
    data: impl Read,
) -> io::Result<()> {
    archive.append_data(&mut header, path, data)
}

/// Tells how much was read.
struct Watched<'a> {
    file: File,
    done: u64,
    size: u64,
    progress: &'a dyn Progress,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.done += read as u64;
        self.progress.step("packing our executable", Some(self.done), Some(self.size));
        Ok(read)
    }
}
