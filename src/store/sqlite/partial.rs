//! The answer that is being written in a session, for the case that its writer dies. Pieces, as writing all of it again
//! and again would cost ever more.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::to_json;
use crate::{domain::Message, store::StoreError};

/// What was written of an answer that nothing was saved after, as the message that it becomes.
pub(super) fn of(connection: &Connection, session: i64) -> Result<Option<Message>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT group_concat(text, '' ORDER BY position) FROM partials WHERE session = ?1 HAVING count(*) > 0",
    )?;
    let text: Option<String> = query.query_row([session], |row| row.get(0)).optional()?;
    Ok(text.map(|text| Message { broken_off: true, ..Message::assistant(text) }))
}

pub(super) fn add(connection: &Connection, session: i64, text: &str) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO partials (session, position, text)
         SELECT ?1, coalesce(max(position) + 1, 0), ?2 FROM partials WHERE session = ?1",
    )?;
    insert.execute(params![session, text])?;
    Ok(())
}

pub(super) fn drop(connection: &Connection, session: i64) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM partials WHERE session = ?1")?.execute([session])?;
    Ok(())
}

pub(super) fn copy(connection: &Connection, from: i64, to: i64) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO partials (session, position, text) SELECT ?2, position, text FROM partials WHERE session = ?1";
    connection.execute(sql, [from, to])?;
    Ok(())
}

/// Makes it a message, which ends it. For a session whose writer is gone.
pub(super) fn settle(connection: &Connection, session: i64) -> Result<(), StoreError> {
    let Some(message) = of(connection, session)? else { return Ok(()) };
    connection.execute(
        "INSERT INTO messages (session, position, message)
         SELECT ?1, coalesce(max(position) + 1, 0), ?2 FROM messages WHERE session = ?1",
        params![session, to_json(&message)?],
    )?;
    Ok(())
}
