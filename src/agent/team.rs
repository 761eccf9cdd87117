//! The agents of one file, opened when they are first needed, and how they reach each other: as tools, by handing the
//! conversation over.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};

use super::{
    AgentDeps, AgentOptions, OpenError,
    approval::{Mode, Policy, under},
    check::Probed,
    chosen::Chosen,
    context::Prompt,
    hooks::Hooks,
    output::Shape,
};
use crate::{
    config::{
        Keys, Rule,
        agent_file::{self, AgentRef, AgentSpec, Limits, LoadOptions, Loaded, ModelSpec, Permissions, ToolEntry},
    },
    domain::{Effect, ToolSpec},
    model::{self, Model},
    tool::{Listing, ToolDeps, Toolbox, boxed::Boxes},
};

/// How deep agents may call agents.
pub(super) const MOST_DEPTH: usize = 5;

/// One file's agents.
pub(super) struct Team {
    loaded: Arc<Loaded>,
    deps: Arc<AgentDeps>,
    keys: Keys,
    /// Bind every member: those of the file's own agent, under those of the agent that leads the team that called.
    permissions: Permissions,
    /// Those of the agent that leads the team that called bind every member, too.
    hooks: Option<Arc<Hooks>>,
    /// Shared with the teams of other files.
    mode: Mode,
    opened: Mutex<HashMap<String, Arc<Member>>>,
    /// The teams of other files that agents of this one call.
    others: Mutex<HashMap<PathBuf, Arc<Self>>>,
}

/// An agent that is ready for work.
pub(super) struct Member {
    /// The file's own agent has the file's name.
    pub(super) name: String,
    pub(super) model: Chosen,
    pub(super) tools: Toolbox,
    pub(super) prompt: Prompt,
    pub(super) shape: Option<Shape>,
    pub(super) limits: Limits,
    pub(super) hooks: Arc<Hooks>,
    pub(super) policy: Policy,
    pub(super) probed: Probed,
    /// Agents that are its tools.
    pub(super) delegates: Vec<Link>,
    /// Agents that it may hand the conversation over to.
    pub(super) handoffs: Vec<Link>,
}

/// A way to another agent, as the tool that a model knows it by.
pub(super) struct Link {
    pub(super) tool: ToolSpec,
    to: Target,
}

enum Target {
    /// Of the same file.
    Member(String),
    /// The agent of another file.
    File(PathBuf),
}

impl Team {
    pub(super) fn new(loaded: Arc<Loaded>, keys: Keys, deps: Arc<AgentDeps>) -> Arc<Self> {
        let permissions = loaded.file.agent.permissions.clone();
        let mode = Mode::from(deps.options.approve);
        Arc::new(Self::bound(loaded, keys, deps, permissions, None, mode))
    }

    fn bound(
        loaded: Arc<Loaded>,
        keys: Keys,
        deps: Arc<AgentDeps>,
        permissions: Permissions,
        hooks: Option<Arc<Hooks>>,
        mode: Mode,
    ) -> Self {
        Self { loaded, deps, keys, permissions, hooks, mode, opened: Mutex::default(), others: Mutex::default() }
    }

    /// What becomes of calls that have to be asked about.
    pub(super) fn mode(&self) -> &Mode {
        &self.mode
    }

    pub(super) fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// The agent called `name`; opened at its first use, and kept.
    pub(super) fn member(&self, name: &str) -> Result<Arc<Member>, OpenError> {
        let mut opened = locked(&self.opened);
        if let Some(member) = opened.get(name) {
            return Ok(Arc::clone(member));
        }
        let member = Arc::new(self.open(name)?);
        opened.insert(name.to_owned(), Arc::clone(&member));
        Ok(member)
    }

    /// The agent that `link` leads to, and the team it belongs to.
    pub(super) fn follow(self: &Arc<Self>, link: &Link) -> Result<(Arc<Self>, Arc<Member>), OpenError> {
        match &link.to {
            Target::Member(name) => Ok((Arc::clone(self), self.member(name)?)),
            Target::File(path) => {
                let team = self.other(path)?;
                let member = team.member(&team.loaded.file.name)?;
                Ok((team, member))
            }
        }
    }

    fn other(&self, path: &Path) -> Result<Arc<Self>, OpenError> {
        let mut others = locked(&self.others);
        if let Some(team) = others.get(path) {
            return Ok(Arc::clone(team));
        }
        let (loaded, keys) = load(path, &self.deps)?;
        let permissions = under(&self.permissions, &loaded.file.agent.permissions);
        let hooks = Some(self.leading_hooks()?);
        let (deps, mode) = (Arc::clone(&self.deps), self.mode.clone());
        let team = Arc::new(Self::bound(Arc::new(loaded), keys, deps, permissions, hooks, mode));
        others.insert(path.to_owned(), Arc::clone(&team));
        Ok(team)
    }

    /// The file's agents, its own first.
    pub(super) fn names(&self) -> Vec<String> {
        let file = &self.loaded.file;
        std::iter::once(&file.name).chain(file.agents.keys()).cloned().collect()
    }

    /// What the file says of the agent `name`.
    pub(super) fn description(&self, name: &str) -> &str {
        self.spec(name).map_or("", |spec| &spec.description)
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn open_model(
        &self,
        reference: &str,
        models: &BTreeMap<String, ModelSpec>,
    ) -> Result<Arc<dyn Model>, model::OpenError> {
        (self.deps.models)(reference, models, &self.keys)
    }

    /// Where the tools of every agent run that run in the sandbox.
    pub(super) fn boxes(&self) -> &Boxes {
        &self.deps.boxes
    }

    /// Keeps rules that the user allowed for good.
    pub(super) fn keep(&self, rules: &[Rule]) -> Result<(), String> {
        match &self.deps.kept.keep {
            Some(keep) => keep(rules),
            None => Err("there is nowhere to keep it".to_owned()),
        }
    }

    /// Ends the tool servers of every agent that was opened, and the sandboxes that end with this process.
    pub(super) fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let members: Vec<_> = locked(&self.opened).values().cloned().collect();
            join_all(members.iter().map(|member| member.tools.shutdown())).await;
            let others: Vec<_> = locked(&self.others).values().cloned().collect();
            join_all(others.iter().map(|team| team.shutdown())).await;
            self.deps.boxes.close().await;
        })
    }

    fn spec(&self, name: &str) -> Result<&AgentSpec, OpenError> {
        let file = &self.loaded.file;
        if name == file.name {
            return Ok(&file.agent);
        }
        file.agents.get(name).ok_or_else(|| OpenError::Unknown { name: name.to_owned() })
    }

    fn open(&self, name: &str) -> Result<Member, OpenError> {
        let spec = self.spec(name)?;
        let deps = &self.deps;
        let root = name == self.loaded.file.name;
        let reference = if root { deps.options.model.as_ref() } else { None }
            .or(spec.model.as_ref())
            .or(self.loaded.file.agent.model.as_ref())
            .or(deps.options.default_model.as_ref())
            .ok_or_else(|| OpenError::NoModel { agent: name.to_owned() })?;
        let model = Chosen::new(self.choice(name, reference, None)?);
        let tools = Toolbox::open(
            spec,
            &ToolDeps {
                env: deps.env.clone(),
                paths: deps.paths.clone(),
                http: Arc::clone(&deps.http),
                notes: Arc::clone(&deps.notes),
                folder: self.loaded.dir.clone(),
                boxes: Arc::clone(&deps.boxes),
                agent: name.to_owned(),
                servers: self.loaded.file.agent.mcp.clone(),
            },
        )?;
        let tools = deps.tools.iter().fold(tools, |tools, tool| tools.with(Arc::clone(tool)));
        let shape =
            spec.output.as_ref().map(|output| Shape::new(name, Value::Object(output.schema.clone()))).transpose()?;
        let permissions = if root { self.permissions.clone() } else { under(&self.permissions, &spec.permissions) };
        let AgentOptions { surface, workspace, .. } = &deps.options;
        Ok(Member {
            name: name.to_owned(),
            hooks: if root { self.leading_hooks()? } else { self.hooks_of(name, spec, Some(self.leading_hooks()?))? },
            policy: Policy::new(&permissions, &deps.kept.rules, self.mode.clone(), *surface, workspace)?,
            model,
            tools,
            prompt: Prompt::new(spec, &self.loaded.dir, deps)?,
            shape,
            limits: spec.limits.clone(),
            probed: Probed::default(),
            delegates: self.delegates(spec)?,
            handoffs: spec.handoffs.iter().map(|to| self.handoff(to)).collect::<Result<_, _>>()?,
        })
    }

    /// The hooks of the file's own agent, which bind the rest of the team.
    fn leading_hooks(&self) -> Result<Arc<Hooks>, OpenError> {
        let file = &self.loaded.file;
        self.hooks_of(&file.name, &file.agent, self.hooks.clone())
    }

    fn hooks_of(&self, name: &str, spec: &AgentSpec, above: Option<Arc<Hooks>>) -> Result<Arc<Hooks>, OpenError> {
        let AgentDeps { env, options, .. } = &*self.deps;
        Ok(Arc::new(Hooks::new(name, &spec.hooks, &self.loaded.dir, env, &options.workspace, above)?))
    }

    fn delegates(&self, spec: &AgentSpec) -> Result<Vec<Link>, OpenError> {
        let references = spec.tools.iter().filter_map(|entry| match entry {
            ToolEntry::Agent(reference) => Some(reference),
            _ => None,
        });
        references
            .map(|reference| match reference {
                AgentRef::Name(name) => {
                    Ok(Link { tool: delegate(name, &self.spec(name)?.description), to: Target::Member(name.clone()) })
                }
                AgentRef::File(file) => {
                    let path = self.loaded.dir.join(&file.file);
                    let (loaded, _) = load(&path, &self.deps)?;
                    Ok(Link {
                        tool: delegate(&loaded.file.name, &loaded.file.agent.description),
                        to: Target::File(path),
                    })
                }
            })
            .collect()
    }

    fn handoff(&self, to: &str) -> Result<Link, OpenError> {
        let description = &self.spec(to)?.description;
        let description = format!(
            "Hands the conversation over to the agent `{to}`, which answers the user from then on. {description}"
        );
        let tool = ToolSpec {
            name: handoff_tool(to),
            description: description.trim_end().to_owned(),
            parameters: json!({ "type": "object", "properties": {}, "additionalProperties": false }),
            effect: Effect::Reads,
            rule_name: None,
        };
        Ok(Link { tool, to: Target::Member(to.to_owned()) })
    }
}

impl Member {
    pub(super) fn delegate(&self, tool: &str) -> Option<&Link> {
        self.delegates.iter().find(|link| link.tool.name == tool)
    }

    pub(super) fn handoff(&self, tool: &str) -> Option<&Link> {
        self.handoffs.iter().find(|link| link.tool.name == tool)
    }

    /// What does work for whoever calls it: no handing over, no final answer.
    pub(super) fn callable(&self, listing: &Listing) -> Vec<ToolSpec> {
        let mut tools = listing.specs();
        tools.retain(|tool| self.delegate(&tool.name).is_none() && self.handoff(&tool.name).is_none());
        tools.extend(self.delegates.iter().map(|link| link.tool.clone()));
        tools
    }

    pub(super) fn has_tools(&self) -> bool {
        !(self.tools.is_empty() && self.delegates.is_empty() && self.handoffs.is_empty())
    }
}

/// The tool by which a conversation is handed over to the agent `to`.
#[must_use]
pub fn handoff_tool(to: &str) -> String {
    format!("transfer_to_{to}")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No holder can panic between two changes that belong together.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn load(path: &Path, deps: &AgentDeps) -> Result<(Loaded, Keys), OpenError> {
    let keys = Keys::load(&deps.env, &deps.paths, path.parent())?;
    let lookup = |name: &str| keys.get(name);
    let loaded = agent_file::load(path, &LoadOptions { profile: None, lookup: &lookup })?;
    Ok((loaded, keys))
}

fn delegate(name: &str, description: &str) -> ToolSpec {
    let description = if description.is_empty() { format!("Asks the agent `{name}`.") } else { description.to_owned() };
    ToolSpec {
        name: name.to_owned(),
        description: format!("{description} (An agent: it sees nothing of this conversation but the task.)"),
        parameters: json!({
            "type": "object",
            "properties": {
                "task": { "type": "string", "description": "What to do, with everything that is needed to do it." },
            },
            "required": ["task"],
            "additionalProperties": false,
        }),
        effect: Effect::Reads,
        rule_name: None,
    }
}
