//! Layers on disk, by their content: `blobs/sha256/HEX`, and what is known of a layer's source under `known/`.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{Digest, LAYER, Layer, digest::Hashed};
use crate::{
    config::{FileLock, make_private, write_private},
    deploy::DeployError,
};

/// What nobody used for so long is removed.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A content and its length in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub digest: Digest,
    pub size: u64,
}

/// The folder of the layers. Made when the first is written.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// What is remembered of the layer that was made of a source.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    diff_id: String,
    digest: String,
    size: u64,
}

impl Cache {
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The file that holds a content.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }

    /// Whether a content is there, whole.
    #[must_use]
    pub fn has(&self, blob: &Blob) -> bool {
        std::fs::metadata(self.path(&blob.digest)).is_ok_and(|found| found.len() == blob.size)
    }

    /// The layer that was made of `source` before, if it is still there.
    pub(super) fn layer_of(&self, source: &Digest) -> Option<Layer> {
        let known: Known = serde_json::from_slice(&std::fs::read(self.known(source)).ok()?).ok()?;
        let blob = Blob { digest: Digest::parse(&known.digest)?, size: known.size };
        if !self.has(&blob) {
            return None;
        }
        // It is used, and stays.
        let _ = File::options().append(true).open(self.path(&blob.digest)).and_then(|file| {
            file.set_modified(SystemTime::now())?;
            Ok(())
        });
        Some(Layer { blob, media_type: LAYER.to_owned(), diff_id: Digest::parse(&known.diff_id)?, reused: true })
    }

    /// Keeps others from making a layer of `source` meanwhile. Waits for who is at it.
    pub(super) fn lock(&self, source: &Digest) -> Result<FileLock, DeployError> {
        let path = self.folder.join("known").join(format!("{}.lock", source.hex()));
        FileLock::acquire(&path).map_err(DeployError::io(format!("use the lock `{}`", path.display())))
    }

    fn known(&self, source: &Digest) -> PathBuf {
        self.folder.join("known").join(format!("{}.json", source.hex()))
    }

    /// Keeps the layer whose archive `write` writes, and remembers that it was made of `source`.
    pub(super) fn keep(
        &self,
        source: &Digest,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Layer, DeployError> {
        let folder = self.folder.join("blobs/sha256");
        let failed = || DeployError::io(format!("write a layer into `{}`", folder.display()));
        make_private(&folder).map_err(failed())?;
        self.drop_old();
        let packed = || -> io::Result<Layer> {
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            let hashed = Hashed::new(io::BufWriter::new(file.as_file_mut()));
            // The header of gzip has no time and no name by itself.
            let mut inner = Hashed::new(flate2::write::GzEncoder::new(hashed, flate2::Compression::default()));
            write(&mut inner)?;
            let (gzip, diff_id, _) = inner.finish();
            let (mut buffer, digest, size) = gzip.finish()?.finish();
            buffer.flush()?;
            drop(buffer);
            let blob = Blob { digest, size };
            if !self.has(&blob) {
                file.persist(self.path(&blob.digest))?;
            }
            Ok(Layer { blob, media_type: LAYER.to_owned(), diff_id, reused: false })
        };
        let layer = packed().map_err(failed())?;
        let known =
            Known { diff_id: layer.diff_id.to_string(), digest: layer.blob.digest.to_string(), size: layer.blob.size };
        let text = serde_json::to_string(&known).map_err(|error| failed()(error.into()))?;
        write_private(&self.known(source), &text).map_err(failed())?;
        Ok(layer)
    }

    /// A file for a content that is on its way; [`Cache::accept`] takes it in.
    ///
    /// # Errors
    /// As the file system says.
    pub fn incoming(&self) -> io::Result<tempfile::NamedTempFile> {
        let folder = self.folder.join("blobs/sha256");
        make_private(&folder)?;
        tempfile::NamedTempFile::new_in(folder)
    }

    /// Takes in what arrived, whose digest was checked.
    ///
    /// # Errors
    /// As the file system says.
    pub fn accept(&self, file: tempfile::NamedTempFile, digest: &Digest) -> io::Result<()> {
        file.persist(self.path(digest)).map(drop).map_err(|error| error.error)
    }

    fn drop_old(&self) {
        for folder in ["blobs/sha256", "known"] {
            for entry in std::fs::read_dir(self.folder.join(folder)).into_iter().flatten().flatten() {
                let age = entry.metadata().and_then(|found| found.modified()).map(|time| time.elapsed());
                if matches!(age, Ok(Ok(age)) if age > KEPT_FOR) {
                    let _ = std::fs::remove_file(entry.path());
                }
            }
        }
    }
}

/// What tells a build of an executable from any other without reading it.
pub(super) fn stamp(path: &Path) -> io::Result<Digest> {
    let real = path.canonicalize()?;
    let found = std::fs::metadata(&real)?;
    #[cfg(unix)]
    let more = {
        use std::os::unix::fs::MetadataExt as _;
        format!("{} {} {} {}", found.dev(), found.ino(), found.ctime(), found.ctime_nsec())
    };
    #[cfg(not(unix))]
    let more = String::new();
    let text = format!(
        "{} {} {} {:?} {more}",
        env!("CARGO_PKG_VERSION"),
        real.display(),
        found.len(),
        found.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()),
    );
    Ok(Digest::of(text.as_bytes()))
}
