//! The decisions of one turn: what to do next, and what each thing that happened means for history and for events.
//!
//! Pure: no await, no IO, no clock. `driver.rs` performs the steps and reports back. Whatever happens, the messages a
//! turn leaves behind pair every call with one result, because providers refuse a history that does not.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    answer::{Ids, Partial},
    history,
};
use crate::{
    domain::{CallId, Content, EventKind, FailureCode, Message, Role, ToolCall, ToolOutcome, TurnOutcome, Usage},
    model::ModelDelta,
};

/// So many times the same calls with the same results in a row, and the model is told that it repeats itself.
pub(super) const WARN_AFTER: u32 = 3;
/// As many times, and the turn fails rather than make the calls once more.
pub(super) const STOP_AFTER: u32 = 6;

/// What the driver must do next. Until it reports back, the step stays the same.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send [`Turn::context`] to the model.
    CallModel,
    /// Run these calls, at the same time if it likes.
    CallTools(Vec<ToolCall>),
    /// Call [`Turn::close`] and end.
    Finish(TurnOutcome),
}

/// One turn of one agent.
#[derive(Debug)]
pub struct Turn {
    context: Vec<Message>,
    /// New messages in the order in which they became final, until they are taken for saving.
    unsaved: Vec<Message>,
    phase: Phase,
    steps: u32,
    max_steps: u32,
    usage: Usage,
    ids: Ids,
    repeated: Repeated,
    /// The names of the tools that the caller runs.
    elsewhere: HashSet<String>,
}

#[derive(Debug)]
enum Phase {
    /// The model's turn to speak.
    Ready,
    Answering(Partial),
    Calling {
        open: Vec<OpenCall>,
        /// Of the same answer, those that the caller runs.
        elsewhere: Vec<ToolCall>,
    },
    /// What is left of the last answer is for the caller to run.
    HandedOut(Vec<ToolCall>),
    Answered,
}

#[derive(Debug)]
struct OpenCall {
    call: ToolCall,
    outcome: Option<ToolOutcome>,
}

/// The calls of the last answer, and how often in a row they were made and the same came of them: a job that is polled
/// until its state changes is no loop.
#[derive(Debug, Default)]
struct Repeated {
    calls: Vec<(String, Value)>,
    /// What came of each when it was last made.
    outcomes: Vec<Option<ToolOutcome>>,
    /// Rounds that have ended.
    times: u32,
    /// So far this round went as the one before.
    same: bool,
}

impl Repeated {
    fn begin(&mut self, calls: Vec<(String, Value)>) {
        if calls != self.calls {
            *self = Self { outcomes: vec![None; calls.len()], calls, ..Self::default() };
        }
        self.same = true;
    }

    /// How often the call at `index`, this time included, came to this.
    fn on_outcome(&mut self, index: usize, outcome: &ToolOutcome) -> u32 {
        let last = self.outcomes[index].replace(outcome.clone());
        self.same &= last.as_ref() == Some(outcome);
        if self.same { self.times + 1 } else { 1 }
    }

    fn end(&mut self) {
        self.times = if self.same { self.times + 1 } else { 1 };
    }

    /// Whether this round, which has not been run, is one too many.
    fn is_enough(&self) -> bool {
        self.times + 1 >= STOP_AFTER
    }
}

impl Turn {
    /// A turn that starts from `context`, whose calls and results pair up, of the agent that the user talks to.
    #[must_use]
    pub fn new(context: Vec<Message>, max_steps: u32) -> Self {
        let ids = Ids::new(&context, true);
        Self::with_ids(context, max_steps, ids)
    }

    /// The turn of an agent that another called.
    #[must_use]
    pub fn nested(max_steps: u32) -> Self {
        Self::with_ids(vec![], max_steps, Ids::new(&[], false))
    }

    fn with_ids(context: Vec<Message>, max_steps: u32, ids: Ids) -> Self {
        Self {
            context,
            unsaved: vec![],
            phase: Phase::Answered,
            steps: 0,
            max_steps,
            usage: Usage::default(),
            ids,
            repeated: Repeated::default(),
            elsewhere: HashSet::new(),
        }
    }

    /// Calls of the tools with these names are not run here: they end the turn.
    #[must_use]
    pub fn with_tools_elsewhere(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.elsewhere.extend(names);
        self
    }

    /// What the model is to be sent.
    #[must_use]
    pub fn context(&self) -> &[Message] {
        &self.context
    }

    /// Replaces the context, after it was compacted. Only between steps.
    pub fn set_context(&mut self, context: Vec<Message>) {
        self.context = context;
    }

    /// What the answers used since the last time.
    #[must_use]
    pub fn take_usage(&mut self) -> Usage {
        std::mem::take(&mut self.usage)
    }

    /// The messages that became final since the last time, to be saved in this order. Results of calls come in the
    /// order in which the calls ended, while the context has them in the order of the calls.
    #[must_use]
    pub fn take_unsaved(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.unsaved)
    }

    /// What was taken could not be saved: it comes before what became final since.
    pub fn put_back(&mut self, taken: Vec<Message>) {
        self.unsaved.splice(..0, taken);
    }

    /// Begins with what is new. Results of calls stand in the context already, next to their calls, and are only saved.
    pub fn begin(&mut self, input: Vec<Message>) {
        for message in input {
            match message.role {
                Role::Tool => self.unsaved.push(message),
                Role::User | Role::Assistant => self.push_user(message),
            }
        }
        self.phase = Phase::Ready;
    }

    /// The user says something; the model gets to answer it. Only between steps.
    pub fn push_user(&mut self, message: Message) {
        self.unsaved.push(message.clone());
        self.context.push(message);
        self.phase = Phase::Ready;
    }

    #[must_use]
    pub fn step(&mut self) -> Step {
        match &self.phase {
            Phase::Ready if self.steps == self.max_steps => Step::Finish(TurnOutcome::Failed {
                code: FailureCode::StepLimit,
                message: format!("stopped after {} requests to the model", self.steps),
                hint: Some("send another message to go on, or raise `limits.steps` in the agent file".to_owned()),
            }),
            Phase::Ready => {
                self.steps += 1;
                self.phase = Phase::Answering(Partial::default());
                Step::CallModel
            }
            Phase::Answering(_) => Step::CallModel,
            Phase::Calling { open, .. } if self.repeated.is_enough() => Step::Finish(looping(open)),
            Phase::Calling { open, .. } => {
                Step::CallTools(open.iter().filter(|o| o.outcome.is_none()).map(|o| o.call.clone()).collect())
            }
            Phase::HandedOut(calls) => Step::Finish(TurnOutcome::ToolCalls { calls: calls.clone() }),
            Phase::Answered => Step::Finish(TurnOutcome::Completed { output: None }),
        }
    }

    /// Takes in a piece of the answer; gives the event to show for it. `Restart` is for [`Turn::restart`].
    pub fn on_delta(&mut self, delta: ModelDelta) -> Option<EventKind> {
        let Phase::Answering(partial) = &mut self.phase else { return None };
        partial.push(delta, &mut self.ids)
    }

    /// Voids what the model said in this request, so that it can be made again. Text that was shown cannot be taken
    /// back: a request is only started over before its first text, which keeps the law that deltas add up to the
    /// message.
    ///
    /// # Errors
    /// [`AlreadyShown`]: the answer so far stands, and the request has failed.
    pub fn restart(&mut self) -> Result<(), AlreadyShown> {
        let Phase::Answering(partial) = &mut self.phase else { return Ok(()) };
        if partial.has_text() {
            return Err(AlreadyShown);
        }
        for id in partial.call_ids() {
            self.ids.release(id);
        }
        *partial = Partial::default();
        Ok(())
    }

    /// Whether the model said that its answer ends here.
    #[must_use]
    pub fn answer_is_whole(&self) -> bool {
        matches!(&self.phase, Phase::Answering(partial) if partial.stopped())
    }

    /// The text of the last answer.
    #[must_use]
    pub fn answer(&self) -> String {
        self.context.iter().rev().find(|m| m.role == Role::Assistant).map(Message::text).unwrap_or_default()
    }

    /// The answer is whole: it enters the history, and its calls are open.
    pub fn on_model_done(&mut self) -> Vec<EventKind> {
        let Phase::Answering(partial) = &mut self.phase else { return vec![] };
        let partial = std::mem::take(partial);
        let usage = partial.usage();
        self.usage += usage;
        let (message, notice, stop) = partial.finish();
        let calls: Vec<_> = message.calls().cloned().collect();
        let mut events = vec![];
        if calls.is_empty() && message.text().is_empty() {
            // Providers refuse an empty message in a history.
            self.phase = Phase::Answered;
        } else {
            self.unsaved.push(message.clone());
            self.context.push(message.clone());
            events.push(EventKind::MessageCompleted { message, stop, usage: said(usage) });
            self.open(calls, &mut events);
        }
        events.extend(notice.map(|notice| EventKind::Notice { notice }));
        events
    }

    fn open(&mut self, calls: Vec<ToolCall>, events: &mut Vec<EventKind>) {
        if calls.is_empty() {
            self.phase = Phase::Answered;
            return;
        }
        let (elsewhere, calls): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|call| self.elsewhere.contains(&call.name));
        if calls.is_empty() {
            self.phase = Phase::HandedOut(elsewhere);
            return;
        }
        let same: Vec<_> = calls.iter().map(|call| (call.name.clone(), call.arguments.clone())).collect();
        self.repeated.begin(same);
        events.extend(calls.iter().map(|call| EventKind::ToolStarted { call: call.clone() }));
        let open = calls.into_iter().map(|call| OpenCall { call, outcome: None }).collect();
        self.phase = Phase::Calling { open, elsewhere };
    }

    /// A call ended. `None` for a call that is not open.
    pub fn on_tool(&mut self, id: &CallId, mut outcome: ToolOutcome) -> Option<EventKind> {
        let Phase::Calling { open, elsewhere } = &mut self.phase else { return None };
        let index = open.iter().position(|o| o.call.call_id == *id && o.outcome.is_none())?;
        let times = self.repeated.on_outcome(index, &outcome);
        if index == 0 && times >= WARN_AFTER {
            remark(&mut outcome, &open[0].call.name, times);
        }
        open[index].outcome = Some(outcome.clone());
        self.unsaved.push(Message::tool_result(id.clone(), outcome.clone()));
        if open.iter().all(|o| o.outcome.is_some()) {
            for o in std::mem::take(open) {
                self.context.extend(o.outcome.map(|outcome| Message::tool_result(o.call.call_id, outcome)));
            }
            let elsewhere = std::mem::take(elsewhere);
            self.phase = if elsewhere.is_empty() { Phase::Ready } else { Phase::HandedOut(elsewhere) };
            self.repeated.end();
        }
        Some(EventKind::ToolFinished { call_id: id.clone(), outcome })
    }

    /// Whether the last answer waits for the caller: nothing may be said before the results of its calls.
    #[must_use]
    pub fn waits_for_caller(&self) -> bool {
        matches!(self.phase, Phase::HandedOut(_))
    }

    /// Ends the turn with `outcome` wherever it stands: text that was shown is kept, calls that the model had not
    /// finished asking for are dropped, and every other open call gets the result [`ToolOutcome::Canceled`], but for
    /// those that the outcome hands to the caller.
    pub fn close(&mut self, outcome: &TurnOutcome) -> Vec<EventKind> {
        match std::mem::replace(&mut self.phase, Phase::Answered) {
            Phase::Ready | Phase::Answered => vec![],
            Phase::HandedOut(_) if matches!(outcome, TurnOutcome::ToolCalls { .. }) => vec![],
            Phase::HandedOut(calls) => {
                self.cancel(calls);
                vec![]
            }
            Phase::Answering(partial) => {
                let usage = partial.usage();
                self.usage += usage;
                let Some(message) = partial.interrupted() else { return vec![] };
                self.unsaved.push(message.clone());
                self.context.push(message.clone());
                vec![EventKind::MessageCompleted { message, stop: None, usage: said(usage) }]
            }
            Phase::Calling { open, elsewhere } => {
                let ids: Vec<_> = open.iter().filter(|o| o.outcome.is_none()).map(|o| o.call.call_id.clone()).collect();
                self.phase = Phase::Calling { open, elsewhere: vec![] };
                let events = ids.iter().filter_map(|id| self.on_tool(id, ToolOutcome::Canceled)).collect();
                self.cancel(elsewhere);
                self.phase = Phase::Answered;
                events
            }
        }
    }

    /// The caller will not get to run these.
    fn cancel(&mut self, calls: Vec<ToolCall>) {
        let results = calls.into_iter().map(|call| Message::tool_result(call.call_id, ToolOutcome::Canceled));
        let results: Vec<_> = results.collect();
        self.unsaved.extend_from_slice(&results);
        self.context.extend(results);
        // In the order of the calls, some of which may have run here.
        self.context = history::paired(std::mem::take(&mut self.context));
    }
}

/// The model wanted to start over after text was shown.
#[derive(Debug, thiserror::Error)]
#[error("the answer was started over after part of it had been shown")]
pub struct AlreadyShown;

fn said(usage: Usage) -> Option<Usage> {
    (usage != Usage::default()).then_some(usage)
}

fn looping(open: &[OpenCall]) -> TurnOutcome {
    let mut names: Vec<_> = open.iter().map(|o| format!("`{}`", o.call.name)).collect();
    names.dedup();
    TurnOutcome::Failed {
        code: FailureCode::Loop,
        message: format!(
            "the model called {} {STOP_AFTER} times in a row with the same arguments, and the same came of it",
            names.join(", ")
        ),
        hint: Some("say what to do differently, or try another model".to_owned()),
    }
}

fn remark(outcome: &mut ToolOutcome, name: &str, times: u32) {
    let text = format!(
        "[You have called `{name}` {times} times in a row with the same arguments, and the result is the same. Do \
         something else, or answer with what you know.]"
    );
    match outcome {
        ToolOutcome::Ok { content } => content.push(Content::text(text)),
        ToolOutcome::Failed { error } => {
            error.push('\n');
            error.push_str(&text);
        }
        ToolOutcome::Denied { reason, .. } => {
            reason.push('\n');
            reason.push_str(&text);
        }
        ToolOutcome::Canceled => {}
    }
}
