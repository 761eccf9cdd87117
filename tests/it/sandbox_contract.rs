//! The daemon over TCP: driven by the Python runtime's own clients, and asked what those do not ask.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use agentscope::sandbox::{
    Lifetime, SandboxId, Token,
    daemon::{DaemonConfig, Listen},
    handoff,
};

use crate::common::{require, unread};

/// A daemon without a box around it.
struct Daemon {
    workspace: tempfile::TempDir,
    address: SocketAddr,
    token: Token,
    process: Child,
    /// A tied daemon ends with the socket that it was configured over.
    tie: UnixStream,
}

impl Daemon {
    fn start() -> Self {
        let workspace = tempfile::tempdir().unwrap();
        let (tie, theirs) = UnixStream::pair().unwrap();
        let mut daemon = Command::new(env!("CARGO_BIN_EXE_agentscope"));
        let process = daemon.arg("__box").stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).spawn().unwrap();
        let token = Token::random();
        let config = DaemonConfig {
            id: SandboxId::random(),
            token: token.clone(),
            workspace: workspace.path().to_owned(),
            env: [("PATH".to_owned(), std::env::var("PATH").unwrap())].into(),
            lifetime: Lifetime { idle: None, age: None, tied: true },
            listen: Listen::Tcp(([127, 0, 0, 1], 0).into()),
        };
        handoff::send(&tie, &config, &[]).unwrap();
        let address = handoff::await_report(&tie, Duration::from_secs(30)).unwrap().unwrap();
        Self { workspace, address, token, process, tie }
    }

    /// The status, the content type and the body of an answer.
    fn ask(&self, request: &str, body: &str) -> String {
        self.ask_with(request, &format!("Authorization: Bearer {}\r\n", self.token.expose()), body)
    }

    fn ask_with(&self, request: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        write!(stream, "{request} HTTP/1.0\r\nHost: box\r\n{headers}Content-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or("-");
        self.redact(&format!("{status} {kind} {body}"))
    }

    fn redact(&self, text: &str) -> String {
        text.replace(&self.workspace.path().display().to_string(), "[WORKSPACE]")
    }

    fn stop(mut self) {
        drop(self.tie);
        assert!(self.process.wait().unwrap().success());
    }
}

#[test]
fn the_box_clients_of_the_python_runtime_drive_the_daemon() {
    // `dev/test` installs it.
    let python = std::env::var("AGENTSCOPE_TEST_RUNTIME_PYTHON").unwrap_or_default();
    if !require::available("agentscope-runtime", !python.is_empty()) {
        return;
    }
    let daemon = Daemon::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/sandbox_client.py");
    let url = format!("http://{}", daemon.address);
    let ran = Command::new(python).args([script, &url, daemon.token.expose()]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let said = daemon.redact(&String::from_utf8_lossy(&ran.stdout));
    let (sync, not_sync) = said.split_once("\n\n").unwrap();
    insta::assert_snapshot!(sync, @r#"
    tools {"filesystem": ["create_directory", "directory_tree", "edit_file", "get_file_info", "list_allowed_directories", "list_directory", "move_file", "read_file", "read_multiple_files", "search_files", "write_file"], "generic": ["run_ipython_cell", "run_shell_command"]}
    tools of one server ["run_ipython_cell", "run_shell_command"]
    cell {"content": [{"annotations": null, "description": "stdout", "text": "Hello, World!\n", "type": "text"}], "exit": {"lost": null, "outcome": "ok"}, "isError": false, "meta": null}
    cell {"content": [{"annotations": null, "description": "stdout", "text": "Out[1]: 42\n", "type": "text"}], "exit": {"lost": null, "outcome": "ok"}, "isError": false, "meta": null}
    shell {"content": [{"annotations": null, "description": "stdout", "text": "out\n", "type": "text"}, {"annotations": null, "description": "stderr", "text": "err\n", "type": "text"}, {"annotations": null, "description": "returncode", "text": "3", "type": "text"}], "exit": {"code": 3, "limit": null, "signal": null}, "isError": true, "meta": null}
    shell {"content": [{"annotations": null, "description": "stdout", "text": "\ufffd", "type": "text"}, {"annotations": null, "description": "returncode", "text": "0", "type": "text"}], "exit": {"code": 0, "limit": null, "signal": null}, "isError": false, "meta": null}
    background [{"annotations": null, "description": "stdout", "text": "started\n", "type": "text"}, {"annotations": null, "description": "returncode", "text": "0", "type": "text"}]
    write [["mtime_ms", "name", "path", "size", "type"], "a.txt", "file", 4]
    read "text"
    bytes [116, 101, 120, 116]
    stream 3145728
    batch ["b", "c"]
    list ["a.txt", "c", "deep", "large"]
    deep list ["a.txt", "b", "c", "deep", "large"]
    mkdir [true, false]
    move "a.txt"
    exists [true, false]
    exists false
    file tool {"content": [{"annotations": null, "text": "Successfully wrote to sync/d", "type": "text"}], "isError": false, "meta": null}
    file tool {"content": [{"annotations": null, "text": "Error: there is no `sync/nowhere`", "type": "text"}], "isError": true, "meta": null}
    no command "400 Client Error: Bad Request"
    no code "400 Client Error: Bad Request"
    no tool "404 Client Error: Not Found"
    no file "404 not found"
    outside "403 Permission error. Access restricted to /workspace directory."
    a folder "409 `sync` is a folder"
    servers "501 Server Error: Not Implemented"
    commit "501 Server Error: Not Implemented"
    diff "501 Server Error: Not Implemented"
    logs "501 Server Error: Not Implemented"
    "#);
    insta::assert_snapshot!(not_sync, @r#"
    tools {"filesystem": ["create_directory", "directory_tree", "edit_file", "get_file_info", "list_allowed_directories", "list_directory", "move_file", "read_file", "read_multiple_files", "search_files", "write_file"], "generic": ["run_ipython_cell", "run_shell_command"]}
    tools of one server ["run_ipython_cell", "run_shell_command"]
    cell {"content": [{"annotations": null, "description": "stdout", "text": "Hello, World!\n", "type": "text"}], "exit": {"lost": null, "outcome": "ok"}, "isError": false, "meta": null}
    cell {"content": [{"annotations": null, "description": "stdout", "text": "Out[1]: 42\n", "type": "text"}], "exit": {"lost": null, "outcome": "ok"}, "isError": false, "meta": null}
    shell {"content": [{"annotations": null, "description": "stdout", "text": "out\n", "type": "text"}, {"annotations": null, "description": "stderr", "text": "err\n", "type": "text"}, {"annotations": null, "description": "returncode", "text": "3", "type": "text"}], "exit": {"code": 3, "limit": null, "signal": null}, "isError": true, "meta": null}
    shell {"content": [{"annotations": null, "description": "stdout", "text": "\ufffd", "type": "text"}, {"annotations": null, "description": "returncode", "text": "0", "type": "text"}], "exit": {"code": 0, "limit": null, "signal": null}, "isError": false, "meta": null}
    background [{"annotations": null, "description": "stdout", "text": "started\n", "type": "text"}, {"annotations": null, "description": "returncode", "text": "0", "type": "text"}]
    write [["mtime_ms", "name", "path", "size", "type"], "a.txt", "file", 4]
    read "text"
    bytes [116, 101, 120, 116]
    stream 3145728
    batch ["b", "c"]
    list ["a.txt", "c", "deep", "large"]
    deep list ["a.txt", "b", "c", "deep", "large"]
    mkdir [true, false]
    move "a.txt"
    exists [true, false]
    exists false
    file tool {"content": [{"annotations": null, "text": "Successfully wrote to async/d", "type": "text"}], "isError": false, "meta": null}
    file tool {"content": [{"annotations": null, "text": "Error: there is no `async/nowhere`", "type": "text"}], "isError": true, "meta": null}
    no command "400 Command is required."
    no code "400 Code is required."
    no tool "404 Tool 'no_tool' not found."
    no file "404 not found"
    outside "403 Permission error. Access restricted to /workspace directory."
    a folder "409 `async` is a folder"
    servers "501 this sandbox runs no MCP servers"
    commit "501 this sandbox keeps no history of its workspace; `git` can be run by /tools/run_shell_command"
    diff "501 this sandbox keeps no history of its workspace; `git` can be run by /tools/run_shell_command"
    logs "501 this sandbox keeps no history of its workspace; `git` can be run by /tools/run_shell_command"
    "#);
    daemon.stop();
}

/// Clients go on over the connection on which they were refused, whenever they sent what was not read.
#[test]
fn a_request_that_is_refused_leaves_its_connection_to_the_next() {
    let daemon = Daemon::start();
    let (address, token) = (daemon.address.to_string(), daemon.token.expose());
    let outside = unread::posts_late(&address, "/workspace/mkdir?path=../out", token, "late");
    assert_eq!(unread::statuses(&outside)[1..], ["200"], "{outside}");
    daemon.stop();
}

/// What the clients do not ask, or do not show.
#[test]
fn the_daemon_keeps_to_the_contract() {
    let daemon = Daemon::start();
    let workspace = daemon.workspace.path();
    std::fs::write(workspace.join("latin"), b"caf\xe9").unwrap();
    std::fs::create_dir(workspace.join("folder")).unwrap();
    std::os::unix::fs::symlink("/etc", workspace.join("out")).unwrap();
    let form = "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"f\"\r\n\r\nbody\r\n--b--\r\n";
    let multipart =
        format!("Authorization: Bearer {}\r\nContent-Type: multipart/form-data; boundary=b\r\n", daemon.token.expose());
    let asked = [
        ("GET /healthz", ""),
        ("GET /fastapi/healthz", ""),
        ("POST /tools/run_shell_command", r#"{"command": "echo bare"}"#),
        ("POST /fastapi/tools/run_shell_command", r#"{"command": "echo nested"}"#),
        ("POST /tools/run_shell_command", r#"{"command": ""}"#),
        ("POST /tools/run_shell_command", "{}"),
        ("POST /tools/run_shell_command", r#"{"command": null}"#),
        ("POST /tools/run_shell_command", "not JSON"),
        ("POST /tools/run_shell_command", r#"{"command": "sleep 1000", "timeout": 0.1}"#),
        ("POST /tools/run_shell_command", r#"{"command": "true", "timeout": -1}"#),
        ("POST /tools/run_ipython_cell", r#"{"code": ""}"#),
        ("POST /tools/run_ipython_cell", "{}"),
        ("POST /mcp/call_tool", r#"{"tool_name": "no_tool", "arguments": {}}"#),
        (
            "POST /mcp/call_tool",
            r#"{"tool_name": "search_files", "arguments": {"path": ".", "pattern": "lat", "excludePatterns": ""}}"#,
        ),
        ("POST /mcp/call_tool", r#"{"tool_name": "read_file"}"#),
        ("POST /mcp/add_servers", r#"{"server_configs": {"mcpServers": {}}}"#),
        ("POST /fastapi/watcher/commit_changes", "{}"),
        ("GET /watcher/git_logs", ""),
        ("GET /workspace/file?path=latin", ""),
        ("GET /workspace/file?path=folder", ""),
        ("GET /workspace/file?path=out%2Fpasswd", ""),
        ("GET /workspace/file?path=%2Fetc%2Fpasswd", ""),
        ("GET /workspace/file", ""),
        ("GET /workspace/file?path=latin&format=else", ""),
        ("PUT /workspace/file?path=folder", "x"),
        ("GET /workspace/list?path=.&depth=0", ""),
        ("GET /workspace/list?path=nowhere", ""),
        ("GET /workspace/exists?path=..%2F", ""),
        ("DELETE /workspace/entry?path=nowhere", ""),
        ("POST /workspace/move", r#"{"source": "nowhere", "destination": "b"}"#),
        ("POST /workspace/move", r#"{"source": "latin"}"#),
        ("POST /workspace/mkdir", r#"{"path": "latin"}"#),
        ("POST /fastapi/no/such/route", "{}"),
        ("GET /tools/run_shell_command", ""),
    ];
    let mut told: Vec<_> =
        asked.iter().map(|(request, body)| format!("{request} {body}\n  {}", daemon.ask(request, body))).collect();
    for request in ["POST /workspace/files:batch", "POST /fastapi/workspace/files%3Abatch"] {
        told.push(format!("{request}\n  {}", daemon.ask_with(request, &multipart, form)));
    }
    for headers in ["", "Authorization: bearer x\r\n", "Authorization: Bearer x\r\n"] {
        told.push(format!("{headers:?}\n  {}", daemon.ask_with("GET /healthz", headers, "")));
        told.push(format!("  {}", daemon.ask_with("GET /no/such/route", headers, "")));
    }
    insta::with_settings!({filters => vec![(r#""mtime_ms":\d+"#, r#""mtime_ms":[TIME]"#)]}, {
    insta::assert_snapshot!(told.join("\n"), @r#"
    GET /healthz 
      200 - OK
    GET /fastapi/healthz 
      200 - OK
    POST /tools/run_shell_command {"command": "echo bare"}
      200 application/json {"meta":null,"content":[{"type":"text","text":"bare\n","annotations":null,"description":"stdout"},{"type":"text","text":"0","annotations":null,"description":"returncode"}],"isError":false,"exit":{"code":0,"signal":null,"limit":null}}
    POST /fastapi/tools/run_shell_command {"command": "echo nested"}
      200 application/json {"meta":null,"content":[{"type":"text","text":"nested\n","annotations":null,"description":"stdout"},{"type":"text","text":"0","annotations":null,"description":"returncode"}],"isError":false,"exit":{"code":0,"signal":null,"limit":null}}
    POST /tools/run_shell_command {"command": ""}
      400 application/json {"detail":"Command is required."}
    POST /tools/run_shell_command {}
      422 application/json {"detail":"missing field `command` at line 1 column 2"}
    POST /tools/run_shell_command {"command": null}
      422 application/json {"detail":"invalid type: null, expected a string at line 1 column 16"}
    POST /tools/run_shell_command not JSON
      422 application/json {"detail":"expected ident at line 1 column 2"}
    POST /tools/run_shell_command {"command": "sleep 1000", "timeout": 0.1}
      200 application/json {"meta":null,"content":[{"type":"text","text":"","annotations":null,"description":"stdout"},{"type":"text","text":"-9","annotations":null,"description":"returncode"}],"isError":true,"exit":{"code":null,"signal":9,"limit":"timeout"}}
    POST /tools/run_shell_command {"command": "true", "timeout": -1}
      422 application/json {"detail":"`timeout` is not a number of seconds"}
    POST /tools/run_ipython_cell {"code": ""}
      400 application/json {"detail":"Code is required."}
    POST /tools/run_ipython_cell {}
      422 application/json {"detail":"missing field `code` at line 1 column 2"}
    POST /mcp/call_tool {"tool_name": "no_tool", "arguments": {}}
      404 application/json {"detail":"Tool 'no_tool' not found."}
    POST /mcp/call_tool {"tool_name": "search_files", "arguments": {"path": ".", "pattern": "lat", "excludePatterns": ""}}
      200 application/json {"meta":null,"content":[{"type":"text","text":"[WORKSPACE]/latin","annotations":null}],"isError":false}
    POST /mcp/call_tool {"tool_name": "read_file"}
      200 application/json {"meta":null,"content":[{"type":"text","text":"Error: invalid arguments: missing field `path`","annotations":null}],"isError":true}
    POST /mcp/add_servers {"server_configs": {"mcpServers": {}}}
      501 application/json {"detail":"this sandbox runs no MCP servers"}
    POST /fastapi/watcher/commit_changes {}
      501 application/json {"detail":"this sandbox keeps no history of its workspace; `git` can be run by /tools/run_shell_command"}
    GET /watcher/git_logs 
      501 application/json {"detail":"this sandbox keeps no history of its workspace; `git` can be run by /tools/run_shell_command"}
    GET /workspace/file?path=latin 
      415 application/json {"detail":"`latin` is not text in UTF-8 (4 bytes)","code":"not_text","message":"`latin` is not text in UTF-8 (4 bytes)"}
    GET /workspace/file?path=folder 
      404 application/json {"detail":"not found","code":"not_found","message":"there is no `folder`"}
    GET /workspace/file?path=out%2Fpasswd 
      403 application/json {"detail":"Permission error. Access restricted to /workspace directory.","code":"outside","message":"`out/passwd` is outside the workspace"}
    GET /workspace/file?path=%2Fetc%2Fpasswd 
      403 application/json {"detail":"Permission error. Access restricted to /workspace directory.","code":"outside","message":"`/etc/passwd` is outside the workspace"}
    GET /workspace/file 
      422 application/json {"detail":"Failed to deserialize query string: missing field `path`","code":"invalid","message":"Failed to deserialize query string: missing field `path`"}
    GET /workspace/file?path=latin&format=else 
      422 application/json {"detail":"Failed to deserialize query string: format: unknown variant `else`, expected `text` or `bytes`","code":"invalid","message":"Failed to deserialize query string: format: unknown variant `else`, expected `text` or `bytes`"}
    PUT /workspace/file?path=folder x
      409 application/json {"detail":"`folder` is a folder","code":"is_folder","message":"`folder` is a folder"}
    GET /workspace/list?path=.&depth=0 
      422 application/json {"detail":"depth: at least 1","code":"invalid","message":"depth: at least 1"}
    GET /workspace/list?path=nowhere 
      404 application/json {"detail":"not found","code":"not_found","message":"there is no `nowhere`"}
    GET /workspace/exists?path=..%2F 
      403 application/json {"detail":"Permission error. Access restricted to /workspace directory.","code":"outside","message":"`..` is outside the workspace"}
    DELETE /workspace/entry?path=nowhere 
      204 - 
    POST /workspace/move {"source": "nowhere", "destination": "b"}
      404 application/json {"detail":"source not found","code":"not_found","message":"there is no `nowhere`"}
    POST /workspace/move {"source": "latin"}
      400 application/json {"detail":"the body does not fit: missing field `destination` at line 1 column 19","code":"invalid","message":"the body does not fit: missing field `destination` at line 1 column 19"}
    POST /workspace/mkdir {"path": "latin"}
      409 application/json {"detail":"`latin` is not a folder","code":"not_folder","message":"`latin` is not a folder"}
    POST /fastapi/no/such/route {}
      404 application/json {"detail":"Not Found"}
    GET /tools/run_shell_command 
      405 application/json {"detail":"Method Not Allowed"}
    POST /workspace/files:batch
      200 application/json [{"path":"[WORKSPACE]/f","name":"f","type":"file","size":4,"mtime_ms":[TIME]}]
    POST /fastapi/workspace/files%3Abatch
      200 application/json [{"path":"[WORKSPACE]/f","name":"f","type":"file","size":4,"mtime_ms":[TIME]}]
    ""
      403 application/json {"detail":"Missing or invalid authorization header"}
      403 application/json {"detail":"Missing or invalid authorization header"}
    "Authorization: bearer x\r\n"
      403 application/json {"detail":"Missing or invalid authorization header"}
      403 application/json {"detail":"Missing or invalid authorization header"}
    "Authorization: Bearer x\r\n"
      403 application/json {"detail":"Invalid secret token"}
      403 application/json {"detail":"Invalid secret token"}
    "#);
    });
    daemon.stop();
}
