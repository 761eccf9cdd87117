//! How much the programs of a box use, also of what no cgroup and no quota counts.

use std::{
    collections::{HashMap, HashSet},
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat as FileStat},
    io::Errno,
};

use super::{cgroup::Cgroup, root, sys};
use crate::sandbox::{
    Usage,
    tree::{self, Stat},
};

/// What a file takes at least: its entry and inode count too.
pub(super) const LEAST: u64 = 4096;
/// Folders within folders that are looked into; each holds a descriptor. What has more is taken for boundless.
const DEEPEST: usize = 1000;
/// Descriptors of one program that are looked at. What has more may hide anything behind them.
const MOST_OPEN: usize = 20_000;
/// Shared memory of one program below which it is not worth asking how many share it.
const LITTLE: u64 = 1 << 20;
/// Folders in memory, whose bytes the file system counts.
const IN_MEMORY: [&str; 3] = ["/tmp", root::HOME, "/dev/shm"];

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Of the box whose first process this is: as its cgroup counts, else of what is below it.
pub(super) fn of(cgroup: &Cgroup, first: Stat) -> Usage {
    let below = tree::below(first.pid, &tree::all());
    let pids: Vec<i32> = below.iter().map(|stat| stat.pid).chain([first.pid]).collect();
    Usage {
        cpu: cgroup.cpu().or_else(|| Some(pids.iter().map(|pid| cpu_of(*pid)).sum())),
        memory: cgroup.memory().or_else(|| Some(pids.iter().map(|pid| memory_of(*pid)).sum())),
        pids: u32::try_from(pids.len()).ok(),
    }
}

/// Time on processors of a process and of those that it waited for. Source: proc_pid_stat(5), fields 14 to 17.
fn cpu_of(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ').skip(11).take(4);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / sys::ticks_per_second())
}

/// Bytes that belong to no file. Source: proc_pid_statm(5).
pub(super) fn memory_of(pid: i32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let mut fields = statm.split(' ').skip(1).map(|field| field.parse().unwrap_or(0_u64));
    let (resident, shared) = (fields.next().unwrap_or(0), fields.next().unwrap_or(0));
    resident.saturating_sub(shared) * sys::page_size()
}

/// Its part of the memory that it shares with others and that is of no file on disk. Source: proc_pid_status(5) and
/// the kernel's `proc_pid_smaps_rollup`.
pub(super) fn shared_of(pid: i32) -> u64 {
    let all = kilobytes(&format!("/proc/{pid}/status"), "RssShmem:").unwrap_or(0);
    if all < LITTLE {
        return all;
    }
    // Slow, and not to be had of one that hides itself.
    kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss_Shmem:").unwrap_or(all)
}

fn kilobytes(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

pub(super) fn tasks_of(pid: i32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |tasks| tasks.count() as u64)
}

/// Bytes in the folders in memory, by the devices that these are: they may be of one file system. Where they are on disk
/// there are none.
fn folders_in_memory() -> HashMap<u64, u64> {
    /// Source: linux/magic.h.
    const TMPFS: i64 = 0x0102_1994;
    let used = |path: &str| {
        let stat = rustix::fs::statfs(path).ok().filter(|stat| stat.f_type == TMPFS)?;
        let bytes = (stat.f_blocks - stat.f_bfree) * u64::try_from(stat.f_bsize).unwrap_or(0);
        Some((rustix::fs::stat(path).ok()?.st_dev, bytes))
    };
    IN_MEMORY.iter().filter_map(|path| used(path)).collect()
}

/// Bytes of files in memory that have a name, and of System V shared memory where the process has a namespace of it.
pub(super) fn files_in_memory(first: bool) -> u64 {
    let segments = if first { segments() } else { vec![] };
    folders_in_memory().values().sum::<u64>() + segments.iter().map(|segment| segment.resident).sum::<u64>()
}

/// System V shared memory, which outlives whoever made it.
struct Segment {
    id: i32,
    /// How many have it in their memory.
    users: u64,
    /// In bytes.
    resident: u64,
}

/// Source: proc_sysvipc(5).
fn segments() -> Vec<Segment> {
    let text = std::fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split_ascii_whitespace().collect();
    let segment = |line: &str| {
        let values: Vec<&str> = line.split_ascii_whitespace().collect();
        let value = |name: &str| values.get(names.iter().position(|known| *known == name)?).copied();
        Some(Segment {
            id: value("shmid")?.parse().ok()?,
            users: value("nattch")?.parse().ok()?,
            resident: value("rss")?.parse().ok()?,
        })
    };
    lines.filter_map(segment).collect()
}

/// Removes the segments that nobody uses, where they are more than `most` bytes; gives their bytes.
pub(super) fn free_segments(most: u64) -> u64 {
    let unused: Vec<_> = segments().into_iter().filter(|segment| segment.users == 0).collect();
    let sum = unused.iter().map(|segment| segment.resident).sum();
    if sum <= most {
        return 0;
    }
    unused.iter().for_each(|segment| sys::remove_segment(segment.id));
    sum
}

/// What programs hold open of files that no folder names any more.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Bytes on disk.
    pub(super) disk: u64,
    /// Bytes of files that never had a name, and were made in memory.
    pub(super) memory: u64,
    /// The same by who holds them, more than once where several do.
    pub(super) by: HashMap<i32, u64>,
    /// Programs whose descriptors cannot be seen.
    pub(super) unseen: Vec<i32>,
}

/// Looks at the descriptors of `programs`.
pub(super) fn held(programs: &[Stat]) -> Held {
    let in_folders = folders_in_memory();
    let (mut held, mut seen) = (Held::default(), HashSet::new());
    for program in programs.iter().filter(|program| !program.ended()) {
        let folder = match rustix::fs::open(format!("/proc/{}/fd", program.pid), FOLDER, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::ACCESS | Errno::PERM) => {
                held.unseen.push(program.pid);
                continue;
            }
            // Gone.
            Err(_) => continue,
        };
        let Ok(entries) = Dir::read_from(&folder) else {
            held.unseen.push(program.pid);
            continue;
        };
        for (index, entry) in entries.flatten().enumerate() {
            if index > MOST_OPEN {
                held.unseen.push(program.pid);
                break;
            }
            let Ok(stat) = rustix::fs::statat(&folder, entry.file_name(), AtFlags::empty()) else { continue };
            let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            if !regular || stat.st_nlink > 0 || in_folders.contains_key(&stat.st_dev) {
                continue;
            }
            let new = seen.insert((stat.st_dev, stat.st_ino));
            if never_named(&folder, entry.file_name()) {
                *held.by.entry(program.pid).or_default() += on_disk(&stat);
                held.memory += if new { on_disk(&stat) } else { 0 };
            } else {
                held.disk += if new { on_disk(&stat) } else { 0 };
            }
        }
    }
    held
}

/// Source: memfd_create(2) and proc_pid_fd(5).
fn never_named(folder: &OwnedFd, name: &std::ffi::CStr) -> bool {
    let leads = rustix::fs::readlinkat(folder, name, Vec::new());
    leads.is_ok_and(|leads| {
        [&b"/memfd:"[..], b"/dev/zero", b"/SYSV"].iter().any(|own| leads.to_bytes().starts_with(own))
    })
}

/// Whether it has a file in its memory that no folder names any more: that one needs no descriptor. Source:
/// proc_pid_maps(5).
pub(super) fn maps_deleted(pid: i32) -> bool {
    let Ok(maps) = std::fs::read_to_string(format!("/proc/{pid}/maps")) else { return true };
    let elsewhere = ["/memfd:", "/dev/zero", "/SYSV", "/dev/shm/", "/tmp/"];
    let paths = maps.lines().filter_map(|line| line.get(line.find('/')?..)?.strip_suffix(" (deleted)"));
    paths.into_iter().any(|path| !elsewhere.iter().chain([&root::HOME]).any(|start| path.starts_with(start)))
}

fn on_disk(stat: &FileStat) -> u64 {
    (u64::try_from(stat.st_blocks).unwrap_or(0) * 512).max(LEAST)
}

/// Bytes on disk below `folder`. What is gone meanwhile counts nothing; what has several names there counts once.
pub(super) fn size(folder: impl AsFd) -> u64 {
    let Ok(top) = Dir::read_from(folder) else { return 0 };
    let (mut sum, mut linked, mut open) = (0, HashSet::new(), vec![top]);
    loop {
        let depth = open.len();
        let Some(dir) = open.last_mut() else { return sum };
        let Some(entry) = dir.next() else {
            open.pop();
            continue;
        };
        let (Ok(entry), Ok(at)) = (entry, dir.fd()) else { continue };
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let Ok(stat) = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let again = !folder && stat.st_nlink > 1 && !linked.insert((stat.st_dev, stat.st_ino));
        sum += if again { LEAST } else { on_disk(&stat) };
        if folder {
            if depth > DEEPEST {
                return u64::MAX;
            }
            if let Some(below) =
                rustix::fs::openat(at, name, FOLDER, Mode::empty()).ok().and_then(|fd| Dir::new(fd).ok())
            {
                open.push(below);
            }
        }
    }
}

/// Bytes that are free where `folder` is; all of them where that is not told.
pub(super) fn free(folder: impl AsFd) -> u64 {
    rustix::fs::fstatvfs(folder).map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn size_of(folder: &std::path::Path) -> u64 {
        size(fs::File::open(folder).unwrap())
    }

    #[test]
    fn files_count_by_what_they_take_and_once() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(size_of(folder.path()), 0);
        fs::write(folder.path().join("empty"), "").unwrap();
        assert_eq!(size_of(folder.path()), LEAST);
        fs::File::create(folder.path().join("sparse")).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(size_of(folder.path()), 2 * LEAST);
        fs::write(folder.path().join("large"), vec![1; 1 << 20]).unwrap();
        let before = size_of(folder.path());
        assert!(before >= (1 << 20) + 2 * LEAST, "{before}");
        fs::hard_link(folder.path().join("large"), folder.path().join("again")).unwrap();
        assert_eq!(size_of(folder.path()), before + LEAST);
        std::os::unix::fs::symlink("/", folder.path().join("link")).unwrap();
        assert_eq!(size_of(folder.path()), before + 2 * LEAST);
    }

    #[test]
    fn what_has_no_name_any_more_counts_with_who_holds_it() {
        use std::io::Write as _;
        let me = Stat::of(std::process::id().cast_signed()).unwrap();
        let before = held(&[me]);
        let mut deleted = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        deleted.write_all(&vec![1; 3 << 20]).unwrap();
        let mut memory = fs::File::from(rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
        memory.write_all(&vec![1; 2 << 20]).unwrap();
        let after = held(&[me, me]);
        assert!(after.disk >= before.disk + (3 << 20), "{before:?} {after:?}");
        assert!(after.memory >= before.memory + (2 << 20), "{before:?} {after:?}");
        assert!(after.by[&me.pid] >= 2 << 20 && after.unseen.is_empty());
    }
}
