//! What is remembered of sandboxes: whose they are, when they were used, what they were made of.
//!
//! A SQLite file of one user. It is a memory, not the truth: what exists is what the backends say, and `manager.rs`
//! brings the two together. Its calls block for the time of a small write.

#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, Transaction, TransactionBehavior, config::DbConfig,
    params, types::Type,
};

use super::{Confinement, SandboxError, SandboxId, SandboxSpec, Status, error::NO_ROOM};
use crate::config::{FileLock, make_private_file};

/// Each takes the database from the version of its index to the next. Only ever added to.
const MIGRATIONS: &[&str] = &[include_str!("1.sql")];

/// The version that all of [`MIGRATIONS`] lead to.
const KNOWN: u32 = MIGRATIONS.len() as u32;

/// How long a write waits for those of other processes, which take milliseconds each.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const COLUMNS: &str = "state, spec, confinement, created, used, expires";

/// What is remembered of one sandbox.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// As it was last seen.
    pub(super) state: Status,
    /// Without the values of its environment.
    pub(super) spec: SandboxSpec,
    /// `None` while it starts.
    pub(super) confinement: Option<Confinement>,
    pub(super) created: Timestamp,
    /// When something was last asked of it.
    pub(super) used: Timestamp,
    /// When it ends however busy it is.
    pub(super) expires: Option<Timestamp>,
}

impl Record {
    /// A sandbox that is about to be made.
    pub(super) fn starting(spec: &SandboxSpec, now: Timestamp) -> Self {
        Self {
            state: Status::Starting,
            spec: spec.without_secrets(),
            confinement: None,
            created: now,
            used: now,
            expires: spec.lifetime.age.and_then(|age| now.checked_add(age).ok()),
        }
    }
}

#[derive(Debug)]
pub(super) struct Registry {
    connection: Mutex<Connection>,
}

impl Registry {
    /// Opens the registry at `path`, making it where need be.
    pub(super) fn open(path: &Path) -> Result<Self, SandboxError> {
        let mut connection = connect(path).map_err(|error| failed(path, &error))?;
        if version(&connection, path)? < KNOWN {
            // Two processes that switch a new database to WAL at once fail with "database is locked" without waiting.
            let _held = FileLock::acquire(&path.with_extension("lock"))
                .map_err(SandboxError::io(format!("lock `{}`", path.display())))?;
            // Again, now that nobody else migrates.
            let found = version(&connection, path)?;
            migrate(&mut connection, found).map_err(|error| failed(path, &error))?;
        }
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Remembers a sandbox that is about to be made, unless `limit` of the user's are there already.
    pub(super) fn begin(&self, record: &Record, limit: Option<u32>) -> Result<(), SandboxError> {
        self.write(|transaction| {
            if let Some(limit) = limit {
                let there: u32 = transaction.query_one(
                    "SELECT count(*) FROM sandboxes WHERE user = ?1 AND state <> 'stopped' AND id <> ?2",
                    params![record.spec.user, record.spec.id.as_str()],
                    |row| row.get(0),
                )?;
                if there >= limit {
                    return Ok(Err(SandboxError::TooMany { limit }));
                }
            }
            put(transaction, record).map(Ok)
        })?
    }

    /// Remembers one that somebody else may have remembered meanwhile: then that stays.
    pub(super) fn adopt(&self, record: &Record) -> Result<(), SandboxError> {
        self.write(|transaction| {
            let known = find(transaction, &record.spec.id)?.is_some();
            if known { Ok(()) } else { put(transaction, record) }
        })
    }

    /// Whether it is still remembered: somebody may have removed it while it was being made.
    pub(super) fn started(&self, id: &SandboxId, confinement: &Confinement) -> Result<bool, SandboxError> {
        let confinement = json(confinement);
        self.write(|transaction| {
            let mut query = transaction.prepare_cached(
                "UPDATE sandboxes SET state = 'running', confinement = ?2 WHERE id = ?1 AND state = 'starting'",
            )?;
            Ok(query.execute(params![id.as_str(), confinement])? == 1)
        })
    }

    pub(super) fn set_state(&self, id: &SandboxId, state: Status) -> Result<(), SandboxError> {
        self.write(|transaction| {
            transaction
                .execute("UPDATE sandboxes SET state = ?2 WHERE id = ?1", params![id.as_str(), state.as_str()])?;
            Ok(())
        })
    }

    /// As [`set_state`](Self::set_state), unless its state has changed or it was made anew since `before`. Whether it is now.
    pub(super) fn correct(&self, before: &Record, state: Status) -> Result<bool, SandboxError> {
        self.write(|transaction| {
            let changed = transaction.execute(
                "UPDATE sandboxes SET state = ?4 WHERE id = ?1 AND state = ?2 AND created = ?3",
                params![
                    before.spec.id.as_str(),
                    before.state.as_str(),
                    before.created.as_microsecond(),
                    state.as_str()
                ],
            )?;
            Ok(changed == 1)
        })
    }

    pub(super) fn set_expiry(&self, id: &SandboxId, expires: Timestamp) -> Result<(), SandboxError> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE sandboxes SET expires = ?2 WHERE id = ?1",
                params![id.as_str(), expires.as_microsecond()],
            )?;
            Ok(())
        })
    }

    pub(super) fn touch(&self, id: &SandboxId, now: Timestamp) -> Result<(), SandboxError> {
        self.write(|transaction| {
            transaction
                .execute("UPDATE sandboxes SET used = ?2 WHERE id = ?1", params![id.as_str(), now.as_microsecond()])?;
            Ok(())
        })
    }

    pub(super) fn forget(&self, id: &SandboxId) -> Result<(), SandboxError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM sandboxes WHERE id = ?1", [id.as_str()])?;
            Ok(())
        })
    }

    pub(super) fn get(&self, id: &SandboxId) -> Result<Option<Record>, SandboxError> {
        self.read(|connection| find(connection, id))
    }

    /// All, oldest first.
    pub(super) fn all(&self) -> Result<Vec<Record>, SandboxError> {
        self.read(|connection| {
            let mut query =
                connection.prepare_cached(&format!("SELECT {COLUMNS} FROM sandboxes ORDER BY created, id"))?;
            query.query_map([], record)?.collect()
        })
    }

    /// Those whose id begins with `prefix`.
    pub(super) fn like(&self, prefix: &str) -> Result<Vec<Record>, SandboxError> {
        self.read(|connection| {
            // No pattern: a prefix may hold what means something in one.
            let mut query = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM sandboxes WHERE substr(id, 1, length(?1)) = ?1 ORDER BY created, id"
            ))?;
            query.query_map([prefix], record)?.collect()
        })
    }

    /// The one that a chat session, and with `agent` that agent alone, last used.
    pub(super) fn of_session(
        &self,
        user: &str,
        session: &str,
        agent: Option<&str>,
    ) -> Result<Option<Record>, SandboxError> {
        self.read(|connection| {
            let mut query = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM sandboxes WHERE user = ?1 AND session = ?2 AND agent IS ?3
                 ORDER BY used DESC LIMIT 1"
            ))?;
            query.query_row(params![user, session, agent], record).optional()
        })
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, SandboxError> {
        work(&self.connection.lock().unwrap_or_else(PoisonError::into_inner)).map_err(|error| lost(&error))
    }

    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, SandboxError> {
        // A panic rolled back the transaction it happened in.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || {
            // Immediate: one that began by reading could not wait for another's write.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|error| lost(&error))
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Without a file SQLite says what is wrong with its place.
    let _ = make_private_file(path);
    // Without SQLITE_OPEN_URI: a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // With a write-ahead log nothing is synced but when the log is folded in: not at each command's end, either.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

fn version(connection: &Connection, path: &Path) -> Result<u32, SandboxError> {
    let version =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|error| failed(path, &error))?;
    if version > KNOWN {
        return Err(SandboxError::Failed {
            what: format!(
                "the registry of sandboxes at `{}` was made by a newer agentscope (its format is {version}, this one knows {KNOWN})",
                path.display()
            ),
            hint: Some("update agentscope, or set AGENTSCOPE_HOME to another folder".to_owned()),
        });
    }
    Ok(version)
}

fn migrate(connection: &mut Connection, found: u32) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.commit()
}

fn failed(path: &Path, error: &rusqlite::Error) -> SandboxError {
    let (what, hint) = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => (
            format!("the registry of sandboxes at `{}` is damaged", path.display()),
            Some("move the file away: the sandboxes that there are will be found again".to_owned()),
        ),
        Some(ErrorCode::DiskFull) => (
            format!("could not open the registry of sandboxes at `{}`: {error}", path.display()),
            Some(NO_ROOM.to_owned()),
        ),
        _ => (format!("could not open the registry of sandboxes at `{}`: {error}", path.display()), None),
    };
    SandboxError::Failed { what, hint }
}

fn lost(error: &rusqlite::Error) -> SandboxError {
    let hint = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => NO_ROOM,
        _ => {
            "if it is damaged, move `sandboxes.db` in the state folder away: the sandboxes that there are will be found again"
        }
    };
    SandboxError::Failed { what: format!("the registry of sandboxes failed: {error}"), hint: Some(hint.to_owned()) }
}

fn put(transaction: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    let mut query = transaction.prepare_cached(
        "INSERT OR REPLACE INTO sandboxes (id, backend, user, session, agent, state, spec, confinement, created, used, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    query.execute(params![
        record.spec.id.as_str(),
        record.spec.backend.to_string(),
        record.spec.user,
        record.spec.session,
        record.spec.agent,
        record.state.as_str(),
        json(&record.spec),
        record.confinement.as_ref().map(json),
        record.created.as_microsecond(),
        record.used.as_microsecond(),
        record.expires.map(Timestamp::as_microsecond),
    ])?;
    Ok(())
}

fn find(connection: &Connection, id: &SandboxId) -> rusqlite::Result<Option<Record>> {
    let mut query = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM sandboxes WHERE id = ?1"))?;
    query.query_row([id.as_str()], record).optional()
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let state: String = row.get(0)?;
    let confinement: Option<String> = row.get(2)?;
    Ok(Record {
        state: Status::of(&state).ok_or_else(|| wrong(0, Type::Text, format!("the state `{state}`").into()))?,
        spec: from_json(1, &row.get::<_, String>(1)?)?,
        confinement: confinement.map(|text| from_json(2, &text)).transpose()?,
        created: time(3, row.get(3)?)?,
        used: time(4, row.get(4)?)?,
        expires: row.get::<_, Option<i64>>(5)?.map(|at| time(5, at)).transpose()?,
    })
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text as keys")
}

fn from_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| wrong(column, Type::Text, error.into()))
}

fn time(column: usize, microseconds: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(microseconds).map_err(|error| wrong(column, Type::Integer, error.into()))
}

fn wrong(column: usize, kind: Type, error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, error)
}
