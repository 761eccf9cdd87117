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
    insta::assert_snapshot!(sync, @r#"
    AgentResponse 0 created
    AgentResponse 1 in_progress
    Message 2 in_progress plugin_call
    DataContent 3 in_progress data {'call_id': 'call_…', 'name': 'todo', 'arguments': ''}
    DataContent 4 in_progress data {'call_id': 'call_…', 'name': 'todo', 'arguments': '{"items": [{"text": "中文"}]}'}
    DataContent 5 completed data {'call_id': 'call_…', 'name': 'todo', 'arguments': '{"items": [{"text": "中文"}]}'}
    Message 6 completed plugin_call
    Message 7 in_progress plugin_call_output
    DataContent 8 in_progress data {'call_id': 'call_…', 'name': 'todo', 'output': ''}
    DataContent 9 in_progress data {'call_id': 'call_…', 'name': 'todo', 'output': '[{"type": "text", "text": "To-do list (0 of 1 done):\\n[ ] 中文"}]'}
    DataContent 10 completed data {'call_id': 'call_…', 'name': 'todo', 'output': '[{"type": "text", "text": "To-do list (0 of 1 done):\\n[ ] 中文"}]'}
    Message 11 completed plugin_call_output
    Message 12 in_progress message
    TextContent 13 in_progress text demo 
    TextContent 14 in_progress text model: 
    TextContent 15 in_progress text `todo` 
    TextContent 16 in_progress text says: 
    TextContent 17 in_progress text To-do 
    TextContent 18 in_progress text list 
    TextContent 19 in_progress text (0 
    TextContent 20 in_progress text of 
    TextContent 21 in_progress text 1 
    TextContent 22 in_progress text done):
    [ 
    TextContent 23 in_progress text ] 
    TextContent 24 in_progress text 中文
    TextContent 25 completed text demo model: `todo` says: To-do list (0 of 1 done):
    [ ] 中文
    Message 26 completed message
    AgentResponse 27 completed 3
    "#);
}
