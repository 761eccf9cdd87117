//! Agents that call each other in a circle, in this file and through `{file: …}`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    super::{
        diagnostic::Diagnostics,
        load::{Document, Follow, LoadOptions},
    },
    Checked, Cursor, View,
};

/// More agent files than anybody's team has.
const FILES: usize = 64;

pub(super) fn check(view: &View, root: &Cursor, out: &mut Checked) {
    let agents = root.get("agents");
    let mut done = BTreeSet::new();
    for (name, _) in agents.entries() {
        members(&agents, name, &mut vec![], &mut done, out);
    }
    if view.follow == Follow::No {
        return;
    }
    let mut files = Files { open: vec![], done: BTreeSet::new(), found: Diagnostics::default() };
    files.open.extend(view.path.and_then(|path| path.canonicalize().ok()));
    for at in references(root) {
        let Some(path) = view.path_at(&at).filter(|path| path.is_file()) else { continue };
        if let Some(way) = files.visit(&path) {
            out.faults.push(at.fault("cycle", format!("these agent files call each other in a circle: {way}")));
        }
    }
    out.elsewhere.extend(files.found);
}

/// Follows calls from agent to agent. Handing over in a circle is fine, calling is not.
fn members(agents: &Cursor, name: &str, open: &mut Vec<String>, done: &mut BTreeSet<String>, out: &mut Checked) {
    if !done.insert(name.to_owned()) {
        return;
    }
    open.push(name.to_owned());
    for tool in agents.get(name).get("tools").items() {
        let at = tool.get("agent");
        let Some(next) = at.text().filter(|next| agents.get(next).exists()) else { continue };
        if let Some(start) = open.iter().position(|name| name == next) {
            let way = open[start..].iter().map(String::as_str).chain([next]).collect::<Vec<_>>().join(" → ");
            out.faults.push(
                at.fault("cycle", format!("these agents call each other in a circle: {way}"))
                    .help("to pass the conversation back and forth, use `handoffs`"),
            );
        } else {
            members(agents, next, open, done, out);
        }
    }
    open.pop();
}

/// The places that name another agent file.
fn references<'a>(root: &Cursor<'a>) -> Vec<Cursor<'a>> {
    let members = root.get("agents").entries().into_iter().map(|(_, member)| member);
    [root.clone()]
        .into_iter()
        .chain(members)
        .flat_map(|agent| agent.get("tools").items())
        .map(|tool| tool.get("agent").get("file"))
        .filter(Cursor::exists)
        .collect()
}

struct Files {
    /// The way to the file that is being looked at.
    open: Vec<PathBuf>,
    done: BTreeSet<PathBuf>,
    found: Diagnostics,
}

impl Files {
    /// Checks a file and those that it names; gives the way round if it leads back.
    fn visit(&mut self, path: &Path) -> Option<String> {
        let canonical = path.canonicalize().ok()?;
        if let Some(start) = self.open.iter().position(|open| *open == canonical) {
            let name = |path: &Path| path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
            let way = self.open[start..].iter().chain([&canonical]).map(|path| name(path));
            return Some(way.collect::<Vec<_>>().join(" → "));
        }
        if self.done.len() >= FILES || !self.done.insert(canonical.clone()) {
            return None;
        }
        let document = match Document::open(path) {
            Ok(document) => document,
            Err(found) => {
                self.found.extend(found);
                return None;
            }
        };
        if let Err(found) = document.load_following(&LoadOptions::default(), Follow::No) {
            self.found.extend(found);
        }
        let dir = path.parent().unwrap_or(Path::new("."));
        self.open.push(canonical);
        let around = document.agent_files().into_iter().find_map(|file| self.visit(&dir.join(file)));
        self.open.pop();
        around
    }
}
