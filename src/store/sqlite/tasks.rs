//! Tasks and requests to stop, shared by all processes that use the database.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter, types::Value};
use serde::de::DeserializeOwned;

use super::{SqliteStore, holds, process::Dead, time, to_json};
use crate::{
    domain::{AgentEvent, SessionId, SessionKey, TaskId, TurnId},
    store::{Interrupts, ORPHANED, StoreError, TaskPage, TaskQuery, TaskRecord, TaskStatus, Tasks, now},
};

/// To be followed by conditions on the table `tasks`.
const SELECT: &str = "SELECT id, user, session, agent, protocol, turn, status, created_at, started_at, finished_at,
    request, result, error, row FROM tasks";

/// As the index `tasks_not_final` has it.
const NOT_FINAL: &str = "status IN ('submitted', 'running', 'input_required')";

/// The row of a task, be it of this user.
fn find(connection: &Connection, user: Option<&str>, id: &TaskId) -> Result<i64, StoreError> {
    let mut query = connection.prepare_cached("SELECT row FROM tasks WHERE id = ?1 AND (?2 IS NULL OR user = ?2)")?;
    let row = query.query_row(params![id.as_str(), user], |row| row.get(0)).optional()?;
    row.ok_or_else(|| StoreError::NoTask(id.clone()))
}

fn record(row: &Row<'_>) -> Result<TaskRecord, StoreError> {
    let id = TaskId::from(row.get::<_, String>(0)?);
    let corrupt = |what: &str| StoreError::Corrupt { what: format!("the {what} of task `{id}`") };
    let times = |column| row.get::<_, Option<i64>>(column)?.map(|_| time(row, column)).transpose();
    let status = TaskStatus::parse(row.get_ref(6)?.as_str().unwrap_or_default()).ok_or_else(|| corrupt("status"))?;
    Ok(TaskRecord {
        key: SessionKey { user: row.get(1)?, session: SessionId::from(row.get::<_, String>(2)?) },
        agent: row.get(3)?,
        protocol: row.get(4)?,
        turn: row.get::<_, Option<String>>(5)?.map(TurnId::from),
        status,
        created_at: time(row, 7)?,
        started_at: times(8)?,
        finished_at: times(9)?,
        request: parse(&row.get::<_, String>(10)?).ok_or_else(|| corrupt("request"))?,
        result: match row.get::<_, Option<String>>(11)? {
            Some(text) => Some(parse(&text).ok_or_else(|| corrupt("result"))?),
            None => None,
        },
        error: row.get(12)?,
        id,
    })
}

fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// All that a query of [`SELECT`] finds.
fn records(
    connection: &Connection,
    conditions: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<TaskRecord>, StoreError> {
    let mut query = connection.prepare_cached(&format!("{SELECT} {conditions}"))?;
    let mut rows = query.query(params)?;
    let mut records = vec![];
    while let Some(row) = rows.next()? {
        records.push(record(row)?);
    }
    Ok(records)
}

fn page(connection: &Connection, of: &TaskQuery, from: Option<u64>, most: usize) -> Result<TaskPage, StoreError> {
    let (conditions, mut values) = conditions(of);
    let mut count = connection.prepare_cached(&format!("SELECT count(*) FROM tasks WHERE {conditions}"))?;
    let total: i64 = count.query_row(params_from_iter(&values), |row| row.get(0))?;
    // One more than is wanted tells whether there is a next part.
    let limit = i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX);
    values.extend([from.map_or(i64::MAX, seq).into(), limit.into()]);
    let sql = format!("{SELECT} WHERE {conditions} AND row <= ? ORDER BY row DESC LIMIT ?");
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query(params_from_iter(&values))?;
    let (mut tasks, mut next) = (vec![], None);
    while let Some(row) = rows.next()? {
        if tasks.len() == most {
            next = u64::try_from(row.get::<_, i64>(13)?).ok();
            break;
        }
        tasks.push(record(row)?);
    }
    Ok(TaskPage { tasks, next, total: u64::try_from(total).unwrap_or(0) })
}

/// What a list is of, in SQL, with the values of its parameters.
fn conditions(of: &TaskQuery) -> (String, Vec<Value>) {
    let asked = [
        ("user = ?", of.user.clone().map(Value::from)),
        ("protocol = ?", of.protocol.map(|protocol| protocol.to_owned().into())),
        ("agent = ?", of.agent.clone().map(Value::from)),
        ("session = ?", of.session.as_ref().map(|session| session.as_str().to_owned().into())),
        ("status = ?", of.status.map(|status| status.as_str().to_owned().into())),
        ("coalesce(finished_at, started_at, created_at) >= ?", of.since.map(|since| since.as_microsecond().into())),
    ];
    let asked = asked.into_iter().filter_map(|(condition, value)| Some((condition, value?)));
    // As it is there, a list of everything is no special case.
    let (conditions, values): (Vec<_>, Vec<_>) = [("? = 1", Value::from(1))].into_iter().chain(asked).unzip();
    (conditions.join(" AND "), values)
}

/// `None` where there is no such task yet.
fn status(connection: &Connection, task: &TaskRecord) -> Result<Option<TaskStatus>, StoreError> {
    let mut query = connection.prepare_cached("SELECT user, status FROM tasks WHERE id = ?1")?;
    let found = query
        .query_row([task.id.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    match found {
        Some((user, _)) if user != task.key.user => Err(StoreError::NoTask(task.id.clone())),
        Some((_, status)) => Ok(TaskStatus::parse(&status)),
        None => Ok(None),
    }
}

fn put(connection: &Connection, task: &TaskRecord, process: &str) -> Result<(), StoreError> {
    if status(connection, task)?.is_some_and(TaskStatus::is_final) {
        return Err(StoreError::TaskEnded(task.id.clone()));
    }
    let mut upsert = connection.prepare_cached(
        "INSERT INTO tasks (id, user, session, process, agent, protocol, turn, status, created_at, started_at,
            finished_at, request, result, error)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (id) DO UPDATE SET session = ?3, process = ?4, agent = ?5, protocol = ?6, turn = ?7, status = ?8,
            created_at = ?9, started_at = ?10, finished_at = ?11, request = ?12, result = ?13, error = ?14",
    )?;
    upsert.execute(params![
        task.id.as_str(),
        task.key.user,
        task.key.session.as_str(),
        process,
        task.agent,
        task.protocol,
        task.turn.as_ref().map(TurnId::as_str),
        task.status.as_str(),
        task.created_at.as_microsecond(),
        task.started_at.map(Timestamp::as_microsecond),
        task.finished_at.map(Timestamp::as_microsecond),
        to_json(&task.request)?,
        task.result.as_ref().map(to_json).transpose()?,
        task.error,
    ])?;
    Ok(())
}

/// Marks the tasks of dead processes as failed.
fn fail(connection: &Connection, dead: &[String]) -> Result<Vec<TaskRecord>, StoreError> {
    let mut failed = vec![];
    for process in dead {
        let mut tasks = records(connection, &format!("WHERE process = ?1 AND {NOT_FINAL} ORDER BY row"), [process])?;
        for task in &mut tasks {
            task.status = TaskStatus::Failed;
            task.finished_at = Some(now());
            task.error = Some(ORPHANED.to_owned());
            put(connection, task, process)?;
        }
        failed.append(&mut tasks);
    }
    Ok(failed)
}

#[async_trait]
impl Tasks for SqliteStore {
    async fn put(&self, task: &TaskRecord) -> Result<(), StoreError> {
        // Before there is a transaction: who looks for the dead may have the file, and waits for the writer.
        let process = match self.database.process.known() {
            Some(name) => name,
            None => self.blocking(|database| database.process.name().map_err(holds::failed)).await?,
        };
        let task = task.clone();
        self.write(move |connection| put(connection, &task, &process)).await
    }

    async fn task(&self, user: Option<&str>, id: &TaskId) -> Result<TaskRecord, StoreError> {
        let (user, sought) = (user.map(str::to_owned), id.clone());
        let found = self
            .read(move |connection| {
                records(connection, "WHERE id = ?1 AND (?2 IS NULL OR user = ?2)", params![sought.as_str(), user])
            })
            .await?;
        found.into_iter().next().ok_or_else(|| StoreError::NoTask(id.clone()))
    }

    async fn page(&self, of: &TaskQuery, from: Option<u64>, most: usize) -> Result<TaskPage, StoreError> {
        let of = of.clone();
        self.read(move |connection| page(connection, &of, from, most)).await
    }

    async fn add_events(&self, id: &TaskId, events: &[AgentEvent]) -> Result<(), StoreError> {
        let id = id.clone();
        let events =
            events.iter().map(|event| Ok((seq(event.seq), to_json(event)?))).collect::<Result<Vec<_>, StoreError>>()?;
        self.write(move |connection| {
            let task = find(connection, None, &id)?;
            let mut insert = connection.prepare_cached(
                "INSERT INTO task_events (task, seq, event) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?;
            for (seq, event) in &events {
                insert.execute(params![task, seq, event])?;
            }
            Ok(())
        })
        .await
    }

    async fn events(&self, id: &TaskId, after: Option<u64>) -> Result<Vec<AgentEvent>, StoreError> {
        let sought = id.clone();
        let texts: Option<Vec<String>> = self
            .read(move |connection| {
                let task = find(connection, None, &sought)?;
                let mut query = connection
                    .prepare_cached("SELECT event FROM task_events WHERE task = ?1 AND seq > ?2 ORDER BY seq")?;
                let texts = query.query_map(params![task, after.map_or(-1, seq)], |row| row.get(0))?;
                Ok(Some(texts.collect::<Result<_, _>>()?))
            })
            .await?;
        let texts = texts.ok_or_else(|| StoreError::NoTask(id.clone()))?;
        let corrupt = || StoreError::Corrupt { what: format!("an event of task `{id}`") };
        texts.iter().map(|text| parse(text).ok_or_else(corrupt)).collect()
    }

    async fn remove_task(&self, user: Option<&str>, id: &TaskId) -> Result<(), StoreError> {
        // First, so that asking for an unknown task makes no database.
        self.task(user, id).await?;
        let (user, id) = (user.map(str::to_owned), id.clone());
        self.write(move |connection| {
            let row = find(connection, user.as_deref(), &id)?;
            connection.execute("DELETE FROM tasks WHERE row = ?1", [row])?;
            Ok(())
        })
        .await
    }

    async fn orphaned(&self) -> Result<Vec<TaskRecord>, StoreError> {
        let named: BTreeSet<String> = self
            .read(|connection| {
                let mut query = connection.prepare(&format!("SELECT DISTINCT process FROM tasks WHERE {NOT_FINAL}"))?;
                Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
            })
            .await?;
        let dead =
            self.blocking(move |database| Dead::find(database.holds.folder(), named).map_err(holds::failed)).await?;
        let names = dead.names();
        let failed = match names.is_empty() {
            true => vec![],
            false => self.write(move |connection| fail(connection, &names)).await?,
        };
        dead.bury();
        Ok(failed)
    }

    async fn forget_tasks(&self, finished_before: Timestamp) -> Result<u64, StoreError> {
        let before = finished_before.as_microsecond();
        if !self.is_there().await? {
            return Ok(0);
        }
        self.write(move |connection| {
            let sql = format!("DELETE FROM tasks WHERE NOT {NOT_FINAL} AND coalesce(finished_at, created_at) < ?1");
            Ok(connection.execute(&sql, [before])? as u64)
        })
        .await
    }
}

/// SQLite's integers have a sign; no turn has that many events, and no table that many rows.
fn seq(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

#[async_trait]
impl Interrupts for SqliteStore {
    async fn interrupt(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.blocking(move |database| database.holds.interrupt(&key)).await
    }

    async fn interrupted(&self, held: &[SessionKey]) -> Result<Vec<SessionKey>, StoreError> {
        let held = held.to_vec();
        self.blocking(move |database| database.holds.interrupted(&held)).await
    }
}
