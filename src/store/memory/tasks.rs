//! Tasks and requests to stop, of this process alone: a task ends with it, so that none is ever left behind.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Kept, MemoryStore};
use crate::{
    domain::{AgentEvent, SessionKey, TaskId},
    store::{Interrupts, StoreError, TaskPage, TaskQuery, TaskRecord, Tasks},
};

#[derive(Debug)]
pub(super) struct Task {
    /// Counts up, and is not used twice.
    row: u64,
    pub(super) record: TaskRecord,
    events: BTreeMap<u64, AgentEvent>,
}

impl Kept {
    fn task(&mut self, user: Option<&str>, id: &TaskId) -> Result<&mut Task, StoreError> {
        self.tasks
            .iter_mut()
            .find(|task| task.record.id == *id && user.is_none_or(|user| task.record.key.user == user))
            .ok_or_else(|| StoreError::NoTask(id.clone()))
    }
}

fn is_of(task: &TaskRecord, of: &TaskQuery) -> bool {
    let at = task.finished_at.or(task.started_at).unwrap_or(task.created_at);
    of.user.as_ref().is_none_or(|user| task.key.user == *user)
        && of.protocol.is_none_or(|protocol| task.protocol == protocol)
        && of.agent.as_ref().is_none_or(|agent| task.agent == *agent)
        && of.session.as_ref().is_none_or(|session| task.key.session == *session)
        && of.status.is_none_or(|status| task.status == status)
        && of.since.is_none_or(|since| at >= since)
}

#[async_trait]
impl Tasks for MemoryStore {
    async fn put(&self, task: &TaskRecord) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let Some(there) = kept.tasks.iter_mut().find(|there| there.record.id == task.id) else {
            kept.last_task += 1;
            let row = kept.last_task;
            kept.tasks.push(Task { row, record: task.clone(), events: BTreeMap::new() });
            return Ok(());
        };
        if there.record.key.user != task.key.user {
            return Err(StoreError::NoTask(task.id.clone()));
        }
        if there.record.status.is_final() {
            return Err(StoreError::TaskEnded(task.id.clone()));
        }
        there.record = task.clone();
        Ok(())
    }

    async fn task(&self, user: Option<&str>, id: &TaskId) -> Result<TaskRecord, StoreError> {
        Ok(self.kept().task(user, id)?.record.clone())
    }

    async fn page(&self, of: &TaskQuery, from: Option<u64>, most: usize) -> Result<TaskPage, StoreError> {
        let kept = self.kept();
        let all: Vec<_> = kept.tasks.iter().rev().filter(|task| is_of(&task.record, of)).collect();
        let mut rest = all.iter().filter(|task| from.is_none_or(|from| task.row <= from));
        let tasks = rest.by_ref().take(most).map(|task| task.record.clone()).collect();
        Ok(TaskPage { tasks, next: rest.next().map(|task| task.row), total: all.len() as u64 })
    }

    async fn add_events(&self, id: &TaskId, events: &[AgentEvent]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let task = kept.task(None, id)?;
        for event in events {
            task.events.entry(event.seq).or_insert_with(|| event.clone());
        }
        Ok(())
    }

    async fn events(&self, id: &TaskId, after: Option<u64>) -> Result<Vec<AgentEvent>, StoreError> {
        let mut kept = self.kept();
        let events = &kept.task(None, id)?.events;
        Ok(events.values().filter(|event| after.is_none_or(|after| event.seq > after)).cloned().collect())
    }

    async fn remove_task(&self, user: Option<&str>, id: &TaskId) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.task(user, id)?;
        kept.tasks.retain(|task| task.record.id != *id);
        Ok(())
    }

    async fn orphaned(&self) -> Result<Vec<TaskRecord>, StoreError> {
        Ok(vec![])
    }

    async fn forget_tasks(&self, finished_before: Timestamp) -> Result<u64, StoreError> {
        let mut kept = self.kept();
        let before = kept.tasks.len();
        kept.tasks.retain(|Task { record, .. }| {
            !record.status.is_final() || record.finished_at.unwrap_or(record.created_at) >= finished_before
        });
        Ok((before - kept.tasks.len()) as u64)
    }
}

#[async_trait]
impl Interrupts for MemoryStore {
    async fn interrupt(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let mut kept = self.kept();
        let held = kept.held.contains_key(key);
        if held {
            kept.asked.insert(key.clone());
        }
        Ok(held)
    }

    async fn interrupted(&self, held: &[SessionKey]) -> Result<Vec<SessionKey>, StoreError> {
        let mut kept = self.kept();
        if kept.asked.is_empty() {
            return Ok(vec![]);
        }
        Ok(held.iter().filter(|key| kept.asked.remove(key)).cloned().collect())
    }
}
