//! From the messages of a session to what a model can be sent. Pure.

use std::collections::{HashMap, HashSet};

use super::output::FINAL_ANSWER;
use crate::domain::{CallId, Content, Message, Role, ToolCall, ToolOutcome};

/// The calls of the last answer that have no result, because the process ended before they did. Their results are to be
/// added to the end of the session before anything else.
#[must_use]
pub(super) fn interrupted_calls(stored: &[Message]) -> Vec<ToolCall> {
    let Some(last) = stored.iter().rposition(|message| message.calls().next().is_some()) else { return vec![] };
    let (answer, after) = (&stored[last], &stored[last + 1..]);
    // Something else was said since: too late to add results. `paired` closes such calls in the context alone.
    if after.iter().any(|message| message.role != Role::Tool) {
        return vec![];
    }
    let answered: HashSet<_> = after.iter().flat_map(results).map(|(id, _)| id).collect();
    answer.calls().filter(|call| !answered.contains(&call.call_id)).cloned().collect()
}

/// What a session says of its end, where its last turn did not come to one.
#[must_use]
pub fn broken_off(stored: &[Message]) -> Option<&'static str> {
    let last = stored.last()?;
    match last.role {
        Role::Assistant if last.broken_off => Some("the answer broke off here"),
        Role::Assistant | Role::Tool if !interrupted_calls(stored).is_empty() => {
            Some("the turn broke off here, or goes on elsewhere: what its tools did is not known")
        }
        Role::Assistant => None,
        Role::User if summary_keeps(last).is_some() => None,
        Role::Tool if gives_final_answer(stored) => None,
        Role::User | Role::Tool => Some("there is no answer to this: the turn broke off, or goes on elsewhere"),
    }
}

/// Whether the last result is that of the call which the agent gives its answer with.
fn gives_final_answer(stored: &[Message]) -> bool {
    let Some((id, ToolOutcome::Ok { .. })) = stored.last().and_then(|last| results(last).last()) else { return false };
    stored.iter().rev().flat_map(Message::calls).any(|call| call.call_id == *id && call.name == FINAL_ANSWER)
}

/// The messages that a model is sent: all of them, or the last summary and what it does not stand for.
#[must_use]
pub(super) fn since_summary(stored: &[Message]) -> Vec<Message> {
    let Some((at, keep)) =
        stored.iter().enumerate().rev().find_map(|(at, message)| Some((at, summary_keeps(message)?)))
    else {
        return stored.to_vec();
    };
    let mut kept: Vec<_> =
        stored[..at].iter().rev().filter(|message| summary_keeps(message).is_none()).take(keep).cloned().collect();
    kept.push(stored[at].clone());
    kept.reverse();
    kept.extend_from_slice(&stored[at + 1..]);
    kept
}

pub(super) fn summary_keeps(message: &Message) -> Option<usize> {
    message.content.iter().find_map(|part| match part {
        Content::Summary { keep, .. } => usize::try_from(*keep).ok(),
        _ => None,
    })
}

/// Puts the results of calls right after the answer that made them, in the order of the calls: they were saved in the
/// order in which they ended. A call without a result gets `Canceled`; a result without a call is left out, and so is
/// an empty message.
#[must_use]
pub(super) fn paired(messages: Vec<Message>) -> Vec<Message> {
    let mut context: Vec<Message> = Vec::with_capacity(messages.len());
    let mut messages = messages.into_iter().peekable();
    while let Some(message) = messages.next() {
        if message.role == Role::Tool || message.content.is_empty() {
            continue;
        }
        let calls: Vec<_> = message.calls().map(|call| call.call_id.clone()).collect();
        context.push(message);
        if calls.is_empty() {
            continue;
        }
        let mut outcomes: HashMap<CallId, ToolOutcome> = HashMap::new();
        while let Some(answer) = messages.next_if(|message| message.role == Role::Tool) {
            outcomes.extend(results(&answer).map(|(id, outcome)| (id.clone(), outcome.clone())));
        }
        context.extend(calls.into_iter().map(|id| {
            let outcome = outcomes.remove(&id).unwrap_or(ToolOutcome::Canceled);
            Message::tool_result(id, outcome)
        }));
    }
    context
}

/// The first result that answers no call of the answer right before it, or one that was answered.
#[must_use]
pub(super) fn stray_result(messages: &[Message]) -> Option<&CallId> {
    // How often each is open. A caller may bring any number of them.
    let mut open: HashMap<&CallId, usize> = HashMap::new();
    for message in messages {
        if message.role != Role::Tool {
            open.clear();
            message.calls().for_each(|call| *open.entry(&call.call_id).or_default() += 1);
        }
        for (id, _) in results(message) {
            match open.get_mut(id) {
                Some(times) if *times > 0 => *times -= 1,
                _ => return Some(id),
            }
        }
    }
    None
}

/// Makes one answer of those that follow each other, as some callers keep each part of one apart: the results of all
/// its calls come after the last.
#[must_use]
pub(super) fn joined(messages: Vec<Message>) -> Vec<Message> {
    let mut all: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        match all.last_mut() {
            Some(last) if last.role == Role::Assistant && message.role == Role::Assistant => {
                last.content.extend(message.content);
            }
            _ => all.push(message),
        }
    }
    all
}

pub(super) fn results(message: &Message) -> impl Iterator<Item = (&CallId, &ToolOutcome)> {
    message.content.iter().filter_map(|part| match part {
        Content::ToolResult { call_id, outcome } => Some((call_id, outcome)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::laws::check_pairing;

    fn asks(ids: &[&str]) -> Message {
        let call = |id: &&str| {
            Content::ToolCall(ToolCall {
                call_id: (*id).into(),
                name: "look".to_owned(),
                arguments: json!({}),
                opaque: None,
            })
        };
        Message::new(Role::Assistant, ids.iter().map(call).collect())
    }

    fn result(id: &str) -> Message {
        Message::tool_result(id.into(), ToolOutcome::ok(id))
    }

    fn summary(keep: u32) -> Message {
        Message::new(Role::User, vec![Content::Summary { text: "before".to_owned(), keep }])
    }

    #[test]
    fn calls_that_the_death_of_the_process_left_open_are_closed() {
        let stored = vec![Message::user("go"), asks(&["a", "b", "c"]), result("b")];
        let missing: Vec<_> = interrupted_calls(&stored).into_iter().map(|call| call.call_id).collect();
        assert_eq!(missing, ["a", "c"].map(CallId::from), "only those without a result");
        let canceled = missing.into_iter().map(|id| Message::tool_result(id, ToolOutcome::Canceled));
        let context = paired(stored.into_iter().chain(canceled).collect());
        assert_eq!(check_pairing(&context), Ok(()));
        assert_eq!(context[3], result("b"), "in the order of the calls");
        assert_eq!(interrupted_calls(&context), []);
        assert_eq!(interrupted_calls(&[]), []);
    }

    #[test]
    fn damage_in_the_middle_is_mended_in_the_context() {
        let stored = vec![
            result("nobody asked"),
            asks(&["a", "b"]),
            Message::user("what now?"),
            result("a"),
            Message::new(Role::Assistant, vec![]),
            asks(&["c"]),
            result("c"),
            result("c"),
        ];
        assert_eq!(interrupted_calls(&stored), []);
        let context = paired(stored);
        assert_eq!(check_pairing(&context), Ok(()));
        assert_eq!(context.len(), 6);
    }

    #[test]
    fn a_result_without_a_call_is_found() {
        let stray = |messages: &[Message]| stray_result(messages).map(ToString::to_string);
        assert_eq!(stray(&[asks(&["a", "b"]), result("b"), result("a"), Message::user("go on")]), None);
        assert_eq!(stray(&[asks(&["a"]), Message::user("go on")]), None);
        assert_eq!(stray(&[asks(&["a"]), result("b")]).as_deref(), Some("b"));
        assert_eq!(stray(&[asks(&["a"]), result("a"), result("a")]).as_deref(), Some("a"));
        assert_eq!(stray(&[asks(&["a"]), Message::user("go on"), result("a")]).as_deref(), Some("a"));
    }

    #[test]
    fn the_parts_of_an_answer_become_one() {
        let apart = vec![Message::user("go"), asks(&["a"]), asks(&["b"]), result("a"), result("b")];
        assert_eq!(joined(apart), [Message::user("go"), asks(&["a", "b"]), result("a"), result("b")]);
    }

    #[test]
    fn a_summary_stands_for_all_but_what_it_keeps() {
        let say = |text: &str| Message::user(text);
        let stored = vec![say("1"), say("2"), say("3"), summary(1), say("4"), say("5")];
        assert_eq!(since_summary(&stored), [summary(1), say("3"), say("4"), say("5")]);
        let stored = [stored, vec![summary(3), say("6")]].concat();
        assert_eq!(since_summary(&stored), [summary(3), say("3"), say("4"), say("5"), say("6")]);
        assert_eq!(since_summary(&[say("1"), summary(9)]), [summary(9), say("1")]);
        assert_eq!(since_summary(&[say("1")]), [say("1")]);
    }

    #[test]
    fn a_session_says_how_it_broke_off() {
        let said = Message::user("Do it.");
        let half = Message { broken_off: true, ..Message::assistant("I shall") };
        let told = |more: &[Message]| broken_off(&[std::slice::from_ref(&said), more].concat()).unwrap_or_default();
        assert_eq!(broken_off(&[]), None);
        assert_eq!(told(&[Message::assistant("Done.")]), "");
        assert_eq!(told(&[half]), "the answer broke off here");
        assert_eq!(told(&[]), "there is no answer to this: the turn broke off, or goes on elsewhere");
        assert_eq!(told(&[asks(&["a"]), result("a")]), told(&[]));
        assert_eq!(
            told(&[asks(&["a", "b"]), result("a")]),
            "the turn broke off here, or goes on elsewhere: what its tools did is not known"
        );
        assert_eq!(told(&[Message::assistant("Done."), summary(0)]), "", "compacted");
        let call = ToolCall { call_id: "a".into(), name: FINAL_ANSWER.to_owned(), arguments: json!({}), opaque: None };
        let answer = Message::new(Role::Assistant, vec![Content::ToolCall(call)]);
        assert_eq!(told(&[answer, result("a")]), "", "given by a call");
    }
}
