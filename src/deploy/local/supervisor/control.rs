//! What others ask a supervisor.

use std::{
    io::{self, Write as _},
    os::fd::AsFd as _,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::oneshot,
};

use super::{End, Shared, prove};
use crate::{
    deploy::{
        local::{
            place::Place,
            wire::{Phase, Question, Secrets, Standing},
        },
        probe,
    },
    sandbox::handoff,
};

/// A question is one word.
const LENGTH: u64 = 256;
/// Who asks does so at once.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn serve(listener: UnixListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                // Whoever goes away is not answered.
                tokio::spawn(async move { answer(stream, &shared).await });
            }
            // No descriptor is left: those that are open end sometime.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn answer(mut stream: UnixStream, shared: &Arc<Shared>) -> io::Result<()> {
    let mut line = String::new();
    let reading = async { BufReader::new((&mut stream).take(LENGTH)).read_line(&mut line).await };
    tokio::time::timeout(PATIENCE, reading).await??;
    let answer = match serde_json::from_str(&line)? {
        Question::Status => serde_json::to_vec(&standing(shared).await)?,
        Question::Secrets => serde_json::to_vec(&Secrets {
            token: shared.begin.token.clone(),
            variables: shared.begin.serving.variables.clone(),
        })?,
        Question::Listener => {
            let stream = stream.into_std()?;
            stream.set_nonblocking(false)?;
            return handoff::send(&stream, &(), &[shared.listener.as_fd()]);
        }
        Question::Retire => {
            let (told, _) = oneshot::channel();
            let _ = shared.orders.try_send(End { replaced: true, told });
            serde_json::to_vec(&())?
        }
        Question::Stop => {
            let (told, done) = oneshot::channel();
            let _ = shared.orders.send(End { replaced: false, told }).await;
            let _ = done.await;
            serde_json::to_vec(&())?
        }
    };
    stream.write_all(&answer).await?;
    stream.write_all(b"\n").await
}

/// How it is now: a server that runs is asked.
async fn standing(shared: &Shared) -> Standing {
    let known = shared.standing.borrow().clone();
    if known.phase == Phase::Failing {
        return known;
    }
    let address = shared.listener.local_addr().map_or_else(|_| probe::here(0), probe::reached);
    let asked = tokio::time::timeout(PATIENCE, prove::readiness(&shared.begin.token, address)).await;
    let detail = match asked {
        Ok(Ok(())) => return Standing { phase: Phase::Running, detail: String::new(), ..known },
        // It was started again, and says nothing yet.
        Ok(Err(_)) if known.phase == Phase::Starting => return known,
        Ok(Err(why)) if !why.is_empty() => why,
        _ => "it does not answer".to_owned(),
    };
    Standing { phase: Phase::Failing, detail, ..known }
}

/// Tells another supervisor that its time is over.
pub(super) fn tell(place: &Place, other: &str) -> io::Result<()> {
    // What one that is gone left behind is seen to by the next command that looks.
    let mut stream = place.connect(other)?;
    let mut line = serde_json::to_vec(&Question::Retire)?;
    line.push(b'\n');
    stream.write_all(&line)
}
