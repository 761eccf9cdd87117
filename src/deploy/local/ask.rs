//! Questions to a supervisor. They block the thread.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::TcpListener,
    os::unix::net::UnixStream,
    time::Duration,
};

use serde::de::DeserializeOwned;

use super::{
    place::Place,
    wire::{Question, Secrets, Standing},
};
use crate::sandbox::handoff;

/// A supervisor that runs answers sooner; it asks its server, which may take some seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn standing(place: &Place, id: &str) -> io::Result<Standing> {
    answer(&mut begin(place, id, Question::Status, PATIENCE)?)
}

pub(super) fn secrets(place: &Place, id: &str) -> io::Result<Secrets> {
    answer(&mut begin(place, id, Question::Secrets, PATIENCE)?)
}

/// The listener of the deployment: the same one, so that no caller finds none.
pub(super) fn listener(place: &Place, id: &str) -> io::Result<TcpListener> {
    let stream = begin(place, id, Question::Listener, PATIENCE)?;
    let ((), mut descriptors) = handoff::receive::<()>(&stream)?;
    descriptors.pop().map(TcpListener::from).ok_or_else(|| io::Error::other("no listener came along"))
}

/// Lets it end; returns when it has, or after `patience` with an error.
pub(super) fn stop(place: &Place, id: &str, patience: Duration) -> io::Result<()> {
    let mut stream = begin(place, id, Question::Stop, patience)?;
    let mut line = String::new();
    // One that was about to end already may do so without an answer.
    BufReader::new(&mut stream).read_line(&mut line).map(drop)
}

fn begin(place: &Place, id: &str, question: Question, patience: Duration) -> io::Result<UnixStream> {
    let mut stream = place.connect(id)?;
    stream.set_read_timeout(Some(patience))?;
    let mut line = serde_json::to_vec(&question)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    Ok(stream)
}

fn answer<T: DeserializeOwned>(stream: &mut UnixStream) -> io::Result<T> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
