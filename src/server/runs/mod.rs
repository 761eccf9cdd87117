//! Turns that run: the one door from a request to a turn, whatever the protocol, and the way to a running one.

mod ask;
mod decline;
mod interrupts;
mod parked;
mod recording;
mod room;
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
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use ask::Ask;
pub use recording::Recording;
pub use run::{Run, RunHandle};

use self::{
    parked::Parked,
    recording::Recordings,
    room::{NoPlace, Room, Seat},
    waiting::{Line, MOST, Place},
    watch::Watch,
};
use super::{ApiError, Target, metrics::Metrics};
use crate::{
    agent::{AgentRequest, EventStream, TurnControl},
    config::agent_file::{ApprovalDefault, Busy, Serve},
    domain::{SessionKey, TurnId, TurnOutcome},
    store::{Interrupts, OpenedSession, StoreError},
};

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
    room: Arc<Room>,
    metrics: Arc<Metrics>,
    line: Line,
    /// Tasks of one session, before they ask for room.
    tasks_line: Line,
    /// Turns, for those who wait for their end.
    alive: TaskTracker,
    running: Mutex<HashMap<TurnId, Arc<RunHandle>>>,
    parked: Parked<Run>,
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
                room: Room::new(serve.into()),
                metrics: Arc::default(),
                line: Line::default(),
                tasks_line: Line::default(),
                alive: TaskTracker::new(),
                running: Mutex::default(),
                parked: Parked::default(),
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
        self.inner.room.adopt(serve.into());
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.inner.metrics
    }

    /// Starts a turn, once its session is free; one that waits there for an answer is declined. Every refusal comes
    /// before the first byte of an answer.
    ///
    /// # Errors
    /// 400 where what the caller brings cannot be, such as a tool whose name is taken; 409 where the session is busy and
    /// the agent file says `reject`; 429 where the user has his share of the turns; 503 where too many run or wait for the
    /// session, the server is about to end, or the store fails.
    pub async fn start(&self, target: &Target, request: AgentRequest, asks: Asks) -> Result<Run, ApiError> {
        check(target, &request).await?;
        // Its place may be the last one.
        let declined = if request.brought.history.is_none() { self.decline_for_seat(&request.key).await } else { None };
        let seat = declined.map_or_else(|| self.seat(&request.key.user), Ok)?;
        self.start_in(seat, target, request, asks, MOST).await
    }

    /// The same, once there is room.
    ///
    /// # Errors
    /// As [`Runs::start`], but for what it waits for.
    pub async fn start_later(&self, target: &Target, request: AgentRequest, asks: Asks) -> Result<Run, ApiError> {
        let (key, busy) = (request.key.clone(), self.inner.rules.load().busy);
        check(target, &request).await?;
        // One of each session: the others would take places in which they do nothing but wait for it.
        let _first = if request.brought.history.is_none() && busy == Busy::Queue {
            Some(self.inner.tasks_line.join(&key, busy, usize::MAX).await?)
        } else {
            None
        };
        let seat = self.inner.room.wait(&key.user).await.ok_or_else(ending)?;
        if request.brought.history.is_none() {
            self.decline(&key).await;
        }
        self.start_in(seat, target, request, asks, usize::MAX).await
    }

    /// Behind at most `most` others who wait for the session.
    async fn start_in(
        &self,
        seat: Seat,
        target: &Target,
        request: AgentRequest,
        asks: Asks,
        most: usize,
    ) -> Result<Run, ApiError> {
        let key = request.key.clone();
        let (place, session) = if request.brought.history.is_some() {
            (None, None)
        } else {
            let _waiting = self.inner.metrics.waiting();
            let busy = self.inner.rules.load().busy;
            let place = self.inner.line.join(&key, busy, most).await?;
            (Some(place), Some(self.hold(target, &key, busy).await?))
        };
        self.begin(target, key, asks, (seat, place, session), |control| target.agent.run(request, control)).await
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
        let places = (self.seat(&key.user)?, None, None);
        let bound = key.clone();
        self.begin(target, key, asks, places, |control| target.agent.call_tool(name, arguments, bound, control)).await
    }

    async fn begin(
        &self,
        target: &Target,
        key: SessionKey,
        asks: Asks,
        (seat, place, session): (Seat, Option<Place>, Option<OpenedSession>),
        run: impl FnOnce(TurnControl) -> EventStream,
    ) -> Result<Run, ApiError> {
        let (cancel, decline) = (self.inner.closing.child_token(), CancellationToken::new());
        let (answers, answered) = mpsc::channel(INBOX);
        let (steer, steered) = mpsc::channel(INBOX);
        let control = TurnControl {
            cancel: cancel.clone(),
            decline: decline.clone(),
            answers: (asks == Asks::Caller).then_some(answered),
            steer: Some(steered.into()),
            session,
        };
        let watch = Watch::new(Arc::clone(&self.inner.metrics), target, &key);
        let mut events = watch.place().within(|| run(control));
        let Some(first) = events.next().await else { return Err(ApiError::internal("the turn ended before it began")) };
        let handle =
            Arc::new(RunHandle::new(first.turn.clone(), key, target.name.clone(), answers, steer, (cancel, decline)));
        {
            let mut running = locked(&self.inner.running);
            running.insert(handle.turn.clone(), Arc::clone(&handle));
            self.look_out();
        }
        Ok(Run::new(self.clone(), handle, first, events, (seat, place, watch)))
    }

    fn seat(&self, user: &str) -> Result<Seat, ApiError> {
        self.inner.room.take(user).map_err(|none| match none {
            NoPlace::Closed => ending(),
            NoPlace::Server => {
                let message = "as many turns run as this server allows";
                ApiError::unavailable("too_many_turns", message, Duration::from_secs(1))
            }
            NoPlace::User => {
                let message = format!("as many turns of the user `{user}` run as one may have at once");
                ApiError::too_many("too_many_turns_of_user", message, Duration::from_secs(1))
            }
        })
    }

    /// The session; where another process has it, as soon as it lets go.
    async fn hold(&self, target: &Target, key: &SessionKey, busy: Busy) -> Result<OpenedSession, ApiError> {
        loop {
            match target.agent.hold(key).await {
                // Who holds it is another process: those of this one wait in line, and are told.
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
        self.inner.parked.take(key)
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

    /// Forgets the recordings of turns that are over, of sessions that are gone.
    pub fn forget(&self, of: impl Fn(&SessionKey) -> bool) {
        locked(&self.inner.recordings).forget(of);
    }

    /// How many turns run.
    #[must_use]
    pub fn count(&self) -> usize {
        locked(&self.inner.running).len()
    }

    /// Starts no more turns, gives those that run `grace` to end, then cancels them. What happened is saved.
    pub async fn drain(&self, grace: Duration) {
        self.inner.tasks.close();
        self.inner.room.close();
        self.inner.parked.clear();
        self.inner.alive.close();
        let ended = self.inner.alive.wait();
        if tokio::time::timeout(grace, ended).await.is_err() {
            self.inner.closing.cancel();
        }
    }
}

/// Whether what the caller brings can be; what is only found out by doing it fails the turn.
async fn check(target: &Target, request: &AgentRequest) -> Result<(), ApiError> {
    match target.agent.check_brought(&request.key, &request.brought).await {
        Err(TurnOutcome::Failed { code, message, hint }) => Err(ApiError::of_turn(code, &message, hint.as_deref())),
        _ => Ok(()),
    }
}

fn ending() -> ApiError {
    ApiError::unavailable("shutting_down", "the server is about to end", Duration::from_secs(5))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No holder can panic between two changes that belong together.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
