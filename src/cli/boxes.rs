//! The sandboxes of an agent that is talked to.

use std::sync::Arc;

use clap::ValueEnum;

use super::Cx;
use crate::{
    config::{
        Secret,
        agent_file::{self, Backend, Loaded},
    },
    sandbox::{Sandboxes, WorkspaceMode, workspace::PROTECTED_IN_CHAT},
    tool::boxed::{BoxSettings, Boxes},
};

/// What the arguments of `chat` say of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InChat {
    /// In place of the mode of the agent file.
    pub(super) workspace: Option<WorkspaceChoice>,
    /// One message, after which they end.
    pub(super) one_shot: bool,
}

/// `-w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum WorkspaceChoice {
    /// Read and write the folder itself
    Rw,
    /// Read it
    Ro,
    /// Read and write a private copy
    Copy,
    /// A private empty folder instead
    None,
}

impl From<WorkspaceChoice> for agent_file::WorkspaceMode {
    fn from(choice: WorkspaceChoice) -> Self {
        match choice {
            WorkspaceChoice::Rw => Self::Rw,
            WorkspaceChoice::Ro => Self::Ro,
            WorkspaceChoice::Copy => Self::Copy,
            WorkspaceChoice::None => Self::None,
        }
    }
}

/// The sandboxes of a chat: by default they work on the current folder, in which some files cannot be changed from
/// inside, the agent file among them. Makes none yet.
pub(super) fn of_chat(loaded: &Loaded, chat: InChat, cx: &Cx) -> Arc<Boxes> {
    let mut sandbox = loaded.file.agent.sandbox.clone();
    if let Some(mode) = chat.workspace {
        sandbox.workspace.mode = Some(mode.into());
    }
    let cwd = &cx.env.cwd;
    let workspace = sandbox.workspace.path.as_ref().map_or_else(|| cwd.clone(), |path| loaded.dir.join(path));
    sandbox.workspace.protect.extend(PROTECTED_IN_CHAT.iter().map(|pattern| (*pattern).to_owned()));
    sandbox.workspace.protect.extend(agent_file_in(&workspace, loaded, cx));
    // A `git status` inside writes nothing into the user's repository.
    sandbox.env.entry("GIT_OPTIONAL_LOCKS".to_owned()).or_insert_with(|| Secret::from("0"));
    let settings = BoxSettings {
        sandbox,
        folder: cwd.join(&loaded.dir),
        mode: WorkspaceMode::Rw,
        workspace: cwd.clone(),
        tied: chat.one_shot,
    };
    Boxes::new(Sandboxes::open(&cx.env, &cx.paths), settings)
}

/// The agent file as a pattern, where it is in the workspace.
fn agent_file_in(workspace: &std::path::Path, loaded: &Loaded, cx: &Cx) -> Option<String> {
    let file = cx.env.cwd.join(loaded.path.as_ref()?).canonicalize().ok()?;
    let inside = file.strip_prefix(workspace.canonicalize().ok()?).ok()?;
    Some(globset::escape(&inside.to_string_lossy()))
}

/// Whether the agent file asks for programs without isolation.
pub(super) fn is_host(loaded: &Loaded) -> bool {
    loaded.file.agent.sandbox.backend == Backend::Host
}
