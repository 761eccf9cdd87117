//! What stands at a path, so exactly that it can be told from anything else and put there again.

use std::{
    ffi::OsString,
    fmt::Write as _,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::folder::{Folder, Kind, Stamp, lossless};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum State {
    Absent,
    File {
        /// The nine permission bits.
        #[serde(with = "octal")]
        mode: u32,
        /// Bytes.
        size: u64,
        /// SHA-256 of the content.
        hash: Hash,
    },
    Link {
        #[serde(with = "lossless")]
        target: OsString,
    },
    Folder {
        #[serde(with = "octal")]
        mode: u32,
    },
    /// A device, FIFO or socket; never made or replaced by us.
    Special,
}

/// SHA-256 in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(String);

impl Hash {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// One path that is, or was, made different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Relative to the workspace.
    #[serde(with = "lossless")]
    pub path: PathBuf,
    pub before: State,
    pub after: State,
}

impl Change {
    /// In one line, for people.
    #[must_use]
    pub fn told(&self) -> String {
        let word = match (&self.before, &self.after) {
            (State::Absent, _) => "made",
            (_, State::Absent) => "deleted",
            _ => "changed",
        };
        format!("{word:8} {}", self.path.display().to_string().replace('\n', " "))
    }

    /// Whether the content before is kept, so that the change can be taken back. Larger files are not
    /// ([`MOST_KEPT`]).
    #[must_use]
    pub fn is_undoable(&self) -> bool {
        !matches!(self.before, State::File { size, .. } if size > MOST_KEPT)
    }
}

/// Bytes of the largest file whose previous content is kept.
pub const MOST_KEPT: u64 = 64 << 20;

impl State {
    /// What stands at `path` now. Reads the whole of a file.
    pub(super) fn of(folder: &Folder, path: &Path) -> io::Result<Self> {
        match folder.stamp(path)? {
            Some(stamp) => Self::with_stamp(folder, path, stamp),
            None => Ok(Self::Absent),
        }
    }

    pub(super) fn with_stamp(folder: &Folder, path: &Path, stamp: Stamp) -> io::Result<Self> {
        Ok(match stamp.kind {
            Kind::File => {
                let (size, hash) = copy(&mut folder.read(path)?, &mut io::sink())?;
                Self::File { mode: stamp.mode, size, hash }
            }
            Kind::Folder => Self::Folder { mode: stamp.mode },
            Kind::Link => Self::Link { target: folder.target(path)? },
            Kind::Whiteout => Self::Absent,
            Kind::Special => Self::Special,
        })
    }

    pub(super) fn is_folder(&self) -> bool {
        matches!(self, Self::Folder { .. })
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// Copies all of it; the number of bytes, and their hash.
pub(super) fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, Hash)> {
    let (mut sha, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        sha.update(bytes);
        to.write_all(bytes)?;
        size += read as u64;
    }
    Ok((size, hex(&sha.finalize())))
}

fn hex(bytes: &[u8]) -> Hash {
    let mut text = String::with_capacity(64);
    for byte in bytes {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    Hash(text)
}

/// Modes in JSON as everybody writes them, such as `644`.
mod octal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{mode:03o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        u32::from_str_radix(&String::deserialize(deserializer)?, 8).map_err(D::Error::custom)
    }
}
