//! What the server writes: kept in a file that does not grow without end, and its last lines in memory.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;

use crate::deploy::probe;

/// Bytes of a file; there are two of them at most.
const MOST: u64 = 4 << 20;
/// Lines that a failure shows.
const LINES: usize = 40;
/// Of a line that is kept for that.
const WIDTH: usize = 2000;

#[derive(Clone)]
pub(super) struct Log {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    path: PathBuf,
    file: Option<File>,
    size: u64,
    last: VecDeque<String>,
    /// A line that has not ended.
    begun: Vec<u8>,
}

impl Log {
    pub(super) fn new(path: PathBuf) -> Self {
        let inner = Inner { path, file: None, size: 0, last: VecDeque::new(), begun: vec![] };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Keeps all that comes out of the pipe, on a thread that ends with it; told of when all of it is kept.
    pub(super) fn take(&self, mut from: io::PipeReader) -> io::Result<oneshot::Receiver<()>> {
        let this = self.clone();
        let (ended, told) = oneshot::channel();
        let read = move || {
            let mut buffer = vec![0; 16 << 10];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                this.write(&buffer[..read]);
            }
            let _ = ended.send(());
        };
        std::thread::Builder::new().name("log".to_owned()).spawn(read).map(|_| told)
    }

    /// A line of the supervisor's own.
    pub(super) fn note(&self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }

    fn write(&self, bytes: &[u8]) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.remember(bytes);
        // A full disk is no reason to end what serves.
        let _ = inner.append(bytes);
    }

    /// The last lines, each on a line of its own, indented.
    pub(super) fn last_words(&self) -> String {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = String::from_utf8_lossy(&inner.begun).into_owned();
        let lines = inner.last.iter().chain(Some(&rest).filter(|rest| !rest.is_empty()));
        lines.map(|line| format!("\n  {line}")).collect()
    }
}

impl Inner {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_some() && self.size > MOST {
            self.file = None;
            std::fs::rename(&self.path, older(&self.path))?;
        }
        if self.file.is_none() {
            use std::os::unix::fs::OpenOptionsExt as _;
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
            self.size = file.metadata()?.len();
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
            self.size += bytes.len() as u64;
        }
        Ok(())
    }

    fn remember(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = WIDTH.saturating_sub(self.begun.len());
            self.begun.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&self.begun).trim_end().to_owned();
                self.begun.clear();
                if line.contains(probe::ROUTE) {
                    continue;
                }
                self.last.push_back(line);
                if self.last.len() > LINES {
                    self.last.pop_front();
                }
            }
        }
    }
}

/// The part of the log before this one.
pub(in crate::deploy::local) fn older(path: &Path) -> PathBuf {
    path.with_extension("1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_two_files_at_most_and_has_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path().join("log"));
        let line = format!("{}\n", "x".repeat(1 << 10));
        for _ in 0..10 << 10 {
            log.write(line.as_bytes());
        }
        log.note("the end");
        let sizes: Vec<u64> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
        assert!(sizes.len() == 2 && sizes.iter().all(|size| *size < MOST + (64 << 10)), "{sizes:?}");
        assert!(log.last_words().ends_with("\n  the end"));
        assert_eq!(log.last_words().lines().count(), LINES + 1);
    }
}
