//! Our standard input, given to a program inside.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
};
use tokio::sync::mpsc;

use crate::sandbox::client::ExecInput;

const CHUNK: usize = 32 << 10;

/// Copies standard input to the program until one of them ends. Can be given up at any time: no thread is left that
/// waits for input, and what was not read stays for others.
pub(super) async fn copy(input: ExecInput) {
    // Not closed yet: it ends the thread.
    let Ok((given_up, _held)) = pipe_with(PipeFlags::CLOEXEC) else { return };
    let (heard, mut chunks) = mpsc::channel(1);
    // A thread: the descriptor is shared with other programs, whose reads must not fail because ours would not wait.
    std::thread::spawn(move || read(&given_up, &heard));
    while let Some(chunk) = chunks.recv().await {
        if input.write(&chunk).await.is_err() {
            return;
        }
    }
    // A program that is gone needs no end.
    let _ = input.close().await;
}

fn read(given_up: &OwnedFd, heard: &mpsc::Sender<Vec<u8>>) {
    let stdin = io::stdin();
    loop {
        let mut fds = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(given_up, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        if !fds[1].revents().is_empty() {
            return;
        }
        if fds[0].revents().is_empty() {
            continue;
        }
        let mut chunk = vec![0; CHUNK];
        match rustix::io::read(stdin.as_fd(), &mut chunk) {
            Ok(read @ 1..) => {
                chunk.truncate(read);
                if heard.blocking_send(chunk).is_err() {
                    return;
                }
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            _ => return,
        }
    }
}
