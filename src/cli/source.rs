//! What AGENT means: a file, a folder, `./agent.yaml`, the built-in agent.

use std::path::{Path, PathBuf};

use super::{AgentArgs, CliError, Cx, Exit};
use crate::{
    app::Source,
    config::{
        Keys,
        agent_file::{Diagnostics, Loaded},
    },
};

/// Where an agent comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AgentSource {
    File(PathBuf),
    /// The quickstart agent, for a folder without an agent file.
    Builtin,
}

/// The agent file that is compiled in.
pub(super) const QUICKSTART: &str = include_str!("../../templates/quickstart/agent.yaml");

impl AgentSource {
    /// The address of a running agent, where one is named.
    pub(super) fn url(args: &AgentArgs) -> Option<&str> {
        let asked = args.config.as_deref().and_then(Path::to_str).or(args.agent.as_deref());
        asked.filter(|asked| asked.starts_with("http://") || asked.starts_with("https://"))
    }

    /// Finds the agent, and says on standard error which one it is where the user did not spell it out.
    ///
    /// # Errors
    /// Not found, with a hint at what was meant.
    pub(super) fn find(args: &AgentArgs, cx: &Cx) -> Result<Self, CliError> {
        let asked = args.config.as_deref().map(Path::to_owned).or_else(|| args.agent.as_ref().map(PathBuf::from));
        let Some(asked) = asked else {
            let here = cx.env.cwd.join("agent.yaml");
            if here.is_file() {
                cx.printer.stderr("using ./agent.yaml\n");
                return Ok(Self::File(PathBuf::from("agent.yaml")));
            }
            cx.printer.stderr("no ./agent.yaml: using the built-in quickstart agent\n");
            return Ok(Self::Builtin);
        };
        let name = asked.display();
        if let Some(url) = Self::url(args) {
            return Err(CliError::usage(format!("`{url}` is an agent that runs, and this command needs its file"))
                .hint("give a path to an agent file; `agentscope chat` takes an address"));
        }
        let path = cx.env.cwd.join(&asked);
        if path.is_dir() {
            let file = asked.join("agent.yaml");
            return if cx.env.cwd.join(&file).is_file() {
                Ok(Self::File(file))
            } else {
                Err(CliError::not_found(format!("the folder `{name}` holds no agent.yaml"))
                    .hint(format!("make one with `agentscope init {name}`")))
            };
        }
        if path.exists() {
            return Ok(Self::File(asked));
        }
        Err(CliError::not_found(format!("there is no agent file or folder `{name}`"))
            .hint("`agentscope init` makes a new one"))
    }

    /// As [`AgentSource::find`], for a chat, whose word may have been meant as a message.
    ///
    /// # Errors
    /// The same.
    pub(super) fn find_to_chat(args: &AgentArgs, cx: &Cx) -> Result<Self, CliError> {
        Self::find(args, cx).map_err(|error| match args.agent.as_deref() {
            Some(word) if error.code() == Exit::NotFound && is_word(word) && !cx.env.cwd.join(word).exists() => {
                error.hint(format!("to send it as a message, use `agentscope chat -q {}`", quoted(word)))
            }
            _ => error,
        })
    }

    /// The same for the library.
    pub(super) fn plain(&self) -> Source {
        match self {
            Self::File(path) => Source::File(path.clone()),
            Self::Builtin => {
                Source::Text { name: "the built-in quickstart agent".to_owned(), text: QUICKSTART.to_owned() }
            }
        }
    }

    /// Reads the agent file, and the keys that it may refer to.
    ///
    /// # Errors
    /// Everything that is wrong with the file: exit code 2.
    pub(super) fn load(&self, profile: Option<&str>, cx: &Cx) -> Result<(Loaded, Keys), CliError> {
        let keys = self.keys(cx)?;
        let loaded = self.read(profile, &keys, cx)?;
        Ok((loaded, keys))
    }

    /// Reads the agent file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(&self, profile: Option<&str>, keys: &Keys, cx: &Cx) -> Result<Loaded, Diagnostics> {
        self.plain().read(profile, keys, &cx.env)
    }

    /// The keys that an agent of this source may refer to.
    ///
    /// # Errors
    /// A file of keys that cannot be used: exit code 2.
    pub(super) fn keys(&self, cx: &Cx) -> Result<Keys, CliError> {
        self.plain().keys(&cx.env, &cx.paths).map_err(|error| CliError::from_error(Exit::Usage, &error))
    }
}

/// No path, as it is written.
fn is_word(text: &str) -> bool {
    let path = Path::new(text);
    path.components().count() == 1 && path.extension().is_none()
}

fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\\\""))
}
