//! A handler that answers in the agent's place, written in Rust by whoever embeds it. It is called within the turn, so
//! that sessions, limits, cancellation and the laws of events hold for it as they do for the loop.

use std::{error::Error, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    AgentRequest, Brought, EventStream, LocalAgent, TurnControl,
    driver::{Broken, Driver, Flow, Task},
    turn::Step,
};
use crate::{
    domain::{AgentEvent, EventKind, FailureCode, Message, Role, SessionId, SessionKey, TurnOutcome},
    model::{ModelDelta, StopReason},
};

/// An error of the code of whoever embeds the agent.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// See [`LocalAgent::answered_by`].
pub type QueryHandler = Arc<dyn Fn(Query) -> BoxFuture<'static, Result<Reply, BoxError>> + Send + Sync>;

/// What a handler is asked: a request, whatever protocol it came by.
pub struct Query {
    /// Whose request it is. For a caller that keeps the conversation itself the session is a new one each time.
    pub session: SessionKey,
    /// What the user says now. May be changed before it is [passed](Self::pass) on. Empty where the caller brings nothing
    /// but the results of its tools.
    pub messages: Vec<Message>,
    /// The conversation before that.
    pub history: Vec<Message>,
    /// What the session keeps besides its messages; a JSON object.
    pub state: Value,
    cancel: CancellationToken,
    agent: LocalAgent,
}

impl Query {
    /// The name of the agent that is asked.
    #[must_use]
    pub fn agent(&self) -> &str {
        self.agent.name()
    }

    /// The text of what the user says now.
    #[must_use]
    pub fn text(&self) -> String {
        self.messages.iter().map(Message::text).collect::<Vec<_>>().join("\n")
    }

    /// Puts `text` in the place of what the user says.
    pub fn say(&mut self, text: impl Into<String>) {
        self.messages = vec![Message::user(text)];
    }

    /// Has the agent answer, to the messages as they are now: with its tools, its questions to the user, everything.
    #[must_use]
    pub fn pass(self) -> Reply {
        Reply(Kind::Pass(self.messages))
    }

    /// Asks the agent aside: it knows the history, works with its tools and can ask nobody, and the session keeps nothing
    /// of it. [`text_of`] makes a text of its events. Dropping the stream ends it.
    #[must_use = "dropping the stream cancels the turn"]
    pub fn ask(&self, messages: Vec<Message>) -> EventStream {
        let key = SessionKey { user: self.session.user.clone(), session: SessionId::new() };
        let brought = Brought { history: Some(self.history.clone()), ..Brought::default() };
        let request = AgentRequest { key, input: messages, brought };
        self.agent.run(request, TurnControl::unattended(self.cancel.child_token()))
    }
}

/// What a handler answers.
pub struct Reply(Kind);

enum Kind {
    Pass(Vec<Message>),
    Parts(BoxStream<'static, Result<Part, BoxError>>),
}

/// A piece of an answer, shown as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// Shown as the thoughts of a model are.
    Reasoning(String),
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Reply {
    /// A text that is there.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::stream(stream::iter([Ok::<_, BoxError>(text)]))
    }

    /// Pieces as they come: a `String` is one of text. An error fails the turn.
    #[must_use]
    pub fn stream<P, E>(parts: impl Stream<Item = Result<P, E>> + Send + 'static) -> Self
    where
        P: Into<Part>,
        E: Into<BoxError>,
    {
        Self(Kind::Parts(parts.map(|part| part.map(Into::into).map_err(Into::into)).boxed()))
    }
}

/// Why there is no text.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unanswered {
    /// `None` where the turn was canceled, or ended in calls of tools that the caller is to run.
    pub code: Option<FailureCode>,
    pub message: String,
}

/// Sees a turn to its end: the last thing that the agent said.
///
/// # Errors
/// Why the turn did not end with an answer.
pub async fn text_of(mut events: impl Stream<Item = AgentEvent> + Unpin) -> Result<String, Unanswered> {
    let mut text = String::new();
    let unanswered = |code, message: &str| Err(Unanswered { code, message: message.to_owned() });
    while let Some(event) = events.next().await {
        match event.kind {
            _ if event.agent.depth() > 0 => {}
            EventKind::MessageCompleted { message, .. } => text = message.text(),
            EventKind::TurnFinished { outcome, .. } => {
                return match outcome {
                    TurnOutcome::Completed { output: Some(output) } => Ok(output.to_string()),
                    TurnOutcome::Completed { output: None } => Ok(text),
                    TurnOutcome::Canceled => unanswered(None, "the turn was canceled"),
                    TurnOutcome::ToolCalls { .. } => unanswered(None, "the agent waits for tools of its caller"),
                    TurnOutcome::Failed { code, message, .. } => unanswered(Some(code), &message),
                };
            }
            _ => {}
        }
    }
    unanswered(None, "the turn ended without a word")
}

/// A turn that a handler answers.
pub(super) struct Queried {
    handler: QueryHandler,
    agent: LocalAgent,
    /// Of tools that the caller ran.
    results: Vec<Message>,
    messages: Vec<Message>,
}

impl LocalAgent {
    /// The same agent, whose turns `handler` answers from now on, in place of the loop. Not those of agents that it
    /// calls.
    #[must_use]
    pub fn answered_by(self, handler: QueryHandler) -> Self {
        self.with_query(Some(handler))
    }

    /// Takes what is new out of `context`, where it stands in there, and has the handler answer it, if there is one.
    pub(super) fn queried(&self, context: &mut Vec<Message>, task: Task, session: bool) -> Task {
        let (Some(handler), Task::Answer(input)) = (self.query(), &task) else { return task };
        let (results, mut messages): (Vec<_>, Vec<_>) =
            input.iter().cloned().partition(|message| message.role == Role::Tool);
        if !session {
            // A caller that keeps the conversation has put it at the end.
            let known = context.iter().rposition(|message| message.role != Role::User).map_or(0, |at| at + 1);
            messages = context.split_off(known);
        }
        let agent = self.clone().with_query(None);
        Task::Query(Box::new(Queried { handler: Arc::clone(handler), agent, results, messages }))
    }
}

impl Driver {
    /// Does what the handler says.
    pub(super) async fn query(&mut self, queried: Queried) -> Flow<TurnOutcome> {
        let Queried { handler, agent, results, messages } = queried;
        let query = Query {
            session: self.scene.run.key.clone(),
            messages: messages.clone(),
            history: self.turn.context().to_vec(),
            state: self.scene.journal.state(),
            cancel: self.scene.cancel.clone(),
            agent,
        };
        let answering = AssertUnwindSafe(async move { handler(query).await }).catch_unwind();
        let input = |messages| results.into_iter().chain(messages).collect();
        let parts = match self.until_canceled(answering).await {
            Ok(Ok(Ok(Reply(Kind::Pass(messages))))) => return self.steps(input(messages)).await,
            Ok(Ok(Ok(Reply(Kind::Parts(parts))))) => Ok(parts),
            Ok(Ok(Err(error))) => Err(failed(&error)),
            Ok(Err(_)) => Err(crashed()),
            Err(ended) => Err(ended),
        };
        self.open(input(messages)).await?;
        self.save().await?;
        self.say(parts?).await
    }

    async fn say(&mut self, parts: BoxStream<'static, Result<Part, BoxError>>) -> Flow<TurnOutcome> {
        let stop = ModelDelta::Stop { reason: StopReason::End, raw: "stop".to_owned() };
        let deltas = parts
            .map(|part| match part {
                Ok(Part::Text(text)) => Ok(ModelDelta::Text(text)),
                Ok(Part::Reasoning(text)) => Ok(ModelDelta::Reasoning { text, opaque: None }),
                Err(error) => Err(Broken::Ended(failed(&error))),
            })
            .chain(stream::iter([Ok(stop)]));
        if let Step::Finish(outcome) = self.turn.step() {
            return Err(outcome);
        }
        self.listen(deltas).await?;
        let events = self.turn.on_model_done();
        self.save().await?;
        for kind in events {
            self.scene.emit(kind).await;
        }
        // There is nobody to ask for another answer.
        self.corrected = true;
        Ok(self.complete().await?.unwrap_or(TurnOutcome::Completed { output: None }))
    }
}

fn failed(error: &BoxError) -> TurnOutcome {
    super::failure::failed(FailureCode::Internal, &**error)
}

fn crashed() -> TurnOutcome {
    TurnOutcome::Failed {
        code: FailureCode::Internal,
        message: "the handler of queries crashed".to_owned(),
        hint: Some("this is a bug in it, and not in the agent".to_owned()),
    }
}
