//! Tasks and requests to stop, of this process alone: a task ends with it, so that none is ever left behind.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Kept, MemoryStore};
use crate::{
    domain::{AgentEvent, SessionKey, TaskId},
    store::{Interrupts, StoreError, TaskRecord, Tasks},
};

#[derive(Debug)]
pub(super) struct Task {
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

#[async_trait]
impl Tasks for MemoryStore {
    async fn put(&self, task: &TaskRecord) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let Some(there) = kept.tasks.iter_mut().find(|there| there.record.id == task.id) else {
            kept.tasks.push(Task { record: task.clone(), events: BTreeMap::new() });
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

    async fn tasks(&self, user: Option<&str>, most: usize) -> Result<Vec<TaskRecord>, StoreError> {
        let kept = self.kept();
        let newest_first = kept.tasks.iter().rev().map(|task| &task.record);
        Ok(newest_first.filter(|task| user.is_none_or(|user| task.key.user == user)).take(most).cloned().collect())
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
        let held = kept.held.contains(key);
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
