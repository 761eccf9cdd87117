//! An agent in this process: opening it, starting its turns, waiting for them.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ACTIVE_AGENT, AgentDeps, AgentRequest, EventStream, OpenError, TurnControl,
    approval::Grants,
    budget::Budget,
    calls::Scene,
    driver::{Driver, Task},
    history,
    journal::Journal,
    run::Run,
    team::{Member, Team},
};
use crate::{
    config::agent_file::Loaded,
    domain::{
        AgentPath, EventKind, FailureCode, Message, Notice, Role, SessionKey, ToolCall, ToolOutcome, TurnOutcome, Usage,
    },
    store::{NewSession, OpenedSession, Store},
};

/// A session, ready for a turn.
struct Resumed {
    scene: Scene,
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
    grants: Arc<Grants>,
    turns: TaskTracker,
}

impl LocalAgent {
    pub(super) fn open(loaded: Arc<Loaded>, deps: AgentDeps) -> Result<Self, OpenError> {
        let store = Arc::clone(&deps.store);
        let name = loaded.file.name.clone();
        let team = Team::new(loaded, deps.keys.clone(), Arc::new(deps));
        let root = team.member(&name)?;
        Ok(Self { team, root, store, grants: Arc::default(), turns: TaskTracker::new() })
    }

    pub(super) fn start(&self) {
        self.root.tools.start();
    }

    pub(super) fn run(&self, request: AgentRequest, control: TurnControl) -> EventStream {
        let input = Message { role: Role::User, content: request.input };
        self.begin(request.key, Task::Answer(input), control)
    }

    pub(super) fn compact(&self, key: SessionKey, control: TurnControl) -> EventStream {
        self.begin(key, Task::Compact, control)
    }

    fn begin(&self, key: SessionKey, task: Task, control: TurnControl) -> EventStream {
        let cancel = control.cancel.child_token();
        let (run, events) =
            Run::new(key, control.answers.is_some(), Arc::clone(&self.grants), cancel.clone().drop_guard());
        let run = Arc::new(run);
        let agent = self.clone();
        self.turns.spawn(async move {
            let turn = AssertUnwindSafe(agent.turn(&run, task, control.steer, cancel)).catch_unwind();
            let ended = tokio::select! {
                ended = turn => ended,
                () = run.inbox.receive(control.answers) => return,
            };
            if ended.is_err() {
                let outcome = TurnOutcome::Failed {
                    code: FailureCode::Internal,
                    message: "the turn crashed".to_owned(),
                    hint: Some("this is a bug in agentscope; please report it".to_owned()),
                };
                agent.finish(&run, outcome).await;
            }
        });
        events
    }

    pub(super) async fn drained(&self) {
        self.turns.close();
        self.turns.wait().await;
        self.team.shutdown().await;
    }

    async fn turn(
        &self,
        run: &Arc<Run>,
        task: Task,
        steer: Option<mpsc::Receiver<Message>>,
        cancel: CancellationToken,
    ) {
        let resumed = match task.refused() {
            Some(outcome) => Err(outcome),
            None => self.resume(run, cancel).await,
        };
        match resumed {
            Ok(Resumed { scene, context, notice }) => {
                Driver::new(scene, context, steer).work(task, notice).await;
            }
            Err(outcome) => {
                let model = self.root.model.name().to_owned();
                run.emit(&self.path(), EventKind::TurnStarted { model, context_files: vec![] }).await;
                self.finish(run, outcome).await;
            }
        }
    }

    /// Takes the session, mends what the death of a process left in it, and finds the agent that the user talks to.
    async fn resume(&self, run: &Arc<Run>, cancel: CancellationToken) -> Result<Resumed, TurnOutcome> {
        let loaded = self.team.loaded();
        let new = NewSession {
            agent: loaded.file.name.clone(),
            source: loaded.path.as_ref().map(|path| path.display().to_string()),
        };
        let OpenedSession { lock, state, history: mut stored } = self.store.open_session(&run.key, &new).await?;
        let interrupted = history::interrupted_calls(&stored);
        let notice = interrupted_notice(&interrupted);
        if !interrupted.is_empty() {
            let results: Vec<_> = interrupted
                .iter()
                .map(|call| Message::tool_result(call.call_id.clone(), ToolOutcome::Canceled))
                .collect();
            self.store.append(&run.key, &results).await?;
            stored.extend(results);
        }
        let active = state.get(ACTIVE_AGENT).and_then(Value::as_str);
        // The file may have lost that agent since.
        let member = active.and_then(|name| self.team.member(name).ok()).unwrap_or_else(|| Arc::clone(&self.root));
        let scene = Scene {
            path: AgentPath::root(&member.name),
            budget: Budget::new(&member.limits, None),
            journal: Journal::session(Arc::clone(&self.store), run.key.clone(), state, lock, stored.is_empty()),
            run: Arc::clone(run),
            team: Arc::clone(&self.team),
            listing: None,
            asides: Mutex::default(),
            member,
            cancel,
        };
        Ok(Resumed { scene, context: history::paired(history::since_summary(&stored)), notice })
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
