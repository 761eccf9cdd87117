//! Turns in the background that their callers ask about later, from this process or another, also after its end.
//!
//! A task is a [`Recording`] while this process runs it, and a row of the store for everybody else. What a protocol
//! tells of one is a fold over its events, as everywhere.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    Stream, StreamExt as _,
    stream::{BoxStream, ReadyChunks},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{ApiError, Asks, Recording, Run, Runs, Target};
use crate::{
    agent::AgentRequest,
    domain::{AgentEvent, AgentPath, EventKind, FailureCode, SessionKey, TaskId, TurnOutcome, Usage},
    store::{self, Interrupts, ORPHANED, StoreError, Stores, TaskPage, TaskQuery, TaskRecord, TaskStatus},
};

/// Between two looks at a task of another process, which the store alone tells of. Only while somebody asks.
const POLL: Duration = Duration::from_millis(250);
/// How long a task that was canceled may take to end before its caller is told how it stands, or who deletes its session that it has not.
const ENDING: Duration = Duration::from_secs(5);
/// How often it is looked for tasks that are to be forgotten.
const TIDIED: Duration = Duration::from_hours(1);
/// How long a task is kept after its end.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Most tasks that are not over: each of them keeps its request.
const MOST: usize = 10_000;
/// Most events that are saved at once.
const BATCH: usize = 64;

/// What a task is begun with.
pub struct NewTask {
    pub id: TaskId,
    /// `process`, `a2a`, `responses` or `turns`.
    pub protocol: &'static str,
    pub target: Target,
    pub request: AgentRequest,
    pub asks: Asks,
    pub created_at: Timestamp,
    /// What the protocol wants back with the task.
    pub wire: Value,
    /// Makes of the events what is kept as the task's result.
    pub result: Box<dyn TaskResult>,
}

/// A fold from the events of a turn to what a protocol calls its result.
pub trait TaskResult: Send + Sync + 'static {
    fn event(&mut self, event: &AgentEvent);

    /// After the last event.
    fn finish(&mut self) -> Value;
}

/// The tasks of a server. A clone is another handle to the same.
#[derive(Clone)]
pub struct Tasks {
    inner: Arc<Inner>,
}

struct Inner {
    runs: Runs,
    store: Arc<dyn store::Tasks>,
    interrupts: Arc<dyn Interrupts>,
    /// Those of this process that are not over.
    live: Mutex<HashMap<TaskId, Arc<Live>>>,
    jobs: TaskTracker,
}

/// A task that this process runs.
struct Live {
    key: SessionKey,
    /// Nothing is to be kept of it.
    gone: AtomicBool,
    cancel: CancellationToken,
    ended: CancellationToken,
    /// `None` until the turn has begun.
    recording: watch::Sender<Option<Arc<Recording>>>,
}

impl Live {
    /// The turn; `None` where the task ended without one.
    async fn recording(&self) -> Option<Arc<Recording>> {
        let mut recording = self.recording.subscribe();
        tokio::select! {
            biased;
            begun = recording.wait_for(Option::is_some) => begun.ok()?.clone(),
            () = self.ended.cancelled() => None,
        }
    }
}

impl Tasks {
    #[must_use]
    pub fn new(runs: Runs, stores: &Stores) -> Self {
        let (store, interrupts) = (Arc::clone(&stores.tasks), Arc::clone(&stores.interrupts));
        Self { inner: Arc::new(Inner { runs, store, interrupts, live: Mutex::default(), jobs: TaskTracker::new() }) }
    }

    /// Begins a task and returns once it is kept; its turn starts when its session is free and the server has room.
    ///
    /// # Errors
    /// 503 where it cannot be kept, or too many are not over.
    pub async fn begin(&self, new: NewTask) -> Result<TaskRecord, ApiError> {
        if self.live().len() >= MOST {
            let message = "as many tasks wait or run as this server keeps";
            return Err(ApiError::unavailable("too_many_tasks", message, Duration::from_secs(5)));
        }
        let record = TaskRecord {
            id: new.id.clone(),
            key: new.request.key.clone(),
            agent: new.target.name.clone(),
            protocol: new.protocol.to_owned(),
            turn: None,
            status: TaskStatus::Submitted,
            created_at: new.created_at,
            started_at: None,
            finished_at: None,
            request: new.wire.clone(),
            result: None,
            error: None,
        };
        self.inner.store.put(&record).await?;
        let live = Arc::new(Live {
            key: record.key.clone(),
            gone: AtomicBool::new(false),
            cancel: CancellationToken::new(),
            ended: CancellationToken::new(),
            recording: watch::Sender::new(None),
        });
        self.live().insert(record.id.clone(), Arc::clone(&live));
        let job = Job { tasks: self.clone(), record: record.clone(), live, result: new.result };
        self.inner.jobs.spawn(job.run(new.target, new.request, new.asks));
        Ok(record)
    }

    /// # Errors
    /// 404, also where it is another user's.
    pub async fn get(&self, user: Option<&str>, id: &TaskId) -> Result<TaskRecord, ApiError> {
        Ok(self.inner.store.task(user, id).await?)
    }

    /// A part of a list: see [`store::Tasks::page`].
    ///
    /// # Errors
    /// 503 where the store fails.
    pub async fn page(&self, of: &TaskQuery, from: Option<u64>, most: usize) -> Result<TaskPage, ApiError> {
        Ok(self.inner.store.page(of, from, most).await?)
    }

    /// Ends a task, in whichever process it runs, and gives it as it then is. One that is over stays as it is.
    ///
    /// # Errors
    /// 404, also where it is another user's.
    pub async fn cancel(&self, user: Option<&str>, id: &TaskId) -> Result<TaskRecord, ApiError> {
        let record = self.get(user, id).await?;
        if record.status.is_final() {
            return Ok(record);
        }
        let live = self.live().get(id).cloned();
        match live {
            Some(live) => {
                live.cancel.cancel();
                let _ = tokio::time::timeout(ENDING, live.ended.cancelled()).await;
            }
            None => {
                self.inner.interrupts.interrupt(&record.key).await?;
                let _ = tokio::time::timeout(ENDING, self.ended_elsewhere(id)).await;
            }
        }
        self.get(user, id).await
    }

    async fn ended_elsewhere(&self, id: &TaskId) {
        while self.get(None, id).await.is_ok_and(|record| !record.status.is_final()) {
            tokio::time::sleep(POLL).await;
        }
    }

    /// The turn of a task that this process runs, for those who answer it or say something to it; waits until it has
    /// begun. `None` where it is over or elsewhere.
    pub async fn recording(&self, id: &TaskId) -> Option<Arc<Recording>> {
        let live = self.live().get(id).cloned()?;
        live.recording().await
    }

    /// All events of a task so far, then those to come, to its end. The last one is a `TurnFinished`, also where the
    /// task had no turn or lost it.
    ///
    /// # Errors
    /// 404, also where it is another user's.
    pub async fn follow(
        &self,
        user: Option<&str>,
        id: &TaskId,
    ) -> Result<(TaskRecord, BoxStream<'static, Arc<AgentEvent>>), ApiError> {
        let record = self.get(user, id).await?;
        let (tasks, id, live) = (self.clone(), id.clone(), self.live().get(id).cloned());
        let events = async_stream::stream! {
            let mut last = None;
            let mut events = match live {
                Some(live) => tasks.here(live).boxed(),
                None => tasks.stored(id.clone()).boxed(),
            };
            while let Some(event) = events.next().await {
                last = is_end(&event).then_some(()).or(last);
                yield event;
            }
            if last.is_none() && let Ok(record) = tasks.get(None, &id).await {
                yield Arc::new(end_of(&record));
            }
        };
        Ok((record, events.boxed()))
    }

    fn here(&self, live: Arc<Live>) -> impl Stream<Item = Arc<AgentEvent>> + Send + use<> {
        async_stream::stream! {
            if let Some(recording) = live.recording().await {
                let mut events = recording.follow(None);
                while let Some(event) = events.next().await {
                    yield event;
                }
            } else {
                live.ended.cancelled().await;
            }
        }
    }

    fn stored(&self, id: TaskId) -> impl Stream<Item = Arc<AgentEvent>> + Send + use<> {
        let store = Arc::clone(&self.inner.store);
        async_stream::stream! {
            let mut after = None;
            loop {
                // Asked first: what is there once it is over is all.
                let over = store.task(None, &id).await.map_or(true, |record| record.status.is_final());
                let Ok(events) = store.events(&id, after).await else { return };
                for event in events {
                    after = Some(event.seq);
                    yield Arc::new(event);
                }
                if over {
                    return;
                }
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// Sees, now and once an hour, to tasks that were lost with the process that ran them, and to those that ended long
    /// ago. Goes on until it is dropped.
    pub async fn tidy(&self) {
        let mut hourly = tokio::time::interval(TIDIED);
        loop {
            hourly.tick().await;
            self.report_orphans().await;
            self.forget_old().await;
        }
    }

    async fn report_orphans(&self) {
        match self.inner.store.orphaned().await {
            Ok(lost) => lost.iter().for_each(|task| {
                tracing::warn!(task = %task.id, session = %task.key.session, user = task.key.user, "task failed: {ORPHANED}");
            }),
            Err(error) => tracing::warn!(%error, "could not look for tasks that were cut off"),
        }
    }

    async fn forget_old(&self) {
        let long_ago = Timestamp::now().checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        if let Err(error) = self.inner.store.forget_tasks(long_ago).await {
            tracing::warn!(%error, "could not forget old tasks");
        }
    }

    /// Ends the tasks of sessions that are gone, so that nothing more is kept of them. How many there were.
    ///
    /// # Errors
    /// 409 where one does not end in five seconds, as a tool in Rust may hear of no cancellation. Nothing is kept of it
    /// either.
    pub async fn forget(&self, of: impl Fn(&SessionKey) -> bool) -> Result<usize, ApiError> {
        let gone: Vec<_> = self.live().values().filter(|live| of(&live.key)).cloned().collect();
        for live in &gone {
            live.gone.store(true, Ordering::SeqCst);
            live.cancel.cancel();
        }
        let ended = futures_util::future::join_all(gone.iter().map(|live| live.ended.cancelled()));
        match tokio::time::timeout(ENDING, ended).await {
            Ok(ended) => Ok(ended.len()),
            Err(_) => {
                let message = "a task that was canceled has not ended: ask again, nothing more is kept of it";
                Err(ApiError::new(StatusCode::CONFLICT, "task_running", message))
            }
        }
    }

    /// Waits until what became of every task is saved. To be called once no more turns start.
    pub async fn drained(&self) {
        self.inner.jobs.close();
        self.inner.jobs.wait().await;
    }

    fn live(&self) -> MutexGuard<'_, HashMap<TaskId, Arc<Live>>> {
        // No holder can panic between two changes that belong together.
        self.inner.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task on its way.
struct Job {
    tasks: Tasks,
    record: TaskRecord,
    live: Arc<Live>,
    result: Box<dyn TaskResult>,
}

impl Job {
    async fn run(mut self, target: Target, request: AgentRequest, asks: Asks) {
        let started = tokio::select! {
            started = self.tasks.inner.runs.start_later(&target, request, asks) => Some(started),
            () = self.live.cancel.cancelled() => None,
        };
        let outcome = match started {
            Some(Ok(run)) => self.perform(run).await,
            Some(Err(error)) => {
                self.record.error = Some(error.message);
                None
            }
            None => Some(TurnOutcome::Canceled),
        };
        self.end(outcome).await;
    }

    /// Keeps what happens, to the end of the turn.
    async fn perform(&mut self, run: Run) -> Option<TurnOutcome> {
        let recording = self.tasks.inner.runs.record(run);
        self.record.turn = Some(recording.handle.turn.clone());
        self.record.started_at = Some(Timestamp::now());
        self.record.status = TaskStatus::Running;
        self.put().await;
        self.live.recording.send_replace(Some(Arc::clone(&recording)));
        let canceled = {
            let (cancel, handle) = (self.live.cancel.clone(), Arc::clone(&recording.handle));
            tokio::spawn(async move {
                cancel.cancelled().await;
                handle.cancel();
            })
        };
        let outcome = self.keep(recording.follow(None).ready_chunks(BATCH)).await;
        canceled.abort();
        outcome
    }

    async fn keep<S>(&mut self, mut events: ReadyChunks<S>) -> Option<TurnOutcome>
    where
        S: Stream<Item = Arc<AgentEvent>> + Unpin,
    {
        let mut outcome = None;
        while let Some(batch) = events.next().await {
            let batch: Vec<AgentEvent> = batch.into_iter().map(Arc::unwrap_or_clone).collect();
            if let Err(error) = self.tasks.inner.store.add_events(&self.record.id, &batch).await {
                tracing::warn!(task = %self.record.id, %error, "could not save what happens in a task");
            }
            let before = self.record.status;
            for event in batch {
                self.result.event(&event);
                match event.kind {
                    EventKind::ApprovalRequested { .. } | EventKind::QuestionAsked { .. } => {
                        self.record.status = TaskStatus::InputRequired;
                    }
                    EventKind::ApprovalResolved { .. } | EventKind::QuestionAnswered { .. } => {
                        self.record.status = TaskStatus::Running;
                    }
                    EventKind::TurnFinished { outcome: ended, .. } if event.agent.depth() == 0 => outcome = Some(ended),
                    _ => {}
                }
            }
            if self.record.status != before {
                self.put().await;
            }
        }
        outcome
    }

    async fn end(mut self, outcome: Option<TurnOutcome>) {
        self.record.finished_at = Some(Timestamp::now());
        self.record.status = match &outcome {
            Some(TurnOutcome::Completed { .. } | TurnOutcome::ToolCalls { .. }) => TaskStatus::Completed,
            Some(TurnOutcome::Canceled) => TaskStatus::Canceled,
            Some(TurnOutcome::Failed { message, .. }) => {
                self.record.error = Some(message.clone());
                TaskStatus::Failed
            }
            None => TaskStatus::Failed,
        };
        if outcome.is_some() {
            if self.record.turn.is_none() {
                self.result.event(&end_of(&self.record));
            }
            self.record.result = Some(self.result.finish());
        }
        self.put().await;
        self.tasks.live().remove(&self.record.id);
        self.live.ended.cancel();
    }

    async fn put(&self) {
        if self.live.gone.load(Ordering::SeqCst) {
            return;
        }
        match self.tasks.inner.store.put(&self.record).await {
            Ok(()) => {}
            // Removed meanwhile, or ended by somebody else.
            Err(StoreError::NoTask(_) | StoreError::TaskEnded(_)) => {}
            Err(error) => tracing::warn!(task = %self.record.id, %error, "could not save how a task stands"),
        }
    }
}

fn is_end(event: &AgentEvent) -> bool {
    matches!(event.kind, EventKind::TurnFinished { .. }) && event.agent.depth() == 0
}

/// The end that a task has which lost its own, or never began.
fn end_of(record: &TaskRecord) -> AgentEvent {
    let outcome = match record.status {
        TaskStatus::Canceled => TurnOutcome::Canceled,
        _ => TurnOutcome::Failed {
            code: FailureCode::Internal,
            message: record.error.clone().unwrap_or_else(|| ORPHANED.to_owned()),
            hint: None,
        },
    };
    let session = record.key.session.clone();
    AgentEvent {
        seq: 0,
        session,
        turn: record.turn.clone().unwrap_or_default(),
        agent: AgentPath::root(&record.agent),
        kind: EventKind::TurnFinished { outcome, usage: Usage::default() },
    }
}

#[cfg(test)]
mod tests;
