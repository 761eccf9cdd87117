//! The store in a SQLite database: one file, shared by all processes of the user.
//!
//! SQLite blocks, so none of it runs on a thread of the runtime: what changes something goes to the one writer
//! (`writer.rs`), what only looks has connections of its own, beside it. The database is opened by the first call that
//! needs it.

mod connection;
mod holds;
mod notes;
mod partial;
mod process;
mod sessions;
mod tasks;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Row};
use tokio::sync::{Semaphore, oneshot};

use self::{holds::Holds, process::ThisProcess, writer::Writer};
use super::StoreError;
use crate::config::Paths;

/// Reads that run at once, each on a connection of its own: one that takes long must not hold up all others.
const READERS: usize = 4;

/// Sessions, notes and tasks in a SQLite database. A clone is another handle to the same one.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    database: Arc<Database>,
}

#[derive(Debug)]
struct Database {
    path: PathBuf,
    /// Started by the first write.
    writer: Mutex<Option<Writer>>,
    /// Connections at rest, at most [`READERS`].
    readers: Mutex<Vec<Connection>>,
    reading: Arc<Semaphore>,
    holds: Arc<Holds>,
    process: Arc<ThisProcess>,
}

impl SqliteStore {
    /// The user's own store. Does nothing yet: a command that asks for no session pays nothing.
    #[must_use]
    pub fn open(paths: &Paths) -> Self {
        Self::at(&paths.data.join("sessions.db"))
    }

    /// The store in the file `path`, which is made when something is first written.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        let locks = connection::locks_of(path);
        let database = Database {
            path: path.to_owned(),
            writer: Mutex::default(),
            readers: Mutex::default(),
            reading: Arc::new(Semaphore::new(READERS)),
            holds: Arc::new(Holds::new(locks.clone())),
            process: Arc::new(ThisProcess::new(locks)),
        };
        Self { database: Arc::new(database) }
    }

    /// Has the writer do `work`: what it wrote is there whole if it ends well, and stays even if this process is killed
    /// the moment the answer is here; else nothing of it is. May be done more than once, of which the last counts. Done
    /// also where nobody waits for it any more.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.database.submit(writer::job(work, answer))?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Failed { source: "the work crashed".into() }))
    }

    /// As [`write`](Self::write), for who does not ask whether it was done.
    fn write_unheard(&self, work: impl FnMut(&Connection) -> Result<(), StoreError> + Send + 'static) {
        let (answer, _) = oneshot::channel();
        let _ = self.database.submit(writer::job(work, answer));
    }

    /// Runs `work`, which sees one state of the database, or gives what an empty one would where there is none yet:
    /// looking makes no files.
    async fn read<T: Default + Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(|database| database.read(work)).await
    }

    /// Whether there is anything to change: no use making a database to delete from.
    async fn is_there(&self) -> Result<bool, StoreError> {
        self.read(|_| Ok(true)).await
    }

    /// Runs what waits for the disk but does not write to the database.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.database);
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Failed { source };
        let turn = Arc::clone(&database.reading).acquire_owned().await.map_err(|error| failed(error.into()))?;
        let work = tokio::task::spawn_blocking(move || {
            let done = work(&database);
            drop(turn);
            done
        });
        work.await.map_err(|error| failed(error.into()))?
    }
}

impl Database {
    fn submit(&self, job: Box<dyn writer::Job>) -> Result<(), StoreError> {
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = match &mut *slot {
            Some(writer) => writer,
            slot => slot.insert(Writer::start(self.path.clone(), self.holds.folder().to_owned())?),
        };
        writer.submit(job)
    }

    fn read<T: Default>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let readers = || self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let at_rest = readers().pop();
        let connection = match at_rest {
            Some(connection) => connection,
            None if !self.path.exists() => return Ok(T::default()),
            None => connection::open(&self.path, self.holds.folder())?,
        };
        connection.prepare_cached("BEGIN")?.execute([])?;
        let done = work(&connection);
        // One that cannot be ended, or whose work panicked, is not used again.
        connection.prepare_cached("ROLLBACK")?.execute([])?;
        readers().push(connection);
        done
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { what: "the database is damaged".to_owned() },
            _ if connection::is_full(&error) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            _ => Self::Failed { source: Box::new(error) },
        }
    }
}

fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed { source: Box::new(error) })
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Integer, Box::new(error))
    })
}

#[cfg(test)]
mod tests;
