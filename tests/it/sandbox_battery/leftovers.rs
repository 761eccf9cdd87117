//! What goes on after a box, and what a box may do to its own daemon.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::fd::AsFd as _,
    process::Stdio,
};

use agentscope::sandbox::{prove::Stage, wire::ExecSpec};
use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

use super::{TIERS, staged};
use crate::common::{
    TestEnv,
    local::{Local, as_each},
};

/// Of those that this thread may look at.
fn processes_with(mark: &str) -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.windows(mark.len()).any(|part| part == mark.as_bytes())
    })
    .collect()
}

fn mark() -> String {
    format!("battery-{}", uuid::Uuid::now_v7().simple())
}

#[test]
fn what_left_its_parents_ends_with_the_box() {
    as_each(TIERS, |who, tier| async move {
        let (mark, local) = (mark(), Local::start().await);
        let daemonise = format!(
            "import os, signal, sys\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n\
             signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n\
             os.chdir('/')\nos.execve('/bin/sh', ['sh', '-c', 'exec sleep 1000 # {mark}; :'], {{}})"
        );
        // A shell that keeps its arguments, and one that is stopped.
        let script = format!(
            "python3 -c \"{daemonise}\"; nohup setsid sh -c 'sleep 1000; : {mark}' >/dev/null 2>&1 & \
             setsid sh -c 'kill -STOP $$; : {mark}' >/dev/null 2>&1 </dev/null & echo started"
        );
        assert_eq!(local.said(&script).await, "started\n(0)");
        local.stop().await;
        assert_eq!(processes_with(&mark), [0; 0], "{who:?}, tier {tier}");
    });
}

#[test]
fn a_box_ends_with_the_process_that_it_is_tied_to() {
    let (mark, env) = (mark(), TestEnv::new());
    let mut run = env.command(&["sandbox", "run", "--", "sh", "-c", &format!("echo up; sleep 1000; : {mark}")]);
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    let own = i32::try_from(child.id()).unwrap();
    let inside: Vec<_> = processes_with(&mark).into_iter().filter(|pid| *pid != own).collect();
    assert!(!inside.is_empty());
    let open = |pid: &i32| pidfd_open(Pid::from_raw(*pid).unwrap(), PidfdFlags::empty()).unwrap();
    let inside: Vec<_> = inside.iter().map(open).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    for process in inside {
        // Waits for its end: a test that hangs here has found it alive.
        poll(&mut [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)], None).unwrap();
    }
    assert_eq!(env.run(&["sandbox", "prune"]).code, Some(0));
    assert_eq!(env.run(&["sandbox", "list", "--all", "-o", "json"]).stdout.trim(), "[]");
}

#[test]
fn a_program_can_end_every_program_but_the_daemon() {
    as_each(TIERS, |who, tier| async move {
        let mut stage = Stage::set().unwrap();
        let (local, _) = staged(&stage).await;
        for signal in ["TERM", "KILL", "STOP", "INT", "ABRT"] {
            local.sh(&format!("kill -{signal} 1; kill -{signal} $PPID")).await;
            assert_eq!(local.said("echo there").await, "there\n(0)", "{who:?}, tier {tier}: {signal}");
        }
        // All that it may signal, itself first of all.
        local.sh("trap '' TERM; kill -TERM -1; kill -KILL -1").await;
        assert_eq!(local.said("echo there").await, "there\n(0)", "{who:?}, tier {tier}");
        assert_eq!(stage.touched(), None, "{who:?}, tier {tier}");
        local.stop().await;
    });
}

#[test]
fn no_secret_of_whoever_makes_a_box_is_in_it() {
    let env = TestEnv::new().var("MY_API_KEY", "s3cret-of-the-server");
    let script = "env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; cat /proc/1/environ 2>&1";
    let output = env.run(&["sandbox", "run", "--", "sh", "-c", script]);
    assert!(output.stdout.contains("PATH="), "{output}");
    assert!(!output.stdout.contains("s3cret"), "{output}");
    // Only where it is asked for.
    let asked = env.run(&["sandbox", "run", "-e", "MY_API_KEY", "--", "sh", "-c", "echo $MY_API_KEY"]);
    assert_eq!(asked.stdout, "s3cret-of-the-server\n");
}

#[test]
fn nothing_of_a_crash_leaves_the_box() {
    as_each(TIERS, |_, _| async {
        let local = Local::start().await;
        let said = local.said("ulimit -Hc unlimited; ulimit -c 0; prlimit --core --noheadings -o SOFT,HARD; sh -c 'kill -SEGV $$'; ls").await;
        let last: Vec<_> = said.lines().filter(|line| line.trim_start().starts_with('1')).collect();
        // 1 is the value at which no program is started outside. What changes it is told that it worked.
        assert_eq!(
            last.iter().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect::<Vec<_>>(),
            [["1", "1"]],
            "{said}"
        );
        assert!(!said.contains("core"), "{said}");
        local.stop().await;
    });
}

/// So that the environment of a call, in which the daemon marks it, is all that is passed on.
#[test]
fn a_call_gets_no_more_than_its_own_variables() {
    as_each(TIERS, |_, _| async {
        let local = Local::start().await;
        let mut spec = ExecSpec { argv: vec!["env".into()], ..ExecSpec::default() };
        spec.env.insert("ONE".into(), "1".into());
        let ran = local.client.exec(&spec).await.unwrap().collect(1 << 16).await.unwrap();
        let mut names: Vec<_> = String::from_utf8_lossy(&ran.stdout.bytes)
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
            .collect();
        names.sort();
        assert_eq!(names, ["AGENTSCOPE_CALL", "HOME", "LANG", "LOGNAME", "ONE", "PATH", "PWD", "TMPDIR", "USER"]);
        local.stop().await;
    });
}
