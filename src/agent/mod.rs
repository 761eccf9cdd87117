//! Agents: the loop between a model and its tools, and everything a turn needs.
//!
//! [`Agent::run`] is the only door to a turn. Knows no terminal and no HTTP server; what happens leaves it as a
//! stream of [`AgentEvent`].

mod answer;
pub mod approval;
pub mod attach;
mod budget;
mod caller;
mod calls;
mod check;
mod chosen;
mod compact;
mod context;
mod draft;
mod driver;
mod failure;
mod history;
mod hooks;
mod inbox;
mod journal;
pub mod laws;
mod local;
mod look;
mod named;
mod needs;
mod origin;
mod output;
mod permit;
mod query;
mod remote;
mod request;
mod run;
mod shrink;
mod steering;
mod team;
#[cfg(test)]
mod tests;
pub mod turn;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use futures_util::stream::BoxStream;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use approval::{ApproveMode, PolicyError, Surface};
pub use check::Check;
pub use chosen::ModelOption;
pub use context::{CONTEXT_FILE, context_files};
pub use draft::{Compaction, DraftError};
pub(crate) use failure::chain;
pub use history::broken_off;
pub use hooks::HookRuleError;
pub use local::LocalAgent;
pub use look::{ContextPart, ContextUse, Permitted, ServerLine, TalkError, ToolLine};
pub use needs::{require, require_all};
pub use output::{FINAL_ANSWER, SchemaError};
pub use query::{BoxError, Part, Query, QueryHandler, Reply, Unanswered, text_of};
pub use remote::{RemoteAgent, RemoteError};
pub use steering::{Steer, Steering};
pub use team::handoff_tool;

use crate::{
    config::{
        Env, Keys, KeysError, Paths, Rule,
        agent_file::{Diagnostics, Loaded, ModelSpec},
    },
    domain::{AgentEvent, Answer, Content, Message, Role, SessionKey, ToolSpec},
    model::{self, Model, Sampling, ToolChoice},
    runtime::http::Http,
    store::{Notes, OpenedSession, Store},
    tool::{Tool, ToolboxError, boxed::Boxes},
};

/// The member of a session's state that says which agent of the team the user talks to, once one handed over.
const ACTIVE_AGENT: &str = "active_agent";

/// Ends after the root agent's `TurnFinished`. Dropping it cancels the turn, which is still saved.
pub type EventStream = BoxStream<'static, AgentEvent>;

/// Something that answers.
#[derive(Clone)]
pub enum Agent {
    /// Runs in this process.
    Local(LocalAgent),
    /// Runs behind a server's API.
    Remote(RemoteAgent),
}

impl Agent {
    /// Opens the agent of a file: its model and its tools. Reads what the file names, calls nobody, starts nothing.
    ///
    /// # Errors
    /// What is missing: a model, a key, a file, a tool that this version does not have.
    pub fn open(loaded: &Arc<Loaded>, deps: AgentDeps) -> Result<Self, OpenError> {
        LocalAgent::open(loaded, deps).map(Self::Local)
    }

    /// Begins what takes time, such as the start of tool servers, in the background. To be called within the runtime,
    /// as early as a first message is to be expected.
    pub fn start(&self) {
        match self {
            Self::Local(agent) => agent.start(),
            Self::Remote(_) => {}
        }
    }

    /// Starts a turn. It runs on without being looked at until its events fill a small buffer.
    #[must_use = "dropping the stream cancels the turn"]
    pub fn run(&self, request: AgentRequest, control: TurnControl) -> EventStream {
        match self {
            Self::Local(agent) => agent.run(request, control),
            Self::Remote(agent) => agent.run(request, control),
        }
    }

    /// What becomes of calls that have to be asked about, from the next one on. A server decides that by itself.
    pub fn set_mode(&self, mode: ApproveMode) {
        match self {
            Self::Local(agent) => agent.team().mode().set(mode),
            Self::Remote(_) => {}
        }
    }

    /// The model that answers, as `PROVIDER/MODEL`, and how many tokens fit into its context; what is not known before
    /// it answered is `None`.
    #[must_use]
    pub fn model(&self) -> (Option<String>, Option<u64>) {
        match self {
            Self::Local(agent) => (Some(agent.model_name()), agent.context_window()),
            Self::Remote(_) => (None, None),
        }
    }

    /// Waits until every turn has ended and was saved, then ends the tool servers. No turn can be started afterwards.
    pub async fn drained(&self) {
        match self {
            Self::Local(agent) => agent.drained().await,
            Self::Remote(agent) => agent.drained().await,
        }
    }
}

/// What an agent is opened with.
pub struct AgentDeps {
    pub env: Env,
    pub paths: Paths,
    pub http: Arc<Http>,
    pub keys: Keys,
    pub store: Arc<dyn Store>,
    pub notes: Arc<dyn Notes>,
    pub models: ModelOpener,
    /// Where the tools run that run in the sandbox; those of agents of other files, too.
    pub boxes: Arc<Boxes>,
    pub kept: KeptRules,
    /// Given to every agent besides the tools of its file.
    pub tools: Vec<Arc<dyn Tool>>,
    pub options: AgentOptions,
}

/// [`model::open`] with its HTTP client, or what a test has in its place.
pub type ModelOpener =
    Arc<dyn Fn(&str, &BTreeMap<String, ModelSpec>, &Keys) -> Result<Arc<dyn Model>, model::OpenError> + Send + Sync>;

/// Opens real models.
#[must_use]
pub fn models(http: Arc<Http>) -> ModelOpener {
    Arc::new(move |reference, models, keys| model::open(reference, models, keys, &http))
}

/// What the user allowed for good.
#[derive(Clone, Default)]
pub struct KeptRules {
    pub rules: Vec<Rule>,
    /// Writes more of them into the user's settings; the error is why it could not. `None` where there is no user.
    pub keep: Option<KeepRules>,
}

/// See [`KeptRules::keep`].
pub type KeepRules = Arc<dyn Fn(&[Rule]) -> Result<(), String> + Send + Sync>;

/// How a surface wants its agent.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// In place of the model that the file gives its own agent.
    pub model: Option<String>,
    /// Where the file names none.
    pub default_model: Option<String>,
    /// Where context files are looked for, from here upwards.
    pub workspace: PathBuf,
    /// Whether `AGENTS.md` is read where the file does not say.
    pub context_files: bool,
    /// `--approve`.
    pub approve: ApproveMode,
    pub surface: Surface,
    /// The clock.
    pub now: fn() -> jiff::Zoned,
}

/// Why an agent cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no agent `{name}` in the file")]
    Unknown { name: String },
    #[error("the agent `{agent}` names no model")]
    NoModel { agent: String },
    #[error("could not read `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The file lacks what the agent needs, or a file that it refers to has errors.
    #[error("{0}")]
    File(#[from] Diagnostics),
    #[error(transparent)]
    Model(#[from] model::OpenError),
    #[error(transparent)]
    Toolbox(#[from] ToolboxError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Hooks(#[from] HookRuleError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// What the user, or a caller of the server, wants of an agent.
#[derive(Clone, Debug)]
pub struct AgentRequest {
    pub key: SessionKey,
    /// What is new, in order: messages of the user, and results of the tools that the caller runs. Empty only where the
    /// history that was brought ends with something to answer.
    pub input: Vec<Message>,
    pub brought: Brought,
}

impl AgentRequest {
    /// One message of the user, text and images, in a session.
    #[must_use]
    pub fn message(key: SessionKey, content: Vec<Content>) -> Self {
        Self { key, input: vec![Message::new(Role::User, content)], brought: Brought::default() }
    }
}

/// What callers of a server bring along besides what they say. Nothing in a chat.
#[derive(Clone, Debug, Default)]
pub struct Brought {
    /// The conversation so far, of a caller that keeps it: no session is then read, held or written. The request's key
    /// should name a session that nobody else uses: what tools bind to it, such as a sandbox, goes when the turn ends.
    pub history: Option<Vec<Message>>,
    /// System messages, which follow the agent's own instructions.
    pub instructions: Option<String>,
    /// Tools that the caller runs: a call of one ends the turn as [`TurnOutcome::ToolCalls`].
    ///
    /// [`TurnOutcome::ToolCalls`]: crate::domain::TurnOutcome::ToolCalls
    pub tools: Vec<ToolSpec>,
    pub tool_choice: ToolChoice,
    /// JSON Schema of the final answer, in place of the agent file's.
    pub output_schema: Option<Value>,
    /// In place of what the agent file sets for the model.
    pub sampling: Sampling,
}

/// The caller's hold on a running turn.
pub struct TurnControl {
    pub cancel: CancellationToken,
    /// Fired where the user goes on to something else: the answer to all that is asked is no, and once the calls of the
    /// last message have ended the turn ends as canceled, before another request to the model.
    pub decline: CancellationToken,
    /// Answers to approvals and questions; `None` where nobody can be asked, and policy decides.
    pub answers: Option<mpsc::Receiver<Answer>>,
    /// Messages that join the turn before the next request to the model.
    pub steer: Option<Steer>,
    /// The session, where the caller took it with [`LocalAgent::hold`]; the turn takes it itself otherwise.
    pub session: Option<OpenedSession>,
}

impl TurnControl {
    /// Nobody to ask.
    #[must_use]
    pub fn unattended(cancel: CancellationToken) -> Self {
        Self { cancel, decline: CancellationToken::new(), answers: None, steer: None, session: None }
    }
}
