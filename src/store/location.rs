//! Which store the agent file asks for.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Interrupts, MemoryStore, Notes, SqliteStore, Store, StoreError, Tasks};
use crate::config::{Paths, Secret, agent_file::Storage};

/// What an agent remembers with.
#[derive(Clone)]
pub struct Stores {
    pub sessions: Arc<dyn Store>,
    pub notes: Arc<dyn Notes>,
    /// Kept with the sessions, as are the requests to stop their turns.
    pub tasks: Arc<dyn Tasks>,
    pub interrupts: Arc<dyn Interrupts>,
}

impl Stores {
    fn of<S: Store + Tasks + Interrupts + 'static>(store: S, notes: Arc<dyn Notes>) -> Self {
        let store = Arc::new(store);
        Self { sessions: Arc::clone(&store) as _, notes, tasks: Arc::clone(&store) as _, interrupts: store }
    }
}

/// The stores that the agent file asks for. Opens nothing yet.
///
/// `folder` is that of the agent file, which relative paths start from.
///
/// # Errors
/// [`StoreError::Unknown`], [`StoreError::Later`] and [`StoreError::Split`] for a value that cannot be used.
pub fn open(storage: &Storage, paths: &Paths, folder: &Path) -> Result<Stores, StoreError> {
    let place = |key, url: &Option<Secret>| match url {
        Some(url) => Place::parse(key, url.expose(), folder),
        None => Ok(Place::Own),
    };
    let sessions = place("sessions", &storage.sessions)?;
    if storage.state.is_some() && place("state", &storage.state)? != sessions {
        return Err(StoreError::Split);
    }
    let notes = place("long_term", &storage.long_term)?;
    let database = sessions.sqlite(paths);
    let notes: Arc<dyn Notes> = match (&database, notes.sqlite(paths)) {
        // One connection for both.
        (Some(database), Some(_)) if sessions == notes => Arc::new(database.clone()),
        (_, Some(database)) => Arc::new(database),
        (_, None) => Arc::new(MemoryStore::new()),
    };
    Ok(match database {
        Some(database) => Stores::of(database, notes),
        None => Stores::of(MemoryStore::new(), notes),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// The user's own database.
    Own,
    File(PathBuf),
    InProcess,
}

impl Place {
    /// `url` may hold a password and is not shown.
    fn parse(key: &'static str, url: &str, folder: &Path) -> Result<Self, StoreError> {
        let unknown = StoreError::Unknown { key };
        let Some((scheme, rest)) = url.trim().split_once(':') else { return Err(unknown) };
        match scheme {
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Ok(Self::Own),
                // SQLite's own word for a database in memory.
                ":memory:" => Ok(Self::InProcess),
                path => Ok(Self::File(folder.join(path))),
            },
            "in-process" if rest.is_empty() => Ok(Self::InProcess),
            "redis" | "rediss" => Err(StoreError::Later { key, what: "Redis" }),
            "postgres" | "postgresql" => Err(StoreError::Later { key, what: "PostgreSQL" }),
            _ => Err(unknown),
        }
    }

    /// `None` for one in memory.
    fn sqlite(&self, paths: &Paths) -> Option<SqliteStore> {
        match self {
            Self::Own => Some(SqliteStore::open(paths)),
            Self::File(path) => Some(SqliteStore::at(path)),
            Self::InProcess => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Env,
        domain::{Message, SessionKey},
    };

    fn storage(sessions: Option<&str>, state: Option<&str>) -> Storage {
        Storage { sessions: sessions.map(Into::into), state: state.map(Into::into), long_term: None }
    }

    fn place(url: &str) -> String {
        match Place::parse("sessions", url, Path::new("/agents/demo")) {
            Ok(place) => format!("{place:?}"),
            Err(error) => format!("{error}; {}", error.hint().unwrap()),
        }
    }

    #[test]
    fn urls() {
        let urls = [
            "sqlite:",
            "sqlite:/var/lib/a.db",
            "sqlite:///var/lib/a.db",
            "sqlite:data/a.db",
            "sqlite::memory:",
            "in-process:",
            "redis://:hunter2@redis:6379",
            "postgresql://ann:hunter2@db/x",
            "mongodb://ann:hunter2@db",
            "/var/lib/a.db",
            "",
        ];
        insta::assert_snapshot!(urls.map(place).join("\n"), @r#"
        Own
        File("/var/lib/a.db")
        File("/var/lib/a.db")
        File("/agents/demo/data/a.db")
        InProcess
        InProcess
        `storage.sessions` asks for Redis, which comes with a later version; use `sqlite:`, `sqlite:PATH` or `in-process:`
        `storage.sessions` asks for PostgreSQL, which comes with a later version; use `sqlite:`, `sqlite:PATH` or `in-process:`
        `storage.sessions` names no kind of store there is; use `sqlite:`, `sqlite:PATH` or `in-process:`
        `storage.sessions` names no kind of store there is; use `sqlite:`, `sqlite:PATH` or `in-process:`
        `storage.sessions` names no kind of store there is; use `sqlite:`, `sqlite:PATH` or `in-process:`
        "#);
    }

    #[tokio::test]
    async fn opened() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(&Env::fake(folder.path(), &[("AGENTSCOPE_HOME", "home")]));
        let key = SessionKey { user: "ann".to_owned(), session: "s".into() };
        for (url, file) in [(None, "home/data/sessions.db"), (Some("sqlite:mine.db"), "mine.db")] {
            let store = open(&storage(url, url), &paths, folder.path()).unwrap().sessions;
            assert!(!folder.path().join(file).exists(), "not before it is needed");
            store.append(&key, &[Message::user("hi")]).await.unwrap();
            assert!(folder.path().join(file).exists());
        }
        assert!(open(&storage(Some("in-process:"), None), &paths, folder.path()).is_ok());
        assert!(matches!(open(&storage(None, Some("in-process:")), &paths, folder.path()), Err(StoreError::Split)));
    }
}
