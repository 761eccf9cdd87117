//! The store in a SQLite database: one file, shared by all processes of the user.
//!
//! SQLite blocks, so every call runs on a thread that may. The database is opened by the first call that needs it.

mod connection;
mod holds;
mod process;
mod tasks;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, TransactionBehavior, params};
use serde_json::{Value, json};

use self::{holds::Holds, process::Process};
use super::{NewSession, Note, Notes, SessionInfo, SessionLock, Store, StoreError, merge_patch, now, rank, title_of};
use crate::{
    config::Paths,
    domain::{Message, SessionId, SessionKey},
};

/// Sessions and notes in a SQLite database. A clone is another handle to the same one.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    database: Arc<Database>,
}

#[derive(Debug)]
struct Database {
    path: PathBuf,
    /// `None` until it is needed.
    connection: Mutex<Option<Connection>>,
    holds: Arc<Holds>,
    /// `None` until something belongs to it.
    process: Mutex<Option<Process>>,
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
        let holds = Arc::new(Holds::new(connection::locks_of(path)));
        let database =
            Database { path: path.to_owned(), connection: Mutex::new(None), holds, process: Mutex::new(None) };
        Self { database: Arc::new(database) }
    }

    /// Runs `work` in a transaction of its own: what it wrote is there whole if it ends well, else not at all.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.database
            .clone()
            .blocking(|database| {
                database.with(|connection| {
                    // Immediate: one that began by reading could not wait for another's write.
                    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                    let done = work(&transaction)?;
                    transaction.commit()?;
                    Ok(done)
                })
            })
            .await
    }

    /// Runs `work`, which sees one state of the database, or gives what an empty one would where there is none yet:
    /// looking makes no files.
    async fn read<T: Default + Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.database
            .clone()
            .blocking(|database| {
                if !database.path.exists() {
                    return Ok(T::default());
                }
                database.with(|connection| work(&*connection.transaction()?))
            })
            .await
    }

    /// Whether there is anything to change: no use making a database to delete from.
    async fn is_there(&self) -> Result<bool, StoreError> {
        self.read(|_| Ok(true)).await
    }
}

impl Database {
    async fn blocking<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        tokio::task::spawn_blocking(move || work(&self))
            .await
            .map_err(|error| StoreError::Failed { source: Box::new(error) })?
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // A panic rolled back the transaction it happened in.
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *slot {
            Some(connection) => connection,
            slot => slot.insert(connection::open(&self.path, self.holds.folder())?),
        };
        work(connection)
    }

    /// The name of this process, for what belongs to it.
    fn process(&self) -> Result<String, StoreError> {
        let mut slot = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let process = match &mut *slot {
            Some(process) => process,
            slot => slot.insert(Process::new(self.holds.folder()).map_err(holds::failed)?),
        };
        Ok(process.name.clone())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { what: "the database is damaged".to_owned() },
            _ => Self::Failed { source: Box::new(error) },
        }
    }
}

/// The row of a session.
fn find(transaction: &Connection, key: &SessionKey) -> Result<Option<i64>, StoreError> {
    let mut query = transaction.prepare_cached("SELECT row FROM sessions WHERE user = ?1 AND id = ?2")?;
    Ok(query.query_row(params![key.user, key.session.as_str()], |row| row.get(0)).optional()?)
}

fn existing(transaction: &Connection, key: &SessionKey) -> Result<i64, StoreError> {
    find(transaction, key)?.ok_or_else(|| StoreError::NotFound(key.session.clone()))
}

fn find_or_make(transaction: &Connection, key: &SessionKey, new: &NewSession) -> Result<i64, StoreError> {
    if let Some(row) = find(transaction, key)? {
        return Ok(row);
    }
    transaction.execute(
        "INSERT INTO sessions (user, id, agent, source, title, state, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, '', '{}', ?5, ?5)",
        params![key.user, key.session.as_str(), new.agent, new.source, now().as_microsecond()],
    )?;
    Ok(transaction.last_insert_rowid())
}

fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed { source: Box::new(error) })
}

fn state_of(transaction: &Connection, row: i64) -> Result<Value, StoreError> {
    let text: String = transaction.query_one("SELECT state FROM sessions WHERE row = ?1", [row], |row| row.get(0))?;
    serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { what: "the state of a session".to_owned() })
}

/// To be followed by conditions on the table `sessions`.
const SELECT_INFO: &str = "SELECT id, user, agent, source, title, created_at, updated_at,
    (SELECT count(*) FROM messages WHERE session = sessions.row), parent FROM sessions";

fn info(row: &Row<'_>) -> rusqlite::Result<SessionInfo> {
    Ok(SessionInfo {
        id: SessionId::from(row.get::<_, String>(0)?),
        user: row.get(1)?,
        agent: row.get(2)?,
        source: row.get(3)?,
        title: row.get(4)?,
        created_at: time(row, 5)?,
        updated_at: time(row, 6)?,
        messages: row.get::<_, u32>(7)?.into(),
        parent: row.get::<_, Option<String>>(8)?.map(SessionId::from),
    })
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Integer, Box::new(error))
    })
}

#[async_trait]
impl Store for SqliteStore {
    async fn lock(&self, key: &SessionKey, new: &NewSession) -> Result<SessionLock, StoreError> {
        let (sought, database) = (key.clone(), self.database.clone());
        let held = database.blocking(move |database| database.holds.hold(&sought)).await?;
        let (key, new) = (key.clone(), new.clone());
        self.write(move |transaction| find_or_make(transaction, &key, &new)).await?;
        Ok(SessionLock::new(held))
    }

    async fn history(&self, key: &SessionKey) -> Result<Vec<Message>, StoreError> {
        let key = key.clone();
        self.read(move |transaction| {
            let mut query = transaction.prepare_cached(
                "SELECT message FROM messages JOIN sessions ON session = row WHERE user = ?1 AND id = ?2 ORDER BY position",
            )?;
            let texts = query.query_map(params![key.user, key.session.as_str()], |row| row.get::<_, String>(0))?;
            let mut messages = vec![];
            for text in texts {
                messages.push(serde_json::from_str(&text?).map_err(|_| StoreError::Corrupt {
                    what: format!("message {} of session `{}`", messages.len() + 1, key.session),
                })?);
            }
            Ok(messages)
        })
        .await
    }

    async fn append(&self, key: &SessionKey, messages: &[Message]) -> Result<(), StoreError> {
        let key = key.clone();
        let title = title_of(messages);
        let texts = messages.iter().map(to_json).collect::<Result<Vec<_>, _>>()?;
        self.write(move |transaction| {
            let session = find_or_make(transaction, &key, &NewSession::default())?;
            let mut insert = transaction.prepare_cached(
                "INSERT INTO messages (session, position, message)
                 SELECT ?1, coalesce(max(position) + 1, 0), ?2 FROM messages WHERE session = ?1",
            )?;
            for text in texts {
                insert.execute(params![session, text])?;
            }
            transaction.execute(
                "UPDATE sessions SET updated_at = ?2, title = iif(title = '', ?3, title) WHERE row = ?1",
                params![session, now().as_microsecond(), title.unwrap_or_default()],
            )?;
            Ok(())
        })
        .await
    }

    async fn state(&self, key: &SessionKey) -> Result<Value, StoreError> {
        let key = key.clone();
        let state = self
            .read(move |transaction| find(transaction, &key)?.map(|row| state_of(transaction, row)).transpose())
            .await?;
        Ok(state.unwrap_or_else(|| json!({})))
    }

    async fn patch_state(&self, key: &SessionKey, patch: &Value) -> Result<(), StoreError> {
        let (key, patch) = (key.clone(), patch.clone());
        self.write(move |transaction| {
            let row = find_or_make(transaction, &key, &NewSession::default())?;
            let mut state = state_of(transaction, row)?;
            if patch.is_object() {
                merge_patch(&mut state, &patch);
            }
            transaction.execute(
                "UPDATE sessions SET updated_at = ?2, state = ?3 WHERE row = ?1",
                params![row, now().as_microsecond(), to_json(&state)?],
            )?;
            Ok(())
        })
        .await
    }

    async fn sessions(&self, user: Option<&str>) -> Result<Vec<SessionInfo>, StoreError> {
        let user = user.map(str::to_owned);
        self.read(move |transaction| {
            let sql = format!("{SELECT_INFO} WHERE ?1 IS NULL OR user = ?1 ORDER BY updated_at DESC, id DESC");
            let mut query = transaction.prepare_cached(&sql)?;
            Ok(query.query_map([user], info)?.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn info(&self, key: &SessionKey) -> Result<SessionInfo, StoreError> {
        let sought = key.clone();
        self.read(move |transaction| {
            let mut query = transaction.prepare_cached(&format!("{SELECT_INFO} WHERE user = ?1 AND id = ?2"))?;
            Ok(query.query_row(params![sought.user, sought.session.as_str()], info).optional()?)
        })
        .await?
        .ok_or_else(|| StoreError::NotFound(key.session.clone()))
    }

    async fn rename(&self, key: &SessionKey, title: &str) -> Result<(), StoreError> {
        let (key, title) = (key.clone(), title.to_owned());
        self.write(move |transaction| {
            let row = existing(transaction, &key)?;
            transaction.execute("UPDATE sessions SET title = ?2 WHERE row = ?1", params![row, title])?;
            Ok(())
        })
        .await
    }

    async fn fork(&self, key: &SessionKey, keep: Option<u64>, new: SessionId) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(move |transaction| {
            let from = existing(transaction, &key)?;
            if find(transaction, &SessionKey { user: key.user.clone(), session: new.clone() })?.is_some() {
                return Err(StoreError::Exists(new));
            }
            transaction.execute(
                "INSERT INTO sessions (user, id, agent, source, title, parent, state, created_at, updated_at)
                 SELECT user, ?2, agent, source, title, id, state, ?3, ?3 FROM sessions WHERE row = ?1",
                params![from, new.as_str(), now().as_microsecond()],
            )?;
            let keep = keep.and_then(|keep| i64::try_from(keep).ok()).unwrap_or(i64::MAX);
            transaction.execute(
                "INSERT INTO messages (session, position, message)
                 SELECT ?2, position, message FROM messages WHERE session = ?1 ORDER BY position LIMIT ?3",
                params![from, transaction.last_insert_rowid(), keep],
            )?;
            Ok(())
        })
        .await
    }

    async fn remove(&self, key: &SessionKey) -> Result<(), StoreError> {
        let (sought, database) = (key.clone(), self.database.clone());
        // First, so that asking for an unknown session makes no lock.
        self.info(key).await?;
        let held = database.blocking(move |database| database.holds.hold(&sought)).await?;
        let key = key.clone();
        self.write(move |transaction| {
            let row = existing(transaction, &key)?;
            transaction.execute("DELETE FROM sessions WHERE row = ?1", [row])?;
            transaction.execute(
                "DELETE FROM tasks WHERE user = ?1 AND session = ?2",
                params![key.user, key.session.as_str()],
            )?;
            Ok(())
        })
        .await?;
        held.remove();
        Ok(())
    }

    async fn remove_user(&self, user: &str) -> Result<u64, StoreError> {
        if !self.is_there().await? {
            return Ok(0);
        }
        let (user, holds) = (user.to_owned(), Arc::clone(&self.database.holds));
        let removed = self
            .write(move |transaction| {
                let mut query = transaction.prepare("DELETE FROM sessions WHERE user = ?1 RETURNING id")?;
                let ids = query.query_map([&user], |row| row.get::<_, String>(0))?;
                let key =
                    |id: rusqlite::Result<_>| Ok(SessionKey { user: user.clone(), session: SessionId::from(id?) });
                let removed = ids.map(key).collect::<rusqlite::Result<Vec<_>>>()?;
                transaction.execute("DELETE FROM tasks WHERE user = ?1", [&user])?;
                removed.iter().try_for_each(|key| holds.check_free(key))?;
                Ok(removed)
            })
            .await?;
        let count = removed.len() as u64;
        let forget = move |database: &Database| Ok(removed.iter().for_each(|key| database.holds.forget(key)));
        self.database.clone().blocking(forget).await?;
        Ok(count)
    }
}

#[async_trait]
impl Notes for SqliteStore {
    async fn add(&self, scope: &str, text: &str) -> Result<Note, StoreError> {
        let (scope, text) = (scope.to_owned(), text.to_owned());
        self.write(move |transaction| {
            let created_at = now();
            transaction.execute(
                "INSERT INTO notes (scope, text, created_at) VALUES (?1, ?2, ?3)",
                params![scope, text, created_at.as_microsecond()],
            )?;
            Ok(Note { id: transaction.last_insert_rowid(), text, created_at })
        })
        .await
    }

    async fn search(&self, scope: &str, query: &str, most: usize) -> Result<Vec<Note>, StoreError> {
        let scope = scope.to_owned();
        let notes: Vec<Note> = self
            .read(move |transaction| {
                let mut notes = transaction
                    .prepare_cached("SELECT id, text, created_at FROM notes WHERE scope = ?1 ORDER BY id DESC")?;
                let note = |row: &Row<'_>| Ok(Note { id: row.get(0)?, text: row.get(1)?, created_at: time(row, 2)? });
                Ok(notes.query_map([scope], note)?.collect::<Result<_, _>>()?)
            })
            .await?;
        Ok(rank::best(notes, query, most))
    }

    async fn forget(&self, scope: &str, id: i64) -> Result<(), StoreError> {
        let scope = scope.to_owned();
        self.write(move |transaction| {
            match transaction.execute("DELETE FROM notes WHERE scope = ?1 AND id = ?2", params![scope, id])? {
                0 => Err(StoreError::NoNote(id)),
                _ => Ok(()),
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests;
