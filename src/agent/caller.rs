//! What the caller of a turn brings along, checked: how the turn begins, and what holds for it besides the agent file.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    AgentRequest, Brought,
    draft::Wanted,
    driver::{Task, refused},
    history,
    output::Shape,
};
use crate::{
    domain::{CallId, Content, Message, Role, ToolCall, ToolOutcome, ToolSpec, TurnOutcome},
    model::{Sampling, ToolChoice},
};

/// Longest name of a tool that every provider accepts.
const LONGEST_NAME: usize = 64;

/// What a caller wants of this turn. Nothing for an agent that another called.
#[derive(Debug, Default)]
pub(super) struct Caller {
    pub(super) instructions: Option<String>,
    /// Those that the caller runs.
    pub(super) tools: Vec<ToolSpec>,
    /// Of the first request: a tool that is forced in all of them would be called for ever.
    pub(super) tool_choice: ToolChoice,
    /// In place of the agent file's.
    pub(super) shape: Option<Shape>,
    pub(super) sampling: Sampling,
}

/// How a turn begins.
pub(super) struct Opening {
    pub(super) caller: Caller,
    pub(super) past: Past,
    pub(super) task: Task,
}

/// The conversation so far.
pub(super) enum Past {
    /// That of the session.
    Stored,
    /// Of a caller that keeps it, with what is new. Nothing is kept, and nothing stays of what the turn needed.
    Brought(Vec<Message>),
    /// Of a call that belongs to none.
    None,
}

impl Opening {
    /// # Errors
    /// The end of a turn that is not even begun.
    pub(super) fn new(request: AgentRequest) -> Result<Self, TurnOutcome> {
        let AgentRequest { key: _, mut input, mut brought } = request;
        // Right after their calls.
        input.sort_by_key(|message| message.role != Role::Tool);
        let history = brought.history.take();
        let caller = Caller::new(brought)?;
        match history {
            None => {
                check_input(&input)?;
                Ok(Self { caller, past: Past::Stored, task: Task::Answer(input) })
            }
            Some(mut history) => {
                history.extend(input);
                let history = history::joined(history);
                check_history(&history)?;
                Ok(Self { caller, past: Past::Brought(history), task: Task::Answer(vec![]) })
            }
        }
    }

    pub(super) fn compact() -> Self {
        Self { caller: Caller::default(), past: Past::Stored, task: Task::Compact }
    }

    pub(super) fn draft(wanted: Wanted) -> Self {
        Self { caller: Caller::default(), past: Past::Stored, task: Task::Draft(wanted) }
    }

    pub(super) fn call(call: ToolCall) -> Self {
        Self { caller: Caller::default(), past: Past::None, task: Task::Call(call) }
    }

    /// The results that the turn begins with.
    pub(super) fn results(&self) -> Vec<Message> {
        match &self.task {
            Task::Answer(input) => input.iter().filter(|message| message.role == Role::Tool).cloned().collect(),
            Task::Compact | Task::Draft(_) | Task::Call(_) | Task::Query(_) => vec![],
        }
    }

    /// Those of the `open` calls of a session that are closed now, because no result was brought. The second value is
    /// whether the death of a process left them open, and not the caller.
    ///
    /// # Errors
    /// A result of a call that is not open.
    pub(super) fn left_open(&self, mut open: Vec<ToolCall>) -> Result<(Vec<ToolCall>, bool), TurnOutcome> {
        let all = open.len();
        for message in self.results() {
            for (id, _) in history::results(&message) {
                let at = open.iter().position(|call| call.call_id == *id).ok_or_else(|| stray(id))?;
                open.remove(at);
            }
        }
        let theirs = |call: &ToolCall| self.caller.tools.iter().any(|tool| tool.name == call.name);
        let died = open.len() == all && !open.iter().all(theirs);
        Ok((open, died))
    }
}

impl Caller {
    pub(super) fn new(brought: Brought) -> Result<Self, TurnOutcome> {
        let Brought { history: _, instructions, tools, tool_choice, output_schema, sampling } = brought;
        check_sampling(&sampling)?;
        let mut names = HashSet::new();
        let tools = tools.into_iter().map(checked).collect::<Result<Vec<_>, _>>()?;
        if let Some(twice) = tools.iter().find(|tool| !names.insert(tool.name.as_str())) {
            return Err(refused(format!("two tools of the request are called `{}`", twice.name)));
        }
        let wrong = |reason| refused(format!("the output schema of the request is not a JSON Schema: {reason}"));
        let shape = output_schema.map(Shape::of).transpose().map_err(wrong)?;
        let instructions = instructions.filter(|text| !text.trim().is_empty());
        Ok(Self { instructions, tools, tool_choice, shape, sampling })
    }

    /// Whether there is something to hold against the agent's own tools.
    pub(super) fn concerns_tools(&self) -> bool {
        !self.tools.is_empty() || self.tool_choice != ToolChoice::Auto
    }

    /// Holds what was brought against the agent's own tools.
    ///
    /// # Errors
    /// A name that both want; a choice of a tool that nobody has.
    pub(super) fn check_against(&self, own: &[ToolSpec]) -> Result<(), TurnOutcome> {
        let has = |name: &str| own.iter().any(|tool| tool.name == name);
        if let Some(tool) = self.tools.iter().find(|tool| has(&tool.name)) {
            return Err(refused(format!(
                "the agent has a tool `{}` of its own: a tool that the request brings needs another name",
                tool.name
            )));
        }
        match &self.tool_choice {
            ToolChoice::Tool(name) if !has(name) && !self.tools.iter().any(|tool| tool.name == *name) => {
                Err(refused(format!("the tool choice of the request is `{name}`, and there is no such tool")))
            }
            ToolChoice::Required if own.is_empty() && self.tools.is_empty() => {
                Err(refused("the tool choice of the request demands a call, and there are no tools".to_owned()))
            }
            ToolChoice::Tool(_) | ToolChoice::Required | ToolChoice::None | ToolChoice::Auto => Ok(()),
        }
    }
}

/// New in a session are messages of the user and results. Providers refuse a message without content.
fn check_input(input: &[Message]) -> Result<(), TurnOutcome> {
    if input.iter().flat_map(|message| &message.content).all(is_blank) {
        return Err(refused("the message is empty".to_owned()));
    }
    if input.iter().any(|message| message.role == Role::Assistant) {
        return Err(refused(
            "a session keeps the agent's answers itself: new can be messages of the user and results of tools"
                .to_owned(),
        ));
    }
    check_results(input)
}

fn check_history(history: &[Message]) -> Result<(), TurnOutcome> {
    match history.last() {
        None => return Err(refused("there is no message".to_owned())),
        Some(last) if last.role == Role::Assistant => {
            return Err(refused("the conversation ends with an answer, and there is nothing to answer".to_owned()));
        }
        Some(last) if last.content.iter().all(is_blank) => return Err(refused("the message is empty".to_owned())),
        Some(_) => {}
    }
    check_results(history)?;
    history::stray_result(history).map_or(Ok(()), |id| Err(stray(id)))
}

fn check_results(messages: &[Message]) -> Result<(), TurnOutcome> {
    let empty = messages.iter().any(|message| message.role == Role::Tool && history::results(message).next().is_none());
    if empty { Err(refused("a message of a tool holds no result".to_owned())) } else { Ok(()) }
}

fn is_blank(part: &Content) -> bool {
    matches!(part, Content::Text { text } if text.trim().is_empty())
}

fn checked(mut tool: ToolSpec) -> Result<ToolSpec, TurnOutcome> {
    let fits = (1..=LONGEST_NAME).contains(&tool.name.len())
        && tool.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !fits {
        return Err(refused(format!(
            "`{}` is no name of a tool: it has 1 to {LONGEST_NAME} letters, digits, `_` and `-`",
            crate::tool::cap::short(&tool.name, LONGEST_NAME)
        )));
    }
    // Callers leave them out for a tool that takes nothing.
    if tool.parameters.is_null() || tool.parameters.as_object().is_some_and(serde_json::Map::is_empty) {
        tool.parameters = json!({ "type": "object", "properties": {} });
    }
    let kind = tool.parameters.get("type");
    if !tool.parameters.is_object() || kind.is_some_and(|kind| kind != "object") {
        return Err(refused(format!("the parameters of the tool `{}` are not a JSON Schema of an object", tool.name)));
    }
    if kind.is_none() {
        tool.parameters["type"] = Value::from("object");
    }
    Ok(tool)
}

/// The bounds are those of the widest provider; a narrower one says so itself.
fn check_sampling(sampling: &Sampling) -> Result<(), TurnOutcome> {
    let Sampling { temperature, top_p, max_output_tokens, stop } = sampling;
    if temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
        return Err(refused("the temperature is a number from 0 to 2".to_owned()));
    }
    if top_p.is_some_and(|value| !(0.0..=1.0).contains(&value)) {
        return Err(refused("`top_p` is a number from 0 to 1".to_owned()));
    }
    if *max_output_tokens == Some(0) {
        return Err(refused("at most 0 tokens of output leave no room for an answer".to_owned()));
    }
    if stop.iter().any(String::is_empty) {
        return Err(refused("a stop sequence is empty".to_owned()));
    }
    Ok(())
}

fn stray(id: &CallId) -> TurnOutcome {
    let id = crate::tool::cap::short(id.as_str(), LONGEST_NAME);
    refused(format!("there is a result of the call `{id}`, and no such call waits for one"))
}

/// The results that stand for calls which nobody will answer any more.
pub(super) fn canceled(calls: &[ToolCall]) -> Vec<Message> {
    calls.iter().map(|call| Message::tool_result(call.call_id.clone(), ToolOutcome::Canceled)).collect()
}
