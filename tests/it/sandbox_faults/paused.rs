//! What a pause leaves as it was.

use std::{fs, io::Read as _};

use super::{home::as_both, killed::read_until};
use crate::common::require::available;

/// Files that are open, a connection, and what is written meanwhile: nothing is lost or doubled.
const PROGRAM: &str = "
import hashlib, socket, threading, sys
server = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(server.getsockname())
served, _ = server.accept()
def serve():
    while data := served.recv(65536):
        served.sendall(data)
threading.Thread(target=serve, daemon=True).start()
wanted, reader = hashlib.sha256(), client.makefile('rb')
with open('data', 'wb') as file:
    for n in range(4000):
        piece = bytes([n % 251]) * 2500
        wanted.update(piece)
        client.sendall(piece)
        file.write(reader.read(2500))
        if n % 10 == 0:
            print(n, flush=True)
print(wanted.hexdigest() == hashlib.sha256(open('data', 'rb').read()).hexdigest())
";

#[test]
fn a_program_goes_on_where_it_was() {
    as_both(|home| {
        let id = home.create(&[]);
        if !available("python3", home.sh(&id, "command -v python3").code == Some(0)) {
            return;
        }
        let mut child = home.spawn(&["exec", &id, "python3", "-c", PROGRAM]);
        let mut lines = read_until(&mut child, |line| line == "500");
        for _ in 0..3 {
            for (verb, state) in [("pause", "paused"), ("pause", "paused"), ("resume", "running")] {
                let output = home.sandbox(&[verb, &id]);
                assert_eq!(output.code, Some(0), "{output}");
                assert_eq!(home.state(&id).as_deref(), Some(state));
            }
        }
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        let numbers: Vec<u32> = rest.lines().filter_map(|line| line.parse().ok()).collect();
        assert_eq!(numbers, (510..4000).step_by(10).collect::<Vec<_>>());
        assert_eq!(rest.lines().last(), Some("True"), "{rest}");
        assert_eq!(child.wait().unwrap().code(), Some(0));
        home.settle();
    });
}

/// A pause longer than the idle time is no idleness; one longer than the age is the end.
#[test]
fn what_is_paused_is_wanted() {
    as_both(|home| {
        let wanted = home.create(&["--idle-timeout", "3s"]);
        let old = home.create(&["--max-age", "3s"]);
        for id in [&wanted, &old] {
            assert_eq!(home.sandbox(&["pause", id]).code, Some(0));
        }
        let later = home.create(&["--max-age", "5s"]);
        home.await_end(&later);
        let resumed = home.sandbox(&["resume", &wanted]);
        assert_eq!(resumed.code, Some(0), "{resumed}");
        assert_eq!(home.sh(&wanted, "echo there").stdout, "there\n");
        assert_eq!(home.state(&old).as_deref(), Some("stopped"));
        home.settle();
    });
}

#[test]
fn one_that_is_paused_is_stopped_and_removed() {
    as_both(|home| {
        let stopped = home.create(&[]);
        let removed = home.create(&[]);
        home.sh(&stopped, "echo kept > f");
        for (id, verb) in [(&stopped, "stop"), (&removed, "rm")] {
            assert_eq!(home.sandbox(&["pause", id]).code, Some(0));
            let output = home.sandbox(&[verb, id]);
            assert_eq!(output.code, Some(0), "{output}");
        }
        assert_eq!(fs::read_to_string(home.folder(&stopped).join("workspace/f")).unwrap(), "kept\n");
        assert_eq!(home.list(), [(stopped, "stopped".to_owned())]);
        home.settle();
    });
}
