//! Sessions in the database.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Value, json};

use super::{SqliteStore, partial, time, to_json};
use crate::{
    domain::{Message, SessionId, SessionKey},
    store::{
        NewSession, OpenedSession, SessionInfo, SessionLock, SessionUsage, Store, StoreError, Used, merge_patch, now,
        title_of,
    },
};

/// The row of a session.
fn find(connection: &Connection, key: &SessionKey) -> Result<Option<i64>, StoreError> {
    let mut query = connection.prepare_cached("SELECT row FROM sessions WHERE user = ?1 AND id = ?2")?;
    Ok(query.query_row(params![key.user, key.session.as_str()], |row| row.get(0)).optional()?)
}

fn existing(connection: &Connection, key: &SessionKey) -> Result<i64, StoreError> {
    find(connection, key)?.ok_or_else(|| StoreError::NotFound(key.session.clone()))
}

fn find_or_make(connection: &Connection, key: &SessionKey, new: &NewSession) -> Result<i64, StoreError> {
    if let Some(row) = find(connection, key)? {
        return Ok(row);
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO sessions (user, id, agent, source, title, state, usage, created_at, updated_at, used)
         VALUES (?1, ?2, ?3, ?4, '', '{}', '{\"agents\":[]}', ?5, ?5, (SELECT coalesce(max(used), 0) + 1 FROM sessions))",
    )?;
    insert.execute(params![key.user, key.session.as_str(), new.agent, new.source, now().as_microsecond()])?;
    Ok(connection.last_insert_rowid())
}

fn state_of(connection: &Connection, row: i64) -> Result<Value, StoreError> {
    let mut query = connection.prepare_cached("SELECT state FROM sessions WHERE row = ?1")?;
    let text: String = query.query_one([row], |row| row.get(0))?;
    serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { what: "the state of a session".to_owned() })
}

fn messages_of(connection: &Connection, row: i64, key: &SessionKey) -> Result<Vec<Message>, StoreError> {
    let mut query = connection.prepare_cached("SELECT message FROM messages WHERE session = ?1 ORDER BY position")?;
    let mut rows = query.query([row])?;
    let mut messages = vec![];
    while let Some(row) = rows.next()? {
        let text = row.get_ref(0)?.as_str().unwrap_or_default();
        messages.push(serde_json::from_str(text).map_err(|_| StoreError::Corrupt {
            what: format!("message {} of session `{}`", messages.len() + 1, key.session),
        })?);
    }
    Ok(messages)
}

fn usage_of(connection: &Connection, row: i64) -> Result<SessionUsage, StoreError> {
    let mut query = connection.prepare_cached("SELECT usage FROM sessions WHERE row = ?1")?;
    let text: Option<String> = query.query_one([row], |row| row.get(0))?;
    let Some(text) = text else { return Ok(SessionUsage::unknown()) };
    serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { what: "what a session used".to_owned() })
}

/// What is in a session.
struct Loaded {
    state: Value,
    messages: Vec<Message>,
    /// As [`partial::of`] gives it.
    partial: Option<Message>,
}

/// All of a session, if there is one.
fn load(connection: &Connection, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
    let Some(row) = find(connection, key)? else { return Ok(None) };
    let (state, messages) = (state_of(connection, row)?, messages_of(connection, row, key)?);
    Ok(Some(Loaded { state, messages, partial: partial::of(connection, row)? }))
}

/// To be followed by conditions on the table `sessions`.
const SELECT_INFO: &str = "SELECT id, user, agent, source, title, created_at, updated_at,
    (SELECT count(*) FROM messages WHERE session = sessions.row)
        + EXISTS (SELECT 1 FROM partials WHERE session = sessions.row), parent FROM sessions";

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

#[async_trait]
impl Store for SqliteStore {
    async fn open_session(&self, key: &SessionKey, new: &NewSession) -> Result<OpenedSession, StoreError> {
        let (sought, new) = (key.clone(), Arc::new(new.clone()));
        let (held, found) = self
            .blocking(move |database| {
                let held = database.holds.hold(&sought, new)?;
                Ok((held, database.read(|connection| load(connection, &sought))?))
            })
            .await?;
        let lock = SessionLock::new(held);
        let Some(Loaded { state, messages: mut history, partial }) = found else {
            return Ok(OpenedSession { lock, state: json!({}), history: vec![] });
        };
        if let Some(partial) = partial {
            let key = key.clone();
            self.write(move |connection| partial::settle(connection, existing(connection, &key)?)).await?;
            history.push(partial);
        }
        Ok(OpenedSession { lock, state, history })
    }

    async fn check(&self) -> Result<(), StoreError> {
        // Nobody has saved anything yet, and who only asks makes no files.
        if !self.is_there().await? {
            return Ok(());
        }
        // What is there already, written again: reading works on a full disk.
        self.write(|connection| {
            let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            Ok(connection.pragma_update(None, "user_version", version)?)
        })
        .await
    }

    async fn history(&self, key: &SessionKey) -> Result<Vec<Message>, StoreError> {
        let sought = key.clone();
        let Some(loaded) = self.read(move |connection| load(connection, &sought)).await? else { return Ok(vec![]) };
        if loaded.partial.is_none() {
            return Ok(loaded.messages);
        }
        let (sought, holds) = (key.clone(), Arc::clone(&self.database.holds));
        let loaded = self
            .blocking(move |database| {
                let held = holds.check_free(&sought).is_err();
                // Again, as its turn may have ended since. One that begins now writes nothing so soon.
                let loaded = database.read(|connection| load(connection, &sought))?;
                Ok(loaded.map(|loaded| Loaded { partial: loaded.partial.filter(|_| !held), ..loaded }))
            })
            .await?;
        Ok(loaded
            .map(|Loaded { messages, partial, .. }| [messages, partial.into_iter().collect()].concat())
            .unwrap_or_default())
    }

    async fn save(&self, key: &SessionKey, messages: &[Message], used: &[Used]) -> Result<(), StoreError> {
        let (key, used) = (key.clone(), used.to_vec());
        let title = title_of(messages).unwrap_or_default();
        let texts = messages.iter().map(to_json).collect::<Result<Vec<_>, _>>()?;
        let new = self.database.holds.new_session(&key);
        self.write(move |connection| {
            let session = find_or_make(connection, &key, &new)?;
            let mut insert = connection.prepare_cached(
                "INSERT INTO messages (session, position, message)
                 SELECT ?1, coalesce(max(position) + 1, 0), ?2 FROM messages WHERE session = ?1",
            )?;
            for text in &texts {
                insert.execute(params![session, text])?;
            }
            partial::drop(connection, session)?;
            let usage = match used.as_slice() {
                [] => None,
                used => {
                    let mut usage = usage_of(connection, session)?;
                    usage.add(used);
                    Some(to_json(&usage)?)
                }
            };
            let mut update = connection.prepare_cached(
                "UPDATE sessions SET updated_at = ?2, title = iif(title = '', ?3, title), usage = coalesce(?4, usage),
                    used = (SELECT max(used) + 1 FROM sessions)
                 WHERE row = ?1",
            )?;
            update.execute(params![session, now().as_microsecond(), title, usage])?;
            Ok(())
        })
        .await
    }

    fn keep_partial(&self, key: &SessionKey, text: &str) {
        let (key, text) = (key.clone(), text.to_owned());
        // Behind what was saved before, and before what will be: the writer takes one after the other.
        self.write_unheard(move |connection| match find(connection, &key)? {
            Some(row) => partial::add(connection, row, &text),
            None => Ok(()),
        });
    }

    async fn usage(&self, key: &SessionKey) -> Result<SessionUsage, StoreError> {
        let key = key.clone();
        let usage = self
            .read(move |connection| find(connection, &key)?.map(|row| usage_of(connection, row)).transpose())
            .await?;
        Ok(usage.unwrap_or_default())
    }

    async fn state(&self, key: &SessionKey) -> Result<Value, StoreError> {
        let key = key.clone();
        let state = self
            .read(move |connection| find(connection, &key)?.map(|row| state_of(connection, row)).transpose())
            .await?;
        Ok(state.unwrap_or_else(|| json!({})))
    }

    async fn patch_state(&self, key: &SessionKey, patch: &Value) -> Result<(), StoreError> {
        let (key, patch) = (key.clone(), patch.clone());
        let new = self.database.holds.new_session(&key);
        self.write(move |connection| {
            let row = find_or_make(connection, &key, &new)?;
            let mut state = state_of(connection, row)?;
            if patch.is_object() {
                merge_patch(&mut state, &patch);
            }
            connection.execute(
                "UPDATE sessions SET updated_at = ?2, state = ?3, used = (SELECT max(used) + 1 FROM sessions)
                 WHERE row = ?1",
                params![row, now().as_microsecond(), to_json(&state)?],
            )?;
            Ok(())
        })
        .await
    }

    async fn sessions(&self, user: Option<&str>) -> Result<Vec<SessionInfo>, StoreError> {
        let user = user.map(str::to_owned);
        self.read(move |connection| {
            let whose = if user.is_some() { "WHERE user = ?1" } else { "WHERE ?1 IS NULL" };
            let sql = format!("{SELECT_INFO} {whose} ORDER BY used DESC");
            let mut query = connection.prepare_cached(&sql)?;
            Ok(query.query_map([user], info)?.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn info(&self, key: &SessionKey) -> Result<SessionInfo, StoreError> {
        let sought = key.clone();
        self.read(move |connection| {
            let mut query = connection.prepare_cached(&format!("{SELECT_INFO} WHERE user = ?1 AND id = ?2"))?;
            Ok(query.query_row(params![sought.user, sought.session.as_str()], info).optional()?)
        })
        .await?
        .ok_or_else(|| StoreError::NotFound(key.session.clone()))
    }

    async fn rename(&self, key: &SessionKey, title: &str) -> Result<(), StoreError> {
        let (key, title) = (key.clone(), title.to_owned());
        self.write(move |connection| {
            let row = existing(connection, &key)?;
            connection.execute("UPDATE sessions SET title = ?2 WHERE row = ?1", params![row, title])?;
            Ok(())
        })
        .await
    }

    async fn fork(&self, key: &SessionKey, keep: Option<u64>, new: SessionId) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(move |connection| {
            let from = existing(connection, &key)?;
            if find(connection, &SessionKey { user: key.user.clone(), session: new.clone() })?.is_some() {
                return Err(StoreError::Exists(new.clone()));
            }
            connection.execute(
                "INSERT INTO sessions (user, id, agent, source, title, parent, state, usage, created_at, updated_at, used)
                 SELECT user, ?2, agent, source, title, id, state, '{\"agents\":[]}', ?3, ?3,
                    (SELECT max(used) + 1 FROM sessions)
                 FROM sessions WHERE row = ?1",
                params![from, new.as_str(), now().as_microsecond()],
            )?;
            let to = connection.last_insert_rowid();
            let keep = keep.and_then(|keep| i64::try_from(keep).ok()).unwrap_or(i64::MAX);
            let copied = connection.execute(
                "INSERT INTO messages (session, position, message)
                 SELECT ?2, position, message FROM messages WHERE session = ?1 ORDER BY position LIMIT ?3",
                params![from, to, keep],
            )?;
            if i64::try_from(copied).is_ok_and(|copied| copied < keep) {
                partial::copy(connection, from, to)?;
            }
            Ok(())
        })
        .await
    }

    async fn truncate(&self, key: &SessionKey, keep: u64) -> Result<(), StoreError> {
        let sought = key.clone();
        // First, so that asking for an unknown session makes no lock.
        self.info(key).await?;
        let held = self.blocking(move |database| database.holds.hold(&sought, Arc::default())).await?;
        let (key, keep) = (key.clone(), i64::try_from(keep).unwrap_or(i64::MAX));
        self.write(move |connection| {
            let row = existing(connection, &key)?;
            partial::settle(connection, row)?;
            connection.execute(
                "DELETE FROM messages WHERE session = ?1 AND position NOT IN
                    (SELECT position FROM messages WHERE session = ?1 ORDER BY position LIMIT ?2)",
                params![row, keep],
            )?;
            Ok(())
        })
        .await?;
        drop(held);
        Ok(())
    }

    async fn remove(&self, key: &SessionKey) -> Result<(), StoreError> {
        let sought = key.clone();
        // First, so that asking for an unknown session makes no lock.
        self.info(key).await?;
        let held = self.blocking(move |database| database.holds.hold(&sought, Arc::default())).await?;
        let key = key.clone();
        self.write(move |connection| {
            let row = existing(connection, &key)?;
            connection.execute("DELETE FROM sessions WHERE row = ?1", [row])?;
            connection.execute(
                "DELETE FROM tasks WHERE user = ?1 AND session = ?2",
                params![key.user, key.session.as_str()],
            )?;
            Ok(())
        })
        .await?;
        drop(held);
        Ok(())
    }

    async fn remove_user(&self, user: &str) -> Result<u64, StoreError> {
        if !self.is_there().await? {
            return Ok(0);
        }
        let (user, holds) = (user.to_owned(), Arc::clone(&self.database.holds));
        let removed = self
            .write(move |connection| {
                let mut query = connection.prepare("DELETE FROM sessions WHERE user = ?1 RETURNING id")?;
                let ids = query.query_map([&user], |row| row.get::<_, String>(0))?;
                let key =
                    |id: rusqlite::Result<_>| Ok(SessionKey { user: user.clone(), session: SessionId::from(id?) });
                let removed = ids.map(key).collect::<rusqlite::Result<Vec<_>>>()?;
                connection.execute("DELETE FROM tasks WHERE user = ?1", [&user])?;
                removed.iter().try_for_each(|key| holds.check_free(key))?;
                Ok(removed)
            })
            .await?;
        Ok(removed.len() as u64)
    }
}
