//! The user's settings: `settings.yaml` in the config folder.
//!
//! Written by the user and by us: an "always" to a request for approval becomes a rule there, under the agent file it
//! was said about.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{FileLock, Paths, Rule, write_private};

/// What the user has settled for all agents, or for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    path: PathBuf,
    content: Content,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Content {
    /// `PROVIDER/MODEL`, for agents that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// What the user allowed for good, by agent file.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    allow: BTreeMap<String, Vec<Rule>>,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("could not read the settings in `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("could not understand the settings in `{path}`: {reason}")]
    Parse { path: PathBuf, reason: String },
    #[error("could not write the settings to `{path}`")]
    Write { path: PathBuf, source: io::Error },
}

impl Settings {
    /// Reads the settings; where there is no file, nothing is set.
    ///
    /// # Errors
    /// A file that is there but cannot be read or understood.
    pub fn load(paths: &Paths) -> Result<Self, SettingsError> {
        let path = paths.config.join("settings.yaml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path, content: Content::default() });
            }
            Err(source) => return Err(SettingsError::Read { path, source }),
        };
        if is_blank(&text) {
            return Ok(Self { path, content: Content::default() });
        }
        match serde_yaml::from_str(&text) {
            Ok(content) => Ok(Self { path, content }),
            Err(error) => {
                let reason = error.without_snippet().to_string();
                Err(SettingsError::Parse { path, reason })
            }
        }
    }

    /// The file, which every one of these values comes from; it may not be there.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The model of agents that name none.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.content.model.as_deref()
    }

    /// What the user allowed the agent of `agent_file` for good.
    #[must_use]
    pub fn allowed(&self, agent_file: &Path) -> &[Rule] {
        self.content.allow.get(&*agent_file.to_string_lossy()).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many rules are kept, by agent file.
    pub fn kept(&self) -> impl Iterator<Item = (&str, usize)> {
        self.content.allow.iter().map(|(file, rules)| (file.as_str(), rules.len()))
    }

    /// Keeps rules that the user said "always" to for the agent of `agent_file`, an absolute path. What another process
    /// has written since is kept as well; comments of the user are not.
    ///
    /// # Errors
    /// Settings that cannot be read again, or not be written.
    pub fn allow(paths: &Paths, agent_file: &Path, rules: &[Rule]) -> Result<Self, SettingsError> {
        Self::change(paths, |content| {
            let kept = content.allow.entry(agent_file.to_string_lossy().into_owned()).or_default();
            for rule in rules {
                if !kept.contains(rule) {
                    kept.push(rule.clone());
                }
            }
        })
    }

    /// Sets the model of agents that name none.
    ///
    /// # Errors
    /// As [`Settings::allow`].
    pub fn set_model(paths: &Paths, model: &str) -> Result<Self, SettingsError> {
        Self::change(paths, |content| content.model = Some(model.to_owned()))
    }

    /// Reads, changes and writes under a lock, so that of two processes neither undoes what the other did.
    fn change(paths: &Paths, change: impl FnOnce(&mut Content)) -> Result<Self, SettingsError> {
        let path = paths.config.join("settings.yaml");
        let failed = |source| SettingsError::Write { path: path.clone(), source };
        let _held = FileLock::acquire(&paths.state.join("settings.lock")).map_err(failed)?;
        let mut settings = Self::load(paths)?;
        change(&mut settings.content);
        write_private(&path, &yaml(&settings.content)).map_err(failed)?;
        Ok(settings)
    }
}

/// Nothing but comments, which is no YAML document.
fn is_blank(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// JSON strings are YAML, with quoting that no value can break out of.
fn yaml(content: &Content) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = String::new();
    if let Some(model) = &content.model {
        text.push_str(&format!("model: {}\n", quoted(model)));
    }
    if !content.allow.is_empty() {
        text.push_str("allow:\n");
    }
    for (file, rules) in &content.allow {
        text.push_str(&format!("  {}:\n", quoted(file)));
        for rule in rules {
            text.push_str(&format!("    - {}\n", quoted(&rule.to_string())));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Env;

    fn rules(rules: &[&str]) -> Vec<Rule> {
        rules.iter().map(|rule| Rule::parse(rule).unwrap()).collect()
    }

    fn paths(folder: &tempfile::TempDir) -> Paths {
        Paths::new(&Env::fake(folder.path(), &[("AGENTSCOPE_HOME", "home")]))
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(&folder);
        assert_eq!(Settings::load(&paths).unwrap().model(), None);
        assert!(!paths.config.exists(), "reading makes nothing");

        let (one, other) = (Path::new("/home/ann/a: \"b\"/agent.yaml"), Path::new("/srv/agent.yaml"));
        Settings::allow(&paths, one, &rules(&["shell(git status *)", "shell(echo 'a: #b')"])).unwrap();
        Settings::allow(&paths, one, &rules(&["shell(git status *)", "fetch(https://docs.example.com/*)"])).unwrap();
        Settings::allow(&paths, other, &rules(&["python"])).unwrap();
        Settings::set_model(&paths, "openai/gpt-5-mini").unwrap();

        let settings = Settings::load(&paths).unwrap();
        assert_eq!(
            settings.allowed(one),
            rules(&["shell(git status *)", "shell(echo 'a: #b')", "fetch(https://docs.example.com/*)"])
        );
        assert_eq!(settings.allowed(other), rules(&["python"]));
        assert_eq!(settings.allowed(Path::new("/srv/other.yaml")), []);
        assert_eq!(settings.kept().map(|(_, rules)| rules).collect::<Vec<_>>(), [3, 1]);
        insta::assert_snapshot!(std::fs::read_to_string(settings.path()).unwrap(), @r#"
        model: "openai/gpt-5-mini"
        allow:
          "/home/ann/a: \"b\"/agent.yaml":
            - "shell(git status *)"
            - "shell(echo 'a: #b')"
            - "fetch(https://docs.example.com/*)"
          "/srv/agent.yaml":
            - "python"
        "#);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(settings.path()).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn errors() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(&folder);
        super::super::make_private(&paths.config).unwrap();
        let load = |text: &str| {
            std::fs::write(paths.config.join("settings.yaml"), text).unwrap();
            match Settings::load(&paths) {
                Ok(settings) => format!("{:?}", settings.content),
                Err(error) => error.to_string().replace(folder.path().to_str().unwrap(), "[DIR]"),
            }
        };
        let texts = [
            "",
            "# nothing\n",
            "model: demo\n",
            "modle: demo\n",
            "model: [a]\n",
            "allow:\n  /srv/agent.yaml: [\"shell(ls; rm *)\"]\n",
            "allow: {",
            "- a",
        ];
        insta::assert_snapshot!(texts.map(load).join("\n"), @r#"
        Content { model: None, allow: {} }
        Content { model: None, allow: {} }
        Content { model: Some("demo"), allow: {} }
        could not understand the settings in `[DIR]/home/config/settings.yaml`: unknown field `modle`, expected one of model, allow at line 1, column 1
        could not understand the settings in `[DIR]/home/config/settings.yaml`: expected string scalar at line 1, column 8
        could not understand the settings in `[DIR]/home/config/settings.yaml`: `shell(ls; rm *)` is not a rule: a rule is about the words of one command, where `;` has no place; quote it, or write a rule for each command at line 2, column 21
        could not understand the settings in `[DIR]/home/config/settings.yaml`: unclosed bracket '{' at line 1, column 8
        could not understand the settings in `[DIR]/home/config/settings.yaml`: expected mapping start at line 1, column 1
        "#);
        assert!(Settings::set_model(&paths, "demo").is_err(), "what cannot be read is not overwritten");
    }

    #[test]
    fn two_writers_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(&folder);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let paths = &paths;
                scope.spawn(move || {
                    for n in 0..10 {
                        let rule = Rule::parse(&format!("shell(echo {writer} {n})")).unwrap();
                        Settings::allow(paths, Path::new("/srv/agent.yaml"), &[rule]).unwrap();
                    }
                });
            }
        });
        assert_eq!(Settings::load(&paths).unwrap().allowed(Path::new("/srv/agent.yaml")).len(), 40);
    }
}
