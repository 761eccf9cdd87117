//! Performs what `turn.rs` decides: asks the model, has the calls run, saves each message the moment it is final, and
//! lets the events out. One driver is one agent at work; those it calls have drivers of their own.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    Stream, StreamExt as _, TryStreamExt as _,
    future::{BoxFuture, Either, join, select},
    stream::FuturesUnordered,
};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Steer,
    calls::Scene,
    compact::{self, Meter},
    context::Rendered,
    draft::Wanted,
    failure::failed,
    hooks::When,
    output::FINAL_ANSWER,
    query::Queried,
    run::Run,
    shrink::cut_off,
    turn::{Step, Turn},
};
use crate::{
    domain::{AgentPath, EventKind, FailureCode, Message, Notice, ToolCall, TurnOutcome, Usage},
    model::{ModelDelta, ModelError, ModelErrorKind, ModelRequest},
    tool::Listing,
};

/// Requests to the model in one turn, where the agent file does not say.
const STEPS: u32 = 25;
/// How long a turn may take, where the agent file does not say.
const TIME: Duration = Duration::from_mins(10);
/// How much of an answer is lost at most where the process is killed while it is written.
const KEEP: Duration = Duration::from_secs(1);

/// What came of an agent's work.
pub(super) struct Ended {
    pub(super) outcome: TurnOutcome,
    /// The last thing it said.
    pub(super) text: String,
}

/// How work goes on: on, or to the end of the turn.
pub(super) type Flow<T = ()> = Result<T, TurnOutcome>;

pub(super) struct Driver {
    pub(super) scene: Scene,
    pub(super) turn: Turn,
    pub(super) prompt: Rendered,
    steer: Option<Steer>,
    /// The time limit fired.
    late: Arc<AtomicBool>,
    /// A final answer that does not fit was sent back once.
    pub(super) corrected: bool,
    /// The model must give its final answer now.
    pub(super) insist: bool,
    /// The model has not answered in this turn.
    pub(super) first: bool,
    pub(super) meter: Meter,
    /// The provider found the request too long, and it was made shorter.
    squeezed: bool,
    /// The model that was asked last, or the one that took over from it.
    answering: String,
}

/// What a driver is to do.
pub(super) enum Task {
    Answer(Vec<Message>),
    /// Nothing but make the context smaller.
    Compact,
    /// Nothing but say what the context would become.
    Draft(Wanted),
    /// Nothing but run this call.
    Call(ToolCall),
    /// Have a handler answer.
    Query(Box<Queried>),
}

/// The end of a turn whose caller asks for what cannot be.
pub(super) fn refused(message: String) -> TurnOutcome {
    TurnOutcome::Failed { code: FailureCode::Input, message, hint: None }
}

/// Why there is no answer.
pub(super) enum Broken {
    Ended(TurnOutcome),
    Model(ModelError),
}

impl From<TurnOutcome> for Broken {
    fn from(ended: TurnOutcome) -> Self {
        Self::Ended(ended)
    }
}

impl From<ModelError> for Broken {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<Broken> for TurnOutcome {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Ended(ended) => ended,
            Broken::Model(error) => error.into(),
        }
    }
}

impl Driver {
    /// The agent that the user talks to; it goes on from `context`.
    pub(super) fn new(scene: Scene, context: Vec<Message>, steer: Option<Steer>) -> Self {
        let elsewhere = scene.caller.tools.iter().map(|tool| tool.name.clone());
        let turn = Turn::new(context, scene.member.limits.steps.unwrap_or(STEPS)).with_tools_elsewhere(elsewhere);
        Self::with_turn(scene, turn, steer)
    }

    /// An agent that another called.
    pub(super) fn nested(scene: Scene) -> Self {
        let turn = Turn::nested(scene.member.limits.steps.unwrap_or(STEPS));
        Self::with_turn(scene, turn, None)
    }

    fn with_turn(scene: Scene, turn: Turn, steer: Option<Steer>) -> Self {
        let prompt = scene.member.prompt.render();
        Self {
            first: true,
            scene,
            turn,
            prompt,
            steer,
            late: Arc::default(),
            corrected: false,
            insist: false,
            meter: Meter::default(),
            squeezed: false,
            answering: String::new(),
        }
    }

    /// Does `task` to the end. Emits everything from `TurnStarted` to `TurnFinished`, also when canceled, and `notice`
    /// first of all.
    ///
    /// Boxed, because agents call agents.
    pub(super) fn work(mut self, task: Task, notice: Option<Notice>) -> BoxFuture<'static, Ended> {
        Box::pin(async move {
            self.emit_started().await;
            if let Some(notice) = notice {
                self.scene.emit(EventKind::Notice { notice }).await;
            }
            let limit = self.scene.member.limits.time.map_or(TIME, |time| time.0);
            let timer =
                time_limit(limit, Arc::clone(&self.scene.run), self.scene.cancel.clone(), Arc::clone(&self.late));
            let outcome = {
                let steps = pin!(self.perform(task));
                match select(steps, pin!(timer)).await {
                    Either::Left((outcome, _)) => outcome.unwrap_or_else(|ended| ended),
                    Either::Right((never, _)) => match never {},
                }
            };
            let outcome = self.close(outcome).await;
            let outcome = self.end_turn(outcome).await;
            let text = self.turn.answer();
            self.scene.journal.release();
            let finished = EventKind::TurnFinished { outcome: outcome.clone(), usage: self.scene.budget.used() };
            self.scene.emit(finished).await;
            Ended { outcome, text }
        })
    }

    async fn emit_started(&self) {
        let model = self.scene.member.model.get().name().to_owned();
        self.scene.emit(EventKind::TurnStarted { model, context_files: self.prompt.files.clone() }).await;
    }

    async fn perform(&mut self, task: Task) -> Flow<TurnOutcome> {
        match task {
            Task::Answer(input) => self.steps(input).await,
            Task::Call(call) => self.call_one(call).await,
            Task::Query(query) => self.query(*query).await,
            Task::Draft(wanted) => {
                self.draft(wanted).await?;
                Ok(TurnOutcome::Completed { output: None })
            }
            Task::Compact => {
                let listing = self.list_tools().await?;
                let bytes = compact::size(&self.request(&listing));
                self.compact(&listing, bytes / 4).await?;
                Ok(TurnOutcome::Completed { output: None })
            }
        }
    }

    /// `Err` is an end before the turn's own.
    pub(super) async fn steps(&mut self, input: Vec<Message>) -> Flow<TurnOutcome> {
        if self.scene.caller.concerns_tools() {
            self.check_caller(&self.list_tools().await?)?;
        }
        self.open(input).await?;
        loop {
            match self.turn.step() {
                Step::CallModel => self.call_model().await?,
                Step::CallTools(calls) => {
                    self.call_tools(&calls).await?;
                    if let Some(answer) = self.scene.take_final_answer() {
                        return Ok(TurnOutcome::Completed { output: Some(answer?) });
                    }
                    self.hand_off().await?;
                    self.join_steering().await?;
                }
                Step::Finish(TurnOutcome::Completed { .. }) => {
                    if self.join_steering().await? {
                        continue;
                    }
                    if let Some(outcome) = self.complete().await? {
                        return Ok(outcome);
                    }
                }
                Step::Finish(outcome) => {
                    // Calls of the caller are all that is left of an answer whose other calls were canceled.
                    self.until_canceled(std::future::ready(())).await?;
                    self.join_steering().await?;
                    return Err(outcome);
                }
            }
        }
    }

    /// The input is saved while the model is asked, or at the end of the turn.
    pub(super) async fn open(&mut self, input: Vec<Message>) -> Flow {
        self.turn.begin(input);
        self.start_session().await
    }

    async fn start_session(&mut self) -> Flow {
        if !self.scene.journal.is_new() || !self.scene.member.hooks.any(When::SessionStart) {
            return Ok(());
        }
        // A hook may look at the session.
        self.save().await?;
        let event = || self.scene.hook_event("session_start", Value::Null);
        self.until_canceled(self.scene.member.hooks.run(When::SessionStart, None, &event))
            .await?
            .map_err(|reason| hook_failed("session_start", &reason))
    }

    /// Tells the hooks how the turn ended.
    async fn end_turn(&self, outcome: TurnOutcome) -> TurnOutcome {
        if !self.scene.journal.is_session() {
            return outcome;
        }
        let event = || self.scene.hook_event("turn_end", json!({ "outcome": outcome }));
        match self.scene.member.hooks.run(When::TurnEnd, None, &event).await {
            Err(reason) if matches!(outcome, TurnOutcome::Completed { .. } | TurnOutcome::ToolCalls { .. }) => {
                hook_failed("turn_end", &reason)
            }
            Ok(()) | Err(_) => outcome,
        }
    }

    /// Lets messages in that came while the turn ran. Whether there were any. Between calls and the results that the
    /// caller will bring there is no room for them.
    async fn join_steering(&mut self) -> Flow<bool> {
        let mut any = false;
        while let Some(message) = self.steer.as_mut().and_then(Steer::try_next) {
            if self.turn.waits_for_caller() {
                let message = "a message that joined the turn came too late: send it with the results".to_owned();
                self.scene.emit(EventKind::Notice { notice: Notice::Warning { message } }).await;
                continue;
            }
            self.turn.push_user(message);
            any = true;
        }
        self.save().await?;
        Ok(any)
    }

    async fn call_model(&mut self) -> Flow {
        if self.scene.run.decline.is_cancelled() {
            return Err(TurnOutcome::Canceled);
        }
        if let Some(ended) = self.scene.budget.exhausted() {
            return Err(ended);
        }
        let listing = self.list_tools().await?;
        // Again, as the tools of servers change, and those of an agent that took over are others.
        self.check_caller(&listing)?;
        self.scene.listing = Some(listing.clone());
        let window = self.scene.member.model.get().capabilities().context_window;
        let mut request = self.request(&listing);
        let mut bytes = compact::size(&request);
        if let Some(window) = window
            && self.meter.tokens(bytes) > window / 4 * 3
        {
            self.compact(&listing, self.meter.bytes(window / 2)).await?;
            request = self.request(&listing);
            bytes = compact::size(&request);
        }
        let events = match self.answer(request, bytes).await {
            Err(Broken::Model(ModelError { kind: ModelErrorKind::ContextFull { .. }, .. })) if !self.squeezed => {
                self.squeezed = true;
                self.turn.restart().map_err(|error| failed(FailureCode::Model, &error))?;
                self.compact(&listing, bytes / 2).await?;
                let request = self.request(&listing);
                let bytes = compact::size(&request);
                self.answer(request, bytes).await?
            }
            answer => answer?,
        };
        self.squeezed = false;
        self.first = false;
        // Before the calls run, so that a session never holds results of calls that it does not know.
        let saved = self.save().await;
        // Also where that failed: the ends of the calls follow.
        for kind in events {
            self.scene.emit(kind).await;
        }
        saved
    }

    /// Sends the request, of so many bytes, and shows the answer as it comes. Gives the events of its end.
    async fn answer(&mut self, request: ModelRequest, bytes: u64) -> Result<Vec<EventKind>, Broken> {
        let model = self.scene.member.model.get();
        // What the model is asked is saved meanwhile: it takes longer to answer, and nothing of that is shown before.
        let unsaved = self.turn.take_unsaved();
        model.name().clone_into(&mut self.answering);
        let asking = self.until_canceled(model.stream(request));
        let (saved, stream) = join(self.scene.save(&unsaved), asking).await;
        if let Err(error) = saved {
            self.turn.put_back(unsaved);
            return Err(TurnOutcome::from(error).into());
        }
        let stream = stream??;
        self.listen(stream.map_err(Broken::Model)).await?;
        if !self.turn.answer_is_whole() {
            return Err(cut_off(model.name()).into());
        }
        let events = self.turn.on_model_done();
        let usage = self.charge(1);
        self.meter.learn(bytes, usage.input_tokens);
        Ok(events)
    }

    /// Shows an answer as it comes.
    pub(super) async fn listen(
        &mut self,
        mut stream: impl Stream<Item = Result<ModelDelta, Broken>> + Unpin,
    ) -> Result<(), Broken> {
        let cancel = self.scene.cancel.clone();
        // One wait for all deltas: each that begins and ends takes locks.
        let mut canceled = pin!(cancel.cancelled());
        let keeps = self.scene.journal.keeps_partials();
        let mut keep = pin!(tokio::time::sleep(KEEP));
        loop {
            let delta = tokio::select! {
                biased;
                () = &mut canceled => return Err(TurnOutcome::Canceled.into()),
                () = keep.as_mut(), if keeps => {
                    self.scene.journal.keep_written();
                    keep.as_mut().reset(Instant::now() + KEEP);
                    continue;
                }
                delta = stream.next() => delta,
            };
            let Some(delta) = delta.transpose()? else { break };
            match &delta {
                ModelDelta::Restart => {
                    self.turn.restart().map_err(|error| failed(FailureCode::Model, &error))?;
                    continue;
                }
                ModelDelta::Text(text) => self.scene.journal.writes(text),
                ModelDelta::Notice(Notice::Fallback { to, .. }) => to.clone_into(&mut self.answering),
                _ => {}
            }
            if let Some(kind) = self.turn.on_delta(delta) {
                self.scene.emit(kind).await;
            }
        }
        Ok(())
    }

    pub(super) async fn list_tools(&self) -> Flow<Listing> {
        let listing = self
            .until_canceled(self.scene.member.tools.list())
            .await?
            .map_err(|error| failed(FailureCode::Tools, &error))?;
        for notice in &listing.notices {
            self.scene.emit(EventKind::Notice { notice: notice.clone() }).await;
        }
        Ok(listing)
    }

    pub(super) async fn call_tools(&mut self, calls: &[ToolCall]) -> Flow {
        let Self { scene, turn, .. } = self;
        let mut running: FuturesUnordered<_> = calls.iter().map(|call| scene.perform(call)).collect();
        // A canceled call ends at once by itself, so that all of them are waited for.
        while let Some((id, outcome)) = running.next().await {
            let event = turn.on_tool(&id, outcome);
            let saved = scene.save_turn(turn).await;
            if let Some(kind) = event {
                scene.emit(kind).await;
            }
            saved?;
        }
        Ok(())
    }

    /// Another agent takes the conversation over, if a call asked for that.
    async fn hand_off(&mut self) -> Flow {
        let Some(member) = self.scene.take_handoff() else { return Ok(()) };
        let patch = json!({ super::ACTIVE_AGENT: member.name });
        self.scene.journal.patch(&patch).await?;
        let to = AgentPath::root(&member.name);
        self.scene.emit(EventKind::HandedOff { to: to.clone() }).await;
        self.scene.path = to;
        self.scene.member = member;
        self.prompt = self.scene.member.prompt.render();
        self.insist = false;
        self.emit_started().await;
        Ok(())
    }

    /// The model has nothing more to do. `None` where it is asked once more for an answer that fits.
    pub(super) async fn complete(&mut self) -> Flow<Option<TurnOutcome>> {
        let Some(shape) = self.scene.shape() else {
            return Ok(Some(TurnOutcome::Completed { output: None }));
        };
        let wrong = match shape.of_text(&self.turn.answer()) {
            Ok(answer) => return Ok(Some(TurnOutcome::Completed { output: Some(answer) })),
            Err(wrong) => wrong,
        };
        if self.corrected {
            return Err(super::calls::does_not_fit(&wrong));
        }
        self.corrected = true;
        let text = if self.scene.final_answer().is_some() {
            self.insist = true;
            format!("Give the final answer now, by calling `{FINAL_ANSWER}`.")
        } else {
            format!("This answer does not fit the required JSON Schema: {wrong}. Answer again, with JSON that does.")
        };
        self.turn.push_user(Message::user(text));
        self.save().await?;
        Ok(None)
    }

    /// Closes whatever is open, and saves it.
    async fn close(&mut self, outcome: TurnOutcome) -> TurnOutcome {
        let events = self.turn.close(&outcome);
        self.charge(0);
        let saved = self.save().await;
        for kind in events {
            self.scene.emit(kind).await;
        }
        match saved {
            Err(ended) if matches!(outcome, TurnOutcome::Completed { .. } | TurnOutcome::ToolCalls { .. }) => ended,
            Ok(()) | Err(_) if self.late.load(Ordering::Relaxed) && outcome == TurnOutcome::Canceled => {
                let limit = self.scene.member.limits.time.map_or(TIME, |time| time.0);
                TurnOutcome::Failed {
                    code: FailureCode::TimeLimit,
                    message: format!("stopped after {} s", limit.as_secs_f64()),
                    hint: Some("send another message to go on, or raise `limits.time` in the agent file".to_owned()),
                }
            }
            Ok(()) | Err(_) => outcome,
        }
    }

    fn charge(&mut self, answers: u64) -> Usage {
        let usage = self.turn.take_usage();
        self.scene.charge(&self.answering, answers, usage);
        usage
    }

    pub(super) async fn save(&mut self) -> Flow {
        Ok(self.scene.save_turn(&mut self.turn).await?)
    }

    pub(super) async fn until_canceled<T>(&self, work: impl Future<Output = T>) -> Flow<T> {
        tokio::select! {
            biased;
            () = self.scene.cancel.cancelled() => Err(TurnOutcome::Canceled),
            done = work => Ok(done),
        }
    }
}

fn hook_failed(hook: &str, reason: &str) -> TurnOutcome {
    TurnOutcome::Failed { code: FailureCode::Hook, message: format!("{hook} hook: {reason}"), hint: None }
}

enum Never {}

/// Fires `cancel` when the turn has taken its time; the time in which the user was waited for is not the turn's.
async fn time_limit(limit: Duration, run: Arc<Run>, cancel: CancellationToken, late: Arc<AtomicBool>) -> Never {
    let (start, waited) = (Instant::now(), run.inbox.waited());
    loop {
        let used = start.elapsed().saturating_sub(run.inbox.waited() - waited);
        let left = limit.saturating_sub(used);
        if left.is_zero() {
            late.store(true, Ordering::Relaxed);
            cancel.cancel();
            return std::future::pending().await;
        }
        tokio::time::sleep(left).await;
    }
}
