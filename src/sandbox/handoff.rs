//! How a child of ours gets its configuration: JSON and descriptors over the Unix socket that is its standard input,
//! so that nothing of it shows in its arguments or its environment.

use std::{
    io::{self, IoSlice, IoSliceMut, Read as _, Write as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use serde::{Serialize, de::DeserializeOwned};

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

/// What [`send`] sent.
///
/// # Errors
/// As the system says; what is not such a message.
pub fn receive<T: DeserializeOwned>(socket: &UnixStream) -> io::Result<(T, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut length = [0; 4];
    let got = rustix::net::recvmsg(
        socket.as_fd(),
        &mut [IoSliceMut::new(&mut length)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if got.bytes != length.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let descriptors = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    let length = u32::from_le_bytes(length) as usize;
    if length > MOST {
        return Err(io::Error::other("the configuration is too large"));
    }
    let mut json = vec![0; length];
    (&*socket).read_exact(&mut json)?;
    Ok((serde_json::from_slice(&json)?, descriptors))
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
