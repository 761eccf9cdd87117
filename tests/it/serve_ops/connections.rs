//! Callers that connect and say nothing, or not enough.

#![cfg(unix)]

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use rustix::process::{Resource, getrlimit};

use crate::common::{
    TestEnv,
    require::available,
    serve::Server,
    unread::{posts_late, statuses},
};

/// A server that can have so many descriptors.
fn limited(descriptors: u32) -> Server {
    let env = TestEnv::new();
    env.write("agent.yaml", "name: demo\nmodel: demo\n");
    let program = env!("CARGO_BIN_EXE_agentscope");
    let mut command = env.command(&[]);
    let script = format!("ulimit -n {descriptors}; exec \"$0\" run agent.yaml --port 0");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script, program]).current_dir(env.work()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command = shell;
    Server::spawn(env, command)
}

fn connect(server: &Server, says: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(says.as_bytes()).unwrap();
    stream
}

#[tokio::test]
async fn connections_that_ask_nothing_make_room_for_those_that_ask() {
    let mut server = limited(120);
    // One that is kept for the next request is as idle as the others.
    server.client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    for says in [
        "",
        "GET /health HT",
        "GET /health HTTP/1.1\r\nhost: localhost\r\n",
        "POST /turns HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let mut idle: Vec<_> = (0..300).map(|_| connect(&server, says)).collect();
        assert_eq!(server.get("/health").await.0, 200, "{says}");
        let events = server.events("/turns", &serde_json::json!({ "input": "hi" })).await;
        assert_eq!(events.last().unwrap()["type"], "turn_finished");
        // The first of them was let go of.
        assert!(matches!(idle[0].read(&mut [0; 1]), Ok(0) | Err(_)));
    }
}

#[tokio::test]
async fn ten_thousand_idle_connections_stop_nobody() {
    let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if !available("descriptors", most > 12_000) {
        return;
    }
    let server = Server::start("name: demo\nmodel: demo\n");
    let idle: Vec<_> = (0..10_000).map(|_| connect(&server, "")).collect();
    let events = server.events("/turns", &serde_json::json!({ "input": "hi" })).await;
    assert_eq!(events.last().unwrap()["type"], "turn_finished");
    drop(idle);
}

#[test]
fn a_request_that_is_refused_leaves_its_connection_to_the_next() {
    let server = Server::start("name: demo\nmodel: demo\nserve: {tokens: [{name: a, value: right}]}\n");
    let address = server.url.strip_prefix("http://").unwrap();
    for (path, token, expected) in [("/turns", "wrong", ["401", "401"]), ("/nowhere", "right", ["404", "404"])] {
        let answers = posts_late(address, path, token, "late");
        assert_eq!(statuses(&answers), expected, "{answers}");
        assert_eq!(answers.matches("connection: close").count(), 1, "that of the last: {answers}");
    }
    // What is too much to be read for nothing is not, and the client is told.
    let answers = posts_late(address, "/nowhere", "right", &"x".repeat(2 << 20));
    assert_eq!(statuses(&answers), ["404"], "{answers}");
    assert!(answers.contains("connection: close"), "{answers}");
}
