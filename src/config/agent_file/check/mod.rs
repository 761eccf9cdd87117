//! What a schema cannot say: names that have to be there, keys that do not go together, files that are missing.
//!
//! It looks at values, not at types, so that a file with faults of another sort is checked in the same pass.

mod agent;
mod cursor;
mod cycle;
mod model;
mod place;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{diagnostic::Diagnostics, fault::Fault, load::Follow};
use cursor::Cursor;

/// A file to check, filled in as far as it can be. It may have faults.
pub(super) struct View<'a> {
    pub(super) value: &'a Value,
    /// Pointers to the strings with a reference that is not filled in.
    pub(super) unset: BTreeSet<&'a str>,
    /// What paths are relative to.
    pub(super) dir: &'a Path,
    /// The file itself, if it is one.
    pub(super) path: Option<&'a Path>,
    /// Pointers to the servers that are not in the file, but in its `mcp_file`.
    pub(super) imported: &'a [String],
    pub(super) follow: Follow,
}

impl View<'_> {
    /// The path that stands at `at`, if it is filled in.
    fn path_at(&self, at: &Cursor) -> Option<PathBuf> {
        at.text().map(|text| self.dir.join(text))
    }
}

/// What the checks found.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) faults: Vec<Fault>,
    /// In other files that this one names.
    pub(super) elsewhere: Diagnostics,
}

pub(super) fn check(view: &View) -> Checked {
    let mut out = Checked::default();
    let root = Cursor::root(view);
    model::check(&root, &mut out.faults);
    agent::check(view, &root, &root, &mut out.faults);
    for (_, member) in root.get("agents").entries() {
        agent::check(view, &root, &member, &mut out.faults);
    }
    agent::check_team(&root, &mut out.faults);
    cycle::check(view, &root, &mut out);
    place::check(&root, &mut out.faults);
    out
}
