//! The messages of earlier sessions, in a file. Waits for the disk: not to be called where keys are read.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crate::config::{FileLock, make_private};

/// Messages that are read, the newest.
const MOST_MESSAGES: usize = 1000;
/// A file larger than this is cut down to its newer half.
const MOST_BYTES: u64 = 1 << 20;
/// A message that is larger is not kept.
const MOST_MESSAGE: usize = 64 << 10;

/// `history` in the state folder: a line a message, as JSON text, readable by nobody else.
#[derive(Clone, Debug)]
pub struct Recall {
    path: PathBuf,
}

impl Recall {
    /// That of the state folder `state`.
    #[must_use]
    pub fn of(state: &Path) -> Self {
        Self { path: state.join("history") }
    }

    /// The messages, the oldest first. What cannot be read is left out.
    ///
    /// # Errors
    /// As the file system says; a file that is not there is empty.
    pub fn load(&self) -> io::Result<Vec<String>> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            file => file?,
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(2 * MOST_BYTES)))?;
        let mut bytes = vec![];
        file.take(2 * MOST_BYTES).read_to_end(&mut bytes)?;
        let mut messages: Vec<String> =
            bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        messages.drain(..messages.len().saturating_sub(MOST_MESSAGES));
        Ok(messages)
    }

    /// Adds a message, unless it is the last one again, or a secret by its look: what follows a space in front is kept
    /// out, as shells do.
    ///
    /// # Errors
    /// As the file system says; nothing of it must keep a message from being sent.
    pub fn add(&self, message: &str) -> io::Result<()> {
        if message.len() > MOST_MESSAGE || message.starts_with(' ') {
            return Ok(());
        }
        let line = serde_json::to_string(message)? + "\n";
        make_private(self.path.parent().unwrap_or(Path::new(".")))?;
        let _lock = FileLock::acquire(&self.path.with_extension("lock"))?;
        let mut file = self.open()?;
        let length = file.metadata()?.len();
        let tail = tail(&mut file, length, line.len() as u64)?;
        if tail == line.as_bytes() {
            return Ok(());
        }
        if length > MOST_BYTES {
            self.cut(length)?;
            file = self.open()?;
        }
        // A line that a full disk cut short ends here.
        let line = if tail.is_empty() || tail.ends_with(b"\n") { line } else { format!("\n{line}") };
        file.write_all(line.as_bytes())
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path)
    }

    /// Leaves the newer half, in a file that takes the place of this one at once.
    fn cut(&self, length: u64) -> io::Result<()> {
        let mut bytes = vec![];
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(length - length / 2))?;
        file.read_to_end(&mut bytes)?;
        let start = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        let mut new = tempfile::NamedTempFile::new_in(self.path.parent().unwrap_or(Path::new(".")))?;
        new.write_all(&bytes[start..])?;
        new.persist(&self.path)?;
        Ok(())
    }
}

/// The last bytes of the file, at most `most`.
fn tail(file: &mut File, length: u64, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let recall = Recall::of(&folder.path().join("state"));
        assert_eq!(recall.load().unwrap(), [] as [&str; 0]);
        for message in ["one", "two\nlines", "two\nlines", " secret", "né \u{1b}[2J"] {
            recall.add(message).unwrap();
        }
        recall.add(&"x".repeat(MOST_MESSAGE + 1)).unwrap();
        assert_eq!(recall.load().unwrap(), ["one", "two\nlines", "né \u{1b}[2J"]);
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.path().join("state/history");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"\"cut off").unwrap();
        recall.add("after").unwrap();
        assert_eq!(recall.load().unwrap().last().map(String::as_str), Some("after"));
    }

    #[test]
    fn the_file_stays_small_and_nothing_is_lost_between_two_writers() {
        let folder = tempfile::tempdir().unwrap();
        let recall = Recall::of(folder.path());
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let recall = &recall;
                scope.spawn(move || (0..50).for_each(|n| recall.add(&format!("{writer} {n}")).unwrap()));
            }
        });
        assert_eq!(recall.load().unwrap().len(), 200);
        for n in 0..40 {
            recall.add(&format!("{n}{}", "x".repeat(60_000))).unwrap();
        }
        assert!(std::fs::metadata(folder.path().join("history")).unwrap().len() < MOST_BYTES + 120_000);
        assert!(recall.load().unwrap().last().unwrap().starts_with("39x"));
    }
}
