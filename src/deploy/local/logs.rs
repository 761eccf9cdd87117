//! What the current revision wrote, and goes on to write.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::{place::Place, record::Record, supervisor::older};
use crate::deploy::{DeployError, Follow, LogStream};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// At once, of what is followed.
const PIECE: u64 = 16 << 20;

pub(super) fn stream(
    place: Place,
    record: &Record,
    lines: Option<u32>,
    follow: Follow,
) -> Result<LogStream, DeployError> {
    let path = place.log(record.current);
    let (supervisor, number) = (record.supervisor.clone(), record.current);
    let reading = || DeployError::io(format!("read `{}`", path.display()));
    // Opened first, so that nothing between is lost.
    let mut open = Open::new(&path).map_err(reading())?;
    let mut before = vec![];
    match std::fs::read(older(&path)) {
        Ok(bytes) => before = bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(reading()(error)),
    }
    before.extend(open.rest().map_err(reading())?);
    let before = match lines {
        Some(lines) => last(&before, lines),
        None => before,
    };
    let stream = async_stream::stream! {
        yield Ok(Bytes::from(before));
        if follow == Follow::No {
            return;
        }
        loop {
            let runs = place.connect(&supervisor).is_ok();
            match open.rest() {
                Ok(more) if !more.is_empty() => yield Ok(Bytes::from(more)),
                // It has ended, and this was all of it.
                Ok(_) if !runs => break,
                Ok(_) => tokio::time::sleep(LOOK).await,
                Err(source) => {
                    yield Err(DeployError::Io { what: format!("read the log of revision {number}"), source });
                    break;
                }
            }
        }
    };
    Ok(stream.boxed())
}

/// A log that is read while it is written, and may be put aside meanwhile for the next part.
struct Open {
    path: PathBuf,
    file: Option<File>,
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: open(path)? })
    }

    /// What there is that was not read.
    fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![];
        if let Some(file) = &mut self.file {
            file.take(PIECE).read_to_end(&mut bytes)?;
        }
        let same = match (&self.file, std::fs::metadata(&self.path)) {
            (Some(file), Ok(there)) => file.metadata()?.ino() == there.ino(),
            (None, Ok(_)) => false,
            (_, Err(_)) => true,
        };
        if bytes.is_empty() && !same {
            self.file = open(&self.path)?;
        }
        Ok(bytes)
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn last(bytes: &[u8], lines: u32) -> Vec<u8> {
    let mut kept = VecDeque::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        kept.push_back(line);
        if kept.len() > lines as usize {
            kept.pop_front();
        }
    }
    kept.into_iter().flatten().copied().collect()
}
