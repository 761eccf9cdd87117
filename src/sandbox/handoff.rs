//! How a child of ours gets its configuration: JSON and descriptors over the Unix socket that is its standard input,
//! so that nothing of it shows in its arguments or its environment.

use std::{
    io::{self, BufRead as _, BufReader, IoSlice, IoSliceMut, Read as _, Write as _},
    mem::MaybeUninit,
    net::SocketAddr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Descriptors in one message.
const MOST_DESCRIPTORS: usize = 16;
/// Bytes of JSON: more is not ours.
const MOST: usize = 16 << 20;

/// Sends `config` with `descriptors`.
///
/// # Errors
/// As the system says; more than 16 descriptors.
pub fn send(socket: &UnixStream, config: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let json = serde_json::to_vec(config)?;
    let length = u32::try_from(json.len()).map_err(io::Error::other)?.to_le_bytes();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors to pass"));
    }
    // A stream socket takes the first bytes whole: there is room for four.
    rustix::net::sendmsg(socket.as_fd(), &[IoSlice::new(&length)], &mut ancillary, SendFlags::NOSIGNAL)?;
    (&*socket).write_all(&json)
}

/// The same without descriptors, for a pipe.
///
/// # Errors
/// What is not JSON, or too large.
pub fn message(config: &impl Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(config)?;
    let length = u32::try_from(json.len()).map_err(io::Error::other)?;
    Ok([&length.to_le_bytes(), json.as_slice()].concat())
}

/// What [`send`] sent. `from` may also be a pipe.
///
/// # Errors
/// As the system says; what is not such a message.
pub fn receive<T: DeserializeOwned>(from: impl AsFd) -> io::Result<(T, Vec<OwnedFd>)> {
    let mut descriptors = vec![];
    let mut length = [0; 4];
    fill(from.as_fd(), &mut length, &mut descriptors)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MOST {
        return Err(io::Error::other("the configuration is too large"));
    }
    let mut json = vec![0; length];
    fill(from.as_fd(), &mut json, &mut descriptors)?;
    Ok((serde_json::from_slice(&json)?, descriptors))
}

fn fill(from: BorrowedFd<'_>, mut buffer: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = match read(from, buffer, descriptors) {
            Err(Errno::NOTSOCK) => rustix::io::read(from, &mut *buffer),
            read => read,
        };
        match read {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => buffer = &mut buffer[read..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn read(socket: BorrowedFd<'_>, buffer: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let message =
        rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = part {
            descriptors.extend(received);
        }
    }
    // Those for which there was no room are left out. Source: recvmsg(2), unix(7).
    if message.flags.contains(rustix::net::ReturnFlags::CTRUNC) { Err(Errno::MFILE) } else { Ok(message.bytes) }
}

/// What the child says once it is ready, or cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The address is that of a TCP listener, if it has one.
    Ready {
        address: Option<SocketAddr>,
    },
    Failed {
        what: String,
    },
}

/// Tells the process that sent the configuration how it went.
pub fn report(to: impl AsFd, report: &Report) {
    let Ok(mut line) = serde_json::to_vec(report) else { return };
    line.push(b'\n');
    // Where standard input is a pipe, standard output is the way back. One who does not listen is no failure.
    if rustix::net::send(to, &line, SendFlags::NOSIGNAL) == Err(Errno::NOTSOCK) {
        let _ = rustix::io::write(rustix::stdio::stdout(), &line);
    }
}

/// Waits for the report of the process at the other end of `socket`.
///
/// # Errors
/// A process that ended before it was ready, said why it is not, or says nothing for so long.
pub fn await_report(socket: &UnixStream, patience: Duration) -> io::Result<Option<SocketAddr>> {
    socket.set_read_timeout(Some(patience))?;
    let mut line = String::new();
    match BufReader::new(socket.take(MOST as u64)).read_line(&mut line) {
        Ok(0) => return Err(io::Error::other("it ended before it was ready")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it did not get ready"));
        }
        Err(error) => return Err(error),
    }
    match serde_json::from_str(&line)? {
        Report::Ready { address } => Ok(address),
        Report::Failed { what } => Err(io::Error::other(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_descriptors_arrive() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut one, other) = UnixStream::pair().unwrap();
        let text = "x".repeat(100_000);
        let sent = text.clone();
        let sender = std::thread::spawn(move || send(&ours, &sent, &[other.as_fd()]));
        let (received, mut descriptors) = receive::<String>(&theirs).unwrap();
        sender.join().unwrap().unwrap();
        assert_eq!(received, text);
        let mut other = UnixStream::from(descriptors.pop().unwrap());
        assert!(descriptors.is_empty());
        one.write_all(b"hello").unwrap();
        let mut hello = [0; 5];
        other.read_exact(&mut hello).unwrap();
        assert_eq!(&hello, b"hello");
        assert!(receive::<String>(&theirs).is_err(), "nothing more");
    }
}
