//! Two sandboxes do not reach each other, nor does anybody reach their ports; and the file API goes nowhere by links.

use std::{
    fs,
    net::TcpStream,
    process::{Command, Stdio},
};

use agentscope::sandbox::{
    Network, Tier,
    client::{Exec, Output},
    prove::{ATTEMPTS, Stage, Target, Verdict, Wall},
    wire::ExecSpec,
};
use serde_json::json;

use super::{TIERS, staged};
use crate::common::{
    Host,
    local::{Local, as_each},
};

/// Makes one of everything that programs of one machine share, says so, and keeps it.
const SHARE: &str = r#"
import ctypes, os, socket, sys
libc, kept, key = ctypes.CDLL(None, use_errno=True), [], int(sys.argv[1])
def say(name, result):
    print(name, "made" if result >= 0 else "refused", flush=True)
memory = libc.shmget(key, 4096, 0o1666)
say("memory", memory)
say("messages", libc.msgget(key, 0o1666))
say("semaphore", libc.semget(key, 1, 0o1666))
say("queue", libc.mq_open(b"/battery%d" % key, os.O_CREAT | os.O_RDWR, 0o666, None))
try:
    kept.append(socket.socket(socket.AF_UNIX))
    kept[-1].bind("\0battery%d" % key)
    kept[-1].listen()
    say("socket", 0)
except OSError:
    say("socket", -1)
print("ready", flush=True)
sys.stdin.read()
if memory >= 0:
    libc.shmctl(memory, 0, None), libc.msgctl(libc.msgget(key, 0), 0, None), libc.semctl(libc.semget(key, 1, 0), 0, 0)
    libc.mq_unlink(b"/battery%d" % key)
"#;

/// Says what of it is to be found.
const FIND: &str = r#"
import ctypes, os, socket, sys
libc, key = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
found = dict(memory=libc.shmget(key, 0, 0), messages=libc.msgget(key, 0), semaphore=libc.semget(key, 0, 0),
             queue=libc.mq_open(b"/battery%d" % key, os.O_RDWR))
try:
    socket.socket(socket.AF_UNIX).connect("\0battery%d" % key)
    found["socket"] = 0
except OSError:
    found["socket"] = -1
print(" ".join(sorted(name for name in found if found[name] >= 0)) or "nothing")
"#;

/// A number that no other test uses.
fn key() -> String {
    (uuid::Uuid::now_v7().as_u128() & 0x3fff_ffff | 1).to_string()
}

fn python(script: &str, key: &str) -> ExecSpec {
    let argv = ["python3", "-c", script, key].map(str::to_owned).into();
    ExecSpec { argv, stdin: true, ..ExecSpec::default() }
}

/// A program that runs on, and what it said until `last`.
async fn running(local: &Local, spec: &ExecSpec, last: &str) -> (Exec, String) {
    let mut exec = local.client.exec(spec).await.unwrap();
    let mut said = String::new();
    while !said.contains(last) {
        match exec.next().await.unwrap().unwrap() {
            Output::Stdout(bytes) | Output::Stderr(bytes) => said.push_str(&String::from_utf8_lossy(&bytes)),
            Output::Exited(status) => panic!("{status:?}: {said}"),
        }
    }
    (exec, said)
}

#[test]
fn two_boxes_share_nothing_of_the_kernel() {
    as_each(TIERS, |who, tier| async move {
        let (one, other, key) = (Local::start().await, Local::start().await, key());
        let (kept, made) = running(&one, &python(SHARE, &key), "ready").await;
        // Where nothing is kept apart by a namespace, there is nothing.
        let expected = if tier == Tier::A { "made" } else { "refused" };
        let made: Vec<_> = made.lines().filter(|line| !line.starts_with("queue") && *line != "ready").collect();
        assert!(made.len() == 4 && made.iter().all(|line| line.ends_with(expected)), "{made:?}");
        let found = other.client.exec(&python(FIND, &key)).await.unwrap().collect(1 << 16).await.unwrap();
        let found = String::from_utf8_lossy(&found.stdout.bytes).into_owned();
        assert_eq!(found, "nothing\n", "{who:?}, tier {tier}: by another box");
        let found = Command::new("python3").args(["-c", FIND, &key]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "nothing\n", "{who:?}, tier {tier}: by the machine");
        drop(kept);
        one.stop().await;
        other.stop().await;
    });
}

/// The control of the test above.
#[test]
fn two_programs_without_boxes_share_it_all() {
    use std::io::{BufRead as _, BufReader};
    let key = key();
    let mut share = Command::new("python3");
    share.args(["-c", SHARE, &key]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut share = share.spawn().unwrap();
    let mut lines = BufReader::new(share.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ready"));
    let found = Command::new("python3").args(["-c", FIND, &key]).output().unwrap();
    drop(share.stdin.take());
    share.wait().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "memory messages queue semaphore socket\n");
}

const LISTEN: &str = "
import socket, sys
listener = socket.create_server(('0.0.0.0', 0))
print('port', listener.getsockname()[1], 'open', flush=True)
sys.stdin.read()
";

#[test]
fn a_port_of_a_box_is_nobodys_but_its_own() {
    as_each(&[Tier::A], |_, _| async {
        let (one, other) = (Local::start().await, Local::start().await);
        let (kept, said) = running(&one, &python(LISTEN, ""), "open").await;
        let port: u16 = said.split(' ').nth(1).unwrap().parse().unwrap();
        let connect =
            format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))' 2>&1 | tail -n 1");
        assert_eq!(one.said(&connect).await, "(0)", "the port is open");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(other.said(&connect).await.starts_with("ConnectionRefusedError"));
        drop(kept);
        one.stop().await;
        other.stop().await;
    });
}

#[test]
fn nothing_goes_around_the_proxy_or_through_it_to_this_machine() {
    as_each(&[Tier::A], |who, _| async move {
        let mut stage = Stage::set().unwrap();
        let local = Local::with(|spec, _| spec.network = Network::Allow(vec!["allowed.example".into()])).await;
        let target = Target::of(&super::folder(&local), local.tier);
        for attempt in ATTEMPTS.iter().filter(|attempt| attempt.wall == Wall::Network) {
            let verdict = attempt.make(&local.client, &mut stage, &target).await.unwrap();
            assert!(matches!(verdict, Verdict::Blocked { .. }), "{who:?}: {}: {verdict:?}", attempt.name);
        }
        let port = &stage.variables()["PROVE_TCP"];
        let asked = format!(
            "python3 -c 'import socket\nfor host in [\"127.0.0.1\", \"localhost\", \"[::1]\", \"0.0.0.0\", \"169.254.169.254\", \
             \"allowed.example.evil.test\"]:\n    way = socket.create_connection((\"127.0.0.1\", 3128))\n    \
             way.sendall((\"CONNECT %s:{port} HTTP/1.1\\r\\nHost: %s:{port}\\r\\n\\r\\n\" % (host, host)).encode())\n    \
             print(way.recv(99).split()[1].decode())'"
        );
        assert_eq!(local.said(&asked).await, "403\n403\n403\n403\n403\n403\n(0)");
        assert_eq!(stage.touched(), None);
        local.stop().await;
    });
}

/// Swaps a folder for a link that leads out, for as long as it is let.
const SWAP: &str = "mkdir -p real; echo inside > real/secret; echo started; \
                    while :; do ln -sfn \"$0\" swap; rm -f swap; cp -r real swap; rm -r swap; done";

async fn race(call: impl AsyncFn(&str, serde_json::Value) -> Result<String, String>, stage: &mut Stage) {
    let secret = fs::read_to_string(stage.folder().join("secret")).unwrap();
    let mut seen = 0;
    for round in 0..150 {
        let read = call("read_file", json!({ "path": "swap/secret" })).await;
        assert!(!format!("{read:?}").contains(&secret), "round {round}: {read:?}");
        seen += usize::from(read.is_ok());
        let _ = call("write_file", json!({ "path": "swap/untouched", "content": "changed" })).await;
        let _ = call("write_file", json!({ "path": "swap/new", "content": "new" })).await;
    }
    assert_eq!(stage.touched(), None);
    eprintln!("battery: the file was seen inside in {seen} of 150 rounds");
}

#[test]
fn the_file_api_does_not_follow_a_link_that_is_swapped_under_it() {
    as_each(TIERS, |_, _| async {
        let mut stage = Stage::set().unwrap();
        let (local, _) = staged(&stage).await;
        let argv = ["sh", "-c", SWAP, stage.folder().to_str().unwrap()].map(str::to_owned).into();
        let (swapping, _) = running(&local, &ExecSpec { argv, ..ExecSpec::default() }, "started").await;
        race(async |name, arguments| local.client.call_tool(name, &arguments).await.unwrap(), &mut stage).await;
        drop(swapping);
        local.stop().await;
    });
}

/// Without isolation the API itself is all that is in the way, and programs do get through.
#[tokio::test]
async fn nor_where_there_is_no_isolation() {
    let mut stage = Stage::set().unwrap();
    let host = Host::start().await;
    let argv: Vec<_> = ["sh", "-c", SWAP, stage.folder().to_str().unwrap()].map(str::to_owned).into();
    let swapping = host.client.start_job(&ExecSpec { argv, ..ExecSpec::default() }).await.unwrap();
    race(async |name, arguments| host.client.call_tool(name, &arguments).await.unwrap(), &mut stage).await;
    host.client.stop_job(swapping.id).await.unwrap();
    let link = format!("ln -sfn '{}' out && cat out/secret", stage.folder().display());
    let control = host.sh(&link).await;
    assert_eq!(control.stdout.bytes, fs::read(stage.folder().join("secret")).unwrap());
    let read = host.client.call_tool("read_file", &json!({ "path": "out/secret" })).await.unwrap();
    assert!(read.is_err(), "{read:?}");
    host.stop().await;
}
