//! Tasks that are remembered: in the store, and while they run as recordings, whoever asks for them.

use std::sync::Arc;

use futures_util::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    call::Call,
    params,
    progress::{Change, Progress},
    rpc::{Code, Refusal},
    task::{Artifact, Ids, Message, Part, Role, State, Status, Task},
};
use crate::{
    agent::AgentRequest,
    domain::{Answer, SessionId, SessionKey, TaskId},
    server::{Ask, Asks, Recording, protocol::reply},
    store::{StoreError, TaskQuery, TaskRecord, TaskStatus, Tasks},
};

const PROTOCOL: &str = "a2a";

/// What the store keeps of the request, and of what came of it.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    history: Vec<Message>,
}

#[derive(Serialize, Deserialize)]
struct Outcome {
    artifacts: Vec<Artifact>,
    message: Option<Message>,
}

/// A task whose turn is here.
pub(super) struct Live {
    pub(super) record: TaskRecord,
    pub(super) recording: Arc<Recording>,
    /// As far as the event `seen`.
    pub(super) progress: Progress,
    pub(super) seen: Option<u64>,
}

impl Call {
    /// The task `id`, of this agent and within this caller's reach.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn record(&self, id: &str) -> Result<TaskRecord, Refusal> {
        let none = || Refusal::new(Code::TaskNotFound, format!("there is no task `{id}`"));
        let id = TaskId::parse(id).map_err(|_| none())?;
        let record = self.app.stores.tasks.task(self.caller.bound(), &id).await?;
        if record.protocol == PROTOCOL && record.agent == self.target.name { Ok(record) } else { Err(none()) }
    }

    /// Those of this agent within this caller's reach.
    pub(super) fn query(&self) -> TaskQuery {
        TaskQuery {
            user: self.caller.bound().map(str::to_owned),
            protocol: Some(PROTOCOL),
            agent: Some(self.target.name.clone()),
            ..TaskQuery::default()
        }
    }

    /// The task with its turn, where that is in this process and not long over.
    pub(super) fn live(&self, record: TaskRecord) -> Result<Live, Box<TaskRecord>> {
        let recording = record.turn.as_ref().and_then(|turn| self.app.runs.recording(None, turn).ok());
        match recording {
            Some(recording) => Ok(Live::so_far(record, recording)),
            None => Err(Box::new(record)),
        }
    }

    /// The task as it is now, whoever runs it.
    pub(super) fn now(&self, record: TaskRecord) -> Task {
        match self.live(record) {
            Ok(live) => live.task(),
            Err(record) => stored(&record),
        }
    }

    /// Begins a task, or goes on with one that waits for its caller.
    pub(super) async fn send(&self, sent: &params::Send) -> Result<Live, Refusal> {
        sent.check()?;
        match sent.message.task_id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => self.go_on(id, sent).await,
            None => self.begin(sent).await,
        }
    }

    async fn begin(&self, sent: &params::Send) -> Result<Live, Refusal> {
        let session = match sent.message.context_id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => {
                SessionId::parse(id).map_err(|error| Refusal::params(format!("`message.contextId`: {error}")))?
            }
            None => SessionId::new(),
        };
        let key = SessionKey { user: self.caller.user(sent.user())?, session };
        let message = sent.message.message()?;
        let input = params::ours(&message)?;
        self.app.runs.decline_recorded(&key).await;
        let request = AgentRequest::message(key.clone(), input.content);
        let run = self.app.runs.start(&self.target, request, Asks::Caller).await?;
        let now = Timestamp::now();
        let record = TaskRecord {
            id: TaskId::new(),
            key,
            agent: self.target.name.clone(),
            protocol: PROTOCOL.to_owned(),
            turn: Some(run.handle().turn.clone()),
            status: TaskStatus::Running,
            created_at: now,
            started_at: Some(now),
            finished_at: None,
            request: kept(vec![message]),
            result: None,
            error: None,
        };
        let tasks = &self.app.stores.tasks;
        tasks.put(&record).await?;
        let recording = self.app.runs.record(run);
        tokio::spawn(watch(Arc::clone(tasks), record.id.clone(), Arc::clone(&recording)));
        Ok(Live { record, recording, progress: Progress::new(), seen: None })
    }

    /// The message is the answer to what the task asked, or joins the task while it works.
    async fn go_on(&self, id: &str, sent: &params::Send) -> Result<Live, Refusal> {
        let mut record = self.record(id).await?;
        let context = sent.message.context_id.as_deref().filter(|id| !id.is_empty());
        if context.is_some_and(|context| context != record.key.session.as_str()) {
            return Err(Refusal::params(format!("the task `{id}` is of another context")));
        }
        let over = || {
            let message = format!("the task `{id}` is over: go on in its context, without a task");
            Refusal::new(Code::Unsupported, message)
        };
        if record.status.is_final() {
            return Err(over());
        }
        let message = sent.message.message()?;
        let mut history = history(&record);
        history.push(message.clone());
        record.request = kept(history);
        let Ok(mut live) = self.live(record) else {
            return Err(Refusal::new(Code::Unsupported, format!("the task `{id}` runs in another process")));
        };
        if live.progress.state().is_final() {
            return Err(over());
        }
        let handle = Arc::clone(&live.recording.handle);
        let waits = !handle.asked().is_empty();
        if !waits {
            handle.steer(vec![params::ours(&message)?])?;
        }
        match self.app.stores.tasks.put(&live.record).await {
            Ok(()) => {}
            Err(StoreError::TaskEnded(_)) => return Err(over()),
            Err(error) => return Err(error.into()),
        }
        if waits {
            reply::all(&handle, |ask| answer(ask, &message), vec![]).await?;
            live.progress.answered();
        }
        Ok(live)
    }
}

/// What a message says to `ask`: a data part, that names it where there are several, or its text.
fn answer(ask: &Ask, message: &Message) -> Option<Answer> {
    let data = message.parts.iter().find_map(|part| match part {
        Part::Data(data) if data.get("id").is_none_or(|id| id == ask.id()) => Some(data),
        _ => None,
    });
    if let Some(data) = data {
        return Some(reply::answer(ask, data));
    }
    let texts: Vec<_> = message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (!texts.is_empty()).then(|| reply::in_words(ask, &texts.join("\n")))
}

fn kept(history: Vec<Message>) -> serde_json::Value {
    serde_json::to_value(Kept { history }).unwrap_or_default()
}

fn history(record: &TaskRecord) -> Vec<Message> {
    Kept::deserialize(&record.request).unwrap_or_default().history
}

fn ids(record: &TaskRecord) -> Ids {
    Ids { task: record.id.to_string(), context: record.key.session.to_string() }
}

impl Live {
    /// A task as far as it is.
    fn so_far(record: TaskRecord, recording: Arc<Recording>) -> Self {
        let mut progress = Progress::new();
        let mut seen = None;
        let mut events = recording.follow(None);
        while let Some(Some(event)) = events.next().now_or_never() {
            progress.see(&event);
            seen = Some(event.seq);
        }
        Self { record, recording, progress, seen }
    }

    pub(super) fn ids(&self) -> Ids {
        ids(&self.record)
    }

    pub(super) fn status(&self) -> Status {
        Status {
            state: self.progress.state(),
            message: self.progress.message(),
            at: self.record.finished_at.unwrap_or_else(Timestamp::now),
        }
    }

    pub(super) fn task(&self) -> Task {
        let artifacts = self.progress.artifacts();
        Task { ids: self.ids(), status: self.status(), artifacts, history: history(&self.record) }
    }

    /// Goes on until the task ends or waits for its caller.
    pub(super) async fn rest(&mut self) {
        let mut events = self.recording.follow(self.seen);
        while let Some(event) = events.next().await {
            self.seen = Some(event.seq);
            if matches!(self.progress.see(&event), Change::Asked | Change::Ended) {
                return;
            }
        }
    }
}

/// A task as the store has it.
fn stored(record: &TaskRecord) -> Task {
    let result = record.result.as_ref().and_then(|result| Outcome::deserialize(result).ok());
    let (artifacts, message) = result.map_or((vec![], None), |result| (result.artifacts, result.message));
    let told = record.error.clone().map(|error| Message {
        id: format!("msg_{}", record.id),
        role: Role::Agent,
        parts: vec![Part::Text(error)],
    });
    let state = match record.status {
        TaskStatus::Submitted => State::Submitted,
        TaskStatus::Running => State::Working,
        TaskStatus::InputRequired => State::InputRequired,
        TaskStatus::Completed => State::Completed,
        TaskStatus::Failed => State::Failed,
        TaskStatus::Canceled => State::Canceled,
    };
    let at = record.finished_at.or(record.started_at).unwrap_or(record.created_at);
    Task {
        ids: ids(record),
        status: Status { state, message: message.or(told), at },
        artifacts,
        history: history(record),
    }
}

/// Writes down how far a task is, and how it ends.
async fn watch(tasks: Arc<dyn Tasks>, id: TaskId, recording: Arc<Recording>) {
    let mut progress = Progress::new();
    let mut events = recording.follow(None);
    while let Some(event) = events.next().await {
        let status = match progress.see(&event) {
            Change::Nothing | Change::Text(_) => continue,
            Change::Asked => TaskStatus::InputRequired,
            Change::Working => TaskStatus::Running,
            Change::Ended => match progress.state() {
                State::Completed => TaskStatus::Completed,
                State::Canceled => TaskStatus::Canceled,
                _ => TaskStatus::Failed,
            },
        };
        if let Err(error) = write(tasks.as_ref(), &id, status, &progress).await {
            tracing::warn!(task = %id, %error, "the state of a task could not be written");
        }
    }
}

async fn write(tasks: &dyn Tasks, id: &TaskId, status: TaskStatus, progress: &Progress) -> Result<(), StoreError> {
    let mut record = tasks.task(None, id).await?;
    if record.status == status {
        return Ok(());
    }
    record.status = status;
    if status.is_final() {
        record.finished_at = Some(Timestamp::now());
    }
    let result = Outcome { artifacts: progress.artifacts(), message: progress.message() };
    record.result = serde_json::to_value(result).ok();
    tasks.put(&record).await
}
