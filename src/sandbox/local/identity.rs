//! Who a box is on the host.

use std::{fs, io};

use rustix::{
    process::{DumpableBehavior, set_dumpable_behavior},
    thread::{Gid, Uid},
};

use crate::sandbox::SandboxId;

/// The user and group of every box, as seen inside.
pub(super) const INSIDE: u32 = 1000;

/// The first of the user numbers that are used here, above those that systemd hands out to containers and below those
/// that some file systems take for negative. Source: systemd's UIDS-GIDS.md.
const FIRST: u32 = 0x7000_0000;
/// How many there are: so many that a number made of a box's random id is its own, and nobody has to keep a list.
const COUNT: u32 = 0x0fff_fff0;

/// As whom the box runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// The ordinary user who makes it.
    Same { uid: u32, gid: u32 },
    /// One of its own, made as root.
    Other { uid: u32, gid: u32 },
}

impl Identity {
    /// # Errors
    /// Root in a container that has no other user to give.
    pub(super) fn of(id: &SandboxId) -> io::Result<Self> {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        if !uid.is_root() {
            return Ok(Self::Same { uid: uid.as_raw(), gid: gid.as_raw() });
        }
        let number = u64::from_str_radix(id.as_str(), 16).unwrap_or(0);
        let own = |map: &str| choose(&fs::read_to_string(map).unwrap_or_default(), number);
        match (own("/proc/self/uid_map"), own("/proc/self/gid_map")) {
            (Some(uid), Some(gid)) => Ok(Self::Other { uid, gid }),
            _ => Err(io::Error::other("this is root without any other user number to change to")),
        }
    }

    /// The number that no other box has; in a container with few of them there is none.
    #[must_use]
    pub(super) fn alone(self) -> Option<u32> {
        match self {
            Self::Other { uid, .. } if uid >= FIRST => Some(uid),
            Self::Other { .. } | Self::Same { .. } => None,
        }
    }

    /// Becomes it, for good.
    ///
    /// # Errors
    /// A container that forbids it.
    pub(super) fn assume(self) -> io::Result<()> {
        if let Self::Other { uid, gid } = self {
            rustix::thread::set_thread_groups(&[])?;
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        }
        // A change of user makes our files in /proc root's, and we have to write the maps of the namespace there.
        Ok(set_dumpable_behavior(DumpableBehavior::Dumpable)?)
    }

    /// Makes it user and group [`INSIDE`] of the new user namespace that this process is in.
    ///
    /// # Errors
    /// A profile of AppArmor that leaves the namespace without rights.
    pub(super) fn map(self) -> io::Result<()> {
        let (Self::Same { uid, gid } | Self::Other { uid, gid }) = self;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{INSIDE} {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("{INSIDE} {gid} 1"))
    }
}

/// A number that `map`, a file such as `/proc/self/uid_map`, has room for, and that is none of the machine's users.
fn choose(map: &str, number: u64) -> Option<u32> {
    let mut ranges = map.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().map(|field| field.parse::<u64>().ok());
        let (first, _, count) = (fields.next()??, fields.next()??, fields.next()??);
        Some(first..first + count)
    });
    let within = |range: std::ops::Range<u64>| u32::try_from(range.start + number % (range.end - range.start)).ok();
    let whole = u64::from(FIRST)..u64::from(FIRST + COUNT);
    let range = ranges.find(|range| range.contains(&whole.start) && range.contains(&whole.end));
    if range.is_some() {
        return within(whole);
    }
    // A container with a part of the numbers: those above the ones that people, services and `nobody` have.
    let part = map.lines().next().and_then(|line| line.split_ascii_whitespace().nth(2)?.parse::<u64>().ok())?;
    let part = if part > 65_536 + 1000 { 65_536..part } else { 61_000..part.min(65_000) };
    (part.start < part.end).then(|| within(part)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_made_of_the_id_and_within_the_map() {
        let of = |map| choose(map, 0xabcdef012345);
        assert_eq!(
            ["0 0 4294967295", "0 100000 65536", "0 100000 1000000", "0 1000 1", ""].map(of),
            [Some(2_142_040_357), Some(63_565), Some(600_709), None, None]
        );
    }
}
