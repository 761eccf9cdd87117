//! The one writer: a thread that takes the changes that are waiting and makes them in one transaction.
//!
//! A commit costs far more than a change, so that those of many callers at once should share one. Each change has a
//! savepoint, so that it fails alone; each caller hears of his own once all are committed.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, Sender},
    thread::JoinHandle,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{connection, holds};
use crate::store::StoreError;

/// Changes in one transaction at most, so that the first does not wait for ever.
const MOST: usize = 256;

/// A change that somebody waits for.
pub(super) trait Job: Send {
    /// Makes the change, and says whether it is to be kept. Forgets what came of it the time before.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Says to who waits what came of it, the change being committed or withdrawn; or that nothing could be done.
    fn answer(self: Box<Self>, could_not: Option<StoreError>);
}

struct Change<T, F> {
    work: F,
    done: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

pub(super) fn job<T: Send + 'static>(
    work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    answer: oneshot::Sender<Result<T, StoreError>>,
) -> Box<dyn Job> {
    Box::new(Change { work, done: None, answer })
}

impl<T: Send, F: FnMut(&Connection) -> Result<T, StoreError> + Send> Job for Change<T, F> {
    fn run(&mut self, connection: &Connection) -> bool {
        // What was changed before a panic is withdrawn; without an answer, who waits hears of the crash.
        self.done = catch_unwind(AssertUnwindSafe(|| (self.work)(connection))).ok();
        matches!(self.done, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, could_not: Option<StoreError>) {
        let done = match (could_not, self.done) {
            // Its own error says more than what that made of the transaction.
            (_, Some(Err(error))) | (Some(error), _) => Err(error),
            (None, Some(Ok(done))) => Ok(done),
            (None, None) => return,
        };
        // Nobody may be waiting any more.
        let _ = self.answer.send(done);
    }
}

/// Dropping it waits until all that was submitted is done.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` once dropped.
    queue: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// The writer of the database at `path`, which is opened, and made, by its first change.
    pub(super) fn start(path: PathBuf, locks: PathBuf) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write(&jobs, &path, &locks))
            .map_err(holds::failed)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let sent = self.queue.as_ref().map(|queue| queue.send(job));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(StoreError::Failed { source: "its writer has ended".into() }),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write(jobs: &Receiver<Box<dyn Job>>, path: &Path, locks: &Path) {
    let mut open: Option<Connection> = None;
    while let Ok(first) = jobs.recv() {
        let opened = match open.take() {
            Some(connection) => Ok(connection),
            None => connection::open(path, locks),
        };
        match opened {
            Ok(connection) => {
                let waiting = std::iter::once(first).chain(jobs.try_iter()).take(MOST).collect();
                commit(&connection, waiting);
                open = Some(connection);
            }
            Err(error) => first.answer(Some(error)),
        }
    }
}

/// Does all jobs, and answers them.
fn commit(connection: &Connection, mut jobs: Vec<Box<dyn Job>>) {
    match together(connection, &mut jobs) {
        Ok(()) => jobs.into_iter().for_each(|job| job.answer(None)),
        // Which of them is to blame, for being too large for what is left of the disk for instance, shows when each is
        // done by itself.
        Err(Failure::Within(_)) if jobs.len() > 1 => jobs.into_iter().for_each(|job| commit(connection, vec![job])),
        Err(Failure::Begin(error) | Failure::Within(error)) => {
            for job in jobs {
                job.answer(Some(again(&error)));
            }
        }
    }
}

enum Failure {
    /// Nothing can be written now.
    Begin(rusqlite::Error),
    /// Nothing of it was written.
    Within(rusqlite::Error),
}

fn together(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    // Immediate: one that began by reading could not wait for another's write.
    run(connection, "BEGIN IMMEDIATE").map_err(Failure::Begin)?;
    let done = jobs.iter_mut().try_for_each(|job| alone(connection, job.as_mut()));
    let done = done.and_then(|()| run(connection, "COMMIT"));
    if done.is_err() && !connection.is_autocommit() {
        // What keeps it from being rolled back keeps it from being committed, too.
        let _ = run(connection, "ROLLBACK");
    }
    done.map_err(Failure::Within)
}

/// Makes one change or none. An error is one of the transaction, not of the change.
fn alone(connection: &Connection, job: &mut dyn Job) -> rusqlite::Result<()> {
    run(connection, "SAVEPOINT change")?;
    // Errors such as that of a full disk make SQLite roll back all of the transaction; this then fails.
    if !job.run(connection) {
        run(connection, "ROLLBACK TO change")?;
    }
    run(connection, "RELEASE change")
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// The same error for another caller.
fn again(error: &rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => rusqlite::Error::SqliteFailure(*code, message.clone()).into(),
        other => StoreError::Failed { source: other.to_string().into() },
    }
}
