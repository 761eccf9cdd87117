//! The same attempts without a sandbox.

use std::{
    fs,
    os::fd::{AsRawFd as _, OwnedFd},
    process::{Command, Stdio},
};

use agentscope::sandbox::prove::{Attempt, Stage, Target, Verdict};

/// What becomes of `attempt` outside, by whoever runs this thread, in a folder like the one that boxes work on.
pub fn attempt(attempt: &Attempt, stage: &mut Stage, target: &Target) -> Verdict {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    for name in ["hidden", ".git/config"] {
        fs::copy(stage.folder().join("workspace").join(name), folder.path().join(name)).unwrap();
    }
    let argv = attempt.script.argv();
    // Whatever root mounts is gone with the process.
    let own_mounts = rustix::process::geteuid().is_root().then_some(["unshare", "--mount"]);
    let argv: Vec<&str> = own_mounts.iter().flatten().copied().chain(argv.iter().map(String::as_str)).collect();
    // Without the flag that closes it, as a careless program leaves one open.
    let left_open: OwnedFd = rustix::io::dup(fs::File::open(folder.path()).unwrap()).unwrap();
    assert!(left_open.as_raw_fd() > 2);
    let output = Command::new(argv[0])
        .args(&argv[1..])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .envs(stage.variables())
        .envs(target.variables())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    drop(left_open);
    let said = Verdict::said(&String::from_utf8_lossy(&output.stdout), &String::from_utf8_lossy(&output.stderr));
    let verdict = stage.touched().map_or(said, |how| Verdict::Escaped { how });
    if let Verdict::Escaped { .. } = verdict {
        stage.replace_process().unwrap();
    }
    verdict
}
