//! Where a secret is looked up: the environment, `.env` beside the agent file, the keys that `setup` stored.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use super::{Env, Paths, Secret, write_private};

/// The variables a reference `${NAME}` is looked up in.
#[derive(Clone, Debug)]
pub struct Keys {
    env: Env,
    dotenv: BTreeMap<String, Secret>,
    dotenv_path: PathBuf,
    stored: BTreeMap<String, Secret>,
    stored_path: PathBuf,
}

/// Which place a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    Environment,
    File(PathBuf),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A file of secrets that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("could not read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    /// Says where, but not what: the line may hold a secret.
    #[error("could not understand `{path}`, {place}")]
    Parse { path: PathBuf, place: String },
    #[error("could not write `{path}`")]
    Write { path: PathBuf, source: io::Error },
}

impl Keys {
    /// Reads `.env` of `folder` (the folder of the agent file), if both are there, and the stored keys.
    ///
    /// # Errors
    /// A file that is there but cannot be read or understood.
    pub fn load(env: &Env, paths: &Paths, folder: Option<&Path>) -> Result<Self, KeysError> {
        let dotenv_path = folder.unwrap_or(&env.cwd).join(".env");
        let dotenv = if folder.is_some() { read_dotenv(&dotenv_path)? } else { BTreeMap::new() };
        let stored_path = paths.config.join("keys.yaml");
        let stored = read_stored(&stored_path)?;
        Ok(Self { env: env.clone(), dotenv, dotenv_path, stored, stored_path })
    }

    /// The value of `name` and where it was found.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(Secret, KeySource)> {
        if let Some(value) = self.env.var(name) {
            return Some((value.into(), KeySource::Environment));
        }
        let in_file = |map: &BTreeMap<String, Secret>, path: &Path| {
            // A line `NAME=` that was left as `.env.example` has it is no key, as an empty variable is none.
            let value = map.get(name).filter(|value| !value.expose().is_empty())?;
            Some((value.clone(), KeySource::File(path.to_owned())))
        };
        in_file(&self.dotenv, &self.dotenv_path).or_else(|| in_file(&self.stored, &self.stored_path))
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<Secret> {
        self.find(name).map(|(value, _)| value)
    }

    /// Keeps `value` under `name` in the user's own key file, mode 0600.
    ///
    /// # Errors
    /// [`KeysError::Write`].
    pub fn store(&mut self, name: &str, value: Secret) -> Result<&Path, KeysError> {
        self.stored.insert(name.to_owned(), value);
        let plain: BTreeMap<_, _> = self.stored.iter().map(|(name, value)| (name, value.expose())).collect();
        // JSON strings are YAML, with quoting that no value can break out of.
        let text: String =
            plain.iter().map(|(name, value)| format!("{name}: {}\n", serde_json::Value::from(*value))).collect();
        write_private(&self.stored_path, &text)
            .map_err(|source| KeysError::Write { path: self.stored_path.clone(), source })?;
        Ok(&self.stored_path)
    }
}

fn read(path: &Path) -> Result<Option<String>, KeysError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeysError::Read { path: path.to_owned(), source }),
    }
}

fn read_dotenv(path: &Path) -> Result<BTreeMap<String, Secret>, KeysError> {
    let Some(text) = read(path)? else { return Ok(BTreeMap::new()) };
    dotenvy::from_read_iter(text.as_bytes())
        .enumerate()
        .map(|(index, entry)| {
            let (name, value) =
                entry.map_err(|_| KeysError::Parse { path: path.to_owned(), place: format!("entry {}", index + 1) })?;
            Ok((name, value.into()))
        })
        .collect()
}

fn read_stored(path: &Path) -> Result<BTreeMap<String, Secret>, KeysError> {
    let Some(text) = read(path)? else { return Ok(BTreeMap::new()) };
    serde_yaml::from_str(&text).map_err(|error| KeysError::Parse {
        path: path.to_owned(),
        place: error.location().map_or("somewhere".to_owned(), |at| format!("line {}", at.line())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_over_dotenv_over_what_is_stored() {
        let home = tempfile::tempdir().unwrap();
        let env = Env::fake(home.path(), &[("AGENTSCOPE_HOME", "home"), ("A", "from env"), ("EMPTY", "")]);
        let paths = Paths::new(&env);
        std::fs::write(home.path().join(".env"), "A=x\nB='from dotenv'\nEMPTY=filled\nBLANK=\n").unwrap();
        let mut keys = Keys::load(&env, &paths, Some(home.path())).unwrap();
        for name in ["A", "B", "C"] {
            keys.store(name, format!("stored \"{name}\": '#").into()).unwrap();
        }
        let keys = Keys::load(&env, &paths, Some(home.path())).unwrap();
        let of = |name: &str| keys.find(name).map(|(value, source)| (value.expose().to_owned(), source));
        assert_eq!(of("A"), Some(("from env".to_owned(), KeySource::Environment)));
        assert_eq!(of("B"), Some(("from dotenv".to_owned(), KeySource::File(home.path().join(".env")))));
        let stored = paths.config.join("keys.yaml");
        assert_eq!(of("C"), Some(("stored \"C\": '#".to_owned(), KeySource::File(stored.clone()))));
        assert_eq!(of("EMPTY").unwrap().0, "filled");
        assert_eq!((of("D"), of("BLANK")), (None, None));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(stored).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_broken_file_is_named_and_never_quoted() {
        let home = tempfile::tempdir().unwrap();
        let env = Env::fake(home.path(), &[("AGENTSCOPE_HOME", "home")]);
        std::fs::write(home.path().join(".env"), "GOOD=1\nsk-secret-without-a-name\n").unwrap();
        let error = Keys::load(&env, &Paths::new(&env), Some(home.path())).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("sk-secret"), "{error:?}");
    }
}
