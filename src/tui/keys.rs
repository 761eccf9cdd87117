//! What comes from the terminal, while nobody else reads it.

use std::{io, time::Instant};

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt as _;
use tokio::{sync::mpsc, task::AbortHandle};

use super::{
    burst::{Brackets, Bursts},
    probe::{Answers, Color},
};

/// Something of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Event(Event),
    /// What the terminal says is behind the text.
    Background(Color),
}

/// Keys, pastes and changes of the size, until dropped.
#[derive(Debug)]
pub struct Keys {
    received: mpsc::Receiver<io::Result<Input>>,
    reader: AbortHandle,
}

impl Keys {
    /// Begins to read. The stream is read by a task of its own: it keeps the waker of whoever asked it first, and so cannot
    /// be asked in passing.
    #[must_use]
    pub fn start(brackets: Brackets) -> Self {
        let (sender, received) = mpsc::channel(256);
        let reader = Reader { answers: Answers::default(), bursts: Bursts::new(brackets), sender };
        Self { received, reader: tokio::spawn(reader.run()).abort_handle() }
    }

    /// The next; `None` where the terminal is gone.
    pub async fn next(&mut self) -> Option<io::Result<Input>> {
        self.received.recv().await
    }

    /// What came already.
    pub fn waiting(&mut self) -> Option<io::Result<Input>> {
        self.received.try_recv().ok()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

struct Reader {
    answers: Answers,
    bursts: Bursts,
    sender: mpsc::Sender<io::Result<Input>>,
}

impl Reader {
    /// Until nobody listens, or the terminal is gone.
    async fn run(mut self) -> Option<()> {
        let mut events = EventStream::new();
        loop {
            let until = [self.answers.until(), self.bursts.until()].into_iter().flatten().min();
            let due = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until.into()).await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                biased;
                event = events.next() => Some(event?),
                () = due => None,
            };
            let now = Instant::now();
            let (passed, color) = match event {
                Some(Ok(event)) => self.answers.take(event, now),
                Some(Err(error)) => {
                    self.sender.send(Err(error)).await.ok()?;
                    continue;
                }
                None => (self.answers.expire(now), None),
            };
            let mut read: Vec<_> = passed.into_iter().flat_map(|event| self.bursts.take(event, now)).collect();
            read.extend(self.bursts.expire(now));
            for input in read.into_iter().map(Input::Event).chain(color.map(Input::Background)) {
                self.sender.send(Ok(input)).await.ok()?;
            }
        }
    }
}
