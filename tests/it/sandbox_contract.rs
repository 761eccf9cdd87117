//! The Python runtime's own client drives the daemon over TCP.

use std::{
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Command, Stdio},
    time::Duration,
};

use agentscope::sandbox::{
    Lifetime, SandboxId, Token,
    daemon::{DaemonConfig, Listen},
    handoff,
};

use crate::common::require;

#[test]
fn the_box_client_of_the_python_runtime_drives_the_daemon() {
    // `dev/test` installs it.
    let python = std::env::var("AGENTSCOPE_TEST_RUNTIME_PYTHON").unwrap_or_default();
    if !require::available("agentscope-runtime", !python.is_empty()) {
        return;
    }
    let workspace = tempfile::tempdir().unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_agentscope"));
    let mut daemon = daemon.arg("__box").stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).spawn().unwrap();
    let token = Token::random();
    let config = DaemonConfig {
        id: SandboxId::random(),
        token: token.clone(),
        workspace: workspace.path().to_owned(),
        env: [("PATH".to_owned(), std::env::var("PATH").unwrap())].into(),
        lifetime: Lifetime { idle: None, age: None, tied: true },
        listen: Listen::Tcp(([127, 0, 0, 1], 0).into()),
    };
    handoff::send(&ours, &config, &[]).unwrap();
    let address = handoff::await_report(&ours, Duration::from_secs(30)).unwrap().unwrap();

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/sandbox_client.py");
    let ran = Command::new(python).args([script, &format!("http://{address}"), token.expose()]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let said = String::from_utf8_lossy(&ran.stdout);
    insta::assert_snapshot!(said.replace(&workspace.path().display().to_string(), "[WORKSPACE]"), @r#"
    tools {"filesystem": ["create_directory", "directory_tree", "edit_file", "get_file_info", "list_allowed_directories", "list_directory", "move_file", "read_file", "read_multiple_files", "search_files", "write_file"], "generic": ["run_ipython_cell", "run_shell_command"]}
    cell {"content": [{"annotations": null, "description": "stdout", "text": "Hello, World!\n", "type": "text"}], "exit": {"lost": null, "outcome": "ok"}, "isError": false, "meta": null}
    cell {"content": [{"annotations": null, "description": "stdout", "text": "Out[1]: 42\n", "type": "text"}], "exit": {"lost": null, "outcome": "ok"}, "isError": false, "meta": null}
    shell {"content": [{"annotations": null, "description": "stdout", "text": "out\n", "type": "text"}, {"annotations": null, "description": "stderr", "text": "err\n", "type": "text"}, {"annotations": null, "description": "returncode", "text": "3", "type": "text"}], "exit": {"code": 3, "limit": null, "signal": null}, "isError": true, "meta": null}
    shell {"content": [{"annotations": null, "description": "stdout", "text": "\ufffd", "type": "text"}, {"annotations": null, "description": "returncode", "text": "0", "type": "text"}], "exit": {"code": 0, "limit": null, "signal": null}, "isError": false, "meta": null}
    write "a.txt"
    read "text"
    list ["a.txt"]
    move "b.txt"
    exists [true, false]
    exists false
    file tool {"content": [{"annotations": null, "text": "Successfully wrote to c.txt", "type": "text"}], "isError": false, "meta": null}
    empty "400 Client Error: Bad Request"
    "#);

    // A tied daemon ends with the socket that it was configured over.
    drop(ours);
    assert!(daemon.wait().unwrap().success());
}
