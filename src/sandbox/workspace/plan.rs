//! Which paths of a workspace are hidden, and which are protected.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use walkdir::WalkDir;

use super::{folder::Kind, git};
use crate::sandbox::{SandboxError, Workspace, WorkspaceMode};

/// What `chat` protects in a folder of the user's: what other programs of the user run or trust. A program that git or
/// an editor starts would run outside the sandbox.
pub const PROTECTED_IN_CHAT: [&str; 16] = [
    ".env*",
    ".envrc",
    ".git/config",
    ".git/hooks",
    "**/.git/config",
    "**/.git/config.worktree",
    "**/.git/commondir",
    "**/.git/hooks",
    "**/.git/modules/**/{config,config.worktree,commondir,hooks}",
    "**/.git/worktrees/*/{config.worktree,commondir,gitdir}",
    ".husky",
    ".vscode",
    ".idea",
    ".zed",
    ".cursor",
    ".mcp.json",
];

/// Most entries of a workspace that are looked at to find what is hidden: a program inside would see what is missed.
const MOST_FOR_HIDDEN: usize = 200_000;

/// The same where nothing is hidden: of what is protected and missed, a change is refused later.
const MOST_FOR_PROTECTED: usize = 20_000;

/// A workspace as a backend has to make it: paths that exist, relative to the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspacePlan {
    pub mode: WorkspaceMode,
    /// On the host, absolute, without links; `None` with mode `none`.
    pub folder: Option<PathBuf>,
    /// Not to be seen: an empty file or folder over each.
    pub hide: Vec<PathBuf>,
    /// Not to be changed: mounted again over itself, read-only. What is not there may be made inside and does not come
    /// out: something in its place would be in the way of programs that list the folder, such as git.
    pub protect: Vec<PathBuf>,
}

/// The patterns of a workspace. One without a slash fits at any depth, one with a slash from the workspace downwards,
/// and `**` stands for any folders. What fits a folder covers all that is in it. Who protects `.git/hooks` means what
/// git runs, wherever that is.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    hide: GlobSet,
    protect: GlobSet,
    /// Whether the hooks of git are protected.
    git: bool,
    /// Where git is led to by what is in the workspace now.
    led_to: BTreeSet<PathBuf>,
}

/// Why a path may not be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    Hidden,
    Protected,
}

impl Guard {
    pub(super) fn new(spec: &Workspace) -> Result<Self, SandboxError> {
        let (hide, protect) = (patterns(&spec.hide, false)?, patterns(&spec.protect, true)?);
        let git = protect.is_match(".git/hooks");
        let folder = folder(spec)?.filter(|folder| git || folder.join(".git").is_file());
        let led_to = folder.map(|folder| git::leads_to(&folder)).unwrap_or_default();
        Ok(Self { hide, protect, git, led_to })
    }

    /// Whether a pattern fits `path` or a folder above it.
    pub(super) fn covers(&self, path: &Path) -> Option<Covered> {
        let fits = |set: &GlobSet| {
            !set.is_empty() && path.ancestors().filter(|above| *above != Path::new("")).any(|above| set.is_match(above))
        };
        if fits(&self.hide) {
            return Some(Covered::Hidden);
        }
        let protected = fits(&self.protect) || path.ancestors().any(|above| self.led_to.contains(above));
        protected.then_some(Covered::Protected)
    }

    /// The same of something of this kind that is to come out of the box. A file or a link by the name of `.git` has git
    /// believe a folder of any other name, and a link above what is protected puts another in its place.
    pub(super) fn keeps_in(&self, path: &Path, kind: Kind) -> Option<Covered> {
        let named_git = || path.file_name().is_some_and(|name| name.eq_ignore_ascii_case(".git"));
        let misleads = match kind {
            Kind::Link => self.git && named_git() || self.led_to.iter().any(|led_to| led_to.starts_with(path)),
            Kind::File => self.git && named_git(),
            _ => false,
        };
        self.covers(path).or_else(|| misleads.then_some(Covered::Protected))
    }
}

/// What is protected is so in any case: file systems that know no case have one file of both names.
fn patterns(list: &[String], any_case: bool) -> Result<GlobSet, SandboxError> {
    let wrong = |pattern: &str, error: &globset::Error| SandboxError::Failed {
        what: format!("`{pattern}` is not a pattern of paths: {}", error.kind()),
        hint: Some("patterns stand under `sandbox.workspace`: `*` is any text, `**` any folders".to_owned()),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in list {
        let anchored = anchored(pattern);
        let glob = GlobBuilder::new(&anchored).literal_separator(true).case_insensitive(any_case).build();
        set.add(glob.map_err(|error| wrong(pattern, &error))?);
    }
    set.build().map_err(|error| wrong(&list.join(", "), &error))
}

/// As `globset` takes it.
fn anchored(pattern: &str) -> String {
    let plain = pattern.trim_start_matches("./").trim_end_matches('/');
    match plain.strip_prefix('/') {
        Some(from_top) => from_top.to_owned(),
        None if plain.contains('/') => plain.to_owned(),
        None => format!("**/{plain}"),
    }
}

impl WorkspacePlan {
    /// Finds what the patterns stand for now. What comes to fit later is refused when changes are merged.
    ///
    /// # Errors
    /// A folder that is not there; a pattern that is none; a folder too large to know that nothing hidden is missed.
    pub fn find(spec: &Workspace) -> Result<Self, SandboxError> {
        let guard = Guard::new(spec)?;
        let mut plan = Self { mode: spec.mode, folder: None, hide: vec![], protect: vec![] };
        let Some(folder) = folder(spec)? else { return Ok(plan) };
        plan.walk(&folder, &guard)?;
        plan.protect_git(&folder, &guard);
        plan.folder = Some(folder);
        Ok(plan)
    }

    fn walk(&mut self, folder: &Path, guard: &Guard) -> Result<(), SandboxError> {
        if guard.hide.is_empty() && guard.protect.is_empty() {
            return Ok(());
        }
        let mut entries = WalkDir::new(folder).min_depth(1).follow_links(false).into_iter();
        let most = if guard.hide.is_empty() { MOST_FOR_PROTECTED } else { MOST_FOR_HIDDEN };
        let mut seen = 0;
        while let Some(entry) = entries.next() {
            seen += 1;
            if seen > most {
                return too_large(folder, guard);
            }
            // What cannot be read from here cannot be read from inside either.
            let Ok(entry) = entry else { continue };
            let Ok(path) = entry.path().strip_prefix(folder) else { continue };
            match guard.covers(path) {
                Some(Covered::Hidden) => self.hide.push(path.to_owned()),
                Some(Covered::Protected) => self.protect.push(path.to_owned()),
                // Thousands of files of no interest.
                None if path.ends_with(".git/objects") => {}
                None => continue,
            }
            if entry.file_type().is_dir() {
                entries.skip_current_dir();
            }
        }
        Ok(())
    }

    /// Of a worktree or a submodule `.git` is a file that says where its folder is.
    fn protect_git(&mut self, folder: &Path, guard: &Guard) {
        let there = |path: &Path| folder.join(path).symlink_metadata().is_ok_and(|meta| !meta.is_symlink());
        let file = Some(PathBuf::from(".git")).filter(|git| folder.join(git).is_file());
        for path in file.iter().chain(&guard.led_to).filter(|path| there(path)) {
            if !path.ancestors().any(|above| self.protect.iter().any(|known| known == above)) {
                self.protect.push(path.clone());
            }
        }
    }
}

/// The folder of the workspace, absolute and without links; `None` with mode `none`.
pub(super) fn folder(spec: &Workspace) -> Result<Option<PathBuf>, SandboxError> {
    if spec.mode == WorkspaceMode::None {
        return Ok(None);
    }
    let failed = |what: String| SandboxError::Failed { what, hint: None };
    let Some(folder) = &spec.path else { return Err(failed("the workspace has no folder".to_owned())) };
    let shown = folder.display();
    let folder = folder.canonicalize().map_err(SandboxError::io(format!("open the workspace `{shown}`")))?;
    if !folder.is_dir() {
        return Err(failed(format!("the workspace `{shown}` is not a folder")));
    }
    Ok(Some(folder))
}

fn too_large(folder: &Path, guard: &Guard) -> Result<(), SandboxError> {
    if guard.hide.is_empty() {
        return Ok(());
    }
    let shown = folder.display();
    Err(SandboxError::Failed {
        what: format!("`{shown}` has more than {MOST_FOR_HIDDEN} files: not all that is to be hidden can be found"),
        hint: Some("give a smaller folder, or leave out `sandbox.workspace.hide`".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(folder: &Path, hide: &[&str], protect: &[&str]) -> Workspace {
        let owned = |list: &[&str]| list.iter().map(|pattern| (*pattern).to_owned()).collect();
        Workspace { mode: WorkspaceMode::Rw, path: Some(folder.to_owned()), hide: owned(hide), protect: owned(protect) }
    }

    fn plan(spec: &Workspace) -> Result<WorkspacePlan, SandboxError> {
        WorkspacePlan::find(spec)
    }

    #[test]
    fn patterns_become_paths() {
        let folder = tempfile::tempdir().unwrap();
        for path in [".git/hooks/pre-commit", ".git/config", ".env", "web/.env.local", "src/a.rs", "keys/id"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        // A link out of the workspace is a name like any other, and not followed.
        std::os::unix::fs::symlink("/etc", folder.path().join("link")).unwrap();
        let mut protect = PROTECTED_IN_CHAT.to_vec();
        protect.push("agent.yaml");
        let plan = plan(&spec(folder.path(), &["keys", "link/*"], &protect)).unwrap();
        insta::assert_debug_snapshot!((plan.hide, plan.protect), @r#"
        (
            [
                "keys",
            ],
            [
                ".env",
                "web/.env.local",
                ".git/config",
                ".git/hooks",
            ],
        )
        "#);
    }

    #[test]
    fn a_worktree_protects_where_its_git_folder_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("store/hooks")).unwrap();
        std::fs::write(folder.path().join(".git"), "gitdir: store\n").unwrap();
        let plan = plan(&spec(folder.path(), &[], &[".git/hooks"])).unwrap();
        assert_eq!(plan.protect, ["store/hooks", ".git"].map(PathBuf::from));
    }

    #[test]
    fn what_would_lead_git_astray_stays_in() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".git")).unwrap();
        std::os::unix::fs::symlink("../tools/hooks", folder.path().join(".git/hooks")).unwrap();
        let guard = Guard::new(&spec(folder.path(), &[], &PROTECTED_IN_CHAT)).unwrap();
        for (path, kind) in [
            (".git", Kind::Link),
            ("a/.git", Kind::File),
            (".GIT", Kind::File),
            (".Git/Hooks/pre-commit", Kind::File),
            (".git/commondir", Kind::File),
            (".git/worktrees/w/commondir", Kind::File),
            ("tools/hooks/pre-commit", Kind::File),
            ("tools", Kind::Link),
        ] {
            assert_eq!(guard.keeps_in(Path::new(path), kind), Some(Covered::Protected), "{path}");
        }
        for (path, kind) in [
            (".git", Kind::Folder),
            (".git/HEAD", Kind::File),
            (".git/worktrees/w/HEAD", Kind::File),
            ("tools", Kind::Folder),
            ("tools/x", Kind::Link),
        ] {
            assert_eq!(guard.keeps_in(Path::new(path), kind), None, "{path}");
        }
        let all = Guard::new(&spec(folder.path(), &[], &[])).unwrap();
        assert_eq!(all.keeps_in(Path::new("a/.git"), Kind::File), None);
    }

    #[test]
    fn what_a_pattern_covers() {
        let guard = Guard::new(&spec(Path::new("/"), &["/top", "a/**/secret"], &[".env*", ".git/hooks"])).unwrap();
        let covers = |path: &str| guard.covers(Path::new(path));
        assert_eq!(covers("top"), Some(Covered::Hidden));
        assert_eq!(covers("x/top"), None);
        assert_eq!(covers("a/b/c/secret/key"), Some(Covered::Hidden));
        assert_eq!(covers("x/.env.local"), Some(Covered::Protected));
        assert_eq!(covers(".git/hooks/pre-commit"), Some(Covered::Protected));
        assert_eq!(covers(".git/hooks2"), None);
        assert_eq!(covers("src/env"), None);
    }

    #[test]
    fn wrong_patterns_and_folders() {
        let folder = tempfile::tempdir().unwrap();
        let said = |error: SandboxError| format!("{error}; {:?}", error.hint());
        let errors = [
            said(plan(&spec(folder.path(), &["a[", "b"], &[])).unwrap_err()),
            said(plan(&spec(Path::new("/nowhere/at all"), &[], &[])).unwrap_err()),
        ];
        insta::assert_debug_snapshot!(errors, @r#"
        [
            "`a[` is not a pattern of paths: unclosed character class; missing ']'; Some(\"patterns stand under `sandbox.workspace`: `*` is any text, `**` any folders\")",
            "could not open the workspace `/nowhere/at all`; None",
        ]
        "#);
    }
}
