//! Standard input, line by line, without holding up the rest.
//!
//! A script answers in the order in which it will be asked. Who types answers what is shown: what was typed before is no
//! answer to it, so that a keyboard can be asked for that ([`Lines::waiting`]).

use std::{
    collections::VecDeque,
    io::BufRead as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    stdio::stdin,
};
use tokio::sync::{Notify, mpsc};

/// Lines as they come. Reading starts with the first wait: a chat that asks nothing leaves its input alone.
pub(super) enum Lines {
    Script(Option<mpsc::Receiver<String>>),
    Keyboard { keyboard: Arc<Keyboard>, read: bool },
}

impl Lines {
    pub(super) fn of_script() -> Self {
        Self::Script(None)
    }

    pub(super) fn of_keyboard() -> Self {
        Self::Keyboard { keyboard: Arc::default(), read: false }
    }

    /// The next line without its end; `None` at the end of the input. Safe to be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<String> {
        match self {
            Self::Script(receiver) => receiver.get_or_insert_with(read_script).recv().await,
            Self::Keyboard { keyboard, read } => {
                if !std::mem::replace(read, true) {
                    let keyboard = Arc::clone(keyboard);
                    std::thread::spawn(move || keyboard.read());
                }
                keyboard.next().await
            }
        }
    }

    /// The lines that were typed before now, of which none is an answer to what is asked next; none of a script.
    pub(super) fn waiting(&mut self) -> Vec<String> {
        match self {
            Self::Script(_) => vec![],
            Self::Keyboard { keyboard, .. } => {
                let mut typed = keyboard.typed();
                typed.fill();
                typed.lines.drain(..).collect()
            }
        }
    }
}

fn read_script() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(64);
    // A thread of its own: a read cannot be interrupted, and must not hold up the runtime's end.
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut bytes = vec![];
        loop {
            bytes.clear();
            match input.read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if sender.blocking_send(line(&bytes)).is_err() {
                return;
            }
        }
    });
    receiver
}

fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\n', '\r']).to_owned()
}

/// A terminal. Whoever holds `typed` knows that no line is on its way from the terminal to there.
#[derive(Default)]
pub(super) struct Keyboard {
    typed: Mutex<Typed>,
    news: Notify,
}

#[derive(Default)]
struct Typed {
    lines: VecDeque<String>,
    /// Of a line that has not ended.
    open: Vec<u8>,
    ended: bool,
}

impl Keyboard {
    fn typed(&self) -> MutexGuard<'_, Typed> {
        self.typed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until the end of the input.
    fn read(&self) {
        while is_readable(None) {
            let mut typed = self.typed();
            typed.fill();
            self.news.notify_one();
            if typed.ended {
                return;
            }
        }
        self.typed().end();
        self.news.notify_one();
    }

    async fn next(&self) -> Option<String> {
        loop {
            {
                let mut typed = self.typed();
                if let Some(line) = typed.lines.pop_front() {
                    return Some(line);
                }
                if typed.ended {
                    return None;
                }
            }
            self.news.notified().await;
        }
    }
}

impl Typed {
    /// Takes what is there to be read, without waiting.
    fn fill(&mut self) {
        let mut buffer = [0; 4096];
        while !self.ended && is_readable(Some(&Timespec::default())) {
            match rustix::io::read(stdin(), &mut buffer) {
                Ok(0) => self.end(),
                Ok(count) => self.push(&buffer[..count]),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => self.end(),
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.open.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.lines.push_back(line(&std::mem::take(&mut self.open)));
            }
        }
    }

    fn end(&mut self) {
        self.ended = true;
        if !self.open.is_empty() {
            self.lines.push_back(line(&std::mem::take(&mut self.open)));
        }
    }
}

/// Whether there is something to read, or the end, within the time; without one, once there is. `false` where nobody can
/// tell.
fn is_readable(within: Option<&Timespec>) -> bool {
    loop {
        let mut fds = [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)];
        match poll(&mut fds, within) {
            Err(Errno::INTR) => {}
            Err(_) => return false,
            Ok(ready) => return ready > 0,
        }
    }
}
