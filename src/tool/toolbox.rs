//! The tools of one agent: those of its file, those its servers offer, and those the loop adds.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use serde::Serialize;
use serde_json::Value;

use super::{
    AllowError, Arguments, Tool, ToolCx, ToolError, ToolResult,
    a2a::{A2aTool, A2aToolError},
    ask_user::AskUser,
    boxed::{self, Boxes},
    cap,
    command::{CommandTool, CommandToolError},
    fetch::Fetch,
    http::{HttpTool, HttpToolError},
    mcp::{Failure, Offer, Server},
    memory::Memory,
    names,
    openapi::{self, OpenapiError},
    skills::{self, SkillError, SkillTool},
    todo::Todo,
};
use crate::{
    config::{
        Env, Paths,
        agent_file::{AgentSpec, McpRef, McpServer, ToolEntry},
    },
    domain::{Notice, ToolSpec},
    runtime::http::Http,
    store::Notes,
};

/// What tools are made with.
#[derive(Clone)]
pub struct ToolDeps {
    pub env: Env,
    pub paths: Paths,
    pub http: Arc<Http>,
    pub notes: Arc<dyn Notes>,
    /// The folder of the agent file; relative paths start here.
    pub folder: PathBuf,
    /// Where the tools run that run in the sandbox.
    pub boxes: Arc<Boxes>,
    /// The name of the agent, which keeps its memory apart.
    pub agent: String,
    /// Servers that `mcp: NAME` may mean besides the agent's own: those of the agent that the file is about.
    pub servers: BTreeMap<String, McpServer>,
}

/// Why an agent's tools cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ToolboxError {
    #[error("this version has no `browser` tool yet; take it out of `tools`")]
    NeedsBrowser,
    #[error("the MCP server `{server}` cannot run in the sandbox in this version; take `sandbox` out of it")]
    NeedsBoxedMcp { server: String },
    #[error("`tools` names the MCP server `{server}`, which is not under `mcp`")]
    UnknownServer { server: String },
    #[error("`tools` holds an MCP server without a name; give it a `name`")]
    UnnamedServer,
    #[error(transparent)]
    Fetch(#[from] AllowError),
    #[error(transparent)]
    Command(#[from] CommandToolError),
    #[error(transparent)]
    Http(#[from] HttpToolError),
    #[error(transparent)]
    A2a(#[from] A2aToolError),
    #[error(transparent)]
    Skill(#[from] SkillError),
    #[error(transparent)]
    Openapi(#[from] OpenapiError),
    #[error("the MCP server `{server}` is required and does not answer: {failure}")]
    Required { server: String, failure: Failure },
}

/// Where a tool comes from, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    BuiltIn,
    /// As [`BuiltIn`](Self::BuiltIn), in the sandbox.
    Boxed,
    /// A program described in the agent file, in the sandbox.
    Command,
    /// A request described in the agent file.
    Http,
    /// An agent elsewhere.
    A2a,
    /// The folders under `skills`.
    Skills,
    /// The MCP server of this name.
    Mcp {
        server: String,
        runs: Runs,
    },
    /// The OpenAPI document of this name or host.
    Openapi(String),
    /// Added by the loop: another agent of the team.
    Agent,
}

/// Where a tool runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Runs {
    /// In our process, or in a program that we started, with the user's own rights.
    Host,
    /// In the sandbox.
    Sandbox,
    /// On a server elsewhere.
    Remote,
}

impl Origin {
    #[must_use]
    pub fn runs(&self) -> Runs {
        match self {
            Self::BuiltIn | Self::Http | Self::A2a | Self::Skills | Self::Openapi(_) | Self::Agent => Runs::Host,
            Self::Boxed | Self::Command => Runs::Sandbox,
            Self::Mcp { runs, .. } => *runs,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn | Self::Boxed => f.write_str("built in"),
            Self::Command => f.write_str("command"),
            Self::Http => f.write_str("http"),
            Self::A2a => f.write_str("a2a"),
            Self::Skills => f.write_str("skills"),
            Self::Mcp { server, .. } => write!(f, "mcp {server}"),
            Self::Openapi(document) => write!(f, "openapi {document}"),
            Self::Agent => f.write_str("agent"),
        }
    }
}

/// The tools of one agent. Dropping it ends the servers that it started.
pub struct Toolbox {
    sources: Vec<Source>,
    known: Mutex<Option<Known>>,
    /// By server.
    told: Mutex<HashMap<String, Told>>,
}

/// What the user was told of a server.
#[derive(Default)]
struct Told {
    failures: u64,
    unknown: Vec<String>,
}

/// Tools that come together.
type Part = Arc<[Arc<dyn Tool>]>;

enum Source {
    Fixed { origin: Origin, tools: Part },
    Mcp(Server),
    Openapi(Box<openapi::Source>),
}

/// The last listing, and what it was made of.
struct Known {
    parts: Vec<Part>,
    tools: Arc<[Listed]>,
}

/// The tools as they are now.
#[derive(Clone)]
pub struct Listing {
    /// In the order of the agent file.
    pub tools: Arc<[Listed]>,
    /// What failed since the last listing.
    pub notices: Vec<Notice>,
    /// Servers whose tools are missing, for the model to know.
    pub unavailable: Vec<Unavailable>,
}

/// A server that is listed in the file and does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    pub server: String,
    pub reason: String,
}

impl Listing {
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Listed> {
        self.tools.iter().find(|tool| tool.spec().name == name)
    }

    /// What a model is sent.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools.iter().map(|tool| tool.spec().clone()).collect()
    }

    /// What to tell a model that called a tool which is not there.
    #[must_use]
    pub fn unknown(&self, name: &str) -> String {
        let names: Vec<&str> = self.tools.iter().map(|tool| tool.spec().name.as_str()).collect();
        let near = names
            .iter()
            .map(|known| (strsim::damerau_levenshtein(known, name), *known))
            .filter(|(distance, known)| *distance <= known.len().max(3) / 3)
            .min();
        let name = cap::short(name, 64);
        match (near, names.is_empty()) {
            (_, true) => format!("there is no tool `{name}`; no tools are available"),
            (Some((_, near)), false) => format!("there is no tool `{name}`; did you mean `{near}`?"),
            (None, false) => format!("there is no tool `{name}`; the tools are {}", names.join(", ")),
        }
    }
}

/// A tool under the name that the model knows it by.
#[derive(Clone)]
pub struct Listed {
    tool: Arc<dyn Tool>,
    origin: Origin,
    spec: ToolSpec,
    arguments: Arc<OnceLock<Arguments>>,
}

impl Listed {
    #[must_use]
    pub fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether this call changes anything.
    #[must_use]
    pub fn writes(&self, arguments: &Value) -> bool {
        self.tool.writes(arguments)
    }

    /// The arguments as the tool wants them; to be done before anybody is asked about the call.
    ///
    /// # Errors
    /// [`ToolError::Arguments`].
    pub fn check(&self, arguments: Value) -> Result<Value, ToolError> {
        self.arguments.get_or_init(|| Arguments::new(&self.spec.parameters)).check(arguments)
    }

    /// Runs the call with checked arguments, within its time, until it is canceled, and caps the result.
    ///
    /// # Errors
    /// As the tool says; [`ToolError::Timeout`]; [`ToolError::Canceled`].
    pub async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let limit = self.tool.timeout();
        let timeout = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let mut result = tokio::select! {
            result = self.tool.call(arguments, cx) => result?,
            () = cx.cancel.cancelled() => return Err(ToolError::Canceled),
            () = timeout => return Err(ToolError::Timeout(limit.unwrap_or_default())),
        };
        result.content = cap::result(result.content);
        Ok(result)
    }
}

impl Toolbox {
    /// Whether there is nothing that a tool could come from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Makes the tools that `spec` lists. Starts nothing, and reads nothing but the front matter of skills.
    ///
    /// # Errors
    /// A tool that this version does not have.
    pub fn open(spec: &AgentSpec, deps: &ToolDeps) -> Result<Self, ToolboxError> {
        let mut sources = spec
            .tools
            .iter()
            .filter_map(|entry| source(entry, spec, deps).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        if !spec.skills.is_empty() {
            let tool: Arc<dyn Tool> = Arc::new(SkillTool::new(skills::load(&spec.skills, &deps.folder)?));
            sources.push(Source::Fixed { origin: Origin::Skills, tools: Arc::new([tool]) });
        }
        Ok(Self { sources, known: Mutex::default(), told: Mutex::default() })
    }

    /// Adds a tool that is not of the file, such as another agent.
    #[must_use]
    pub fn with(mut self, tool: Arc<dyn Tool>) -> Self {
        self.sources.push(Source::Fixed { origin: Origin::Agent, tools: Arc::new([tool]) });
        self
    }

    /// Begins to connect to the servers, all at once and in the background. [`Toolbox::list`] does it too; to be called
    /// as early as possible, within the runtime.
    pub fn start(&self) {
        self.servers().for_each(Server::start);
    }

    /// The MCP servers, in the order of the file.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.sources.iter().filter_map(|source| match source {
            Source::Mcp(server) => Some(server),
            Source::Fixed { .. } | Source::Openapi(_) => None,
        })
    }

    /// The MCP server that has the tool which was last listed under this name, if one has.
    #[must_use]
    pub fn server_of(&self, name: &str) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let tool = known.as_ref()?.tools.iter().find(|tool| tool.spec.name == name)?;
        match &tool.origin {
            Origin::Mcp { server, .. } => Some(server.clone()),
            _ => None,
        }
    }

    /// The tools as they are now. Waits for servers that are still starting, for as long as each may take; costs
    /// nothing when nothing changed. Can be dropped at any point.
    ///
    /// # Errors
    /// A server that the file calls `required` and that does not answer.
    pub async fn list(&self) -> Result<Listing, ToolboxError> {
        self.start();
        let mut parts: Vec<Part> = Vec::with_capacity(self.sources.len());
        let mut notices = vec![];
        let mut unavailable = vec![];
        for source in &self.sources {
            match source {
                Source::Fixed { tools, .. } => parts.push(Arc::clone(tools)),
                Source::Mcp(server) => {
                    let offer = server.offer().await;
                    self.tell(server, &offer, &mut notices);
                    if let (Some((_, failure)), true) = (&offer.failure, offer.tools.is_empty()) {
                        let name = server.name().to_owned();
                        if server.config().required {
                            return Err(ToolboxError::Required { server: name, failure: failure.clone() });
                        }
                        unavailable.push(Unavailable { server: name, reason: failure.reason.clone() });
                    }
                    parts.push(offer.tools);
                }
                Source::Openapi(document) => match document.tools().await {
                    Ok(tools) => parts.push(tools),
                    Err(error) if error.is_passing() => {
                        let (server, reason) = (document.name().to_owned(), error.to_string());
                        self.tell_once(&server, &reason, &mut notices);
                        unavailable.push(Unavailable { server, reason });
                        parts.push(Arc::new([]));
                    }
                    Err(error) => return Err(error.into()),
                },
            }
        }
        Ok(Listing { tools: self.listed(parts), notices, unavailable })
    }

    /// Ends the servers and waits until they are gone.
    pub async fn shutdown(&self) {
        futures_util::future::join_all(self.servers().map(Server::shutdown)).await;
    }

    fn tell_once(&self, server: &str, reason: &str, notices: &mut Vec<Notice>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry(server.to_owned()).or_default();
        if told.failures == 0 {
            told.failures = 1;
            notices.push(Notice::ToolServerFailed { server: server.to_owned(), reason: reason.to_owned() });
        }
    }

    /// Adds what the user was not told of yet.
    fn tell(&self, server: &Server, offer: &Offer, notices: &mut Vec<Notice>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry(server.name().to_owned()).or_default();
        if let Some((count, failure)) = &offer.failure
            && *count > told.failures
        {
            told.failures = *count;
            notices.push(Notice::ToolServerFailed { server: server.name().to_owned(), reason: failure.to_string() });
        }
        if !offer.unknown.is_empty() && offer.unknown != told.unknown {
            told.unknown.clone_from(&offer.unknown);
            let names = offer.unknown.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("the MCP server `{}` has no tool {names}, which the agent file lists", server.name());
            notices.push(Notice::Warning { message });
        }
    }

    fn listed(&self, parts: Vec<Part>) -> Arc<[Listed]> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known
            && known.parts.iter().zip(&parts).all(|(old, new)| Arc::ptr_eq(old, new))
        {
            return Arc::clone(&known.tools);
        }
        let tools: Vec<(&Source, &Arc<dyn Tool>)> = self
            .sources
            .iter()
            .zip(&parts)
            .flat_map(|(source, part)| part.iter().map(move |tool| (source, tool)))
            .collect();
        let wanted: Vec<_> =
            tools.iter().map(|(source, tool)| (tool.spec().name.clone(), source.qualifier())).collect();
        let listed: Arc<[Listed]> = tools
            .iter()
            .zip(names::unique(&wanted))
            .map(|((source, tool), name)| Listed {
                tool: Arc::clone(tool),
                origin: source.origin(),
                spec: ToolSpec { name, ..tool.spec().clone() },
                arguments: Arc::default(),
            })
            .collect();
        *known = Some(Known { parts, tools: Arc::clone(&listed) });
        listed
    }
}

impl Source {
    fn origin(&self) -> Origin {
        match self {
            Self::Fixed { origin, .. } => origin.clone(),
            Self::Mcp(server) => Origin::Mcp {
                server: server.name().to_owned(),
                runs: if server.config().url.is_some() { Runs::Remote } else { Runs::Host },
            },
            Self::Openapi(document) => Origin::Openapi(document.name().to_owned()),
        }
    }

    /// What is put before a tool's name when another tool wants the same.
    fn qualifier(&self) -> Option<String> {
        match self {
            Self::Fixed { .. } => None,
            Self::Mcp(server) => Some(server.name().to_owned()),
            Self::Openapi(document) => Some(stem(document.name())),
        }
    }
}

/// What an entry of `tools` stands for; `None` for an agent, which the loop adds itself.
fn source(entry: &ToolEntry, spec: &AgentSpec, deps: &ToolDeps) -> Result<Option<Source>, ToolboxError> {
    let built_in = |tool: Arc<dyn Tool>| Ok(Some(Source::Fixed { origin: Origin::BuiltIn, tools: Arc::new([tool]) }));
    let sandbox = || deps.boxes.of_agent(&deps.agent);
    let boxed = |tools: Part| Ok(Some(Source::Fixed { origin: Origin::Boxed, tools }));
    match entry {
        ToolEntry::Python => boxed(Arc::new([Arc::new(boxed::Python::new(sandbox())) as Arc<dyn Tool>])),
        ToolEntry::Shell => boxed(Arc::new([Arc::new(boxed::Shell::new(sandbox())) as Arc<dyn Tool>])),
        ToolEntry::Files => boxed(boxed::files(&sandbox())),
        ToolEntry::Browser => Err(ToolboxError::NeedsBrowser),
        ToolEntry::Command(settings) => {
            let tool: Arc<dyn Tool> = Arc::new(CommandTool::new(settings, sandbox())?);
            Ok(Some(Source::Fixed { origin: Origin::Command, tools: Arc::new([tool]) }))
        }
        ToolEntry::A2a(settings) => {
            let tool: Arc<dyn Tool> = Arc::new(A2aTool::new(settings, Arc::clone(&deps.http))?);
            Ok(Some(Source::Fixed { origin: Origin::A2a, tools: Arc::new([tool]) }))
        }
        ToolEntry::Memory => built_in(Arc::new(Memory::new(Arc::clone(&deps.notes), &deps.agent))),
        ToolEntry::Todo => built_in(Arc::new(Todo::new())),
        ToolEntry::AskUser => built_in(Arc::new(AskUser::new())),
        ToolEntry::Agent(_) => Ok(None),
        ToolEntry::Mcp(reference) => {
            let (name, config) = mcp_server(reference, spec, deps)?;
            if config.sandbox {
                return Err(ToolboxError::NeedsBoxedMcp { server: name.to_owned() });
            }
            Ok(Some(Source::Mcp(Server::new(name, config.clone(), deps.clone()))))
        }
        ToolEntry::Fetch => built_in(Arc::new(Fetch::new(&spec.fetch, &deps.env, Arc::clone(&deps.http))?)),
        ToolEntry::Http(settings) => {
            let tool: Arc<dyn Tool> = Arc::new(HttpTool::new(settings, Arc::clone(&deps.http))?);
            Ok(Some(Source::Fixed { origin: Origin::Http, tools: Arc::new([tool]) }))
        }
        ToolEntry::Openapi(settings) => {
            Ok(Some(Source::Openapi(Box::new(openapi::Source::new(settings, &deps.folder, Arc::clone(&deps.http))))))
        }
    }
}

/// `petstore` of `specs/petstore.yaml`.
fn stem(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.split('.').next().unwrap_or(file).to_owned()
}

/// The server that an entry means: one written there, one of the agent, or one of the agent that the file is about.
fn mcp_server<'a>(
    reference: &'a McpRef,
    spec: &'a AgentSpec,
    deps: &'a ToolDeps,
) -> Result<(&'a str, &'a McpServer), ToolboxError> {
    match reference {
        McpRef::Name(name) => spec
            .mcp
            .get_key_value(name)
            .or_else(|| deps.servers.get_key_value(name))
            .map(|(name, server)| (name.as_str(), server))
            .ok_or_else(|| ToolboxError::UnknownServer { server: name.clone() }),
        McpRef::Server(server) => {
            server.name.as_deref().map(|name| (name, &**server)).ok_or(ToolboxError::UnnamedServer)
        }
    }
}
