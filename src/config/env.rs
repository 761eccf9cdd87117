//! The process environment, read once. Everything else takes an [`Env`], so that a test can make one up.

use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use super::Secret;

/// Of a deployment: a folder with a file for each variable, which nobody else may read.
const SECRETS: &str = "AGENTSCOPE_SECRETS";
/// Seconds for which a server that is told to end goes on as before, until all callers know another; each answer closes
/// its connection then.
pub const LINGER: &str = "AGENTSCOPE_LINGER";
/// Of a deployment: the token that its callers need, whatever the agent file says.
pub const SERVE_TOKEN: &str = "AGENTSCOPE_SERVE_TOKEN";

/// What the process was started with.
#[derive(Clone, Debug, Default)]
pub struct Env {
    vars: BTreeMap<String, String>,
    /// The working directory.
    pub cwd: PathBuf,
    pub stdin_tty: bool,
    pub stdout_tty: bool,
    pub stderr_tty: bool,
    /// The user forbids every call outside this machine: `--offline`.
    pub offline: bool,
}

impl Env {
    /// Reads the environment of this process. Variables that are not UTF-8 are passed over.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader")]
    pub fn of_process() -> Self {
        let mut vars: BTreeMap<String, String> =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
        for (name, value) in vars.get(SECRETS).map(Path::new).map_or(vec![], kept_in) {
            vars.entry(name).or_insert(value);
        }
        Self {
            vars,
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            stdin_tty: std::io::stdin().is_terminal(),
            stdout_tty: std::io::stdout().is_terminal(),
            stderr_tty: std::io::stderr().is_terminal(),
            offline: false,
        }
    }

    /// An environment of a test's own making, with no terminal.
    #[must_use]
    pub fn fake(cwd: impl Into<PathBuf>, vars: &[(&str, &str)]) -> Self {
        Self {
            vars: vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            cwd: cwd.into(),
            ..Self::default()
        }
    }

    /// The same with these variables set as well.
    #[must_use]
    pub fn with(&self, variables: &BTreeMap<String, Secret>) -> Self {
        let mut this = self.clone();
        this.vars.extend(variables.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())));
        this
    }

    /// The value of `name`; an empty one counts as not set.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn vars(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The user's name, for sessions; `user` where the system does not say.
    #[must_use]
    pub fn user(&self) -> &str {
        self.var("USER").or_else(|| self.var("LOGNAME")).unwrap_or("user")
    }
}

/// Variables that are files; one that cannot be read is not set.
fn kept_in(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, std::fs::read_to_string(entry.path()).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_may_be_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("KEY"), "a\nb").unwrap();
        std::fs::create_dir(folder.path().join("FOLDER")).unwrap();
        assert_eq!(kept_in(folder.path()), [("KEY".to_owned(), "a\nb".to_owned())]);
        assert_eq!(kept_in(&folder.path().join("missing")), []);
    }
}
