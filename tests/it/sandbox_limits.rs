//! What a program inside can use up: processes, memory, disk, descriptors, time and the patience of who reads it.
//!
//! Each attempt hits its limit by name, the box goes on afterwards, and the machine and a sibling go on meanwhile. The
//! control is the same attempt under a limit that it fits.
//!
//! Each runs on the `local` backend, as root and as an ordinary user, and on `docker`. An engine gives a container's folder
//! no limit of its own, so that there 39 is only what one file, `/tmp` and `/dev/shm` may hold.
//!
//! Of the battery, and where the rest of it is:
//!
//! | | |
//! |-|-|
//! | 37 | `a_fork_bomb…`, `too_many_processes…` |
//! | 38 | `memory_is_limited…`, `the_kernel_is_told…`, `buffers_of_pipes…`, `what_the_kernel_keeps…`, `folders_in_memory…` |
//! | 39 | `the_disk_is_limited…`, `a_file_that_is_too_large…`, `folders_in_memory…` |
//! | 40 | `one_that_spins…` |
//! | 41 | `descriptors_run_out…`; threads with 37, large files with 39 |
//! | 42, 43 | `output_that_nobody_reads…`, `endless_output…`; `sandbox_daemon::a_slow_reader…`, `…a_client_that_goes_away…` |
//! | 44 | `sandbox_api::many_who_connect…` |
//! | 45 | `a_timeout_ends…`; `sandbox_daemon::a_timeout_kills…`, `…what_a_program_leaves_behind…` |
//! | 46 | `src/sandbox/daemon/lifetime.rs`: lifetimes are on the monotonic clock |

use agentscope::sandbox::{
    Limits,
    client::{Collected, Exec, Output},
    wire::{ExecSpec, ExitStatus, Limit},
};

use crate::common::{
    boxed::{Boxed, Made, everywhere},
    engine::Engine,
};

const MIB: u64 = 1 << 20;

fn sh(script: &str) -> ExecSpec {
    ExecSpec { argv: vec!["sh".into(), "-c".into(), script.into()], ..ExecSpec::default() }
}

fn python(code: &str) -> ExecSpec {
    ExecSpec { argv: vec!["python3".into(), "-c".into(), code.into()], ..ExecSpec::default() }
}

async fn limited(made: Made, change: impl FnOnce(&mut Limits)) -> Boxed {
    Boxed::with(made, |spec| change(&mut spec.limits)).await
}

async fn run(local: &Boxed, spec: &ExecSpec) -> Collected {
    // One that hits nothing is not to wait for ever.
    let timeout = spec.timeout.or(Some(std::time::Duration::from_secs(60)));
    let exec = local.client.exec(&ExecSpec { timeout, ..spec.clone() }).await.unwrap();
    exec.collect(1 << 20).await.unwrap_or_else(|error| panic!("{:?}: {error}", spec.argv))
}

/// How it ended, with its error output for who reads a failure.
async fn ended(local: &Boxed, spec: &ExecSpec) -> (ExitStatus, String) {
    let ran = run(local, spec).await;
    (ran.status, String::from_utf8_lossy(&ran.stderr.bytes).into_owned())
}

async fn assert_goes_on(local: &Boxed) {
    // What was killed takes its place until it is gone. A call to a container is a process in it, too, which its engine
    // may be unable to start, or which does nothing.
    let full = ["the sandbox has as many processes as it may"];
    let in_a_container = ["OCI runtime exec failed", "ended before it answered"];
    while let Err(error) = local.client.exec(&sh("true")).await {
        let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let told: Vec<String> = causes.map(ToString::to_string).collect();
        let of_engine = in_a_container.iter().filter(|_| local.spec.image.is_some());
        assert!(full.iter().chain(of_engine).any(|why| told.iter().any(|it| it.contains(why))), "{told:?}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(local.said("echo on").await, "on\n(0)");
}

/// The machine does its work.
fn assert_machine_works() {
    assert!(std::process::Command::new("true").status().unwrap().success());
}

async fn until_it_writes(exec: &mut Exec) {
    match exec.next().await {
        Some(Ok(Output::Stdout(_) | Output::Stderr(_))) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fork_bomb_fills_its_own_box_alone() {
    everywhere(|made| async move {
        let (bombed, sibling) = (limited(made, |limits| limits.pids = 32).await, Boxed::start(made).await);
        // Each says something on its standard error once there is no room.
        let shell = sh("bomb() { bomb | bomb & wait; }; while :; do bomb; done");
        let forks = python(
            "import os, sys, time\nwhile True:\n try: os.fork()\n except OSError: os.write(2, b'full'); time.sleep(0.01)",
        );
        let threads = python(
            "import threading, time\nthreading.stack_size(65536)\nwhile True: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
        );
        for bomb in [shell, forks] {
            let mut exec = bombed.client.exec(&bomb).await.unwrap();
            until_it_writes(&mut exec).await;
            assert_goes_on(&sibling).await;
            assert_machine_works();
            // In a container those who speak with the daemon count too.
            let most = if made == Made::Docker { 48 } else { 40 };
            assert!(bombed.usage().await.pids.unwrap() <= most);
            drop(exec);
            assert_goes_on(&bombed).await;
        }
        let (status, said) = ended(&bombed, &threads).await;
        if !made.without_cgroup() {
            assert_eq!(status.limit, Some(Limit::Pids), "{said}");
        } else {
            // Threads end with their program, and without a cgroup nobody else counted them.
            assert!(status.code == Some(1) && said.contains("can't start new thread"), "{status:?} {said}");
        }
        assert_goes_on(&bombed).await;
        // One whose call ends well at once, and leaves it behind.
        let left = ended(&bombed, &sh("bomb() { bomb | bomb & }; bomb & exit 0")).await;
        assert_eq!(left.0.code, Some(0), "{}", left.1);
        assert_goes_on(&sibling).await;
        assert_goes_on(&bombed).await;
        bombed.stop().await;
        sibling.stop().await;
    });
}

#[test]
fn too_many_processes_are_told_and_as_many_as_fit_are_started() {
    let many = "import os, time\nfor _ in range(60):\n if os.fork() == 0: time.sleep(1000); os._exit(0)\nprint('all')";
    everywhere(move |made| async move {
        let narrow = limited(made, |limits| limits.pids = 32).await;
        let (status, said) = ended(&narrow, &python(many)).await;
        assert_eq!((status.code, status.limit), (Some(1), Some(Limit::Pids)), "{said}");
        assert_goes_on(&narrow).await;
        narrow.stop().await;
        let wide = limited(made, |limits| limits.pids = 128).await;
        assert_eq!(run(&wide, &python(many)).await.stdout.bytes, b"all\n");
        wide.stop().await;
    });
}

/// Each takes 200 MiB, says so and keeps it.
const HOGS: &[(&str, &str)] = &[
    ("its own", "hold = bytearray(b'x') * (200 << 20)"),
    ("shared", "import mmap\nhold = mmap.mmap(-1, 200 << 20)\nfor n in range(0, 200 << 20, 4096): hold[n] = 1"),
    (
        "of a file without a name",
        "import os\nhold = os.memfd_create('x')\nfor _ in range(200): os.write(hold, b'x' * (1 << 20))",
    ),
    (
        "System V",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_void_p\n\
         hold = libc.shmat(libc.shmget(0, 200 << 20, 0o1600), None, 0)\nassert hold != ctypes.c_void_p(-1).value\n\
         ctypes.memset(hold, 1, 200 << 20)",
    ),
    (
        "of many children",
        "import os, time\nfor _ in range(10):\n if os.fork() == 0: hold = bytearray(b'x') * (20 << 20); os.write(1, b'c'); time.sleep(1000)\n\
         while os.wait(): raise SystemExit(1)",
    ),
];

#[test]
fn memory_is_limited_however_it_is_taken() {
    everywhere(|made| async move {
        let mut narrow = limited(made, |limits| limits.memory = 96 * MIB).await;
        for (what, hog) in HOGS {
            let (status, said) = ended(&narrow, &python(&format!("{hog}\nimport time; time.sleep(1000)"))).await;
            assert_eq!(status.limit, Some(Limit::Memory), "{what}: {status:?} {said}");
            assert_goes_on(&narrow).await;
            assert_machine_works();
            if made != Made::Docker {
                narrow.stop().await;
                narrow = limited(made, |limits| limits.memory = 96 * MIB).await;
            }
        }
        narrow.stop().await;
        let wide = limited(made, |limits| limits.memory = 512 * MIB).await;
        for (what, hog) in &HOGS[..4] {
            let (status, said) = ended(&wide, &python(hog)).await;
            assert_eq!(status.code, Some(0), "{what}: {said}");
        }
        wide.stop().await;
    });
}

#[test]
fn the_kernel_is_told_to_end_programs_before_the_daemon() {
    everywhere(|made| async move {
        let local = Boxed::start(made).await;
        let of_daemon = || std::fs::read_to_string(format!("/proc/{}/oom_score_adj", local.daemon())).unwrap();
        let before = of_daemon();
        for _ in 0..20 {
            // Also what it starts at once, before anybody outside can have told it.
            let said = local.said("(cat /proc/self/oom_score_adj); cat /proc/$$/oom_score_adj").await;
            // One that is told while it reads reads the end of another number.
            let said: Vec<_> = said.split('\n').filter(|line| !line.is_empty()).collect();
            let first = |told: &str| ["500", "1000"].contains(&told);
            assert!(matches!(said[..], [child, program, "(0)"] if first(child) && first(program)), "{said:?}");
        }
        let wait = "n=0; while read -r told < /proc/$$/oom_score_adj; [ $told != 1000 ] && [ $n -lt 1000 ]; do n=$((n + 1)); sleep 0.01; done; echo $told";
        assert_eq!(local.said(wait).await, "1000\n(0)");
        // It is its own again in a moment.
        while of_daemon() != before {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert!(before.trim().parse::<i32>().unwrap() < 500);
        local.stop().await;
    });
}

#[test]
fn buffers_of_pipes_count_where_the_kernel_counts() {
    // The kernel gives one user at most 64 MiB of them, whoever counts.
    let hog = "import fcntl, os, time\nhold = []\n\
        for _ in range(60):\n r, w = os.pipe(); fcntl.fcntl(w, 1031, 1 << 20); os.write(w, b'x' * (1 << 20)); hold.append((r, w))\n\
        print(len(hold))";
    everywhere(move |made| async move {
        if made.without_cgroup() {
            eprintln!(
                "skipped: 38, buffers of pipes, as an ordinary user: nothing counts them but the kernel's own limit"
            );
            return;
        }
        // Room for the daemon and a call of a debug build, so that the program is known to be one when memory is short.
        let narrow = limited(made, |limits| limits.memory = 64 * MIB).await;
        let (status, said) = ended(&narrow, &python(hog)).await;
        assert_eq!(status.limit, Some(Limit::Memory), "{status:?} {said}");
        assert_goes_on(&narrow).await;
        narrow.stop().await;
        let wide = limited(made, |limits| limits.memory = 512 * MIB).await;
        assert_eq!(run(&wide, &python(hog)).await.stdout.bytes, b"60\n");
        wide.stop().await;
    });
}

#[test]
fn what_the_kernel_keeps_of_files_is_nobodys_memory() {
    everywhere(|made| async move {
        let local = limited(made, |limits| limits.memory = 96 * MIB).await;
        let said = local.said("head -c 314572800 /dev/zero > large && cat large | wc -c").await;
        assert_eq!(said, format!("{}\n(0)", 300 * MIB));
        local.stop().await;
    });
}

#[test]
fn folders_in_memory_fill_up_by_name_and_leave_room_to_clear_them() {
    everywhere(|made| async move {
        let local = limited(made, |limits| limits.memory = 96 * MIB).await;
        let folders: &[&str] =
            if made == Made::Docker { &["/tmp", "/dev/shm"] } else { &["/tmp", "$HOME", "/dev/shm"] };
        for folder in folders {
            let (status, said) = ended(&local, &sh(&format!("head -c 209715200 /dev/zero > {folder}/full"))).await;
            assert_eq!((status.code, status.limit), (Some(1), Some(Limit::Disk)), "{folder}: {status:?} {said}");
            assert_eq!(local.said(&format!("rm {folder}/full; echo x > {folder}/f; cat {folder}/f")).await, "x\n(0)");
        }
        // All at once.
        for folder in folders {
            local.sh(&format!("head -c 209715200 /dev/zero > {folder}/full")).await;
        }
        assert_eq!(local.said("rm -f /tmp/full $HOME/full /dev/shm/full; echo x > /tmp/f; cat /tmp/f").await, "x\n(0)");
        // Names alone.
        let many = "import os\nfor n in range(200000): os.close(os.open(f'/tmp/{n}', os.O_CREAT))";
        let (status, said) = ended(&local, &python(many)).await;
        assert_eq!((status.code, status.limit), (Some(1), Some(Limit::Disk)), "{said}");
        assert_eq!(local.said("find /tmp -type f -exec rm {} +; echo x > /tmp/f; cat /tmp/f").await, "x\n(0)");
        local.stop().await;
    });
}

/// Each writes some 200 MiB to the workspace, or what counts as that, and then ends well.
const FILLS: &[(&str, &str)] = &[
    ("many files", "for n in range(200): open(f'f{n}', 'wb').write(b'x' * (1 << 20)); step()"),
    (
        "files that have no name any more",
        "import os\nhold = []\nfor n in range(25):\n hold.append(open('f', 'wb', 0)); os.unlink('f')\n for _ in range(8): hold[-1].write(b'x' * (1 << 20)); step()",
    ),
    (
        "deep below",
        "import os\nfor _ in range(200): os.mkdir('d'); os.chdir('d')\nfor n in range(200): open(f'f{n}', 'wb').write(b'x' * (1 << 20)); step()",
    ),
    ("names alone", "import os\nfor n in range(20000): os.close(os.open(f'n{n}', os.O_CREAT)); n % 250 or step()"),
];

/// A disk takes its time; without one that does, all would be written before anybody looks.
const STEP: &str = "import time\ndef step(): time.sleep(0.01)\n";

#[test]
fn the_disk_is_limited_however_it_is_filled() {
    everywhere(|made| async move {
        if made == Made::Docker {
            for (what, _) in FILLS {
                eprintln!("skipped: 39, {what}, on docker: an engine limits files one by one, not a folder");
            }
            return;
        }
        for (what, fill) in FILLS {
            let narrow = limited(made, |limits| limits.disk = 64 * MIB).await;
            let (status, said) = ended(&narrow, &python(&format!("{STEP}{fill}\ntime.sleep(1000)"))).await;
            assert_eq!(status.limit, Some(Limit::Disk), "{what}: {status:?} {said}");
            assert_machine_works();
            assert_eq!(narrow.said("rm -rf *; echo x > f; cat f").await, "x\n(0)", "{what}");
            narrow.stop().await;
        }
        let wide = limited(made, |limits| limits.disk = 1 << 30).await;
        for (what, fill) in FILLS {
            let (status, said) = ended(&wide, &python(&format!("{STEP}{fill}"))).await;
            assert_eq!((status.code, status.limit), (Some(0), None), "{what}: {said}");
        }
        wide.stop().await;
    });
}

#[test]
fn a_file_that_is_too_large_is_told_and_one_that_only_says_so_is_not() {
    everywhere(|made| async move {
        let local = limited(made, |limits| limits.disk = 64 * MIB).await;
        for spec in [
            sh("head -c 209715200 /dev/zero > large"),
            // One that does not die of it.
            python("f = open('large', 'wb', 0)\nwhile True: f.write(b'x' * (1 << 20))"),
            // Sparse, and still larger than a file may be.
            sh("truncate -s 1099511627776 large"),
        ] {
            let (status, said) = ended(&local, &spec).await;
            if made == Made::Docker && spec.argv[0] == "python3" {
                // Nobody looks at the disk there, and the system tells only the program.
                assert!(status.code == Some(1) && said.contains("File too large"), "{status:?} {said}");
            } else {
                assert_eq!(status.limit, Some(Limit::Disk), "{spec:?}: {status:?} {said}");
            }
            assert_eq!(local.said("rm -f large; echo x > f; cat f").await, "x\n(0)");
        }
        assert_eq!(local.said("for n in 1 2 3 4; do truncate -s 60M s$n; done; echo x > f; cat f").await, "x\n(0)");
        local.stop().await;
    });
}

#[test]
fn one_that_spins_leaves_processors_to_others() {
    everywhere(|made| async move {
        let (spinning, sibling) = (limited(made, |limits| limits.cpu_millis = 250).await, Boxed::start(made).await);
        let spin = "import os\nfor _ in range(8):\n if os.fork() == 0:\n  while True: pass\nos.write(1, b'spinning')\nos.wait()";
        let mut exec = spinning.client.exec(&python(spin)).await.unwrap();
        until_it_writes(&mut exec).await;
        assert_goes_on(&sibling).await;
        assert_machine_works();
        // Its own daemon too has its turn.
        assert_goes_on(&spinning).await;
        if !made.without_cgroup() {
            while throttled(&spinning) == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        } else {
            eprintln!("skipped: 40, a share of the processors, as an ordinary user: no cgroup to keep it");
        }
        drop(exec);
        assert_goes_on(&spinning).await;
        spinning.stop().await;
        sibling.stop().await;
    });
}

/// Periods in which the box had used up its share.
fn throttled(local: &Boxed) -> u64 {
    let name = local.cgroup();
    let folders = walkdir::WalkDir::new("/sys/fs/cgroup").into_iter().flatten();
    let stats = folders
        .filter(|entry| entry.file_name() == name.as_str())
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("cpu.stat")).ok());
    stats
        .flat_map(|text| {
            text.lines()
                .filter_map(|line| line.strip_prefix("nr_throttled ").map(|count| count.parse::<u64>().unwrap()))
                .collect::<Vec<_>>()
        })
        .sum()
}

#[test]
fn descriptors_run_out_inside_alone() {
    everywhere(|made| async move {
        let local = Boxed::start(made).await;
        let all = "import os\nheld = []\ntry:\n while True: held.append(os.open('/dev/null', 0))\nexcept OSError as error: print(error.errno, len(held) <= 65536, len(held) > 1000)";
        assert_eq!(run(&local, &python(all)).await.stdout.bytes, b"24 True True\n");
        assert_machine_works();
        let watches = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nmade = 0\nwhile libc.inotify_init() >= 0: made += 1\nprint(made < 65536)";
        assert_eq!(run(&local, &python(watches)).await.stdout.bytes, b"True\n");
        std::fs::File::open("/dev/null").unwrap();
        assert_goes_on(&local).await;
        local.stop().await;
    });
}

#[test]
fn output_that_nobody_reads_waits_and_the_daemon_stays_small() {
    // Writes without a newline until nothing takes it for a while, and leaves word of how much that was.
    let flood = "import os, select\nos.set_blocking(1, False)\ntotal = 0\n\
        while select.select([], [1], [], 0.5)[1]:\n try: total += os.write(1, b'x' * 65536)\n except BlockingIOError: pass\n\
        open('total.new', 'w').write(str(total)); os.rename('total.new', 'total')\n\
        while True: select.select([], [1], []); os.write(1, b'x')";
    everywhere(move |made| async move {
        let local = Boxed::start(made).await;
        let before = most_memory(&local);
        let mut exec = local.client.exec(&python(flood)).await.unwrap();
        while local.said("cat total 2>/dev/null").await.ends_with("(1)") {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let total: u64 = local.said("cat total").await.strip_suffix("(0)").unwrap().parse().unwrap();
        assert!((65536..16 * MIB).contains(&total), "{total}");
        assert!(most_memory(&local) < before + 16 * MIB);
        // It can still be ended, and what it wrote is not lost.
        exec.input().signal(9).await.unwrap();
        let (mut got, mut last) = (0, None);
        while let Some(output) = exec.next().await {
            match output.unwrap() {
                Output::Stdout(bytes) => got += bytes.len() as u64,
                Output::Stderr(bytes) => panic!("{bytes:?}"),
                Output::Exited(status) => last = status.signal,
            }
        }
        assert_eq!(last, Some(9));
        assert!(got >= total, "{got} of {total}");
        local.stop().await;
    });
}

#[test]
fn endless_output_is_cut_or_counted_and_the_daemon_stays_small() {
    everywhere(|made| async move {
        let local = Boxed::start(made).await;
        let before = most_memory(&local);
        let binary = local.sh("head -c 268435456 /dev/zero").await;
        assert_eq!((binary.stdout.total, binary.stdout.bytes.len(), binary.status.code), (256 * MIB, 1 << 20, Some(0)));
        // A reader that goes away takes the writer along.
        let mut exec = local.client.exec(&sh("yes | tr -d '\\n'")).await.unwrap();
        until_it_writes(&mut exec).await;
        drop(exec);
        local.await_quiet().await;
        assert!(most_memory(&local) < before + 16 * MIB);
        local.stop().await;
    });
}

/// The most that the daemon ever took, in bytes; not counted what is in memory of its executable, which may be any part.
fn most_memory(local: &Boxed) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", local.daemon())).unwrap();
    let bytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
    };
    bytes("VmHWM:").saturating_sub(bytes("RssFile:"))
}

#[test]
fn a_timeout_ends_what_does_not_want_to_end() {
    everywhere(|made| async move {
        let local = Boxed::start(made).await;
        let timeout = Some(std::time::Duration::from_millis(300));
        for (what, script) in [
            ("ignores signals", "trap '' TERM INT HUP QUIT; while :; do sleep 1000; done"),
            ("is stopped", "kill -STOP $$"),
            ("stops its children", "sleep 1000 & kill -STOP $!; wait"),
            ("leaves children with its output", "setsid sleep 1000 & exec sleep 1000"),
            ("left its parents and lost its mark", "env -i setsid sh -c 'sleep 1000 & sleep 1000' & wait"),
            ("forks", "exec python3 -c '\nimport os\nwhile True:\n try: os.fork()\n except OSError: pass'"),
        ] {
            for pty in [None, Some(agentscope::sandbox::wire::WindowSize { rows: 9, columns: 9 })] {
                let ran = run(&local, &ExecSpec { timeout, pty, ..sh(script) }).await;
                assert_eq!(ran.status.limit, Some(Limit::Timeout), "{what}");
                local.await_quiet().await;
            }
        }
        // Without a timeout, what is left behind does not hold the call.
        assert_eq!(local.said("setsid sleep 1000 & (sleep 1000 &); echo done").await, "done\n(0)");
        local.stop().await;
    });
}

/// How a program hits each limit.
const HITS: &[(&str, &str)] = &[
    ("memory", "exec python3 -c 'bytearray(b\"x\") * (200 << 20)'"),
    ("pids", "python3 -c 'import os, time\nwhile True:\n if os.fork() == 0: time.sleep(1000)' 2>/dev/null"),
    ("disk", "head -c 209715200 /dev/zero > large"),
    ("time", "sleep 1000"),
];

#[test]
fn each_limit_is_told_on_the_command_line_and_to_the_agent() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: limits on the command line, as an ordinary user: the home folder of the test is its own");
        return;
    }
    let env = crate::common::TestEnv::new();
    let flags = ["--memory", "96Mi", "--pids", "32", "--disk", "64Mi", "--timeout", "3s"];
    let told: String = HITS
        .iter()
        .map(|(what, script)| {
            let command = ["sandbox", "run", "--backend", "local"];
            let output = env.run(&[&command[..], &flags, &["--", "sh", "-c", script]].concat());
            format!("{what}: exit {}\n{}", output.code.unwrap(), output.stderr)
        })
        .collect();
    insta::assert_snapshot!(told, @"
    memory: exit 137
    warning: killed: it needed more than 96.0Mi of memory (`--memory`)
    pids: exit 1
    warning: it wanted more than 32 processes (`--pids`)
    disk: exit 153
    File size limit exceeded
    warning: it wanted to write more than 64.0Mi (`--disk`)
    time: exit 124
    warning: killed: it took longer than 3 s (`--timeout`)
    ");
    env.write(
        "agent.yaml",
        "name: coder\nmodel: demo\ntools: [shell, python]\npermissions: {default: allow}\nsandbox: {backend: local, workspace: {mode: none}, \
         idle_timeout: 1s, tool_timeout: 3s, limits: {memory: 96Mi, pids: 32, disk: 64Mi}}\n",
    );
    let told: String = HITS
        .iter()
        .map(|(what, script)| {
            let call = serde_json::json!({ "command": script });
            let output = env.run(&["chat", "-q", &format!("TOOL:run_shell_command:{call}")]);
            format!("{what}: {}", output.stdout)
        })
        .collect();
    let cell = serde_json::json!({ "code": "x = bytearray(b'x') * (200 << 20)" });
    let cell = env.run(&["chat", "-q", &format!("TOOL:run_ipython_cell:{cell}")]);
    let told = format!("{told}cell: {}", cell.stdout);
    let cleared = env.run(&["sandbox", "rm", "--all"]);
    assert_eq!(cleared.code, Some(0), "{cleared}");
    insta::assert_snapshot!(told, @"
    memory: demo model: `run_shell_command` says: Error: [killed: out of memory, the limit is 96 MiB]
    pids: demo model: `run_shell_command` says: [too many processes, the limit is 32; exit status 1]
    disk: demo model: `run_shell_command` says: File size limit exceeded
    [no space left in the sandbox; exit status 153]
    [new or changed files: /workspace/large]
    time: demo model: `run_shell_command` says: Error: [timed out after 3 s; it and all that it started were killed]
    cell: demo model: `run_ipython_cell` says: Error: [killed: out of memory, the limit is 96 MiB; Python ended (signal 9)]
    ");
}

#[test]
fn each_limit_is_told_on_the_command_line_of_a_container() {
    let Some(engine) = Engine::find() else { return };
    let env = engine.env();
    let flags = ["--memory", "96Mi", "--pids", "32", "--disk", "64Mi", "--timeout", "3s"];
    let told: String = HITS
        .iter()
        .map(|(what, script)| {
            let command = ["sandbox", "run", "--image", &engine.image];
            let output = env.run(&[&command[..], &flags, &["--", "sh", "-c", script]].concat());
            format!("{what}: exit {}\n{}", output.code.unwrap(), output.stderr)
        })
        .collect();
    insta::assert_snapshot!(told, @"
    memory: exit 137
    warning: killed: it needed more than 96.0Mi of memory (`--memory`)
    pids: exit 1
    warning: it wanted more than 32 processes (`--pids`)
    disk: exit 153
    warning: it wanted to write more than 64.0Mi (`--disk`)
    time: exit 124
    warning: killed: it took longer than 3 s (`--timeout`)
    ");
}
