//! Notes in the database.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::{SqliteStore, time};
use crate::store::{Note, Notes, StoreError, is_about, now, rank};

#[async_trait]
impl Notes for SqliteStore {
    async fn add(&self, scope: &str, text: &str) -> Result<Note, StoreError> {
        let (scope, text) = (scope.to_owned(), text.to_owned());
        self.write(move |connection| {
            let created_at = now();
            connection.execute(
                "INSERT INTO notes (scope, text, created_at) VALUES (?1, ?2, ?3)",
                params![scope, text, created_at.as_microsecond()],
            )?;
            Ok(Note { id: connection.last_insert_rowid(), text: text.clone(), created_at })
        })
        .await
    }

    async fn search(&self, scope: &str, query: &str, most: usize) -> Result<Vec<Note>, StoreError> {
        let scope = scope.to_owned();
        let notes: Vec<Note> = self
            .read(move |connection| {
                let mut notes = connection
                    .prepare_cached("SELECT id, text, created_at FROM notes WHERE scope = ?1 ORDER BY id DESC")?;
                let note = |row: &Row<'_>| Ok(Note { id: row.get(0)?, text: row.get(1)?, created_at: time(row, 2)? });
                Ok(notes.query_map([scope], note)?.collect::<Result<_, _>>()?)
            })
            .await?;
        Ok(rank::best(notes, query, most))
    }

    async fn forget(&self, scope: &str, id: i64) -> Result<(), StoreError> {
        let scope = scope.to_owned();
        self.write(move |connection| {
            match connection.execute("DELETE FROM notes WHERE scope = ?1 AND id = ?2", params![scope, id])? {
                0 => Err(StoreError::NoNote(id)),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn forget_user(&self, user: &str) -> Result<u64, StoreError> {
        if !self.is_there().await? {
            return Ok(0);
        }
        let user = user.to_owned();
        self.write(move |connection| {
            let mut query = connection.prepare("SELECT DISTINCT scope FROM notes")?;
            let scopes = query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
            let mut count = 0;
            for scope in scopes.iter().filter(|scope| is_about(scope, &user)) {
                count += connection.execute("DELETE FROM notes WHERE scope = ?1", [scope])?;
            }
            Ok(count as u64)
        })
        .await
    }
}
