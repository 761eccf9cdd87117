//! Finding files by name, and showing folders whole.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use serde_json::{Value, json};

use super::{
    FileError,
    root::{Kind, Root},
    walk::{End, Next, walk},
};

/// Most files that a search names.
const MOST_FOUND: usize = 1000;
/// Most entries of a tree.
const MOST_SHOWN: usize = 10_000;

/// What was found, and whether there may be more.
pub(crate) struct Found<T> {
    pub(crate) found: T,
    pub(crate) cut: bool,
}

impl Root {
    /// The paths below `path` whose name holds `pattern`, in any case; with `*`, `?`, `[` or `{` it is a glob over the
    /// name, or over the path from the folder on if it has a `/`. What fits one of `excludes`, and all below, is left
    /// out.
    pub(crate) fn search(
        &self,
        path: &str,
        pattern: &str,
        excludes: &[String],
    ) -> Result<Found<Vec<String>>, FileError> {
        let folder = self.locate(path)?;
        let wanted = Pattern::parse(pattern)?;
        let excluded = excluded(excludes)?;
        let mut found = vec![];
        let end = walk(self, &folder, |item, _| {
            if excluded.is_match(&item.path) {
                return Ok(Next::Skip);
            }
            if wanted.fits(&item.path, &item.name()) {
                if found.len() == MOST_FOUND {
                    return Ok(Next::Stop);
                }
                found.push(self.show(&folder.join(&item.path)));
            }
            Ok(Next::Enter)
        })?;
        Ok(Found { found, cut: end != End::Complete })
    }

    /// A folder and all below as `{name, type, children}`.
    pub(crate) fn tree(&self, path: &str) -> Result<Found<Value>, FileError> {
        let folder = self.locate(path)?;
        // The open folders, outermost first: the children that each has so far.
        let mut open: Vec<(String, Vec<Value>)> = vec![(String::new(), vec![])];
        let mut shown = 0;
        let end = walk(self, &folder, |item, _| {
            if shown == MOST_SHOWN {
                return Ok(Next::Stop);
            }
            shown += 1;
            while open.len() > item.depth {
                close(&mut open);
            }
            if item.kind == Kind::Folder {
                open.push((item.name(), vec![]));
            } else if let Some((_, children)) = open.last_mut() {
                children.push(json!({"name": item.name(), "type": "file"}));
            }
            Ok(Next::Enter)
        })?;
        while open.len() > 1 {
            close(&mut open);
        }
        let found = open.pop().map(|(_, children)| Value::Array(children)).unwrap_or_default();
        Ok(Found { found, cut: end != End::Complete })
    }
}

fn close(open: &mut Vec<(String, Vec<Value>)>) {
    let Some((name, children)) = open.pop() else { return };
    if let Some((_, above)) = open.last_mut() {
        above.push(json!({"name": name, "type": "directory", "children": children}));
    }
}

enum Pattern {
    Part(String),
    Name(GlobMatcher),
    Path(GlobMatcher),
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, FileError> {
        if !text.contains(['*', '?', '[', '{']) {
            return Ok(Self::Part(text.to_lowercase()));
        }
        let glob = glob(text)?;
        Ok(if text.contains('/') { Self::Path(glob) } else { Self::Name(glob) })
    }

    fn fits(&self, path: &Path, name: &str) -> bool {
        match self {
            Self::Part(part) => name.to_lowercase().contains(part),
            Self::Name(glob) => glob.is_match(name),
            Self::Path(glob) => glob.is_match(path),
        }
    }
}

fn glob(text: &str) -> Result<GlobMatcher, FileError> {
    GlobBuilder::new(text)
        .case_insensitive(true)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| FileError::Invalid(format!("`{text}` is not a pattern: {}", error.kind())))
}

/// A pattern without `*`, or without `/`, is about names wherever they are.
fn excluded(patterns: &[String]) -> Result<GlobSet, FileError> {
    let mut set = GlobSetBuilder::new();
    let invalid = |pattern: &str, error: &globset::Error| {
        FileError::Invalid(format!("`{pattern}` is not a pattern: {}", error.kind()))
    };
    for pattern in patterns {
        let anywhere = !(pattern.contains('*') && pattern.contains('/'));
        let wide = if anywhere { format!("**/{}", pattern.trim_matches('/')) } else { pattern.clone() };
        let glob = GlobBuilder::new(&wide).literal_separator(true).build().map_err(|error| invalid(pattern, &error))?;
        set.add(glob);
    }
    set.build().map_err(|error| FileError::Invalid(format!("the patterns are too large: {}", error.kind())))
}
