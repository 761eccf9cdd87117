//! What an agent is made of, for the user to look at: what fills its context, its tools, its servers, its permissions.

use std::sync::Arc;

use super::{ACTIVE_AGENT, ApproveMode, LocalAgent, OpenError, compact, history, team::Member};
use crate::{
    config::agent_file::PermissionDefault,
    domain::{Content, Message, Role, SessionKey, ToolSpec},
    store::{Store, StoreError},
    tool::{
        Origin, Runs, ToolboxError, Unavailable,
        boxed::Boxes,
        skills::{self, Skill, SkillError},
    },
};

/// What a request of a session holds. Tokens are estimated from the length of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextUse {
    /// Tokens that fit, where that is known.
    pub window: Option<u64>,
    /// What takes up room, in the order in which it is sent; what takes up none is left out.
    pub parts: Vec<ContextPart>,
}

/// A part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextPart {
    pub name: String,
    pub tokens: u64,
}

/// A tool, where it comes from and where it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolLine {
    pub spec: ToolSpec,
    pub source: String,
    pub runs: Runs,
}

/// An MCP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLine {
    pub name: String,
    /// Its command or address.
    pub how: String,
    pub required: bool,
    /// Why it cannot be used; `None` where it can.
    pub wrong: Option<String>,
    /// How many of its tools the agent has.
    pub tools: usize,
}

/// Which calls are allowed, asked about and refused, rule by rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted {
    pub deny: Vec<String>,
    pub ask: Vec<String>,
    pub allow: Vec<String>,
    /// Allowed for good by the user.
    pub kept: Vec<String>,
    /// Allowed by the user in this session.
    pub session: Vec<String>,
    /// What the file says of a call that no rule is about; `None` where it depends on whether the call changes anything.
    pub default: Option<PermissionDefault>,
    pub mode: ApproveMode,
}

impl LocalAgent {
    /// Where its sessions are.
    #[must_use]
    pub fn sessions(&self) -> &dyn Store {
        self.store()
    }

    /// The agent that the user of a session talks to: this one, or one that took over.
    ///
    /// # Errors
    /// A session that cannot be read.
    pub async fn talking(&self, key: &SessionKey) -> Result<Self, StoreError> {
        let state = self.store().state(key).await?;
        Ok(self.with_root(self.active(&state)))
    }

    /// Has the user of a session talk to the agent `name` of the same file from the next turn on.
    ///
    /// # Errors
    /// An agent that there is not, or that cannot be opened; a session that is in use.
    pub async fn talk_to(&self, key: &SessionKey, name: &str) -> Result<(), TalkError> {
        let member = self.named(name)?;
        let _held = self.hold(key).await?;
        Ok(self.store().patch_state(key, &serde_json::json!({ ACTIVE_AGENT: member.name() })).await?)
    }

    /// What the next request of a session holds. Waits for tool servers that are starting.
    ///
    /// # Errors
    /// A session that cannot be read.
    pub async fn context_use(&self, key: &SessionKey) -> Result<ContextUse, StoreError> {
        let member = self.root();
        let stored = self.store().history(key).await?;
        let context = history::paired(history::since_summary(&stored));
        let mut sizes = member.prompt.sizes();
        sizes.extend(self.tool_sizes(member).await);
        sizes.extend(message_sizes(&context));
        let parts = sizes.into_iter().filter(|(_, bytes)| *bytes > 0);
        let parts = parts.map(|(name, bytes)| ContextPart { name, tokens: bytes.div_ceil(compact::BYTES_PER_TOKEN) });
        Ok(ContextUse { window: member.model.get().capabilities().context_window, parts: parts.collect() })
    }

    async fn tool_sizes(&self, member: &Member) -> Vec<(String, u64)> {
        let mut sizes: Vec<(String, u64)> = vec![];
        for ToolLine { spec, source, .. } in self.tool_lines().await.map(|(lines, _)| lines).unwrap_or_default() {
            let name = format!("tools: {source}");
            let bytes = spec.name.len() + spec.description.len();
            let bytes = bytes as u64 + compact::json_size(&spec.parameters);
            match sizes.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += bytes,
                None => sizes.push((name, bytes)),
            }
        }
        if let Some(shape) = &member.shape {
            sizes.push(("output schema".to_owned(), compact::json_size(shape.schema())));
        }
        sizes
    }

    /// The tools as the model has them, with the agents that it calls and hands over to; and the servers whose tools are
    /// missing. Waits for servers that are starting.
    ///
    /// # Errors
    /// A server that the file calls `required` and that does not answer.
    pub async fn tool_lines(&self) -> Result<(Vec<ToolLine>, Vec<Unavailable>), ToolboxError> {
        let member = self.root();
        let listing = member.tools.list().await?;
        let own = listing.tools.iter().map(|tool| ToolLine {
            spec: tool.spec().clone(),
            source: tool.origin().to_string(),
            runs: tool.origin().runs(),
        });
        let linked = |links: &[super::team::Link], source: &str| {
            let line = |link: &super::team::Link| ToolLine {
                spec: link.tool.clone(),
                source: source.to_owned(),
                runs: Runs::Host,
            };
            links.iter().map(line).collect::<Vec<_>>()
        };
        let agents = linked(&member.delegates, "agent").into_iter().chain(linked(&member.handoffs, "handoff"));
        Ok((own.chain(agents).collect(), listing.unavailable))
    }

    /// Its MCP servers. Waits for those that are starting.
    pub async fn server_lines(&self) -> Vec<ServerLine> {
        let member = self.root();
        let tools = member.tools.list().await.map(|listing| listing.tools).unwrap_or_else(|_| Arc::new([]));
        let lines = member.tools.servers().map(|server| {
            let of_this = |origin: &Origin| matches!(origin, Origin::Mcp { server: name, .. } if name == server.name());
            let config = server.config();
            ServerLine {
                name: server.name().to_owned(),
                how: config.url.as_deref().map(address).or_else(|| config.command.clone()).unwrap_or_default(),
                required: config.required,
                wrong: server.standing().err(),
                tools: tools.iter().filter(|tool| of_this(tool.origin())).count(),
            }
        });
        lines.collect()
    }

    /// How many of its MCP servers answer, and how many there are. Waits for nothing.
    #[must_use]
    pub fn servers_ready(&self) -> (usize, usize) {
        let standing = self.root().tools.servers().map(|server| server.standing().is_ok());
        standing.fold((0, 0), |(ready, all), stands| (ready + usize::from(stands), all + 1))
    }

    /// The skills of the agent file.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn skills(&self) -> Result<Vec<Skill>, SkillError> {
        let loaded = self.team().loaded();
        let name = &self.root().name;
        let spec = if *name == loaded.file.name { Some(&loaded.file.agent) } else { loaded.file.agents.get(name) };
        skills::load(spec.map_or(&[], |spec| &spec.skills), &loaded.dir)
    }

    /// Which calls of a session are allowed.
    #[must_use]
    pub fn permitted(&self, key: &SessionKey) -> Permitted {
        self.root().policy.permitted(&self.grants().of(key))
    }

    /// Where its tools run that run in the sandbox.
    #[must_use]
    pub fn boxes(&self) -> &Boxes {
        self.team().boxes()
    }
}

/// Why the user cannot talk to another agent of the team.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An address without what may be secret in it.
fn address(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return String::new() };
    url.set_query(None);
    url.set_fragment(None);
    // Both fail for addresses that cannot have them.
    let _ = (url.set_username(""), url.set_password(None));
    url.to_string()
}

fn message_sizes(context: &[Message]) -> Vec<(String, u64)> {
    const NAMES: [&str; 7] =
        ["summary", "your messages", "images", "answers", "reasoning", "calls of tools", "results of tools"];
    let mut bytes = [0; NAMES.len()];
    for message in context {
        for part in &message.content {
            let at = match part {
                Content::Summary { .. } => 0,
                Content::Text { .. } if message.role == Role::User => 1,
                Content::Image(_) => 2,
                Content::Text { .. } => 3,
                Content::Reasoning { .. } => 4,
                Content::ToolCall(_) => 5,
                Content::ToolResult { .. } => 6,
            };
            bytes[at] += compact::part_size(part);
        }
    }
    NAMES.iter().map(|name| (*name).to_owned()).zip(bytes).collect()
}
