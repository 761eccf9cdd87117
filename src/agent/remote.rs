//! An agent behind another agentscope server: our own API, from the caller's side.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Duration, Instant, sleep_until},
};
use tokio_util::task::TaskTracker;

use super::{AgentRequest, EventStream, Steer, TurnControl};
use crate::{
    config::Secret,
    domain::{
        AgentEvent, AgentPath, Content, EventKind, FailureCode, Message, SessionId, SessionKey, TurnId, TurnOutcome,
        Usage,
    },
    runtime::{
        http::{Http, HttpError},
        sse,
    },
    store::{Export, SessionInfo, SessionUsage},
};

/// How long a turn that was stopped may take to say so.
const STOPPING: Duration = Duration::from_secs(10);
/// How long a server may take to say what it serves.
const HELLO: Duration = Duration::from_secs(10);

/// An agent that a server serves. A clone is another handle to the same.
#[derive(Clone)]
pub struct RemoteAgent {
    client: reqwest::Client,
    /// Without a slash at its end.
    base: Arc<str>,
    token: Option<Secret>,
    /// Whose sessions, for a token that may act for any user.
    user: Option<String>,
    about: Arc<About>,
    turns: TaskTracker,
}

/// What the server says of an agent.
#[derive(Clone, Debug, Deserialize)]
pub struct About {
    pub name: String,
    #[serde(default)]
    pub welcome: Option<String>,
}

/// Why a server cannot be talked to.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("could not reach the server at `{url}`")]
    Unreachable { url: String, source: reqwest::Error },
    #[error("the server at `{url}` answered {status}: {message}")]
    Refused { url: String, status: u16, message: String },
    #[error("what answers at `{url}` is not an agentscope server")]
    Foreign { url: String },
    #[error("the server at `{url}` has no agent `{name}`")]
    Unknown { url: String, name: String },
}

impl RemoteError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => Some("check the address, and that `agentscope run` runs there"),
            Self::Refused { status: 401, .. } => Some("set AGENTSCOPE_TOKEN to one of the server's tokens"),
            Self::Refused { status: 403, .. } => Some("the token is another user's: leave `--user-id` out"),
            Self::Foreign { .. } => Some("give the address that `agentscope run` says it listens on"),
            Self::Unknown { .. } => Some("leave out `/agents/NAME` for the agent that the server has by default"),
            Self::Http(_) | Self::Refused { .. } => None,
        }
    }
}

impl RemoteAgent {
    /// Finds the agent at `url`: a server, for its own agent, or `…/agents/NAME`.
    ///
    /// # Errors
    /// A server that is not there, is not ours, wants another token, or has no such agent.
    pub async fn connect(
        url: &str,
        http: &Http,
        token: Option<Secret>,
        user: Option<String>,
    ) -> Result<Self, RemoteError> {
        let client = http.client(url)?;
        let url = url.trim_end_matches('/');
        let (base, wanted) = match url.rsplit_once("/agents/") {
            Some((base, name)) if !name.contains('/') => (base, Some(name)),
            _ => (url, None),
        };
        let mut this = Self {
            client,
            base: base.into(),
            token,
            user,
            about: Arc::new(About { name: String::new(), welcome: None }),
            turns: TaskTracker::new(),
        };
        let foreign = || RemoteError::Foreign { url: base.to_owned() };
        let answer = match this.send(this.client.get(this.at("/agents")).timeout(HELLO)).await {
            Err(RemoteError::Refused { status: 404, .. }) => return Err(foreign()),
            answer => answer?,
        };
        let agents: Vec<About> = answer.json().await.map_err(|_| foreign())?;
        let found = match wanted {
            Some(name) => agents.into_iter().find(|agent| agent.name == name),
            None => agents.into_iter().next(),
        };
        this.about = Arc::new(found.ok_or_else(|| RemoteError::Unknown {
            url: base.to_owned(),
            name: wanted.unwrap_or_default().to_owned(),
        })?);
        Ok(this)
    }

    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The session of the agent that was used last.
    ///
    /// # Errors
    /// A server that does not answer.
    pub async fn last_session(&self) -> Result<Option<SessionId>, RemoteError> {
        Ok(self.sessions().await?.into_iter().next().map(|info| info.id))
    }

    /// The sessions of the agent, last used first.
    ///
    /// # Errors
    /// A server that does not answer.
    pub async fn sessions(&self) -> Result<Vec<SessionInfo>, RemoteError> {
        let query = [("agent", self.about.name.as_str())];
        self.read(self.client.get(self.at("/sessions")).query(&query)).await
    }

    /// A whole session.
    ///
    /// # Errors
    /// A server that does not answer, or that has no such session.
    pub async fn export(&self, session: &SessionId) -> Result<Export, RemoteError> {
        self.read(self.client.get(self.of(session)?)).await
    }

    /// What a session used.
    ///
    /// # Errors
    /// As [`RemoteAgent::export`].
    pub async fn usage(&self, session: &SessionId) -> Result<SessionUsage, RemoteError> {
        let mut url = self.of(session)?;
        url.set_path(&format!("{}/usage", url.path()));
        self.read(self.client.get(url)).await
    }

    /// # Errors
    /// As [`RemoteAgent::export`].
    pub async fn rename(&self, session: &SessionId, title: &str) -> Result<(), RemoteError> {
        let request = self.client.patch(self.of(session)?).json(&json!({ "title": title }));
        self.send(self.for_user(request)).await.map(drop)
    }

    /// Deletes a session.
    ///
    /// # Errors
    /// As [`RemoteAgent::export`], or one that is in use.
    pub async fn remove(&self, session: &SessionId) -> Result<(), RemoteError> {
        self.send(self.for_user(self.client.delete(self.of(session)?))).await.map(drop)
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, RemoteError> {
        let answer = self.send(self.for_user(request)).await?;
        answer.json().await.map_err(|source| RemoteError::Unreachable { url: self.base.to_string(), source })
    }

    fn for_user(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.user {
            Some(user) => request.query(&[("user_id", user)]),
            None => request,
        }
    }

    /// The address of a session, whose id may be anything.
    fn of(&self, session: &SessionId) -> Result<url::Url, RemoteError> {
        let foreign = || RemoteError::Foreign { url: self.base.to_string() };
        let mut url = url::Url::parse(&self.base).map_err(|_| foreign())?;
        url.path_segments_mut().map_err(|()| foreign())?.pop_if_empty().extend(["sessions", session.as_str()]);
        Ok(url)
    }

    pub(super) fn run(&self, request: AgentRequest, control: TurnControl) -> EventStream {
        let (events, received) = mpsc::channel(64);
        let this = self.clone();
        let cancel = control.cancel.clone();
        self.turns.spawn(async move { this.turn(request, control, events).await });
        let guard = cancel.drop_guard();
        futures_util::stream::unfold((received, guard), |(mut received, guard)| async {
            received.recv().await.map(|event| (event, (received, guard)))
        })
        .boxed()
    }

    pub(super) async fn drained(&self) {
        self.turns.close();
        self.turns.wait().await;
    }

    async fn turn(&self, request: AgentRequest, control: TurnControl, events: mpsc::Sender<AgentEvent>) {
        let key = request.key.clone();
        let mut last = None;
        let Err(outcome) = self.stream(request, control, &events, &mut last).await else { return };
        // The laws of the stream hold also where the other end is gone.
        let (turn, seq) = match last {
            Some((turn, seq)) => (turn, seq + 1),
            None => (TurnId::new(), 0),
        };
        let agent = AgentPath::root(&self.about.name);
        let mut kinds = vec![EventKind::TurnFinished { outcome, usage: Usage::default() }];
        if seq == 0 {
            kinds.insert(0, EventKind::TurnStarted { model: String::new(), context_files: vec![] });
        }
        for (seq, kind) in (seq..).zip(kinds) {
            let event =
                AgentEvent { seq, session: key.session.clone(), turn: turn.clone(), agent: agent.clone(), kind };
            let _ = events.send(event).await;
        }
    }

    /// # Errors
    /// The end of a turn that does not end by itself.
    async fn stream(
        &self,
        request: AgentRequest,
        mut control: TurnControl,
        events: &mpsc::Sender<AgentEvent>,
        last: &mut Option<(TurnId, u64)>,
    ) -> Result<(), TurnOutcome> {
        let begin = self.begin(&request.key, &request.input, control.answers.is_some());
        let answer = tokio::select! {
            answer = begin => answer.map_err(|error| failed(&error))?,
            () = control.cancel.cancelled() => return Err(TurnOutcome::Canceled),
        };
        let mut stream = std::pin::pin!(decode(answer));
        let mut end = None;
        loop {
            tokio::select! {
                event = stream.next() => match event {
                    Some(Ok(event)) => {
                        *last = Some((event.turn.clone(), event.seq));
                        let over = event.agent.depth() == 0 && matches!(event.kind, EventKind::TurnFinished { .. });
                        let _ = events.send(event).await;
                        if over {
                            return Ok(());
                        }
                    }
                    Some(Err(())) | None => return Err(broken_off()),
                },
                Some(said) = next(&mut control.answers) => self.tell(last, "answer", &json!(said)).await,
                Some(message) = next_steer(&mut control.steer) => {
                    self.tell(last, "steer", &json!({ "input": message.content })).await;
                }
                // Another server knows no way to end a turn but this one.
                () = control.decline.cancelled(), if end.is_none() => {
                    end = Some(Instant::now() + STOPPING);
                    self.tell(last, "cancel", &Value::Null).await;
                }
                () = control.cancel.cancelled(), if end.is_none() => {
                    end = Some(Instant::now() + STOPPING);
                    self.tell(last, "cancel", &Value::Null).await;
                }
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => return Err(TurnOutcome::Canceled),
            }
        }
    }

    /// Where it is not `attended`, the server waits for no answers.
    async fn begin(
        &self,
        key: &SessionKey,
        input: &[Message],
        attended: bool,
    ) -> Result<reqwest::Response, RemoteError> {
        let content: Vec<&Content> = input.iter().flat_map(|message| &message.content).collect();
        let mut body = json!({ "input": content, "session_id": key.session, "attended": attended });
        if let (Some(user), Some(body)) = (&self.user, body.as_object_mut()) {
            body.insert("user_id".to_owned(), user.as_str().into());
        }
        let path = format!("/agents/{}/turns", self.about.name);
        self.send(self.client.post(self.at(&path)).json(&body)).await
    }

    /// Says something to a running turn. One that cannot be reached ends by itself.
    async fn tell(&self, turn: &Option<(TurnId, u64)>, what: &str, body: &Value) {
        if let Some((turn, _)) = turn {
            let path = format!("/turns/{turn}/{what}");
            let _ = self.send(self.client.post(self.at(&path)).json(body)).await;
        }
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Result<reqwest::Response, RemoteError> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let url = self.base.to_string();
        let answer = request
            .send()
            .await
            .map_err(|source| RemoteError::Unreachable { url: url.clone(), source: source.without_url() })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        let message = body["message"].as_str().unwrap_or("no reason given").to_owned();
        Err(RemoteError::Refused { url, status, message })
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// What comes next from one who may say something; never where there is nobody.
async fn next<T>(from: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    match from {
        Some(receiver) => match receiver.recv().await {
            None => {
                *from = None;
                std::future::pending().await
            }
            said => said,
        },
        None => std::future::pending().await,
    }
}

async fn next_steer(from: &mut Option<Steer>) -> Option<Message> {
    match from {
        Some(steer) => match steer.next().await {
            None => {
                *from = None;
                std::future::pending().await
            }
            said => said,
        },
        None => std::future::pending().await,
    }
}

/// The events of an answer; `Err` where it breaks off, or is not what was expected.
fn decode(answer: reqwest::Response) -> impl Stream<Item = Result<AgentEvent, ()>> + Send {
    struct Wrong;
    impl From<sse::TooLong> for Wrong {
        fn from(_: sse::TooLong) -> Self {
            Self
        }
    }
    async_stream::stream! {
        let mut decoder = sse::Decoder::default();
        let mut bytes = answer.bytes_stream();
        while let Some(chunk) = bytes.next().await {
            let Ok(chunk) = chunk else { yield Err(()); return };
            let mut events: Vec<AgentEvent> = vec![];
            let fed = decoder.feed(&chunk, |event| {
                events.push(serde_json::from_str(&event.data).map_err(|_| Wrong)?);
                Ok::<_, Wrong>(())
            });
            for event in events {
                yield Ok(event);
            }
            if fed.is_err() {
                yield Err(());
                return;
            }
        }
    }
}

fn failed(error: &RemoteError) -> TurnOutcome {
    let code =
        if matches!(error, RemoteError::Refused { status: 409, .. }) { FailureCode::Busy } else { FailureCode::Remote };
    TurnOutcome::Failed { code, message: super::failure::chain(error), hint: error.hint().map(str::to_owned) }
}

fn broken_off() -> TurnOutcome {
    TurnOutcome::Failed {
        code: FailureCode::Remote,
        message: "the connection to the server broke off".to_owned(),
        hint: Some("send the message again; the session has what was said before".to_owned()),
    }
}
