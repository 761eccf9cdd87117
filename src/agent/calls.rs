//! One tool call, from the model's wish to its outcome: is there such a tool, do the arguments fit, may it run, what
//! came of it. Every path ends in a [`ToolOutcome`], and none takes the turn down.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    budget::Budget,
    caller::Caller,
    driver::{Driver, Ended, Task},
    hooks::About,
    journal::Journal,
    output::{FINAL_ANSWER, Shape},
    run::Run,
    team::{Link, MOST_DEPTH, Member, Team},
    turn::Turn,
};
use crate::{
    domain::{
        AgentPath, CallId, EventKind, FailureCode, Message, Notice, Question, QuestionId, ToolCall, ToolOutcome,
        TurnOutcome, Usage,
    },
    store::{StoreError, Used},
    tool::{Arguments, Listed, Listing, ToolCx, ToolError, ToolHost},
};

/// One agent at work: what its calls need to know and to reach.
pub(super) struct Scene {
    pub(super) run: Arc<Run>,
    pub(super) team: Arc<Team>,
    pub(super) member: Arc<Member>,
    pub(super) path: AgentPath,
    pub(super) journal: Journal,
    pub(super) budget: Arc<Budget>,
    pub(super) caller: Caller,
    pub(super) cancel: CancellationToken,
    /// The tools that the model was last sent.
    pub(super) listing: Option<Listing>,
    pub(super) asides: Mutex<Asides>,
}

/// What calls decide for the turn, besides their outcome.
#[derive(Default)]
pub(super) struct Asides {
    handoff: Option<Arc<Member>>,
    answer: Option<Value>,
    /// Final answers that did not fit.
    misfits: u32,
    misfit: Option<String>,
}

/// How the turn ends whose final answer does not fit twice.
pub(super) fn does_not_fit(wrong: &str) -> TurnOutcome {
    TurnOutcome::Failed {
        code: FailureCode::Output,
        message: format!("the final answer does not fit `output.schema`: {wrong}"),
        hint: Some("try another model, or a simpler schema".to_owned()),
    }
}

impl Scene {
    pub(super) async fn emit(&self, kind: EventKind) {
        self.run.emit(&self.path, kind).await;
    }

    /// Counts what the model used for so many answers: for the limits, and for the account of the session.
    pub(super) fn charge(&self, model: &str, answers: u64, usage: Usage) {
        self.budget.charge(usage);
        if answers > 0 || usage != Usage::default() {
            self.run.uses(Used { agent: self.path.without_calls(), model: model.to_owned(), answers, usage });
        }
    }

    /// Saves messages that became final, with what was used until now, also by agents that were called. What was used
    /// is saved the next time where it cannot be now.
    pub(super) async fn save(&self, messages: &[Message]) -> Result<(), StoreError> {
        let used = if self.journal.is_session() { self.run.take_used() } else { vec![] };
        let saved = self.journal.save(messages, &used).await;
        if saved.is_err() {
            self.run.put_back(used);
        }
        saved
    }

    /// As [`Scene::save`], of what `turn` has to save. It still has it where that fails.
    pub(super) async fn save_turn(&self, turn: &mut Turn) -> Result<(), StoreError> {
        let unsaved = turn.take_unsaved();
        let saved = self.save(&unsaved).await;
        if saved.is_err() {
            turn.put_back(unsaved);
        }
        saved
    }

    /// Only the agent that the user talks to: one that was called as a tool has to come back with a result.
    pub(super) fn may_hand_off(&self) -> bool {
        self.path.depth() == 0
    }

    pub(super) fn take_handoff(&self) -> Option<Arc<Member>> {
        self.asides().handoff.take()
    }

    /// The final answer that a call gave; `Err` where it did not fit for the second time.
    pub(super) fn take_final_answer(&self) -> Option<Result<Value, TurnOutcome>> {
        let mut asides = self.asides();
        if let Some(answer) = asides.answer.take() {
            return Some(Ok(answer));
        }
        let wrong = asides.misfit.take()?;
        (asides.misfits > 1).then(|| Err(does_not_fit(&wrong)))
    }

    /// What the final answer must look like.
    pub(super) fn shape(&self) -> Option<&Shape> {
        self.caller.shape.as_ref().or(self.member.shape.as_ref())
    }

    /// The tool that takes the final answer, where there is one.
    pub(super) fn final_answer(&self) -> Option<&Shape> {
        self.member.final_answer(&self.caller)
    }

    /// Whether `tool` is one that the loop itself answers.
    pub(super) fn is_own(&self, tool: &str) -> bool {
        self.member.delegate(tool).is_some()
            || self.member.handoff(tool).is_some()
            || (tool == FINAL_ANSWER && self.final_answer().is_some())
    }

    fn asides(&self) -> std::sync::MutexGuard<'_, Asides> {
        self.asides.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one call to its end. Ends at once when the turn is canceled. A tool that panics has failed.
    pub(super) async fn perform(&self, call: &ToolCall) -> (CallId, ToolOutcome) {
        let outcome = AssertUnwindSafe(self.outcome(call)).catch_unwind().await.unwrap_or_else(|_| {
            ToolOutcome::Failed { error: format!("the tool `{}` crashed; this is a bug in it", call.name) }
        });
        (call.call_id.clone(), outcome)
    }

    async fn outcome(&self, call: &ToolCall) -> ToolOutcome {
        if self.is_own(&call.name) {
            return self.own(call).await;
        }
        let Some(listing) = &self.listing else { return ToolOutcome::Canceled };
        let Some(tool) = listing.find(&call.name) else {
            return ToolOutcome::Failed { error: listing.unknown(&call.name) };
        };
        let arguments = match tool.check(call.arguments.clone()) {
            Ok(arguments) => arguments,
            Err(error) => return failed(&error),
        };
        let about = About { name: tool.spec().rule_name(), arguments: &arguments };
        if let Err(refused) = self.permit(call, about, tool.writes(&arguments)).await {
            return refused;
        }
        let outcome = self.tool(call, tool, arguments.clone()).await;
        self.after_tool(call, about, &outcome).await;
        outcome
    }

    async fn tool(&self, call: &ToolCall, tool: &Listed, arguments: Value) -> ToolOutcome {
        let host = Arc::new(Host {
            run: Arc::clone(&self.run),
            path: self.path.clone(),
            cancel: self.cancel.clone(),
            open: Mutex::new(Some(vec![])),
        });
        let cx = ToolCx {
            call_id: call.call_id.clone(),
            session: self.run.key.clone(),
            agent: self.path.clone(),
            cancel: self.cancel.clone(),
            state: self.journal.state(),
            host: Arc::<Host>::clone(&host),
        };
        let result = AssertUnwindSafe(tool.call(arguments, &cx)).catch_unwind().await;
        host.close().await;
        match result {
            Ok(Ok(result)) => {
                if let Some(patch) = &result.state
                    && let Err(error) = self.patch(patch).await
                {
                    return ToolOutcome::Failed { error: super::failure::chain(&error) };
                }
                ToolOutcome::Ok { content: result.content }
            }
            Ok(Err(ToolError::Canceled)) if self.cancel.is_cancelled() => ToolOutcome::Canceled,
            Ok(Err(error)) => failed(&error),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    async fn patch(&self, patch: &Value) -> Result<(), crate::store::StoreError> {
        self.journal.patch(patch).await?;
        // The state of an agent that another called is its own, and gone with it. That of one whose caller keeps the
        // conversation is for the caller to keep.
        if self.path.depth() == 0 {
            self.emit(EventKind::StateChanged { patch: patch.clone() }).await;
        }
        Ok(())
    }

    /// A call that the loop itself answers.
    async fn own(&self, call: &ToolCall) -> ToolOutcome {
        if let Some(link) = self.member.delegate(&call.name) {
            let arguments = match Arguments::new(&link.tool.parameters).check(call.arguments.clone()) {
                Ok(arguments) => arguments,
                Err(error) => return failed(&error),
            };
            let about = About { name: &link.tool.name, arguments: &arguments };
            // Whatever it does is judged by its own permissions.
            if let Err(refused) = self.permit(call, about, false).await {
                return refused;
            }
            let outcome = self.delegate(link, &arguments).await;
            self.after_tool(call, about, &outcome).await;
            return outcome;
        }
        if let Some(link) = self.member.handoff(&call.name) {
            return self.hand_off(link);
        }
        self.give_answer(call)
    }

    async fn delegate(&self, link: &Link, arguments: &Value) -> ToolOutcome {
        if self.path.depth() >= MOST_DEPTH {
            return ToolOutcome::Failed { error: format!("agents may call agents only {MOST_DEPTH} deep") };
        }
        let task = arguments["task"].as_str().unwrap_or_default();
        if task.trim().is_empty() {
            return ToolOutcome::Failed { error: "the task is empty: say what is to be done".to_owned() };
        }
        let (team, member) = match self.team.follow(link) {
            Ok(found) => found,
            Err(error) => return ToolOutcome::Failed { error: super::failure::chain(&error) },
        };
        let scene = Self {
            run: Arc::clone(&self.run),
            path: self.run.called(&self.path, &member.name),
            journal: Journal::private(),
            budget: Budget::new(&member.limits, Some(Arc::clone(&self.budget))),
            caller: Caller::default(),
            cancel: self.cancel.child_token(),
            listing: None,
            asides: Mutex::default(),
            team,
            member,
        };
        let Ended { outcome, text } = Driver::nested(scene).work(Task::Answer(vec![Message::user(task)]), None).await;
        match outcome {
            TurnOutcome::Completed { output: Some(output) } => ToolOutcome::ok(output.to_string()),
            TurnOutcome::Completed { output: None } => ToolOutcome::ok(text),
            // Only the agent that the user talks to has tools of the caller.
            TurnOutcome::Canceled | TurnOutcome::ToolCalls { .. } => ToolOutcome::Canceled,
            TurnOutcome::Failed { message, .. } => ToolOutcome::Failed { error: message },
        }
    }

    fn hand_off(&self, link: &Link) -> ToolOutcome {
        if !self.may_hand_off() {
            return ToolOutcome::Failed { error: "only the agent that the user talks to can hand over".to_owned() };
        }
        let member = match self.team.follow(link) {
            Ok((_, member)) => member,
            Err(error) => return ToolOutcome::Failed { error: super::failure::chain(&error) },
        };
        let mut asides = self.asides();
        if let Some(first) = &asides.handoff {
            return ToolOutcome::Failed {
                error: format!("the conversation was already handed over to `{}`", first.name),
            };
        }
        let name = member.name.clone();
        asides.handoff = Some(member);
        ToolOutcome::ok(format!("The conversation is handed over to `{name}`. You are `{name}` from here on."))
    }

    fn give_answer(&self, call: &ToolCall) -> ToolOutcome {
        let Some(shape) = self.final_answer() else {
            return ToolOutcome::Failed { error: format!("there is no tool `{FINAL_ANSWER}`") };
        };
        let mut asides = self.asides();
        match shape.of_arguments(call.arguments.clone()) {
            Ok(answer) => {
                asides.answer = Some(answer);
                ToolOutcome::ok("The answer was accepted.")
            }
            Err(wrong) => {
                asides.misfits += 1;
                asides.misfit = Some(wrong.clone());
                ToolOutcome::Failed { error: format!("the answer does not fit: {wrong}. Call `{FINAL_ANSWER}` again.") }
            }
        }
    }
}

fn failed(error: &dyn std::error::Error) -> ToolOutcome {
    ToolOutcome::Failed { error: super::failure::chain(error) }
}

/// What a running call can reach. It outlives the call where a tool keeps it; then it does nothing.
struct Host {
    run: Arc<Run>,
    path: AgentPath,
    cancel: CancellationToken,
    /// Questions without an answer; `None` once the call has ended.
    open: Mutex<Option<Vec<QuestionId>>>,
}

impl Host {
    fn open(&self) -> std::sync::MutexGuard<'_, Option<Vec<QuestionId>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call has ended: what it asked, and no longer waits for, has no answer.
    async fn close(&self) {
        let open = self.open().take();
        for id in open.unwrap_or_default() {
            self.run.emit(&self.path, EventKind::QuestionAnswered { id, answer: None }).await;
        }
    }
}

#[async_trait]
impl ToolHost for Host {
    async fn output(&self, call: &CallId, chunk: String) {
        if self.open().is_some() {
            self.run.emit(&self.path, EventKind::ToolOutput { call_id: call.clone(), chunk }).await;
        }
    }

    async fn notice(&self, notice: Notice) {
        self.run.emit(&self.path, EventKind::Notice { notice }).await;
    }

    async fn ask(&self, question: Question) -> Option<String> {
        let id = QuestionId::new();
        self.open().as_ref()?;
        let answer = self.run.inbox.expect_answer(&id)?;
        // The call may be dropped at any wait: what was emitted and what is noted as open must not come apart.
        self.run.emit(&self.path, EventKind::QuestionAsked { id: id.clone(), question }).await;
        self.open().as_mut()?.push(id.clone());
        let answer = tokio::select! {
            answer = self.run.inbox.wait(Some(answer)) => answer.flatten(),
            () = self.cancel.cancelled() => None,
        };
        self.run.emit(&self.path, EventKind::QuestionAnswered { id: id.clone(), answer: answer.clone() }).await;
        if let Some(open) = self.open().as_mut() {
            open.retain(|other| *other != id);
        }
        answer
    }
}
