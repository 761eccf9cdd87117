//! The Python runtime's own client.

use std::process::Command;

use crate::common::{require, serve::Server};

#[tokio::test]
async fn the_client_of_the_python_runtime_reads_every_frame() {
    // `dev/test` installs it.
    let python = std::env::var("AGENTSCOPE_TEST_RUNTIME_PYTHON").unwrap_or_default();
    if !require::available("agentscope-runtime", !python.is_empty()) {
        return;
    }
    let server = Server::start("name: demo\nmodel: demo\ntools: [todo]\n");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/process_client.py");
    let ran = Command::new(python).args([script, &server.at("/process")]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let (sync, not_sync) = said.split_once("\n\n").unwrap();
    assert_eq!(sync.trim(), not_sync.trim());
    insta::assert_snapshot!(sync, @"");
}
