//! A private copy of the user's folder, kept in step with it where there is no overlay: both sides are walked, and what
//! has another stamp than last time has changed there.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use super::{
    folder::{Folder, Kind, Stamp, TOO_DEEP, is_too_deep, same},
    overlay::{CHANGED_MEANWHILE, Found, Pair, Refused, Synced, TICK, refused},
    plan::{Covered, Guard},
    state::{Change, State},
};

pub(super) struct Mirror<'a> {
    /// The private copy.
    pub(super) copy: &'a Folder,
    pub(super) folder: &'a Folder,
    pub(super) guard: &'a Guard,
    pub(super) known: &'a Synced,
    /// Nanoseconds since 1970.
    pub(super) now: i64,
}

impl Mirror<'_> {
    /// What the user changed, to be made in the copy. What programs inside changed as well is left to the next merge.
    pub(super) fn inwards(&self) -> io::Result<Found> {
        let (inside, outside) = (walk(self.copy)?, walk(self.folder)?);
        let mut found = Found::default();
        for path in all(&inside, &outside, &self.known.paths) {
            if self.guard.covers(path) == Some(Covered::Hidden) {
                continue;
            }
            let (inside, outside) = (inside.get(path).copied(), outside.get(path).copied());
            let known = self.known.paths.get(path);
            if let Some(pair) = known {
                found.next.insert(path.clone(), *pair);
            }
            let changed_outside = !same(outside, known.and_then(|pair| pair.outside));
            let changed_inside = !same(inside, known.map(|pair| pair.inside));
            if !changed_outside || changed_inside || outside.is_some_and(|stamp| stamp.kind == Kind::Special) {
                continue;
            }
            let before = state(self.copy, path, inside)?;
            let after = state(self.folder, path, outside)?;
            found.changes.push(Change { path: path.clone(), before, after });
        }
        Ok(found)
    }

    /// What programs inside changed, to be made in the folder.
    pub(super) fn outwards(&self) -> io::Result<Found> {
        let inside = walk(self.copy)?;
        let mut found = Found::default();
        for path in all(&inside, &BTreeMap::new(), &self.known.paths) {
            let inside = inside.get(path).copied();
            if let Err(error) = self.outward(path, inside, &mut found) {
                found.refused.push(Refused { path: path.clone(), reason: error.to_string() });
            }
        }
        Ok(found)
    }

    fn outward(&self, path: &Path, inside: Option<Stamp>, found: &mut Found) -> io::Result<()> {
        let known = self.known.paths.get(path).copied();
        let untouched = known.filter(|pair| same(inside, Some(pair.inside)));
        if let Some(pair) = untouched.filter(|pair| !pair.unsettled) {
            found.next.insert(path.to_owned(), pair);
            return Ok(());
        }
        let outside = self.folder.stamp(path)?;
        let of_the_user = !same(outside, known.and_then(|pair| pair.outside));
        if let Some(pair) = untouched.filter(|_| of_the_user) {
            // It differs by what the user did, and that is still to be brought in.
            found.next.insert(path.to_owned(), pair);
            return Ok(());
        }
        if let Some(inside) = inside {
            let unsettled = inside.kind == Kind::File && inside.changed > self.now - TICK;
            found.next.insert(path.to_owned(), Pair { inside, outside, opaque: false, unsettled });
        }
        let after = state(self.copy, path, inside)?;
        let before = state(self.folder, path, outside)?;
        if before == after {
            return Ok(());
        }
        let covered = inside.map_or_else(|| self.guard.covers(path), |stamp| self.guard.keeps_in(path, stamp.kind));
        if let Some(covered) = covered {
            // Said once of each change.
            if !same(inside, known.map(|pair| pair.inside)) {
                found.refused.push(refused(path, covered));
            }
        } else if after.is_folder() && is_too_deep(path) {
            found.refused.push(Refused { path: path.to_owned(), reason: TOO_DEEP.to_owned() });
        } else if after == State::Special || before == State::Special {
            let reason = "devices, FIFOs and sockets stay where they are".to_owned();
            found.refused.push(Refused { path: path.to_owned(), reason });
        } else if !of_the_user || outside.is_none() {
            found.changes.push(Change { path: path.to_owned(), before, after });
        } else if matches!(after, State::File { .. } | State::Link { .. }) {
            found.refused.push(Refused { path: path.to_owned(), reason: CHANGED_MEANWHILE.to_owned() });
            if let Some(pair) = found.next.get_mut(path) {
                // As before, so that what the user wrote is brought in.
                pair.outside = known.and_then(|pair| pair.outside);
            }
        }
        Ok(())
    }
}

fn state(folder: &Folder, path: &Path, stamp: Option<Stamp>) -> io::Result<State> {
    stamp.map_or(Ok(State::Absent), |stamp| State::with_stamp(folder, path, stamp))
}

/// Every path of either side, sorted.
fn all<'a>(
    inside: &'a BTreeMap<PathBuf, Stamp>,
    outside: &'a BTreeMap<PathBuf, Stamp>,
    known: &'a BTreeMap<PathBuf, Pair>,
) -> std::collections::BTreeSet<&'a PathBuf> {
    inside.keys().chain(outside.keys()).chain(known.keys()).collect()
}

/// The stamps of everything below a folder. What cannot be read is not there.
fn walk(root: &Folder) -> io::Result<BTreeMap<PathBuf, Stamp>> {
    let mut stamps = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(path) = folders.pop() {
        let folder = match root.at(&path) {
            Ok(folder) => folder,
            Err(error) if path == Path::new("") => return Err(error),
            Err(_) => continue,
        };
        for name in folder.names()? {
            let Some(stamp) = folder.stamp(Path::new(&name))? else { continue };
            let path = path.join(name);
            if stamp.kind == Kind::Folder && !is_too_deep(&path) {
                folders.push(path.clone());
            }
            stamps.insert(path, stamp);
        }
    }
    Ok(stamps)
}
