//! Version 2 against folders that look like it, and against the kernel as far as a machine of version 1 has it; version 1
//! is tested by the boxes of `tests/it`.

use std::process::Command;

use super::*;

const LIMITS: Limits = Limits { cpu_millis: 1500, memory: 64 << 20, pids: 10, disk: 1 << 20 };

/// A hierarchy at which a cgroup was delegated: `/user/app` has processes, `/user` hands its controllers on.
fn hierarchy(handed_on: &str) -> (tempfile::TempDir, String) {
    let root = tempfile::tempdir().unwrap();
    for (folder, controllers) in [("", "cpu memory pids"), ("user", handed_on), ("user/app", "")] {
        let folder = root.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cgroup.subtree_control"), controllers).unwrap();
        fs::write(folder.join("cgroup.procs"), "").unwrap();
    }
    let mounts = format!(
        "24 23 0:21 / /proc rw - proc proc rw\n30 23 0:26 / {} rw,nosuid - cgroup2 cgroup2 rw\n",
        root.path().display()
    );
    (root, mounts)
}

fn made_in(root: &Path, handed_on: &Site) -> PathBuf {
    match handed_on.of(&SandboxId::random()) {
        Cgroup::V2 { folder, .. } => folder.parent().unwrap().strip_prefix(root).unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn boxes_are_made_beside_this_process_where_controllers_are_handed_on() {
    let (root, mounts) = hierarchy("memory pids");
    let site = Site::v2(&mounts, "0::/user/app\n").unwrap();
    assert_eq!(made_in(root.path(), &site), Path::new("user"));
    assert!(matches!(site, Site::V2 { cpu: false, .. }));
    // A box cannot be limited where memory is not counted; the one above has it.
    let (root, mounts) = hierarchy("pids");
    let site = Site::v2(&mounts, "0::/user/app\n").unwrap();
    assert_eq!(made_in(root.path(), &site), Path::new(""));
    assert!(matches!(site, Site::V2 { cpu: true, .. }));
    // Seen from a namespace, whose root is not that of the hierarchy.
    let mounts = mounts.replace(" / ", " /outer ").replacen(" /outer ", " / ", 1);
    let site = Site::v2(&mounts, "0::/outer/user/app\n").unwrap();
    assert_eq!(made_in(root.path(), &site), Path::new(""));
    assert!(Site::v2("", "0::/\n").is_none() && Site::v2(&mounts, "4:memory:/\n").is_none());
}

#[test]
fn limits_are_written_and_what_was_hit_is_read() {
    let (root, mounts) = hierarchy("cpu memory pids");
    let cgroup = Site::v2(&mounts, "0::/user/app\n").unwrap().of(&SandboxId::random());
    let Cgroup::V2 { folder, .. } = &cgroup else { panic!("{cgroup:?}") };
    cgroup.make(&LIMITS).unwrap();
    let written = ["memory.max", "memory.swap.max", "pids.max", "cpu.max"];
    assert_eq!(
        written.map(|file| fs::read_to_string(folder.join(file)).unwrap()),
        ["67108864", "0", "18", "150000 100000"]
    );
    for (file, text) in [
        ("memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n"),
        ("pids.events", "max 3\n"),
        ("memory.current", "4096\n"),
        ("cpu.stat", "usage_usec 2500\nuser_usec 2000\n"),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
    let strikes = cgroup.counters().unwrap().unwrap().read();
    assert_eq!(strikes, Strikes { memory: 1, pids: 3, ..Strikes::default() });
    assert_eq!((cgroup.memory(), cgroup.cpu()), (Some(4096), Some(Duration::from_micros(2500))));
    cgroup.freeze(true).unwrap();
    assert!(cgroup.frozen() && cgroup.freezes());
    cgroup.freeze(false).unwrap();
    assert!(!cgroup.frozen());
    // One of the same id is there: it is not taken for ours.
    assert_eq!(cgroup.make_limited(&LIMITS).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    drop(root);
}

#[test]
#[expect(clippy::print_stderr, reason = "a test says what it skips")]
fn the_kernel_freezes_and_thaws_and_lets_go() {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let Some((mount, _)) = mount_of(&mounts, "cgroup2", "").filter(|(mount, _)| can_make(mount)) else {
        eprintln!("skipped: cgroup v2 of the kernel: none can be written to here");
        return;
    };
    let folder = mount.join(format!("agentscope-test-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let cgroup = Cgroup::V2 { folder: folder.clone(), cpu: false };
    let mut sleeping = Command::new("sleep").arg("1000").spawn().unwrap();
    write(&folder, "cgroup.procs", &sleeping.id().to_string()).unwrap();
    for frozen in [true, false] {
        cgroup.freeze(frozen).unwrap();
        assert_eq!(cgroup.frozen(), frozen);
        let wanted = if frozen { "frozen 1" } else { "frozen 0" };
        while !fs::read_to_string(folder.join("cgroup.events")).unwrap().contains(wanted) {
            std::thread::yield_now();
        }
    }
    assert_eq!(cgroup.remove_if_empty().unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    sleeping.kill().unwrap();
    sleeping.wait().unwrap();
    cgroup.remove().unwrap();
    assert!(!folder.exists());
}
