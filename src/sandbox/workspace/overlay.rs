//! What was changed in an overlay: its upper folder, compared with the folder below it.
//!
//! The kernel keeps in the upper folder whole files, whiteouts for what was deleted, and folders, of which an opaque one
//! hides what is below (Documentation/filesystems/overlayfs.rst). With the mount option `userxattr` the mark of an
//! opaque folder is `user.overlay.opaque`; renames of folders are copies then.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    folder::{Folder, Kind, Stamp, TOO_DEEP, is_too_deep, lossless, same},
    plan::{Covered, Guard},
    state::{Change, State},
};

/// What both sides looked like when they were last brought to agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(super) struct Synced {
    /// Until when changes of the folder can have been seen inside. Nanoseconds since 1970.
    pub(super) seen: i64,
    pub(super) paths: BTreeMap<PathBuf, Pair>,
}

/// JSON knows only text as keys, and a path need not be text.
#[derive(Serialize, Deserialize)]
struct Stored {
    seen: i64,
    paths: Vec<(StoredPath, Pair)>,
}

#[derive(Serialize, Deserialize)]
struct StoredPath(#[serde(with = "lossless")] PathBuf);

impl From<Stored> for Synced {
    fn from(stored: Stored) -> Self {
        Self { seen: stored.seen, paths: stored.paths.into_iter().map(|(path, pair)| (path.0, pair)).collect() }
    }
}

impl From<Synced> for Stored {
    fn from(synced: Synced) -> Self {
        Self {
            seen: synced.seen,
            paths: synced.paths.into_iter().map(|(path, pair)| (StoredPath(path), pair)).collect(),
        }
    }
}

impl Synced {
    /// Notes that both sides agree on `path`, which was `outside` when it was brought in.
    pub(super) fn set(&mut self, path: PathBuf, inside: &Folder, outside: Option<Stamp>) -> io::Result<()> {
        match inside.stamp(&path)? {
            Some(stamp) => {
                let opaque = stamp.kind == Kind::Folder && is_opaque(&inside.at(&path)?);
                self.paths.insert(path, Pair { inside: stamp, outside, opaque, unsettled: false });
            }
            None => drop(self.paths.remove(&path)),
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pair {
    /// In the upper folder.
    pub(super) inside: Stamp,
    /// In the user's folder; `None` where nothing was.
    pub(super) outside: Option<Stamp>,
    /// A folder that hides what is below it.
    pub(super) opaque: bool,
    /// Looked at so soon after its last change that a later one may bear the same time.
    pub(super) unsettled: bool,
}

/// A change that is not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Relative to the workspace.
    pub path: PathBuf,
    pub reason: String,
}

/// Why a change is not taken over. What the user wrote is brought in before the next call.
pub(super) const CHANGED_MEANWHILE: &str = "the user changed it meanwhile";

/// What a look at the upper folder found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Sorted by path.
    pub(super) changes: Vec<Change>,
    pub(super) refused: Vec<Refused>,
    /// What is to be remembered once the changes are made. The outside of changed paths is as before them.
    pub(super) next: BTreeMap<PathBuf, Pair>,
}

/// Times of files are taken from a clock that ticks every 4 ms or more (CONFIG_HZ=250 and less).
pub(super) const TICK: i64 = 20_000_000;

pub(super) struct Scan<'a> {
    pub(super) upper: &'a Folder,
    pub(super) folder: &'a Folder,
    pub(super) guard: &'a Guard,
    pub(super) known: &'a Synced,
    /// The time at which it begins. Nanoseconds since 1970.
    pub(super) now: i64,
}

impl Scan<'_> {
    pub(super) fn run(&self) -> io::Result<Found> {
        let mut found = Found::default();
        self.look_in(Path::new(""), &mut found)?;
        self.look_for_vanished(&mut found);
        found.changes.sort_by(|a, b| a.path.cmp(&b.path));
        found.changes.dedup_by(|a, b| a.path == b.path);
        Ok(found)
    }

    /// What the user changed since the last merge in what the upper folder holds, and what therefore would not be seen
    /// inside. What programs inside changed as well is left to the next merge.
    pub(super) fn inwards(&self) -> io::Result<Vec<Change>> {
        let mut changes = BTreeMap::new();
        for (path, pair) in &self.known.paths {
            let untouched = self.upper.stamp(path)?.is_some_and(|now| now.same(pair.inside));
            if !untouched || self.guard.covers(path).is_some() {
                continue;
            }
            let outside = self.folder.stamp(path)?;
            if !same(outside, pair.outside) {
                self.inward(path, pair.inside.kind, &mut changes)?;
            }
            if pair.opaque && outside.is_some_and(|stamp| stamp.kind == Kind::Folder) {
                for name in self.folder.at(path)?.names()? {
                    let below = path.join(name);
                    if self.upper.stamp(&below)?.is_none() {
                        self.inward(&below, Kind::Whiteout, &mut changes)?;
                    }
                }
            }
        }
        Ok(changes.into_values().collect())
    }

    /// Makes `path` inside what it is outside, with all below it where it becomes a folder.
    fn inward(&self, path: &Path, inside: Kind, changes: &mut BTreeMap<PathBuf, Change>) -> io::Result<()> {
        if self.guard.covers(path).is_some() {
            return Ok(());
        }
        let before = if inside == Kind::Whiteout { State::Absent } else { State::of(self.upper, path)? };
        let after = State::of(self.folder, path)?;
        if after == State::Special || before == State::Special {
            return Ok(());
        }
        if after.is_folder() && !before.is_folder() {
            for name in self.folder.at(path)?.names()? {
                self.inward(&path.join(name), Kind::Whiteout, changes)?;
            }
        }
        changes.insert(path.to_owned(), Change { path: path.to_owned(), before, after });
        Ok(())
    }

    fn look_in(&self, path: &Path, found: &mut Found) -> io::Result<()> {
        for name in self.upper.at(path)?.names()? {
            let path = path.join(name);
            if let Err(error) = self.look_at(&path, found) {
                found.refused.push(Refused { path, reason: error.to_string() });
            }
        }
        Ok(())
    }

    fn look_at(&self, path: &Path, found: &mut Found) -> io::Result<()> {
        // Gone between the listing and now: then the next look sees it.
        let Some(inside) = self.upper.stamp(path)? else { return Ok(()) };
        let known = self.known.paths.get(path).filter(|pair| pair.inside.same(inside));
        let unsettled = inside.kind == Kind::File && inside.changed > self.now - TICK;
        if let Some(pair) = known.filter(|pair| !pair.unsettled && inside.kind != Kind::Folder) {
            found.next.insert(path.to_owned(), *pair);
            return Ok(());
        }
        let outside = self.folder.stamp(path)?;
        if let Some(pair) = known.filter(|pair| inside.kind != Kind::Folder && !same(outside, pair.outside)) {
            // It differs by what the user did, and that is still to be brought in.
            found.next.insert(path.to_owned(), *pair);
            return Ok(());
        }
        let mut pair = Pair { inside, outside, opaque: false, unsettled };
        if let Some(covered) = self.guard.keeps_in(path, inside.kind) {
            if known.is_none() {
                found.refused.push(refused(path, covered));
            }
        } else if inside.kind == Kind::Folder && is_too_deep(path) {
            found.refused.push(Refused { path: path.to_owned(), reason: TOO_DEEP.to_owned() });
        } else {
            match inside.kind {
                Kind::Whiteout => {
                    if let Some(stamp) = outside {
                        self.removed(path, stamp, found)?;
                    }
                }
                Kind::Folder => {
                    pair.opaque = is_opaque(&self.upper.at(path)?);
                    pair.outside = known.map_or(outside, |pair| pair.outside);
                    self.folder_inside(path, pair, known, outside, found)?;
                }
                Kind::File | Kind::Link => {
                    if !self.content(path, inside, outside, found)? {
                        // As before, so that what the user wrote is brought in.
                        pair.outside = self.known.paths.get(path).and_then(|pair| pair.outside);
                    }
                }
                Kind::Special => found.refused.push(Refused {
                    path: path.to_owned(),
                    reason: "devices, FIFOs and sockets stay in the sandbox".to_owned(),
                }),
            }
        }
        found.next.insert(path.to_owned(), pair);
        Ok(())
    }

    /// Whether both sides agree on it once the changes are made: not where the user wrote another one meanwhile.
    fn content(&self, path: &Path, inside: Stamp, outside: Option<Stamp>, found: &mut Found) -> io::Result<bool> {
        let after = State::with_stamp(self.upper, path, inside)?;
        let before = self.before(path, outside, found)?;
        if before == after {
            return Ok(true);
        }
        if let Some(outside) = outside.filter(|stamp| matches!(stamp.kind, Kind::File | Kind::Link))
            && self.is_of_the_user(path, outside, Some(inside))
        {
            found.refused.push(Refused { path: path.to_owned(), reason: CHANGED_MEANWHILE.to_owned() });
            return Ok(false);
        }
        found.changes.push(Change { path: path.to_owned(), before, after });
        Ok(true)
    }

    /// What stands in the folder; where that is a folder which something else replaces, all in it goes.
    fn before(&self, path: &Path, outside: Option<Stamp>, found: &mut Found) -> io::Result<State> {
        let Some(outside) = outside else { return Ok(State::Absent) };
        if outside.kind == Kind::Folder {
            for name in self.folder.at(path)?.names()? {
                self.removed_below(&path.join(name), found)?;
            }
        }
        match State::with_stamp(self.folder, path, outside)? {
            State::Special => Err(io::Error::other("a device, FIFO or socket is in its place")),
            state => Ok(state),
        }
    }

    fn folder_inside(
        &self,
        path: &Path,
        pair: Pair,
        known: Option<&Pair>,
        outside: Option<Stamp>,
        found: &mut Found,
    ) -> io::Result<()> {
        let after = State::Folder { mode: pair.inside.mode };
        match outside.map(|stamp| stamp.kind) {
            Some(Kind::Folder) => {
                let before = State::Folder { mode: outside.map_or(0, |stamp| stamp.mode) };
                if known.is_none() && before != after {
                    found.changes.push(Change { path: path.to_owned(), before, after });
                }
                // Once: what appears below afterwards is the user's.
                if pair.opaque && !known.is_some_and(|pair| pair.opaque) {
                    let here: BTreeSet<OsString> = self.upper.at(path)?.names()?.into_iter().collect();
                    for name in self.folder.at(path)?.names()?.into_iter().filter(|name| !here.contains(name)) {
                        self.removed_below(&path.join(name), found)?;
                    }
                }
            }
            // The user deleted or replaced it, and that is still to be brought in.
            _ if known.is_some() => {}
            _ => {
                let before = match outside {
                    None => State::Absent,
                    Some(stamp) => State::with_stamp(self.folder, path, stamp)?,
                };
                found.changes.push(Change { path: path.to_owned(), before, after });
            }
        }
        self.look_in(path, found)
    }

    fn removed_below(&self, path: &Path, found: &mut Found) -> io::Result<bool> {
        match self.folder.stamp(path)? {
            Some(stamp) => self.removed(path, stamp, found),
            None => Ok(true),
        }
    }

    /// Takes `path` and all below it away; whether nothing of it has to stay.
    fn removed(&self, path: &Path, outside: Stamp, found: &mut Found) -> io::Result<bool> {
        if let Some(covered) = self.guard.covers(path) {
            found.refused.push(refused(path, covered));
            return Ok(false);
        }
        let mut before = State::with_stamp(self.folder, path, outside)?;
        match outside.kind {
            Kind::Folder => {
                let mut all = true;
                for name in self.folder.at(path)?.names()? {
                    all &= self.removed_below(&path.join(name), found)?;
                }
                if !all {
                    return Ok(false);
                }
                before = State::Folder { mode: outside.mode };
            }
            // Whoever deleted it inside had not seen what the user wrote since.
            Kind::File if self.is_of_the_user(path, outside, None) => return Ok(false),
            Kind::Special | Kind::Whiteout => {
                let reason = "devices, FIFOs and sockets of the workspace are left alone".to_owned();
                found.refused.push(Refused { path: path.to_owned(), reason });
                return Ok(false);
            }
            Kind::File | Kind::Link => {}
        }
        found.changes.push(Change { path: path.to_owned(), before, after: State::Absent });
        Ok(true)
    }

    /// Whether somebody else than us changed the file since programs inside could last see it, or since they wrote
    /// theirs.
    fn is_of_the_user(&self, path: &Path, outside: Stamp, inside: Option<Stamp>) -> bool {
        let ours = self.known.paths.get(path).and_then(|pair| pair.outside).is_some_and(|stamp| stamp.same(outside));
        !ours && (outside.changed > self.known.seen || inside.is_some_and(|inside| outside.changed > inside.changed))
    }

    /// What was merged once and is not in the upper folder any more was deleted inside: the kernel leaves no whiteout
    /// where it knows of nothing below.
    fn look_for_vanished(&self, found: &mut Found) {
        for (path, pair) in self.known.paths.iter().rev() {
            let was_there = !matches!(pair.inside.kind, Kind::Whiteout | Kind::Special);
            if !was_there || found.next.contains_key(path) || self.guard.covers(path).is_some() {
                continue;
            }
            let Some(outside) = pair.outside else { continue };
            // What the user changed meanwhile stays, and shows through.
            if self.folder.stamp(path).ok().flatten().is_some_and(|now| now.same(outside))
                && let Ok(before) = State::with_stamp(self.folder, path, outside)
            {
                found.changes.push(Change { path: path.clone(), before, after: State::Absent });
            }
        }
    }
}

pub(super) fn refused(path: &Path, covered: Covered) -> Refused {
    let reason = match covered {
        Covered::Hidden => "hidden by `sandbox.workspace.hide`",
        Covered::Protected => "protected",
    };
    Refused { path: path.to_owned(), reason: reason.to_owned() }
}

fn is_opaque(folder: &Folder) -> bool {
    folder.attribute("user.overlay.opaque").as_deref() == Some(b"y")
}
