//! Patterns over paths.

use std::path::Path;

use super::{Fit, Glob, Side};

/// A path of a workspace: `.github/**`, `*.md`, `/etc/**`.
///
/// `*` stands for any characters of one name, `**` for any number of folders. A pattern without `/` is about a name,
/// wherever it is; any other starts at the workspace, or at the root of the file system if it begins with `/`. A
/// pattern that fits a folder fits everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    absolute: bool,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Name(Glob),
    Folders,
}

/// Where a path leads, without looking at the disk: symbolic links are the sandbox's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From the root of the file system.
    full: Vec<String>,
    /// How many of `full` lead to the workspace; `None` for a place outside of it.
    workspace: Option<usize>,
}

/// A path longer than any file system takes is no path.
const LONGEST: usize = 4096;

impl Place {
    /// Where `path` leads from `workspace`, with `.`, `..` and `//` resolved; `None` for what cannot be a path.
    #[must_use]
    pub fn of(path: &str, workspace: &Path) -> Option<Self> {
        if path.len() > LONGEST || path.contains('\0') {
            return None;
        }
        let root = resolve(&workspace.to_string_lossy(), vec![]);
        let full = if path.starts_with('/') { resolve(path, vec![]) } else { resolve(path, root.clone()) };
        let workspace = full.starts_with(&root).then_some(root.len());
        Some(Self { full, workspace })
    }

    /// From the workspace, or from the root of the file system for a place outside.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.workspace {
            Some(root) if root == self.full.len() => ".".to_owned(),
            Some(root) => self.full[root..].join("/"),
            None => format!("/{}", self.full.join("/")),
        }
    }
}

fn resolve(path: &str, mut parts: Vec<String>) -> Vec<String> {
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

impl PathPattern {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        let part = |part: &String| if part == "**" { Part::Folders } else { Part::Name(Glob::parse(part)) };
        let mut parts: Vec<Part> = resolve(text, vec![]).iter().map(part).collect();
        if !text.trim_end_matches('/').contains('/') {
            parts.insert(0, Part::Folders);
        }
        Self { absolute: text.starts_with('/'), parts }
    }

    /// Whether the pattern is about `place`. To refuse, `A` is `a`, as on some file systems, and a place outside the
    /// workspace is compared by its end.
    #[must_use]
    pub fn fit(&self, place: &Place, side: Side) -> Fit {
        let from = match (self.absolute, place.workspace) {
            (true, _) => Some(0),
            (false, root) => root,
        };
        match (from, side) {
            (Some(from), _) => self.fits_at(&place.full[from..], side).into(),
            (None, Side::Allow) => Fit::No,
            (None, Side::Refuse) => (0..place.full.len()).any(|from| self.fits_at(&place.full[from..], side)).into(),
        }
    }

    fn fits_at(&self, names: &[String], side: Side) -> bool {
        // The last `**` before the end may take all that is left, so the first fit of each part is as good as any.
        fits(&self.parts, names, side)
    }

    /// Whether the pattern may be about something below `place`, which a move or a removal of the folder would reach.
    #[must_use]
    pub fn reaches_below(&self, place: &Place) -> bool {
        let Some(from) = (if self.absolute { Some(0) } else { place.workspace }) else { return false };
        let names = &place.full[from..];
        let starts = self.parts.iter().zip(names).take_while(|(part, name)| match part {
            Part::Name(glob) => glob.matches_any_case(name),
            Part::Folders => false,
        });
        let agreed = starts.count();
        // Either the whole folder leads towards what the pattern is about, or a `**` may take the rest of it.
        agreed == names.len() || matches!(self.parts.get(agreed), Some(Part::Folders))
    }
}

fn fits(parts: &[Part], names: &[String], side: Side) -> bool {
    // `row[j]` is whether the names from `j` on fit the pattern from some part on; at its end everything below fits.
    let mut row = vec![true; names.len() + 1];
    for part in parts.iter().rev() {
        let mut next = vec![false; names.len() + 1];
        if *part == Part::Folders {
            next[names.len()] = row[names.len()];
        }
        for j in (0..names.len()).rev() {
            next[j] = match (part, side) {
                (Part::Folders, _) => row[j] || next[j + 1],
                (Part::Name(glob), Side::Allow) => glob.matches(&names[j]) && row[j + 1],
                (Part::Name(glob), Side::Refuse) => glob.matches_any_case(&names[j]) && row[j + 1],
            };
        }
        row = next;
    }
    row[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(pattern: &str, path: &str, side: Side) -> bool {
        let place = Place::of(path, Path::new("/home/ann/repo")).unwrap();
        PathPattern::parse(pattern).fit(&place, side) == Fit::Yes
    }

    #[test]
    fn table() {
        for (pattern, path, allows, refuses) in [
            (".github/**", ".github/workflows/ci.yml", true, true),
            (".github/**", ".github", true, true),
            (".github/**", "./.github/x", true, true),
            (".github/**", "src/../.github/x", true, true),
            (".github/**", "//home/ann/repo/.github/x", true, true),
            (".github/**", "/home/ann/repo/.github/x", true, true),
            (".github/**", ".GitHub/x", false, true),
            (".github/**", "sub/.github/x", false, false),
            (".github/**", "/workspace/.github/x", false, true),
            (".github/**", "../other/.github/x", false, true),
            (".github/**", ".githubx", false, false),
            ("**/.github/**", "sub/.github/x", true, true),
            ("./src/*.rs", "src/a.rs", true, true),
            ("src/*.rs", "src/a/b.rs", false, false),
            ("src/**/*.rs", "src/a/b.rs", true, true),
            ("src/**/*.rs", "src/b.rs", true, true),
            (".env*", "deep/down/.env.local", true, true),
            ("secrets", "deep/secrets/key", true, true),
            ("docs/", "docs/a.md", true, true),
            ("*", "anything/at/all", true, true),
            ("**", "x", true, true),
            ("**", "../x", false, true),
            ("*", "/etc/passwd", false, true),
            ("/etc/**", "/etc/passwd", true, true),
            ("/etc/**", "../../../etc/passwd", true, true),
            ("/etc/**", "../../../../../../etc/passwd", true, true),
            ("/home/ann/repo/x", "x", true, true),
        ] {
            assert_eq!(
                (fit(pattern, path, Side::Allow), fit(pattern, path, Side::Refuse)),
                (allows, refuses),
                "{pattern} {path}"
            );
        }
        assert_eq!(Place::of("a\0b", Path::new("/")), None);
        assert_eq!(Place::of(&"a/".repeat(3000), Path::new("/")), None);
    }

    #[test]
    fn folders_above() {
        let below = |pattern: &str, path: &str| {
            PathPattern::parse(pattern).reaches_below(&Place::of(path, Path::new("/home/ann/repo")).unwrap())
        };
        assert!(below("src/secret/**", "src") && below("src/secret/**", "."));
        assert!(below("**/key", "docs") && below(".env", "docs"));
        assert!(!below("src/secret/**", "docs"));
    }
}
