//! `kill -9` of everything, at every step.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::Child,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::home::{Home, as_both, killed_after, spawn};
use crate::common::require::available;

/// Kills what `start` starts later and later, until it has succeeded before, twice. After each kill nothing is hidden and
/// nothing is left; what there was is given.
fn sweep(home: &Home, start: impl Fn() -> Child) {
    let begun = Instant::now();
    let done = home.finish(start());
    assert_eq!(done.code, Some(0), "{done}");
    let step = begun.elapsed() / 12;
    home.settle();
    let (mut delay, mut survived) = (Duration::ZERO, 0);
    while survived < 2 {
        let child = start();
        let killed = killed_after(&child, delay);
        let output = home.finish(child);
        assert!(killed || output.code == Some(0), "{output}");
        survived += u32::from(!killed);
        home.settle();
        delay += step;
    }
}

const LOCAL: &[&str] = &["--backend", "local"];

#[test]
fn a_command_that_makes_a_sandbox() {
    as_both(|home| {
        sweep(home, || home.spawn(&[&["create"], LOCAL].concat()));
        // With the search for a backend.
        sweep(home, || home.spawn(&["create", "--net", "a.example"]));
        sweep(home, || {
            home.spawn(&[&["run"], LOCAL, &["--", "sh", "-c", "(setsid sleep 60 >/dev/null 2>&1 &)"]].concat())
        });
    });
}

#[test]
fn a_command_on_a_sandbox() {
    let home = Home::new();
    for verb in ["stop", "rm", "pause", "renew"] {
        sweep(&home, || {
            let id = home.create(&[]);
            home.sh(&id, "(setsid sleep 60 >/dev/null 2>&1 &); mkdir -p a/b c; touch a/b/f c/g");
            home.spawn(&[verb, &id])
        });
    }
    sweep(&home, || {
        let id = home.create(&[]);
        home.spawn(&["exec", &id, "sh", "-c", "(setsid sleep 60 >/dev/null 2>&1 &); echo there"])
    });
}

/// The end of a program that nobody saw is not told as one.
#[test]
fn the_daemon_in_the_middle_of_a_call() {
    as_both(|home| {
        let id = home.create(&[]);
        let mut child = home.spawn(&["exec", &id, "sh", "-c", "(setsid sleep 60 &); echo ready; exec sleep 60"]);
        read_word(&mut child, "ready\n");
        home.kill_first(&id);
        insta::allow_duplicates! {
            insta::assert_snapshot!(home.finish(child), @"
            exit 125
            --- stderr
            error: the sandbox ended or broke off before the program did: how the program ended is not known
            ");
        }
        assert_eq!(home.state(&id).as_deref(), Some("stopped"));
        assert_eq!(home.sandbox(&["stop", &id]).code, Some(0), "it is stopped");
        let again = home.sandbox(&["exec", &id, "true"]);
        assert_eq!(again.code, Some(125), "{again}");
        home.settle();
    });
}

/// Whichever of the processes that become the box is hit.
#[test]
fn the_process_that_becomes_the_box() {
    as_both(|home| {
        let mut hit = 0;
        for _ in 0..20 {
            if hit == 4 {
                break;
            }
            let child = home.spawn(&[&["create"], LOCAL].concat());
            let killed = kill_init(&child);
            let output = home.finish(child);
            if output.code != Some(0) {
                assert!(killed, "{output}");
                assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output}");
                assert!(output.stderr.starts_with("error: could not "), "{output}");
                hit += 1;
            }
            let listed = home.settle();
            assert_eq!(listed.len(), usize::from(output.code == Some(0)), "{output}");
        }
        assert!(hit > 0, "it was never hit while it was made");
    });
}

/// Kills the first process that `parent` starts as the box, as soon as it is seen.
fn kill_init(parent: &Child) -> bool {
    let tasks = format!("/proc/{}/task", parent.id());
    loop {
        let Ok(entries) = fs::read_dir(&tasks) else { return false };
        let mut none = true;
        for entry in entries.flatten() {
            none = false;
            let children = fs::read_to_string(entry.path().join("children")).unwrap_or_default();
            for pid in children.split_ascii_whitespace() {
                let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                if command.windows(6).any(|window| window == b"__init") {
                    return kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL).is_ok();
                }
            }
        }
        let stat = fs::read_to_string(format!("/proc/{}/stat", parent.id())).unwrap_or_default();
        if none || stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z')) {
            return false;
        }
    }
}

/// Without the proxy there is no way out, and nothing else changes.
#[test]
fn the_proxy_of_the_network() {
    as_both(|home| {
        let id = home.create(&["--net", "a.example"]);
        let with = |word: &str| {
            let all = home.census().processes;
            let found = all.iter().find(|process| process.contains(word)).cloned();
            found.and_then(|process| Pid::from_raw(process.split(' ').next()?.parse().ok()?))
        };
        // Only root sees what the process has open, which is how it is known.
        if !available("a look at processes of others", rustix::process::geteuid().is_root()) {
            return;
        }
        let by = std::time::Instant::now() + std::time::Duration::from_secs(10);
        // Nobody waits for it when the box is made.
        let proxy = loop {
            match with("__egress") {
                Some(proxy) => break proxy,
                None => assert!(std::time::Instant::now() < by, "the proxy runs"),
            }
        };
        kill_process(proxy, Signal::KILL).unwrap();
        let ask = "import socket\ns = socket.create_connection(('127.0.0.1', 3128))\ns.sendall(b'CONNECT a.example:443 \
                   HTTP/1.1\\r\\n\\r\\n')\nprint(s.recv(100))";
        if available("python3", home.sh(&id, "command -v python3").code == Some(0)) {
            let said = home.sandbox(&["exec", &id, "python3", "-c", ask]);
            assert!(said.stdout.starts_with("b'HTTP/1.1 502"), "{said}");
        }
        assert_eq!(home.sh(&id, "echo there").stdout, "there\n");
        home.settle();
    });
}

/// One that reads no more, and is killed while it is stopped.
#[test]
fn a_client_in_the_middle_of_a_stream() {
    as_both(|home| {
        let id = home.create(&[]);
        let mut child = home.spawn(&["exec", &id, "sh", "-c", "echo $$ > pid; exec yes"]);
        read_word(&mut child, "y\n");
        kill_process(Pid::from_child(&child), Signal::STOP).unwrap();
        // The program goes on until its output is in nobody's way any more, then it waits.
        assert_eq!(home.sh(&id, "test -d /proc/$(cat pid)").code, Some(0));
        child.kill().unwrap();
        child.wait().unwrap();
        let gone =
            home.sandbox(&["exec", "--timeout", "20s", &id, "sh", "-c", "while test -d /proc/$(cat pid); do :; done"]);
        assert_eq!(gone.code, Some(0), "{gone}");
        home.settle();
    });
}

/// A command that is told to end while it makes a sandbox leaves none.
#[test]
fn a_signal_while_a_sandbox_is_made() {
    for verb in [&["create"][..], &["run"]] {
        let home = Home::new();
        let tail: &[&str] = if verb == ["run"] { &["--", "true"] } else { &[] };
        let child = spawn(home.command(&[&["sandbox"], verb, LOCAL, tail].concat()));
        // It takes a lock before the box is, and from then on it listens.
        let locks = home.env.home().join("state/sandboxes.locks/all");
        while !locks.exists() {
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let output = home.finish(child);
        assert!(matches!(output.code, Some(130 | 0)), "{output}");
        if output.code == Some(130) {
            assert_eq!(home.census(), super::census::Census::default(), "{output}");
        }
        home.settle();
    }
}

pub fn read_word(child: &mut Child, word: &str) {
    let mut heard = vec![0; word.len()];
    child.stdout.as_mut().unwrap().read_exact(&mut heard).unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), word);
}

/// Reads lines until one fits.
pub fn read_until(child: &mut Child, fits: impl Fn(&str) -> bool) -> BufReader<std::process::ChildStdout> {
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    loop {
        let mut line = String::new();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the program ended");
        if fits(line.trim_end()) {
            return lines;
        }
    }
}
