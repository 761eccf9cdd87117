//! What comes from the terminal, while nobody else reads it.

use std::io;

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt as _;
use tokio::{sync::mpsc, task::AbortHandle};

/// Keys, pastes and changes of the size, until dropped.
#[derive(Debug)]
pub struct Keys {
    received: mpsc::Receiver<io::Result<Event>>,
    reader: AbortHandle,
}

impl Keys {
    /// Begins to read. The stream is read by a task of its own: it keeps the waker of whoever asked it first, and so cannot
    /// be asked in passing.
    #[must_use]
    pub fn start() -> Self {
        let (sender, received) = mpsc::channel(256);
        let reader = tokio::spawn(async move {
            let mut events = EventStream::new();
            while let Some(event) = events.next().await {
                if sender.send(event).await.is_err() {
                    return;
                }
            }
        });
        Self { received, reader: reader.abort_handle() }
    }

    /// The next; `None` where the terminal is gone.
    pub async fn next(&mut self) -> Option<io::Result<Event>> {
        self.received.recv().await
    }

    /// What came already.
    pub fn waiting(&mut self) -> Option<io::Result<Event>> {
        self.received.try_recv().ok()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
