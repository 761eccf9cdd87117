//! The files that were found, and what is wrong with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    Content, Diagnostic, Diagnostics,
    gather::{below, normal},
};
use crate::{
    config::agent_file::{Place, Text, written_out},
    deploy::DeployError,
};

/// More is no agent, but a folder that was named by mistake.
const FILES: usize = 20_000;
const BYTES: u64 = 256 << 20;
/// Of which no image has use.
const PASSED_OVER: &[&str] = &[".git", ".hg", ".svn", "__pycache__", ".DS_Store"];
/// Files that hold secrets, whatever is in them.
const SECRET_NAMES: &[&str] = &[".netrc", ".git-credentials", "id_rsa", "id_ecdsa", "id_ed25519", "keys.yaml"];
const SECRET_ENDS: &[&str] = &["p12", "pfx", "jks", "keystore"];
/// Of `.env`: those that show what to fill in.
const EXAMPLES: &[&str] = &["example", "sample", "template", "dist"];

#[derive(Default)]
pub(super) struct Found {
    /// What paths are shown relative to.
    cwd: PathBuf,
    /// By where they are on this machine.
    files: BTreeMap<PathBuf, Content>,
    /// Folders that the paths of agent files are relative to.
    folders: BTreeSet<PathBuf>,
    taken: BTreeSet<PathBuf>,
    bytes: u64,
    programs: Vec<(String, String)>,
    variables: BTreeSet<String>,
    warnings: Vec<String>,
    wrong: Diagnostics,
}

/// What is put into the image.
pub(super) struct Packed {
    pub(super) files: BTreeMap<String, Content>,
    pub(super) programs: Vec<(String, String)>,
    pub(super) variables: BTreeSet<String>,
    pub(super) warnings: Vec<String>,
}

impl Found {
    pub(super) fn new(cwd: &Path) -> Self {
        Self { cwd: cwd.to_owned(), ..Self::default() }
    }

    /// As the user would write it.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.cwd).unwrap_or(path).display().to_string()
    }

    pub(super) fn wrong(&mut self, diagnostic: Diagnostic) {
        self.wrong.push(diagnostic);
    }

    pub(super) fn all_wrong(&mut self, diagnostics: Diagnostics) {
        self.wrong.extend(diagnostics);
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    pub(super) fn needs(&mut self, program: &str, who: &str) {
        let need = (program.to_owned(), who.to_owned());
        if !self.programs.contains(&need) {
            self.programs.push(need);
        }
    }

    pub(super) fn variables(&mut self, names: impl IntoIterator<Item = String>) {
        self.variables.extend(names);
    }

    pub(super) fn folder(&mut self, folder: &Path) {
        self.folders.insert(folder.to_owned());
    }

    /// An agent file; `false` where it is there already.
    pub(super) fn agent_file(&mut self, path: &Path, text: &str) -> bool {
        let path = normal(path);
        if self.files.contains_key(&path) {
            return false;
        }
        self.wrong.extend(written_out(&self.shown(&path), text, Text::Settings));
        self.files.insert(path, Content::File { bytes: text.as_bytes().to_vec(), executable: false });
        true
    }

    /// A file whose keys say what is secret.
    pub(super) fn settings(&mut self, path: &Path) {
        match std::fs::read(path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                self.wrong.extend(written_out(&self.shown(path), &text, Text::Settings));
                self.files.insert(path.to_owned(), Content::File { bytes, executable: false });
            }
            Err(error) => self.unreadable(path, &error),
        }
    }

    /// A file, or a folder with all that is in it, which `place` names.
    pub(super) fn take(&mut self, path: &Path, place: impl Fn() -> Place) {
        if !self.taken.insert(path.to_owned()) {
            return;
        }
        let entries = walkdir::WalkDir::new(path).sort_by_file_name().into_iter();
        let keep = |entry: &walkdir::DirEntry| {
            entry.depth() == 0 || !PASSED_OVER.iter().any(|name| entry.file_name() == *name)
        };
        for entry in entries.filter_entry(keep) {
            if self.files.len() >= FILES || self.bytes > BYTES {
                self.wrong.push(
                    Diagnostic::error("too-much", format!("`{}` holds more than an agent needs", self.shown(path)))
                        .at(place())
                        .help("an image takes 20 000 files and 256 MiB: name a smaller folder"),
                );
                return;
            }
            match entry {
                Ok(entry) => self.entry(path, &entry, &place),
                Err(error) => {
                    let at = error.path().unwrap_or(path).to_owned();
                    self.unreadable(&at, &error.into());
                }
            }
        }
    }

    fn entry(&mut self, root: &Path, entry: &walkdir::DirEntry, place: &impl Fn() -> Place) {
        let path = entry.path();
        if is_secret(path) {
            self.wrong.push(
                Diagnostic::error("secret", format!("`{}` holds secrets by its name", self.shown(path)))
                    .at(place())
                    .help("move it out of what the agent names; keys are given to the agent where it runs"),
            );
            return;
        }
        if entry.depth() > 0 && entry.path_is_symlink() {
            return self.link(root, path, place);
        }
        // What the agent file names may be a link itself.
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(metadata) if metadata.is_file() => self.file(path, &metadata),
            Ok(_) => self.wrong.push(
                Diagnostic::error("no-file", format!("`{}` is neither a file nor a folder", self.shown(path)))
                    .at(place()),
            ),
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn file(&mut self, path: &Path, metadata: &std::fs::Metadata) {
        self.bytes += metadata.len();
        if self.bytes > BYTES {
            return;
        }
        match std::fs::read(path) {
            Ok(bytes) => {
                if let Ok(text) = std::str::from_utf8(&bytes) {
                    self.wrong.extend(written_out(&self.shown(path), text, Text::Any));
                }
                let executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
                self.files.entry(path.to_owned()).or_insert(Content::File { bytes, executable });
            }
            Err(error) => self.unreadable(path, &error),
        }
    }

    /// One that leads out of the folder would bring along what nobody named.
    fn link(&mut self, root: &Path, path: &Path, place: &impl Fn() -> Place) {
        let to = match std::fs::read_link(path) {
            Ok(to) => to,
            Err(error) => return self.unreadable(path, &error),
        };
        let target = normal(&path.parent().unwrap_or(root).join(&to));
        match to.to_str() {
            Some(text) if to.is_relative() && target.starts_with(root) => {
                self.files.insert(path.to_owned(), Content::Link(text.to_owned()));
            }
            _ => self.wrong.push(
                Diagnostic::error("link", format!("the link `{}` leads out of its folder", self.shown(path)))
                    .at(place())
                    .help("put the file itself there"),
            ),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        self.wrong.push(Diagnostic::error("unreadable", format!("could not read `{}`: {error}", self.shown(path))));
    }

    /// The files by their paths below the folder that all of them are in, and that folder.
    ///
    /// # Errors
    /// All that is wrong.
    pub(super) fn finish(mut self) -> Result<(Packed, PathBuf), DeployError> {
        let mut wrong = std::mem::take(&mut self.wrong);
        let mut root = self.folders.first().cloned().unwrap_or_default();
        let parents = self.files.keys().filter_map(|path| path.parent());
        for path in parents.chain(self.folders.iter().map(PathBuf::as_path)) {
            while !path.starts_with(&root) {
                root.pop();
            }
        }
        let mut files = BTreeMap::new();
        for (path, content) in std::mem::take(&mut self.files) {
            match below(&path, &root) {
                Some(name) => {
                    files.insert(name, content);
                }
                None => {
                    let what = format!("the name of `{}` is not UTF-8", path.display());
                    wrong.push(Diagnostic::error("encoding", what));
                }
            }
        }
        if wrong.has_errors() {
            return Err(DeployError::Agent(wrong));
        }
        let Self { programs, variables, warnings, .. } = self;
        Ok((Packed { files, programs, variables, warnings }, root))
    }
}

fn is_secret(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    let env = match name.strip_prefix(".env") {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix('.')
            .is_some_and(|rest| !rest.rsplit('.').next().is_some_and(|last| EXAMPLES.contains(&last))),
        None => false,
    };
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_ascii_lowercase();
    env || SECRET_NAMES.contains(&name.as_str()) || SECRET_ENDS.contains(&end.as_str())
}
