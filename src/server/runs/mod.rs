//! Turns that run: the one door from a request to a turn, whatever the protocol, and the way to a running one.

mod ask;
mod decline;
mod interrupts;
mod recording;
mod run;
mod waiting;
mod watch;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use ask::Ask;
pub use recording::Recording;
pub use run::{Run, RunHandle};
pub(super) use waiting::TOO_LONG;

use self::{
    recording::Recordings,
    waiting::{Line, Place},
    watch::Watch,
};
use super::{ApiError, Target, metrics::Metrics};
use crate::{
    agent::{AgentRequest, EventStream, TurnControl},
    config::agent_file::{ApprovalDefault, Busy, Serve},
    domain::{SessionKey, TurnId, TurnOutcome},
    store::{Interrupts, OpenedSession, StoreError},
};

/// Turns at once, where the agent file does not say.
const CONCURRENCY: u32 = 256;
/// How long a caller may take to answer, where the agent file does not say.
const APPROVAL: Duration = Duration::from_mins(5);
/// Messages and answers on their way to a turn.
const INBOX: usize = 16;
/// Between two looks whether another process let go of a session.
const RETRY: Duration = Duration::from_millis(50);

/// Whether a turn can ask its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The protocol cannot carry a question: `permissions.unattended` answers.
    Nobody,
    Caller,
}

/// What of the agent file runs go by.
#[derive(Clone, Copy, Debug)]
struct Rules {
    concurrency: usize,
    busy: Busy,
    approval: ApprovalDefault,
    patience: Duration,
}

/// All turns of a server that run. A clone is another handle to the same.
#[derive(Clone)]
pub struct Runs {
    inner: Arc<Inner>,
}

struct Inner {
    rules: ArcSwap<Rules>,
    /// Has more places than there can be turns: `Rules::concurrency` says how many may be taken.
    room: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    line: Line,
    running: Mutex<HashMap<TurnId, Arc<RunHandle>>>,
    parked: Mutex<HashMap<SessionKey, Run>>,
    /// Recorded turns, and those that are seen to their end without a caller.
    tasks: TaskTracker,
    recordings: Mutex<Recordings>,
    closing: CancellationToken,
    interrupts: Arc<dyn Interrupts>,
    /// Whether somebody looks for requests of other processes to stop a turn.
    looking: AtomicBool,
}

impl From<&Serve> for Rules {
    fn from(serve: &Serve) -> Self {
        Self {
            concurrency: serve.limits.concurrency.unwrap_or(CONCURRENCY) as usize,
            busy: serve.busy,
            approval: serve.approval.default,
            patience: serve.approval.timeout.map_or(APPROVAL, |span| span.0),
        }
    }
}

impl Runs {
    #[must_use]
    pub fn new(serve: &Serve, interrupts: Arc<dyn Interrupts>) -> Self {
        Self {
            inner: Arc::new(Inner {
                rules: ArcSwap::from_pointee(serve.into()),
                room: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
                metrics: Arc::default(),
                line: Line::default(),
                running: Mutex::default(),
                parked: Mutex::default(),
                tasks: TaskTracker::new(),
                recordings: Mutex::default(),
                closing: CancellationToken::new(),
                interrupts,
                looking: AtomicBool::new(false),
            }),
        }
    }

    /// Goes by another version of the agent file; turns that run keep what they began with.
    pub(super) fn adopt(&self, serve: &Serve) {
        self.inner.rules.store(Arc::new(serve.into()));
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.inner.metrics
    }

    /// Starts a turn, once its session is free; one that waits there for an answer is declined. Every refusal comes
    /// before the first byte of an answer.
    ///
    /// # Errors
    /// 400 where what the caller brings cannot be, such as a tool whose name is taken; 409 where the session is busy and the
    /// agent file says `reject`; 503 where too many turns run or wait for the
    /// session, the server is about to end, or the store fails.
    pub async fn start(&self, target: &Target, request: AgentRequest, asks: Asks) -> Result<Run, ApiError> {
        let room = self.room()?;
        let key = request.key.clone();
        if let Err(TurnOutcome::Failed { code, message, hint }) =
            target.agent.check_brought(&key, &request.brought).await
        {
            return Err(ApiError::of_turn(code, &message, hint.as_deref()));
        }
        let (place, session) = if request.brought.history.is_some() {
            (None, None)
        } else {
            self.decline(&key).await;
            let _waiting = self.inner.metrics.waiting();
            let busy = self.inner.rules.load().busy;
            let place = self.inner.line.join(&key, busy).await?;
            (Some(place), Some(self.hold(target, &key, busy).await?))
        };
        self.begin(target, key, asks, (room, place, session), |control| target.agent.run(request, control)).await
    }

    /// Starts one call of an own tool of the agent, by itself.
    ///
    /// # Errors
    /// As [`Runs::start`].
    pub async fn call(
        &self,
        target: &Target,
        name: &str,
        arguments: Value,
        key: SessionKey,
        asks: Asks,
    ) -> Result<Run, ApiError> {
        let places = (self.room()?, None, None);
        let bound = key.clone();
        self.begin(target, key, asks, places, |control| target.agent.call_tool(name, arguments, bound, control)).await
    }

    async fn begin(
        &self,
        target: &Target,
        key: SessionKey,
        asks: Asks,
        (room, place, session): (OwnedSemaphorePermit, Option<Place>, Option<OpenedSession>),
        run: impl FnOnce(TurnControl) -> EventStream,
    ) -> Result<Run, ApiError> {
        let cancel = self.inner.closing.child_token();
        let (answers, answered) = mpsc::channel(INBOX);
        let (steer, steered) = mpsc::channel(INBOX);
        let control = TurnControl {
            cancel: cancel.clone(),
            answers: (asks == Asks::Caller).then_some(answered),
            steer: Some(steered),
            session,
        };
        let watch = Watch::new(Arc::clone(&self.inner.metrics), target, &key);
        let mut events = watch.place().within(|| run(control));
        let Some(first) = events.next().await else { return Err(ApiError::internal("the turn ended before it began")) };
        let handle = Arc::new(RunHandle::new(first.turn.clone(), key, target.name.clone(), answers, steer, cancel));
        {
            let mut running = locked(&self.inner.running);
            running.insert(handle.turn.clone(), Arc::clone(&handle));
            self.look_out();
        }
        Ok(Run::new(self.clone(), handle, first, events, (room, place, watch)))
    }

    /// Whether as many turns run as may.
    pub(super) fn is_full(&self) -> bool {
        let taken = Semaphore::MAX_PERMITS - self.inner.room.available_permits();
        taken >= self.inner.rules.load().concurrency
    }

    fn room(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        if self.inner.closing.is_cancelled() || self.inner.tasks.is_closed() {
            return Err(ApiError::unavailable("shutting_down", "the server is about to end", Duration::from_secs(5)));
        }
        let room = &self.inner.room;
        let permit = Arc::clone(room).try_acquire_owned().ok();
        let taken = Semaphore::MAX_PERMITS - room.available_permits();
        permit.filter(|_| taken <= self.inner.rules.load().concurrency).ok_or_else(|| {
            ApiError::unavailable("too_many_turns", "as many turns run as this server allows", Duration::from_secs(1))
        })
    }

    /// The session; where another process has it, as soon as it lets go.
    async fn hold(&self, target: &Target, key: &SessionKey, busy: Busy) -> Result<OpenedSession, ApiError> {
        loop {
            match target.agent.hold(key).await {
                Err(StoreError::Busy(_)) if busy == Busy::Queue => tokio::time::sleep(RETRY).await,
                held => return Ok(held?),
            }
        }
    }

    /// The running turn `id` of `user`, of anybody where `None`.
    ///
    /// # Errors
    /// 404, also where it is another user's.
    pub fn find(&self, user: Option<&str>, id: &TurnId) -> Result<Arc<RunHandle>, ApiError> {
        let handle = locked(&self.inner.running).get(id).cloned();
        handle
            .filter(|handle| user.is_none_or(|user| handle.key.user == user))
            .ok_or_else(|| ApiError::not_found(format!("no turn `{id}` runs here")))
    }

    /// The turn that a session runs in this process.
    #[must_use]
    pub fn of_session(&self, key: &SessionKey) -> Option<Arc<RunHandle>> {
        locked(&self.inner.running).values().find(|handle| handle.key == *key).cloned()
    }

    /// Takes up a turn that asked something and waits for this request to answer it.
    #[must_use]
    pub fn resume(&self, key: &SessionKey) -> Option<Run> {
        locked(&self.inner.parked).remove(key)
    }

    /// Goes on without a caller: the turn is seen to its end whoever goes away, and can be followed from any event on.
    #[must_use]
    pub fn record(&self, run: Run) -> Arc<Recording> {
        let turn = run.handle().turn.clone();
        let recording = Arc::new(Recording::new(run.handle()));
        locked(&self.inner.recordings).insert(turn.clone(), Arc::clone(&recording));
        let (inner, followed) = (Arc::clone(&self.inner), Arc::clone(&recording));
        self.inner.tasks.spawn(async move {
            followed.fill(run).await;
            locked(&inner.recordings).ended(&followed);
            // Whether it is kept is not for us to say.
            drop(followed);
            tokio::time::sleep(recording::KEPT).await;
            locked(&inner.recordings).remove(&turn);
        });
        recording
    }

    /// The recording of a turn of `user`, of anybody where `None`; for a while after its end, too.
    ///
    /// # Errors
    /// 404, also where it is another user's.
    pub fn recording(&self, user: Option<&str>, id: &TurnId) -> Result<Arc<Recording>, ApiError> {
        let recording = locked(&self.inner.recordings).get(id);
        recording
            .filter(|recording| user.is_none_or(|user| recording.handle.key.user == user))
            .ok_or_else(|| ApiError::not_found(format!("there is no turn `{id}` to follow")))
    }

    /// How many turns run.
    #[must_use]
    pub fn count(&self) -> usize {
        locked(&self.inner.running).len()
    }

    /// Starts no more turns, gives those that run `grace` to end, then cancels them. What happened is saved.
    pub async fn drain(&self, grace: Duration) {
        self.inner.tasks.close();
        for (_, run) in locked(&self.inner.parked).drain() {
            drop(run);
        }
        let ended = async {
            while self.count() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(grace, ended).await.is_err() {
            self.inner.closing.cancel();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No holder can panic between two changes that belong together.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
