//! What the network policy refused, for the agent and the audit log.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::Mutex,
};

use serde::{Deserialize, Serialize};

/// The name of the list in the folder of a box: JSON lines of [`Refused`].
pub const REFUSED_FILE: &str = "refused.jsonl";

/// The list stops growing here, in bytes: a program that asks in a loop must not fill the disk of the host.
const MOST: u64 = 1 << 20;

/// A host that a program inside asked for in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub time: jiff::Timestamp,
    pub host: String,
    pub port: u16,
    /// A sentence without the host.
    pub reason: String,
}

/// The writer's end of the list.
#[derive(Debug)]
pub(super) struct Log(Mutex<File>);

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self(Mutex::new(options.open(path)?)))
    }

    /// Best effort: what cannot be written down is refused all the same.
    pub(super) fn add(&self, refused: &Refused) {
        let Ok(mut line) = serde_json::to_vec(refused) else { return };
        line.push(b'\n');
        if let Ok(mut file) = self.0.lock()
            && file.metadata().is_ok_and(|metadata| metadata.len() < MOST)
        {
            // One write: a reader sees whole lines.
            let _ = file.write_all(&line);
        }
    }
}

/// What was refused since `from`, a position that an earlier call gave (0 at first), and the position now.
///
/// # Errors
/// A list that cannot be read; one that is not there is empty.
pub fn refused_since(folder: &Path, from: u64) -> io::Result<(Vec<Refused>, u64)> {
    let mut file = match File::open(folder.join(REFUSED_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((vec![], from)),
        other => other?,
    };
    file.seek(SeekFrom::Start(from))?;
    let mut text = String::new();
    file.take(2 * MOST).read_to_string(&mut text)?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let refused = text[..whole].lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Ok((refused, from + whole as u64))
}
