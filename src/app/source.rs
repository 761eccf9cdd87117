//! Where an agent file comes from.

use std::path::PathBuf;

use crate::config::{
    Env, Keys, KeysError, Paths,
    agent_file::{self, Diagnostics, LoadOptions, Loaded},
};

/// An agent file that can be read, and read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, or a folder that holds an `agent.yaml`.
    File(PathBuf),
    /// One that is in no file: its paths start in the current folder.
    Text {
        /// What errors call it.
        name: String,
        text: String,
    },
}

impl Source {
    /// The keys that it may refer to.
    ///
    /// # Errors
    /// A file of keys that cannot be used.
    pub fn keys(&self, env: &Env, paths: &Paths) -> Result<Keys, KeysError> {
        let folder = match self {
            Self::File(path) => {
                let path = env.cwd.join(path);
                Some(if path.is_dir() { path } else { path.parent().unwrap_or(&env.cwd).to_owned() })
            }
            Self::Text { .. } => None,
        };
        Keys::load(env, paths, folder.as_deref())
    }

    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(&self, profile: Option<&str>, keys: &Keys, env: &Env) -> Result<Loaded, Diagnostics> {
        let options = LoadOptions { profile: profile.map(str::to_owned), lookup: &|name| keys.get(name) };
        match self {
            Self::File(path) => agent_file::load(path, &options),
            Self::Text { name, text } => agent_file::load_str(name, text, &env.cwd, &options),
        }
    }
}
