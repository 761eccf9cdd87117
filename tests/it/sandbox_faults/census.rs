//! What there is on the machine of one home: other tests run at the same time, so that nothing else is counted.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Everything that could be left behind. Empty where nothing is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// By number and command line, with the namespaces that live by them.
    pub processes: Vec<String>,
    pub mounts: Vec<String>,
    pub cgroups: Vec<PathBuf>,
    pub folders: Vec<PathBuf>,
    /// Those that somebody has, as `/proc/locks` says it.
    pub locks: Vec<String>,
}

impl Census {
    /// Of the home at `home`, which has or had boxes of these ids, whose first processes were these.
    pub fn take(home: &Path, ids: &BTreeSet<String>, firsts: &BTreeSet<(i32, u64)>) -> Self {
        let state = home.join("state");
        let outside = ids.iter().map(|id| Path::new("/var/tmp").join(format!("agentscope-{id}")));
        Self {
            processes: processes(home, ids, firsts),
            mounts: fs::read_to_string("/proc/self/mountinfo")
                .unwrap()
                .lines()
                .filter(|line| line.contains(home.to_str().unwrap()) || ids.iter().any(|id| line.contains(id.as_str())))
                .map(str::to_owned)
                .collect(),
            cgroups: cgroups(Path::new("/sys/fs/cgroup"), ids, 0),
            folders: below(&state.join("sandboxes")).into_iter().chain(outside.filter(|path| path.exists())).collect(),
            locks: locks(&state.join("sandboxes.locks/all")),
        }
    }
}

fn below(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn locks(file: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(meta) = file.metadata() else { return vec![] };
    assert_eq!(meta.len(), 0);
    let device = meta.dev();
    let file = format!("{:02x}:{:02x}:{}", rustix::fs::major(device), rustix::fs::minor(device), meta.ino());
    let all = fs::read_to_string("/proc/locks").unwrap();
    let of_file = |line: &&str| line.split_ascii_whitespace().any(|field| field == file);
    all.lines().filter(of_file).map(str::to_owned).collect()
}

/// Those that were started for this home: by what they say of themselves, by what they have open, by their boxes.
fn processes(home: &Path, ids: &BTreeSet<String>, firsts: &BTreeSet<(i32, u64)>) -> Vec<String> {
    let home = home.to_str().unwrap();
    let marks: Vec<String> = ids.iter().map(|id| format!("AGENTSCOPE_CALL={id}.")).collect();
    let ours = |pid: i32| {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let said = |file: &str| {
            let bytes = fs::read(folder.join(file)).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.contains(home) || marks.iter().any(|mark| text.contains(mark.as_str()))
        };
        let open = || {
            let fds = fs::read_dir(folder.join("fd")).into_iter().flatten().flatten();
            fds.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|path| path.to_string_lossy().contains(home))
        };
        said("cmdline") || said("environ") || firsts.iter().any(|first| stat(pid) == Some(*first)) || open()
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let me = std::process::id().cast_signed();
    pids.filter(|pid| *pid != me && alive(*pid) && ours(*pid)).map(described).collect()
}

fn described(pid: i32) -> String {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let network = fs::read_link(format!("/proc/{pid}/ns/net")).unwrap_or_default();
    format!("{pid} {} {}", String::from_utf8_lossy(&command).replace('\0', " "), network.display())
}

fn fields(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect())
}

/// A zombie is its parent's.
fn alive(pid: i32) -> bool {
    fields(pid).is_some_and(|fields| !matches!(fields[0].as_str(), "Z" | "X"))
}

/// The number and the start of a process that lives.
pub fn stat(pid: i32) -> Option<(i32, u64)> {
    alive(pid).then(|| Some((pid, fields(pid)?[19].parse().ok()?)))?
}

fn cgroups(folder: &Path, ids: &BTreeSet<String>, depth: usize) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if depth > 8 || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let name = entry.file_name();
        match name.to_str().and_then(|name| name.strip_prefix("agentscope-")) {
            Some(id) if ids.contains(id) => found.push(entry.path()),
            Some(_) => {}
            None => found.extend(cgroups(&entry.path(), ids, depth + 1)),
        }
    }
    found
}
