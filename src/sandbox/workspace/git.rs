//! What git would run or believe of a folder besides `.git/config` and `.git/hooks` themselves: where a link, the file
//! `.git` of a worktree or the configuration leads.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Of a folder of git's. Source: gitrepository-layout(5): `commondir` names another one, whose configuration then counts.
const OWN: [&str; 4] = ["config", "config.worktree", "commondir", "hooks"];
/// Most steps of one way: the kernel gives up earlier.
const LONGEST_WAY: usize = 256;
/// Bytes of a configuration file that are looked at.
const LARGEST: u64 = 1 << 20;

/// Paths below `folder`, relative to it, whether they are there or not. What is in the way counts too: who replaces a
/// link has another file run.
pub(super) fn leads_to(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = Found { folder, met: BTreeSet::new() };
    // Not the folder itself, which git writes to all the time.
    let mut git = found.walk(folder, Path::new(".git"));
    let elsewhere = read(&git).and_then(|text| text.strip_prefix("gitdir:").map(|path| PathBuf::from(path.trim())));
    if let Some(elsewhere) = elsewhere {
        git = found.walk(folder, &elsewhere);
    }
    if !git.is_dir() {
        return found.met;
    }
    for name in OWN {
        found.follow(&git, Path::new(name));
    }
    let hooks = found.walk(&git, Path::new("hooks"));
    found.hooks(&hooks);
    for name in ["config", "config.worktree"] {
        let Some(text) = read(&git.join(name)) else { continue };
        for (section, key, value) in settings(&text) {
            match (section.as_str(), key.as_str()) {
                // Hooks run in the uppermost folder.
                ("core", "hookspath") => {
                    let hooks = found.follow(folder, Path::new(&value));
                    found.hooks(&hooks);
                }
                ("include" | "includeif", "path") => drop(found.follow(&git, Path::new(&value))),
                _ => {}
            }
        }
    }
    found.met
}

struct Found<'a> {
    folder: &'a Path,
    met: BTreeSet<PathBuf>,
}

impl Found<'_> {
    /// The same as [`walk`](Self::walk), where what is at the end counts too.
    fn follow(&mut self, start: &Path, path: &Path) -> PathBuf {
        let end = self.walk(start, path);
        self.note(&end);
        end
    }

    /// Goes from `start` along `path` to where its links lead, which is given back.
    fn walk(&mut self, start: &Path, path: &Path) -> PathBuf {
        let mut here = start.to_owned();
        let parts = |path: &Path| path.components().rev().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
        let mut ahead: Vec<OsString> = parts(path);
        for _ in 0..LONGEST_WAY {
            let Some(part) = ahead.pop() else { break };
            match part.as_encoded_bytes() {
                b"." => {}
                b".." => drop(here.pop()),
                // Also the root, which begins anew.
                _ => here.push(part),
            }
            if let Ok(target) = std::fs::read_link(&here) {
                self.note(&here);
                here.pop();
                ahead.extend(parts(&target));
            }
        }
        here
    }

    /// Where the links in a folder of hooks lead, whose path has none.
    fn hooks(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                self.follow(folder, Path::new(&entry.file_name()));
            }
        }
    }

    fn note(&mut self, path: &Path) {
        // The workspace itself cannot be kept as it is.
        if let Ok(path) = path.strip_prefix(self.folder)
            && path != Path::new("")
        {
            self.met.insert(path.to_owned());
        }
    }
}

/// The text of a regular file that is not too large.
fn read(path: &Path) -> Option<String> {
    let meta = std::fs::metadata(path).ok()?;
    (meta.is_file() && meta.len() <= LARGEST)
        .then(|| std::fs::read(path).ok())?
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Section, key and value, the first two in lower case, as far as they stand on one line. Source: git-config(1).
fn settings(text: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut found = vec![];
    for line in text.lines() {
        let mut line = line.trim();
        if let Some((name, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let name = name.split(['"', ' ', '\t']).next().unwrap_or_default();
            section = name.to_lowercase();
            line = rest.trim();
        }
        if let Some((key, value)) = line.split_once('=') {
            let value = value.split(['#', ';']).next().unwrap_or_default().replace('"', "");
            found.push((section.clone(), key.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn found(folder: &Path) -> Vec<String> {
        leads_to(folder).iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn links_and_settings_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir_all(at(".git")).unwrap();
        std::fs::create_dir_all(at("more")).unwrap();
        symlink("../one", at(".git/hooks")).unwrap();
        std::fs::create_dir_all(at("two/three")).unwrap();
        symlink("../deep", at("two/three/pre-merge")).unwrap();
        symlink("two/three", at("one")).unwrap();
        symlink("../tools/check.sh", at("more/pre-push")).unwrap();
        symlink("/etc/profile", at("more/post-merge")).unwrap();
        let config = "[Core]\n\thooksPath = \"more\" ; ours\n[include] path = ../team.conf\n[other]\npath = x\n";
        std::fs::write(at(".git/config"), config).unwrap();
        insta::assert_debug_snapshot!(found(folder.path()), @r#"
        [
            ".git/commondir",
            ".git/config",
            ".git/config.worktree",
            ".git/hooks",
            "more",
            "more/post-merge",
            "more/pre-push",
            "one",
            "team.conf",
            "tools/check.sh",
            "two/deep",
            "two/three",
            "two/three/pre-merge",
        ]
        "#);
    }

    #[test]
    fn the_git_folder_of_a_worktree_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(found(folder.path()), [""; 0]);
        std::fs::write(folder.path().join(".git"), "gitdir: ../nowhere\n").unwrap();
        assert_eq!(found(folder.path()), [""; 0]);
        std::fs::create_dir(folder.path().join("store")).unwrap();
        std::fs::write(folder.path().join(".git"), "gitdir: store\n").unwrap();
        assert_eq!(found(folder.path()), ["store/commondir", "store/config", "store/config.worktree", "store/hooks"]);
    }

    #[test]
    fn a_circle_of_links_ends() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        symlink("../a", folder.path().join(".git/hooks")).unwrap();
        symlink("b", folder.path().join("a")).unwrap();
        symlink("a", folder.path().join("b")).unwrap();
        assert!(found(folder.path()).contains(&"a".to_owned()));
    }
}
