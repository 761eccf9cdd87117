//! The system prompt: what an agent is told before the conversation.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use super::{AgentDeps, OpenError};
use crate::config::agent_file::AgentSpec;

/// Most bytes of one context file; the rest is left out, and the prompt says so.
const MOST_BYTES: u64 = 32 * 1024;
/// The context file of `chat` where the agent file names none.
pub const CONTEXT_FILE: &str = "AGENTS.md";

/// What the system prompt is made of.
pub(super) struct Prompt {
    instructions: String,
    files: Vec<String>,
    workspace: PathBuf,
    date: bool,
    environment: bool,
    now: fn() -> jiff::Zoned,
}

/// The system prompt of one turn.
pub(super) struct Rendered {
    pub(super) text: String,
    /// Context files that are part of it.
    pub(super) files: Vec<String>,
}

impl Prompt {
    pub(super) fn new(spec: &AgentSpec, dir: &Path, deps: &AgentDeps) -> Result<Self, OpenError> {
        let mut instructions = spec.instructions.clone().unwrap_or_default();
        if let Some(file) = &spec.instructions_file {
            let path = dir.join(file);
            instructions = std::fs::read_to_string(&path).map_err(|source| OpenError::Read { path, source })?;
        }
        let default = || if deps.options.context_files { vec![CONTEXT_FILE.to_owned()] } else { vec![] };
        Ok(Self {
            instructions,
            files: spec.context.files.clone().unwrap_or_else(default),
            workspace: deps.options.workspace.clone(),
            date: spec.context.date,
            environment: spec.context.environment,
            now: deps.options.now,
        })
    }

    /// What of it takes up how many bytes.
    pub(super) fn sizes(&self) -> Vec<(String, u64)> {
        let files: Vec<_> = context_files(&self.workspace, &self.files)
            .into_iter()
            .map(|(path, text)| (path.display().to_string(), text.len() as u64))
            .collect();
        let whole = self.render().text.len() as u64;
        let instructions = whole.saturating_sub(files.iter().map(|(_, bytes)| bytes).sum());
        std::iter::once(("instructions".to_owned(), instructions)).chain(files).collect()
    }

    /// The prompt as it is now: context files may have changed since the last turn.
    pub(super) fn render(&self) -> Rendered {
        let mut sections = vec![];
        let instructions = self.instructions.trim_end();
        if !instructions.is_empty() {
            sections.push(instructions.to_owned());
        }
        let mut files = vec![];
        for (path, text) in context_files(&self.workspace, &self.files) {
            let path = path.display().to_string();
            sections.push(format!("<file path=\"{path}\">\n{}\n</file>", text.trim_end()));
            files.push(path);
        }
        if self.environment {
            let system = std::env::consts::OS;
            sections.push(format!("Operating system: {system}\nWorking directory: {}", self.workspace.display()));
        }
        // Last, so that what stands before it stays in the provider's cache.
        if self.date {
            sections.push(format!("Today is {}.", (self.now)().strftime("%A, %-d %B %Y")));
        }
        Rendered { text: sections.join("\n\n"), files }
    }
}

/// The files called one of `names` in `folder` and the folders above it up to the root of the repository, the outermost
/// first, so that what stands nearer to the work has the last word. A file that cannot be read is passed over.
#[must_use]
pub fn context_files(folder: &Path, names: &[String]) -> Vec<(PathBuf, String)> {
    if names.is_empty() {
        return vec![];
    }
    let root = folder.ancestors().position(|folder| folder.join(".git").exists());
    let mut folders: Vec<_> = folder.ancestors().take(root.map_or(usize::MAX, |root| root + 1)).collect();
    folders.reverse();
    folders
        .into_iter()
        .flat_map(|folder| names.iter().map(|name| folder.join(name)))
        .filter(|path| trusted(path, folder))
        .filter_map(|path| start(&path).map(|text| (path, text)))
        .collect()
}

/// Whether the file belongs to the owner of `folder`, or to the system: one that somebody else left in `/tmp` must not
/// instruct an agent that works below it.
#[cfg(unix)]
fn trusted(path: &Path, folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let owner = |path: &Path| path.metadata().map(|metadata| metadata.uid()).ok();
    owner(path).is_some_and(|uid| uid == 0 || Some(uid) == owner(folder))
}

#[cfg(not(unix))]
fn trusted(_path: &Path, _folder: &Path) -> bool {
    true
}

fn start(path: &Path) -> Option<String> {
    // Opening a named pipe would wait for its writer.
    if !path.is_file() {
        return None;
    }
    let mut bytes = vec![];
    std::fs::File::open(path).ok()?.take(MOST_BYTES + 1).read_to_end(&mut bytes).ok()?;
    let whole = bytes.len() as u64 <= MOST_BYTES;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if !whole {
        text.truncate(text.floor_char_boundary(usize::try_from(MOST_BYTES).unwrap_or(usize::MAX)));
        text.push_str("\n[… the rest of this file is left out]");
    }
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_files_come_from_the_repository_outermost_first() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("AGENTS.md", "outside of the repository");
        write("repo/.git/HEAD", "");
        write("repo/AGENTS.md", "whole");
        write("repo/src/AGENTS.md", " \n");
        write("repo/src/deep/AGENTS.md", &"é".repeat(40_000));
        std::fs::create_dir(root.path().join("repo/src/deep/NOTES.md")).unwrap();
        let names = ["AGENTS.md".to_owned(), "NOTES.md".to_owned()];
        let found = context_files(&root.path().join("repo/src/deep"), &names);
        let shown: Vec<_> = found
            .iter()
            .map(|(path, text)| {
                let path = path.strip_prefix(root.path()).unwrap().display().to_string();
                (path, text.trim_start_matches('é').to_owned(), text.len())
            })
            .collect();
        insta::assert_debug_snapshot!(shown, @r#"
        [
            (
                "repo/AGENTS.md",
                "whole",
                5,
            ),
            (
                "repo/src/deep/AGENTS.md",
                "\n[… the rest of this file is left out]",
                32808,
            ),
        ]
        "#);
    }
}
