//! Opening the database: its file, its settings, its migrations.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::holds;
use crate::{
    config::{FileLock, make_private_file},
    store::StoreError,
};

/// Each takes the database from the version of its index to the next. Only ever added to.
const MIGRATIONS: &[&str] =
    &[include_str!("1.sql"), include_str!("2.sql"), include_str!("3.sql"), include_str!("4.sql")];

/// The version that all of [`MIGRATIONS`] lead to.
const KNOWN: u32 = MIGRATIONS.len() as u32;

/// Marks a database as ours, so that a file named by mistake is left alone. "Agsc" in ASCII.
const APPLICATION_ID: i32 = 0x4167_7363;

/// How often a write asks whether those of other processes have ended, which take milliseconds each. SQLite's own way
/// is to ask ever more seldom, up to ten times a second, by which a busy server would keep all others out for good.
const ASKS: i32 = if cfg!(test) { 1_000 } else { 10_000 };
const BETWEEN_ASKS: Duration = Duration::from_millis(1);

/// Statements that are kept prepared; more than there are.
const STATEMENTS: usize = 64;

/// Opens the database, making it or bringing it up to date where need be.
pub(super) fn open(path: &Path, locks: &Path) -> Result<Connection, StoreError> {
    make_private_file(path).map_err(|error| not_made(path, error))?;
    // Without SQLITE_OPEN_URI: a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| failed(path, error))?;
    configure(&mut connection).map_err(|error| failed(path, error))?;
    if version(&mut connection, path)? < KNOWN {
        // Two processes that switch a new database to WAL at once fail with "database is locked" without waiting.
        let _held = FileLock::acquire(&locks.join("setup")).map_err(|error| not_made(path, error))?;
        // Again, now that nobody else migrates.
        let found = version(&mut connection, path)?;
        migrate(&mut connection, found).map_err(|error| failed(path, error))?;
    }
    Ok(connection)
}

fn failed(path: &Path, source: rusqlite::Error) -> StoreError {
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Foreign { path: path.to_owned() },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path: path.to_owned() },
        _ if is_full(&source) => StoreError::Full,
        _ => cannot_open(path, source),
    }
}

fn not_made(path: &Path, error: io::Error) -> StoreError {
    match holds::failed(error) {
        StoreError::Failed { source } => StoreError::Open { path: path.to_owned(), source },
        full => full,
    }
}

/// Whether there was no room on the disk, for the database or for the memory that its users share.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

fn cannot_open(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Open { path: path.to_owned(), source: Box::new(source) }
}

fn configure(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(|asked| {
        std::thread::sleep(BETWEEN_ASKS);
        asked < ASKS
    }))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    // With a write-ahead log this keeps the database whole even through a loss of power, at the price of the last
    // commits before it.
    connection.pragma_update(None, "synchronous", "normal")
}

/// The version of the database, 0 for a new one.
fn version(connection: &mut Connection, path: &Path) -> Result<u32, StoreError> {
    // In a transaction: between two reads another process may have migrated it.
    let read = |transaction: &Transaction<'_>| -> rusqlite::Result<(u32, i32, bool)> {
        let version = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let application = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let empty = transaction.query_one("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
        Ok((version, application, empty))
    };
    let (version, application, empty) =
        connection.transaction().and_then(|transaction| read(&transaction)).map_err(|error| failed(path, error))?;
    if application != APPLICATION_ID && !empty {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    if version > KNOWN {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known: KNOWN });
    }
    Ok(version)
}

fn migrate(connection: &mut Connection, found: u32) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.commit()
}

/// Where the locks of a database are: beside it, so that all who share it share them.
pub(super) fn locks_of(path: &Path) -> PathBuf {
    path.with_extension("locks")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(content: impl FnOnce(&Path)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        content(&path);
        let before = std::fs::read(&path).unwrap();
        let error = open(&path, &locks_of(&path)).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), before, "the file is left as it was");
        let text = format!("{error}\n{}", error.hint().unwrap());
        text.replace(folder.path().to_str().unwrap(), "[DIR]")
    }

    #[test]
    fn of_a_newer_version() {
        let text = fails(|path| {
            let connection = open(path, &locks_of(path)).unwrap();
            connection.pragma_update(None, "user_version", 99).unwrap();
        });
        insta::assert_snapshot!(text, @"
        the session store at `[DIR]/sessions.db` was made by a newer agentscope (its format is 99, this one knows 4)
        update agentscope, or set AGENTSCOPE_HOME to another folder
        ");
    }

    #[test]
    fn of_another_program() {
        let text = fails(|path| Connection::open(path).unwrap().execute_batch("CREATE TABLE songs (name)").unwrap());
        insta::assert_snapshot!(text, @"
        `[DIR]/sessions.db` is not a session store
        name another file under `storage` in the agent file
        ");
    }

    #[test]
    fn not_a_database() {
        insta::assert_snapshot!(fails(|path| std::fs::write(path, "name: assistant\n".repeat(100)).unwrap()), @"
        `[DIR]/sessions.db` is not a session store
        name another file under `storage` in the agent file
        ");
    }

    #[test]
    fn damaged() {
        let text = fails(|path| {
            let connection = open(path, &locks_of(path)).unwrap();
            drop(connection);
            let mut bytes = std::fs::read(path).unwrap();
            // The root page of the schema, behind the header of the file.
            bytes[100..200].fill(0xFF);
            std::fs::write(path, bytes).unwrap();
        });
        insta::assert_snapshot!(text, @"
        the session store at `[DIR]/sessions.db` is damaged
        move the file away to start anew, or put back a copy of it
        ");
    }

    /// Sessions of before there was an order of uses have that of their times.
    #[test]
    fn the_order_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        let before = Connection::open(&path).unwrap();
        MIGRATIONS[..2].iter().for_each(|migration| before.execute_batch(migration).unwrap());
        before.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        before.pragma_update(None, "user_version", 2).unwrap();
        for (id, time) in [("first", 10), ("last", 30), ("second", 20)] {
            let sql = "INSERT INTO sessions (user, id, agent, title, state, created_at, updated_at)
                VALUES ('', ?1, '', '', '{}', 0, ?2)";
            before.execute(sql, rusqlite::params![id, time]).unwrap();
        }
        drop(before);
        let connection = open(&path, &locks_of(&path)).unwrap();
        let mut query = connection.prepare("SELECT id FROM sessions ORDER BY used DESC").unwrap();
        let ids: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(ids, ["last", "second", "first"]);
    }

    /// Of a session from before there was an account of what is used, it holds what was used since.
    #[tokio::test]
    async fn the_usage_of_before() {
        use crate::store::{SessionUsage, SqliteStore, Store as _, Used};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        let before = Connection::open(&path).unwrap();
        MIGRATIONS[..3].iter().for_each(|migration| before.execute_batch(migration).unwrap());
        before.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        before.pragma_update(None, "user_version", 3).unwrap();
        let sql = "INSERT INTO sessions (user, id, agent, title, state, created_at, updated_at)
            VALUES ('ann', 'old', '', '', '{}', 0, 0)";
        before.execute(sql, []).unwrap();
        drop(before);
        let store = SqliteStore::at(&path);
        let old = crate::domain::SessionKey { user: "ann".to_owned(), session: "old".into() };
        assert_eq!(store.usage(&old).await.unwrap(), SessionUsage::unknown());
        let usage = crate::domain::Usage { input_tokens: 1, ..crate::domain::Usage::default() };
        let used = Used { agent: "lead".to_owned(), model: "a/b".to_owned(), answers: 1, usage };
        store.save(&old, &[], std::slice::from_ref(&used)).await.unwrap();
        assert_eq!(store.usage(&old).await.unwrap(), SessionUsage { agents: vec![used], incomplete: true });
    }

    #[test]
    fn a_folder_that_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let path = folder.path().join("file/sessions.db");
        assert!(matches!(open(&path, &locks_of(&path)), Err(StoreError::Open { .. })));
    }

    /// Many at once meet a database that is not there yet.
    #[test]
    fn made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/sessions.db");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| open(&path, &locks_of(&path)).map(drop).unwrap());
            }
        });
        let connection = open(&path, &locks_of(&path)).unwrap();
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[cfg(unix)]
    #[test]
    fn for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/sessions.db");
        let connection = open(&path, &locks_of(&path)).unwrap();
        connection.execute("INSERT INTO notes (scope, text, created_at) VALUES ('', '', 0)", []).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
        assert_eq!(mode(&path.with_extension("db-shm")), 0o600);
    }
}
