//! Standard input, line by line, without holding up the rest.

use std::io::BufRead as _;

use tokio::sync::mpsc;

/// Lines as they are typed. Reading starts with the first wait: a chat that asks nothing leaves its input alone.
#[derive(Debug, Default)]
pub(super) struct Lines {
    receiver: Option<mpsc::Receiver<String>>,
}

impl Lines {
    /// The next line without its end; `None` at the end of the input. Safe to be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<String> {
        self.receiver.get_or_insert_with(start).recv().await
    }

    /// Lines that were typed before anybody waited for them.
    pub(super) fn waiting(&mut self) -> Vec<String> {
        let Some(receiver) = &mut self.receiver else { return vec![] };
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }
}

fn start() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(64);
    // A thread of its own: a read of a terminal cannot be interrupted, and must not hold up the runtime's end.
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut bytes = vec![];
        loop {
            bytes.clear();
            match input.read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
