//! A request of `/process`, checked: everything that is wrong with it is said before an answer begins.

use super::{
    convert::{Approval, Said},
    request::{InFunction, InTool, ProcessRequest},
};
use crate::{
    agent::{AgentRequest, Brought},
    domain::{Content, Effect, Message, Role, SessionId, SessionKey, ToolSpec},
    model::{Sampling, ToolChoice},
    server::{ApiError, Caller, Target, protocol::openai::Stops},
};

/// What a request asks for.
pub(super) struct Prepared {
    /// The id of the response.
    pub id: Option<String>,
    pub request: AgentRequest,
    /// What the caller says was said before, for a session that has nothing of its own yet.
    pub before: Option<Vec<Message>>,
    pub answers: Vec<Approval>,
}

impl Prepared {
    /// # Errors
    /// 400 for what cannot be honoured, 403 for another user.
    pub(super) fn new(caller: &Caller, target: &Target, body: ProcessRequest) -> Result<Self, ApiError> {
        refuse(target, &body)?;
        let sampling = sampling(&body)?;
        let id = given(body.id).map(|id| parse("id", &id)).transpose()?.map(|id| id.to_string());
        let session = given(body.session_id).map(|id| parse("session_id", &id)).transpose()?;
        let named = session.is_some();
        let key = SessionKey { user: caller.user(body.user_id.as_deref())?, session: session.unwrap_or_default() };
        let Said { messages, instructions, answers } = Said::read(body.input)?;
        let (before, input) = divide(messages, named);
        if input.is_empty() && answers.is_empty() {
            return Err(ApiError::invalid("`input` has nothing to answer: it is empty, or ends with an answer"));
        }
        let tools = body.tools.unwrap_or_default().into_iter().map(tool).collect::<Result<Vec<_>, _>>()?;
        // Without a session the caller keeps the conversation.
        let (history, before) = if named { (None, before) } else { (before, None) };
        let brought = Brought {
            history,
            instructions: (!instructions.is_empty()).then(|| instructions.join("\n\n")),
            tools,
            tool_choice: ToolChoice::Auto,
            output_schema: None,
            sampling,
        };
        Ok(Self { id, request: AgentRequest { key, input, brought }, before, answers })
    }

    /// The names of the tools that the caller runs.
    pub(super) fn theirs(&self) -> Vec<String> {
        self.request.brought.tools.iter().map(|tool| tool.name.clone()).collect()
    }
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn parse(field: &str, id: &str) -> Result<SessionId, ApiError> {
    SessionId::parse(id).map_err(|error| ApiError::invalid(format!("`{field}`: {error}")))
}

/// What there is no way to honour.
fn refuse(target: &Target, body: &ProcessRequest) -> Result<(), ApiError> {
    if body.n.is_some_and(|n| n != 1) {
        return Err(ApiError::invalid("`n` is more than the one answer that there is"));
    }
    if body.seed.is_some() {
        return Err(ApiError::invalid("`seed` is nothing that the models here are given; leave it out"));
    }
    for (field, value) in [("frequency_penalty", body.frequency_penalty), ("presence_penalty", body.presence_penalty)] {
        if value.is_some_and(|value| value != 0.0) {
            return Err(ApiError::invalid(format!(
                "`{field}` is nothing that the models here are given; leave it out"
            )));
        }
    }
    let Some(model) = body.model.as_deref().filter(|model| !model.is_empty()) else { return Ok(()) };
    let known = target.agent.model_name();
    let short = known.split_once('/').map_or(known.as_str(), |(_, name)| name);
    if [known.as_str(), short, &target.name].contains(&model) {
        return Ok(());
    }
    Err(ApiError::invalid(format!("`model` is `{model}`, and this agent answers with `{known}`; leave it out")))
}

fn sampling(body: &ProcessRequest) -> Result<Sampling, ApiError> {
    let within = |field: &str, value: Option<f64>, most: f64| match value {
        Some(value) if !(0.0..=most).contains(&value) => {
            Err(ApiError::invalid(format!("`{field}` is {value}, which is not from 0 to {most}")))
        }
        value => Ok(value),
    };
    if body.max_tokens == Some(0) {
        return Err(ApiError::invalid("`max_tokens` is 0, which leaves no room for an answer"));
    }
    let stop = body.stop.clone().map(Stops::into_vec).unwrap_or_default();
    if stop.iter().any(String::is_empty) {
        return Err(ApiError::invalid("`stop` has an empty text, before which every answer would end"));
    }
    Ok(Sampling {
        temperature: within("temperature", body.temperature, 2.0)?,
        top_p: within("top_p", body.top_p, 1.0)?,
        max_output_tokens: body.max_tokens,
        stop,
    })
}

fn tool(tool: InTool) -> Result<ToolSpec, ApiError> {
    let InFunction { name, description, parameters } = match tool {
        InTool::Wrapped { kind, .. } if kind.as_deref().is_some_and(|kind| kind != "function") => {
            return Err(ApiError::invalid("`tools` has one that is no function, which callers cannot bring"));
        }
        InTool::Wrapped { function, .. } | InTool::Bare(function) => function,
    };
    Ok(ToolSpec {
        name,
        description: description.unwrap_or_default(),
        parameters: parameters.unwrap_or_else(|| serde_json::json!({ "type": "object", "properties": {} })),
        effect: Effect::Writes,
        rule_name: None,
    })
}

/// What was said before the agent's last answer, that answer included, if there is one; and what is new. Where the
/// session is `named`, calls that stand first are only named again for their results: the session has them.
fn divide(mut messages: Vec<Message>, named: bool) -> (Option<Vec<Message>>, Vec<Message>) {
    let last = messages.iter().rposition(|message| message.role == Role::Assistant);
    let new = messages.split_off(last.map_or(0, |last| last + 1));
    let echo = named
        && messages.len() == 1
        && messages.iter().all(|m| m.content.iter().all(|part| matches!(part, Content::ToolCall(_))))
        && new.first().is_some_and(|message| message.role == Role::Tool);
    let before = Some(messages).filter(|messages| !messages.is_empty() && !echo);
    (before, new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CallId, ToolCall, ToolOutcome};

    #[test]
    fn what_is_new_comes_after_the_last_answer() {
        let call =
            ToolCall { call_id: CallId::from("a"), name: "t".into(), arguments: serde_json::json!({}), opaque: None };
        let calls = Message::new(Role::Assistant, vec![Content::ToolCall(call)]);
        let result = Message::tool_result(CallId::from("a"), ToolOutcome::ok("1"));
        let (hi, yes, go) = (Message::user("hi"), Message::assistant("yes"), Message::user("go"));
        assert_eq!(divide(vec![hi.clone(), go.clone()], true), (None, vec![hi.clone(), go.clone()]));
        let all = vec![hi.clone(), yes.clone(), go.clone()];
        assert_eq!(divide(all, true), (Some(vec![hi.clone(), yes]), vec![go]));
        let echo = vec![calls.clone(), result.clone()];
        assert_eq!(divide(echo.clone(), true), (None, vec![result.clone()]));
        assert_eq!(divide(echo, false), (Some(vec![calls]), vec![result]));
    }
}
