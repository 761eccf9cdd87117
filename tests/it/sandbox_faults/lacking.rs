//! A machine that has too little of something: one message with the next step, and nothing half made.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, process::Stdio};

use super::{
    census::Census,
    home::{Home, as_both},
};
use crate::common::{Output, local::Who, require::available};

fn unshare() -> bool {
    available("unshare", std::process::Command::new("unshare").arg("--version").output().is_ok())
}

/// One error, which says what could not be done.
#[track_caller]
fn one_error(output: &Output) {
    let errors = output.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!((errors, output.stdout.as_str()), (1, ""), "{output}");
    assert!(!output.stderr.contains("panicked"), "{output}");
}

/// With more and more descriptors, until there are enough.
#[test]
fn descriptors() {
    let home = Home::new();
    let mut failed = 0;
    for limit in 4..64 {
        let script = format!("ulimit -n {limit}; exec \"$AGENTSCOPE\" sandbox create --backend local");
        let output = home.output(home.shell(&script));
        if output.code == Some(0) {
            assert_eq!(output.stderr, "", "a weaker sandbox for want of descriptors");
            break;
        }
        failed += 1;
        // With fewer than these nothing can be told but by the exit.
        if output.stderr.contains("error: ") {
            one_error(&output);
        }
        assert_ne!(output.code, Some(101), "it panicked: {output}");
        let listed = home.list();
        assert!(listed.is_empty(), "{limit}: {listed:?}");
        assert_eq!(home.census(), Census::default(), "{limit}: {output}");
    }
    assert!(failed > 3, "the limit did nothing");
    home.settle();
}

/// A file system of the test's own that has more and more room.
#[test]
fn disk() {
    let home = Home::new();
    if !available("mounts", home.who == Who::Root) || !unshare() {
        return;
    }
    fs::create_dir_all(home.env.home()).unwrap();
    let (mut failed, mut worked) = (0, false);
    for pages in (1..80).step_by(3) {
        let script = format!(
            "mount -t tmpfs -o size={}k,mode=700 none \"$AGENTSCOPE_HOME\" || exit 99
             \"$AGENTSCOPE\" sandbox create --backend local; code=$?
             cd \"$AGENTSCOPE_HOME\"; ls state/sandboxes >&3 2>/dev/null
             \"$AGENTSCOPE\" sandbox rm --all >/dev/null 2>&1; exit $code",
            pages * 4
        );
        let left = home.env.work().join("left");
        let mut command = std::process::Command::new("unshare");
        let inner = home.shell("");
        command
            .args(["--mount", "sh", "-c", &format!("exec 3>'{}'; {script}", left.display())])
            .current_dir(home.env.work());
        command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = home.output(command);
        assert_ne!(output.code, Some(99), "{output}");
        let left = fs::read_to_string(left).unwrap();
        if output.code == Some(0) {
            worked = true;
            break;
        }
        failed += 1;
        one_error(&output);
        assert_eq!(left, "", "{pages} pages: {output}");
        assert_eq!(home.census(), Census::default(), "{output}");
    }
    assert!(failed > 0 && worked, "{failed} failed");
}

#[test]
fn rights_on_the_state_folder() {
    let home = Home::of(Who::Ordinary);
    let state = home.env.home().join("state");
    fs::create_dir_all(&state).unwrap();
    let closed = |mode| fs::set_permissions(&state, fs::Permissions::from_mode(mode)).unwrap();
    closed(0o555);
    let output = home.sandbox(&["create", "--backend", "local"]);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b[0-9a-f]{12}\b", "[ID]");
    settings.bind(|| {
        insta::assert_snapshot!(output, @"
        exit 1
        --- stderr
        error: could not lock the sandbox `[ID]` in `[HOME]/state/sandboxes.locks/all`
          because: Permission denied (os error 13)
        ");
    });
    closed(0o777);
}

/// A kernel that makes no user namespaces.
#[test]
fn namespaces() {
    if !unshare() {
        return;
    }
    as_both(|home| {
        let script = "
            read go
            echo 0 > /proc/sys/user/max_user_namespaces || exit 99
            \"$AGENTSCOPE\" sandbox create --min-tier A; echo $?
            id=$(\"$AGENTSCOPE\" sandbox create); echo $?
            \"$AGENTSCOPE\" sandbox exec $id sh -c '(setsid sleep 3000 >/dev/null 2>&1 &); echo there > f; cat f'
            \"$AGENTSCOPE\" sandbox list -o json | grep -o '\"tier\": *\"[A-Z]\"'
            pid=$(grep -o '\"pid\":[0-9]*' \"$AGENTSCOPE_HOME\"/state/sandboxes/$id/process.json | cut -d: -f2)
            kill -9 $pid
            while kill -0 $pid 2>/dev/null; do :; done
            # Twice: the first look ends them, and does not wait.
            for n in 1 2; do \"$AGENTSCOPE\" sandbox list --all -o json | grep -o '\"state\": *\"[a-z]*\"'; done
            \"$AGENTSCOPE\" sandbox run --net a.example -- true; echo $?
            \"$AGENTSCOPE\" sandbox rm --all | grep -c .";
        let root = home.who == Who::Root;
        let inner = home.shell(script);
        let mut command = home.shell("");
        let mut unshare = std::process::Command::new("unshare");
        let map: &[&str] =
            if root { &["--user", "--keep-caps"] } else { &["--user", "--map-current-user", "--keep-caps"] };
        unshare.args(map).arg("sh").args(inner.get_args()).current_dir(home.env.work()).env_clear();
        unshare.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if !root && rustix::process::geteuid().is_root() {
            use std::os::unix::process::CommandExt as _;
            unshare.uid(crate::common::local::ORDINARY).gid(crate::common::local::ORDINARY);
        }
        std::mem::swap(&mut command, &mut unshare);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if root {
            // It has to be in its namespace before it can be given all users there.
            while fs::write(format!("/proc/{}/uid_map", child.id()), "0 0 4294967295").is_err() {
                assert!(child.try_wait().unwrap().is_none(), "it ended");
            }
            fs::write(format!("/proc/{}/gid_map", child.id()), "0 0 4294967295").unwrap();
        }
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let output = home.finish(child);
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"could not (take \S+workspace into the sandbox: Operation not permitted \(os error 1\)|make namespaces: No space left on device \(os error 28\))", "[NO NAMESPACES]");
        settings.bind(|| {
            insta::allow_duplicates! { insta::assert_snapshot!(output, @r#"
            exit 0
            --- stdout
            1
            0
            there
            "tier": "B"
            "state": "stopped"
            "state": "stopped"
            125
            1
            --- stderr
            error: this machine gives tier B isolation, and `min_tier` is A: [NO NAMESPACES]
            hint: allow user namespaces: `sysctl user.max_user_namespaces=10000`
            warning: tier B: no namespaces here, only landlock and seccomp; `agentscope sandbox doctor` says why
            error: the `local` backend cannot let programs reach some hosts and not others here: that needs tier A, and this machine gives tier B ([NO NAMESPACES])
            hint: allow user namespaces: `sysctl user.max_user_namespaces=10000`
            "#); }
        });
        assert_eq!(home.census(), Census::default());
        home.settle();
    });
}
