//! An agent in this process: opening it, starting its turns, waiting for them.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ACTIVE_AGENT, AgentDeps, AgentRequest, EventStream, OpenError, Steer, Surface, TurnControl,
    approval::Grants,
    budget::Budget,
    caller::{Opening, Past, canceled},
    calls::Scene,
    driver::{Driver, Ended, Task},
    history,
    journal::{Journal, Partials},
    query::QueryHandler,
    run::Run,
    team::{Member, Team},
};
use crate::{
    config::agent_file::Loaded,
    domain::{AgentPath, EventKind, FailureCode, Message, Notice, SessionKey, ToolCall, TurnOutcome, Usage},
    runtime::telemetry::Place,
    store::{NewSession, OpenedSession, Store, StoreError},
};

/// A conversation, ready for a turn.
struct Resumed {
    member: Arc<Member>,
    journal: Journal,
    context: Vec<Message>,
    /// What the user should know of the turn before.
    notice: Option<Notice>,
}

/// A clone is another handle to the same agent.
#[derive(Clone)]
pub struct LocalAgent {
    team: Arc<Team>,
    root: Arc<Member>,
    store: Arc<dyn Store>,
    partials: Partials,
    grants: Arc<Grants>,
    turns: TaskTracker,
    /// Answers in place of the loop.
    query: Option<QueryHandler>,
}

impl LocalAgent {
    /// As [`Agent::open`].
    ///
    /// # Errors
    /// What is missing: a model, a key, a file, a tool that this version does not have.
    ///
    /// [`Agent::open`]: super::Agent::open
    pub fn open(loaded: &Arc<Loaded>, deps: AgentDeps) -> Result<Self, OpenError> {
        let store = Arc::clone(&deps.store);
        let name = loaded.file.name.clone();
        let partials = match deps.options.surface {
            Surface::Chat { .. } => Partials::Kept,
            Surface::Serve => Partials::Not,
        };
        let team = Team::new(Arc::clone(loaded), deps.keys.clone(), Arc::new(deps));
        let root = team.member(&name)?;
        Ok(Self { team, root, store, partials, grants: Arc::default(), turns: TaskTracker::new(), query: None })
    }

    /// Begins what takes time, such as the start of tool servers, in the background. To be called within the runtime.
    pub fn start(&self) {
        self.root.tools.start();
    }

    /// Starts a turn. It runs on without being looked at until its events fill a small buffer.
    #[must_use = "dropping the stream cancels the turn"]
    pub fn run(&self, request: AgentRequest, control: TurnControl) -> EventStream {
        let key = request.key.clone();
        self.begin(key, Opening::new(request), control)
    }

    /// Takes the session for a turn, making it if it is new.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another turn has it.
    pub async fn hold(&self, key: &SessionKey) -> Result<OpenedSession, StoreError> {
        let loaded = self.team.loaded();
        let source = loaded.path.as_ref().map(|path| path.display().to_string());
        self.store.open_session(key, &NewSession { agent: self.root.name.clone(), source }).await
    }

    /// Makes the conversation of a session smaller, as happens by itself when the model's window fills. A turn like any
    /// other, in which nobody says anything; `Notice::Compacted` says what came of it.
    #[must_use = "dropping the stream cancels the turn"]
    pub fn compact(&self, key: SessionKey, control: TurnControl) -> EventStream {
        self.begin(key, Ok(Opening::compact()), control)
    }

    pub(super) fn begin(
        &self,
        key: SessionKey,
        opening: Result<Opening, TurnOutcome>,
        control: TurnControl,
    ) -> EventStream {
        let cancel = control.cancel.child_token();
        let asked = (control.answers.is_some(), control.decline.clone());
        let (run, events) = Run::new(key, asked, Arc::clone(&self.grants), cancel.clone().drop_guard());
        let run = Arc::new(run);
        let agent = self.clone();
        // The turn belongs to the trace that it is asked for in. Boxed, as the scope makes room for it twice.
        self.turns.spawn(Place::current().scope(Box::pin(async move {
            let passing = matches!(&opening, Ok(Opening { past: Past::Brought(_), .. }));
            let turn =
                AssertUnwindSafe(agent.turn(&run, opening, control.session, control.steer, cancel)).catch_unwind();
            let ended = tokio::select! {
                ended = turn => ended,
                () = run.inbox.receive(control.answers, control.decline) => return,
            };
            if ended.is_err() {
                let outcome = TurnOutcome::Failed {
                    code: FailureCode::Internal,
                    message: "the turn crashed".to_owned(),
                    hint: Some("this is a bug in agentscope; please report it".to_owned()),
                };
                agent.finish(&run, outcome).await;
            }
            if passing {
                let key = run.key.clone();
                // The stream ends here, and nobody waits for what follows.
                drop(run);
                Box::pin(agent.leave(&key)).await;
            }
        })));
        events
    }

    /// Waits until every turn has ended and was saved, then ends the tool servers. No turn can be started afterwards.
    pub async fn drained(&self) {
        self.turns.close();
        self.turns.wait().await;
        self.team.shutdown().await;
    }

    async fn turn(
        &self,
        run: &Arc<Run>,
        opening: Result<Opening, TurnOutcome>,
        session: Option<OpenedSession>,
        steer: Option<Steer>,
        cancel: CancellationToken,
    ) {
        let work = match opening {
            // Boxed, as is what it gives: so the turn does not keep the room that its beginning takes.
            Ok(opening) => Box::pin(self.prepare(run, opening, session, steer, cancel)).await,
            Err(outcome) => Err(outcome),
        };
        match work {
            Ok(work) => {
                work.await;
            }
            Err(outcome) => {
                let model = self.root.model.get().name().to_owned();
                run.emit(&self.path(), EventKind::TurnStarted { model, context_files: vec![] }).await;
                self.finish(run, outcome).await;
            }
        }
    }

    /// All that the turn needs, and then what it does.
    async fn prepare(
        &self,
        run: &Arc<Run>,
        opening: Opening,
        session: Option<OpenedSession>,
        steer: Option<Steer>,
        cancel: CancellationToken,
    ) -> Result<BoxFuture<'static, Ended>, TurnOutcome> {
        let (scene, mut context, task, notice) = self.scene(run, opening, session, cancel).await?;
        let task = self.queried(&mut context, task, scene.journal.is_session());
        Ok(Driver::new(scene, context, steer).work(task, notice))
    }

    async fn scene(
        &self,
        run: &Arc<Run>,
        mut opening: Opening,
        session: Option<OpenedSession>,
        cancel: CancellationToken,
    ) -> Result<(Scene, Vec<Message>, Task, Option<Notice>), TurnOutcome> {
        let alone = |context| {
            let member = Arc::clone(&self.root);
            Resumed { member, journal: Journal::private(), context, notice: None }
        };
        let Resumed { member, journal, context, notice } = match std::mem::replace(&mut opening.past, Past::None) {
            Past::Stored => self.resume(run, &opening, session).await?,
            Past::Brought(context) => alone(context),
            Past::None => alone(vec![]),
        };
        let scene = Scene {
            path: AgentPath::root(&member.name),
            budget: Budget::new(&member.limits, None),
            caller: opening.caller,
            journal,
            run: Arc::clone(run),
            team: Arc::clone(&self.team),
            listing: None,
            asides: Mutex::default(),
            member,
            cancel,
        };
        Ok((scene, history::paired(history::since_summary(&context)), opening.task, notice))
    }

    /// Takes the session, mends what the death of a process left in it, and finds the agent that the user talks to.
    async fn resume(
        &self,
        run: &Arc<Run>,
        opening: &Opening,
        session: Option<OpenedSession>,
    ) -> Result<Resumed, TurnOutcome> {
        let session = match session {
            Some(session) => session,
            None => self.hold(&run.key).await?,
        };
        let OpenedSession { lock, state, history: mut stored } = session;
        let new = stored.is_empty();
        let (interrupted, died) = opening.left_open(history::interrupted_calls(&stored))?;
        let notice = interrupted_notice(&interrupted).filter(|_| died);
        if !interrupted.is_empty() {
            let results = canceled(&interrupted);
            self.store.append(&run.key, &results).await?;
            stored.extend(results);
        }
        stored.extend(opening.results());
        let member = self.active(&state);
        let store = (Arc::clone(&self.store), self.partials);
        let journal = Journal::session(store, run.key.clone(), state, lock, new);
        Ok(Resumed { member, journal, context: stored, notice })
    }

    /// The agent that the user of a session of this state talks to.
    pub(super) fn active(&self, state: &Value) -> Arc<Member> {
        let active = state.get(ACTIVE_AGENT).and_then(Value::as_str);
        // The file may have lost that agent since.
        active.and_then(|name| self.team.member(name).ok()).unwrap_or_else(|| Arc::clone(&self.root))
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(super) fn team(&self) -> &Arc<Team> {
        &self.team
    }

    pub(super) fn grants(&self) -> &Grants {
        &self.grants
    }

    pub(super) fn root(&self) -> &Arc<Member> {
        &self.root
    }

    pub(super) fn with_root(&self, root: Arc<Member>) -> Self {
        Self { root, ..self.clone() }
    }

    pub(super) fn query(&self) -> Option<&QueryHandler> {
        self.query.as_ref()
    }

    pub(super) fn with_query(self, query: Option<QueryHandler>) -> Self {
        Self { query, ..self }
    }

    /// Lets go of what a turn without a session bound to its id: nobody will come back for it.
    async fn leave(&self, key: &SessionKey) {
        self.grants.forget(key);
        self.team.boxes().leave(key).await;
    }

    fn path(&self) -> AgentPath {
        AgentPath::root(&self.root.name)
    }

    async fn finish(&self, run: &Run, outcome: TurnOutcome) {
        run.emit(&self.path(), EventKind::TurnFinished { outcome, usage: Usage::default() }).await;
    }
}

/// Says that calls were cut off, whose effects nobody knows.
fn interrupted_notice(calls: &[ToolCall]) -> Option<Notice> {
    let mut names: Vec<_> = calls.iter().map(|call| format!("`{}`", call.name)).collect();
    names.dedup();
    (!names.is_empty()).then(|| Notice::Warning {
        message: format!(
            "the last turn was cut off in a call of {}, which is closed as canceled; it may have done its work in part",
            names.join(", ")
        ),
    })
}
