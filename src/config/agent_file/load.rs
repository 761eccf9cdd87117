//! From a path to a checked [`AgentFile`], or everything that is wrong with it.

use std::{
    collections::BTreeSet,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    AgentFile, AgentSpec,
    check::{self, View},
    diagnostic::{Diagnostic, Diagnostics, NOT_FOUND, Place, Severity, Source},
    fault::{Fault, On},
    interpolate::{Interpolated, Interpolator, State},
    mcp_file, profile, validate,
    yaml::{self, Kind, Node},
};
use crate::config::Secret;

/// The largest agent file, in bytes.
const SIZE: u64 = 1 << 20;

/// So many errors are told of one file.
const ENOUGH: usize = 200;

/// How to read an agent file.
pub struct LoadOptions<'a> {
    /// The profile to merge over the file.
    pub profile: Option<String>,
    /// Where `${NAME}` is looked up.
    pub lookup: &'a dyn Fn(&str) -> Option<Secret>,
}

/// No profile and no variables.
impl Default for LoadOptions<'_> {
    fn default() -> Self {
        Self { profile: None, lookup: &|_| None }
    }
}

/// An agent file that holds, and where its parts stand.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub file: AgentFile,
    /// Where it was read from; none for one that is built in.
    pub path: Option<PathBuf>,
    /// What the paths in it are relative to.
    pub dir: PathBuf,
    pub warnings: Diagnostics,
    /// References to variables and files that are not there.
    pub unset: Vec<Unset>,
    /// The variables that it refers to, set or not.
    pub variables: BTreeSet<String>,
    source: Arc<Source>,
    tree: Node,
}

/// Where in an agent file a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    File,
    Profile(String),
}

/// A reference that could not be filled in: a string keeps it as it was written, any other value is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unset {
    /// `NAME`, or `file:PATH`.
    pub name: String,
    /// JSON pointer to the value it stands in, such as `/models/smart/api_key`.
    pub pointer: String,
    pub place: Place,
}

impl Unset {
    fn diagnostic(&self, severity: Severity) -> Diagnostic {
        let (message, help) = match self.name.strip_prefix("file:") {
            Some(path) => (
                format!("the file `{path}` cannot be read"),
                "it is looked for beside the agent file, and may have up to 64 KiB of text".to_owned(),
            ),
            None => (
                format!("the variable `{}` is not set", self.name),
                format!("set it, write it into `.env` beside the agent file, or give a default: ${{{}:-…}}", self.name),
            ),
        };
        Diagnostic { severity, ..Diagnostic::error("unset", message) }.at(self.place.clone()).help(help)
    }
}

impl Loaded {
    /// The agent called `name` under `agents`; the file's own for none.
    #[must_use]
    pub fn agent(&self, name: Option<&str>) -> Option<&AgentSpec> {
        match name {
            None => Some(&self.file.agent),
            Some(name) => self.file.agents.get(name),
        }
    }

    /// The file as it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// Where the value at a JSON pointer stands, or what of it the file has.
    #[must_use]
    pub fn place(&self, pointer: &str) -> Place {
        place(&self.source, &self.tree, pointer, On::Value)
    }

    /// Where the value at a JSON pointer stands; `None` where the file does not say.
    #[must_use]
    pub fn origin(&self, pointer: &str) -> Option<Origin> {
        let keys = pointer.split('/').skip(1);
        let node = keys.into_iter().try_fold(&self.tree, |node, key| Some(&node.entry(key)?.node))?;
        let Some(Kind::Map(profiles)) = self.tree.entry("profiles").map(|entry| &entry.node.kind) else {
            return Some(Origin::File);
        };
        // What was merged keeps its place.
        let within = |whole: &Node| whole.span.start <= node.span.start && node.span.end <= whole.span.end;
        let profile = profiles.iter().find(|profile| within(&profile.node));
        Some(profile.map_or(Origin::File, |profile| Origin::Profile(profile.key.clone())))
    }

    /// Demands that the references in all values that `used` says yes to are filled in.
    ///
    /// # Errors
    /// One for every reference that is not.
    pub fn require(&self, used: impl Fn(&str) -> bool) -> Result<(), Diagnostics> {
        let missing = self.unset(Severity::Error, used);
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }

    /// What is not set of the values that `used` says yes to.
    #[must_use]
    pub fn unset(&self, severity: Severity, used: impl Fn(&str) -> bool) -> Diagnostics {
        let mut out = Diagnostics::default();
        for unset in self.unset.iter().filter(|unset| used(&unset.pointer)) {
            out.push(unset.diagnostic(severity));
        }
        out
    }
}

/// Reads the agent file at `path`, or `agent.yaml` in the folder at `path`.
///
/// # Errors
/// Everything that is wrong with it, in one go.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Loaded, Diagnostics> {
    Document::open(path)?.load(options)
}

/// Reads an agent file that is not a file; `dir` is what the paths in it are relative to.
///
/// # Errors
/// Everything that is wrong with it, in one go.
pub fn load_str(name: &str, text: &str, dir: &Path, options: &LoadOptions) -> Result<Loaded, Diagnostics> {
    Document::parse(Source { name: name.to_owned(), text: text.to_owned() }, dir)?.load(options)
}

fn locate(path: &Path) -> Result<PathBuf, Diagnostic> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let inside = path.join("agent.yaml");
    if inside.is_file() {
        return Ok(inside);
    }
    Err(Diagnostic::error(NOT_FOUND, format!("the folder `{}` has no agent.yaml", path.display()))
        .help(format!("`agentscope init {}` writes one", path.display())))
}

/// Reads a text, within bounds.
pub(super) fn read(path: &Path) -> Result<Source, Diagnostic> {
    let shown = path.display();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Diagnostic::error(NOT_FOUND, format!("there is no file `{shown}`"))
            .help("give the path of an agent file, or of a folder that holds an agent.yaml"),
        _ => Diagnostic::error("unreadable", format!("could not read `{shown}`: {error}")),
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = vec![];
    // One byte more than allowed tells a file that is too large, whatever its size is said to be.
    file.take(SIZE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > SIZE {
        return Err(Diagnostic::error("too-large", format!("`{shown}` has more than 1 MiB"))
            .help("an agent file is a page or two; long instructions can stand in an `instructions_file`"));
    }
    if bytes.contains(&0) {
        return Err(
            Diagnostic::error("binary", format!("`{shown}` is not a text file")).help("an agent file is YAML in UTF-8")
        );
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
        Diagnostic::error("encoding", format!("`{shown}` is not UTF-8: line {line} has bytes that are no characters"))
            .help("save it as UTF-8")
    })?;
    Ok(Source { name: shown.to_string(), text })
}

/// Where a fault stands: on a key, or on a value that fits on its line.
pub(super) fn place(source: &Arc<Source>, tree: &Node, pointer: &str, on: On) -> Place {
    let (node, key) = tree.find(pointer);
    let span = match (on, key) {
        (On::Key, Some(key)) => key,
        (On::Value, Some(key)) if !matches!(node.kind, Kind::Scalar(_)) || node.span.is_empty() => key,
        _ => node.span.clone(),
    };
    Place::new(source, span)
}

/// Whether the agent files that a file names are checked with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    Yes,
    No,
}

/// An agent file that is YAML, and not yet known to be more.
#[derive(Clone, Debug)]
pub struct Document {
    source: Arc<Source>,
    path: Option<PathBuf>,
    dir: PathBuf,
    tree: Node,
    /// What did not keep the tree from being read.
    found: Diagnostics,
}

impl Document {
    /// Reads the agent file at `path`, or `agent.yaml` in the folder at `path`.
    ///
    /// # Errors
    /// A file that cannot be read, or that is not YAML.
    pub fn open(path: &Path) -> Result<Self, Diagnostics> {
        let path = locate(path)?;
        let source = read(&path)?;
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        Ok(Self { path: Some(path), ..Self::parse(source, &dir)? })
    }

    /// Reads a text; `dir` is what the paths in it are relative to.
    ///
    /// # Errors
    /// A text that is not YAML.
    pub fn parse(source: Source, dir: &Path) -> Result<Self, Diagnostics> {
        let source = Arc::new(source);
        let mut found = Diagnostics::default();
        match yaml::parse(&source, &mut found) {
            Ok(tree) if matches!(tree.kind, Kind::Map(_)) => {
                Ok(Self { source, path: None, dir: dir.to_owned(), tree, found })
            }
            Ok(tree) => {
                found.push(
                    Diagnostic::error("wrong-type", "an agent file is a mapping of keys to values")
                        .at(Place::new(&source, tree.span.clone()))
                        .help("the smallest one is `name: assistant`"),
                );
                Err(found)
            }
            Err(stopped) => {
                found.push(stopped);
                Err(found)
            }
        }
    }

    /// The names of its profiles.
    #[must_use]
    pub fn profiles(&self) -> Vec<&str> {
        profile::names(&self.tree)
    }

    /// Merges a profile, fills in references, checks, and decodes.
    ///
    /// # Errors
    /// Everything that is wrong with it, in one go.
    pub fn load(&self, options: &LoadOptions) -> Result<Loaded, Diagnostics> {
        self.load_following(options, Follow::Yes)
    }

    /// What it refers to and is not set, whatever else is wrong with it.
    #[must_use]
    pub fn unset(&self, options: &LoadOptions, severity: Severity) -> Diagnostics {
        let mut out = Diagnostics::default();
        let Ok(tree) = self.merged(options) else { return out };
        let interpolated = Interpolator { dir: &self.dir, lookup: options.lookup }.run(&mut tree.value());
        for unset in unset(&interpolated, |pointer| place(&self.source, &tree, pointer, On::Value)) {
            out.push(unset.diagnostic(severity));
        }
        out
    }

    fn merged(&self, options: &LoadOptions) -> Result<Node, Fault> {
        match options.profile.as_deref() {
            Some(name) => profile::merge(&self.tree, name),
            None => Ok(self.tree.clone()),
        }
    }

    /// The paths of the agent files that it names as tools, as they are written.
    pub(super) fn agent_files(&self) -> Vec<PathBuf> {
        let value = self.tree.value();
        let members = value["agents"].as_object().into_iter().flatten().map(|(_, member)| member);
        [&value]
            .into_iter()
            .chain(members)
            .flat_map(|agent| agent["tools"].as_array().into_iter().flatten())
            .filter_map(|tool| tool["agent"]["file"].as_str().map(PathBuf::from))
            .collect()
    }

    pub(super) fn load_following(&self, options: &LoadOptions, follow: Follow) -> Result<Loaded, Diagnostics> {
        let Self { source, path, dir, found, .. } = self;
        let mut found = found.clone();
        let tree = match self.merged(options) {
            Ok(tree) => tree,
            Err(fault) => {
                found.push(fault.diagnostic(|pointer, on| place(source, &self.tree, pointer, on)));
                return Err(found);
            }
        };
        let mut value = tree.value();
        let mut interpolated = Interpolator { dir, lookup: options.lookup }.run(&mut value);
        let mut faults: Vec<Fault> = interpolated.malformed.iter().map(Fault::malformed).collect();
        faults.extend(validate::validate(&mut value, &interpolated));
        let mut unset = unset(&interpolated, |pointer| place(source, &tree, pointer, On::Value));
        let imported = mcp_file::import(&mut value, dir, options.lookup);
        found.extend(imported.found);
        unset.extend(imported.unset);
        interpolated.references.extend(imported.references);
        // What stands in a profile counts once it is merged.
        let variables = interpolated
            .references
            .iter()
            .filter(|reference| !reference.name.starts_with("file:") && !reference.pointer.starts_with("/profiles/"));
        let variables = variables.map(|reference| reference.name.clone()).collect();
        let wrong: BTreeSet<String> = faults.iter().map(|fault| fault.pointer.clone()).collect();
        let view = View {
            value: &value,
            unset: unset.iter().map(|unset| unset.pointer.as_str()).collect(),
            dir,
            path: path.as_deref(),
            imported: &imported.servers,
            follow,
        };
        let checked = check::check(&view);
        faults.extend(checked.faults.into_iter().filter(|fault| !wrong.contains(&fault.pointer)));
        for fault in faults.into_iter().take(ENOUGH) {
            let pointer = fault.pointer.clone();
            let server = imported.servers.iter().find(|server| pointer.starts_with(server.as_str()));
            // A server that stands in another file: the key that names the file.
            let (fault, at) = match server.and_then(|server| server.rsplit_once("/mcp/")) {
                Some((agent, server)) => (fault.about(&format!("the server `{server}`")), format!("{agent}/mcp_file")),
                None => (fault, pointer),
            };
            found.push_once(fault.diagnostic(|_, on| place(source, &tree, &at, on)));
        }
        found.sort();
        found.extend(checked.elsewhere);
        if found.has_errors() {
            return Err(found);
        }
        validate::leave_out_unset(&mut value, &interpolated);
        match serde_json::from_value(value) {
            Ok(file) => Ok(Loaded {
                file,
                path: path.clone(),
                dir: dir.clone(),
                warnings: found,
                unset,
                variables,
                source: Arc::clone(source),
                tree,
            }),
            Err(error) => {
                found.push(Diagnostic::error("invalid", format!("`{}` cannot be used: {error}", source.name)));
                Err(found)
            }
        }
    }
}

/// What is not filled in, with its places.
pub(super) fn unset(interpolated: &Interpolated, place: impl Fn(&str) -> Place) -> Vec<Unset> {
    interpolated
        .references
        .iter()
        .filter(|reference| reference.state == State::Unset)
        .map(|reference| Unset {
            name: reference.name.clone(),
            pointer: reference.pointer.clone(),
            place: place(&reference.pointer),
        })
        .collect()
}
