//! What the agent asks in the middle of a turn, and the next request answers.

use serde_json::{Value, json};

use super::{DEMO, outline, say_in};
use crate::common::serve::{Server, data};

const CALL: &str = "TOOL:todo:{\"items\":[{\"text\":\"tea\"}]}";

fn asking() -> Server {
    Server::start(&format!("{DEMO}tools: [todo, ask_user]\npermissions: {{ask: [todo]}}\n"))
}

/// The request of the web page that answers `request`, the message in which it was asked.
fn answer(session: &str, request: &Value, approve: bool, reason: &str) -> Value {
    let id = &request["content"][0]["data"]["id"];
    let data = json!({ "approve": approve, "id": id, "approval_request_id": id, "reason": reason });
    let response =
        json!({ "type": "mcp_approval_response", "role": "user", "content": [{ "type": "data", "data": data }] });
    json!({ "input": [request, response], "session_id": session, "stream": true, "biz_params": {} })
}

/// The message of a stream in which something is asked.
fn asked(stream: &str) -> Value {
    let frames = data(stream);
    let output = frames.last().unwrap()["output"].as_array().unwrap().clone();
    output.into_iter().find(|message| message["type"] == "mcp_approval_request").expect("a question")
}

#[tokio::test]
async fn a_call_waits_for_the_next_request() {
    let server = asking();
    let stream = server.post_text("/process", &say_in("s1", CALL)).await;
    insta::assert_snapshot!(outline(&stream), @r#"
    response created
    response in_progress
    message in_progress plugin_call
    content in_progress data {call_id:call_…,name:todo,arguments:}
    content in_progress data {call_id:call_…,name:todo,arguments:{items: [{text: tea}]}}
    content completed data {call_id:call_…,name:todo,arguments:{items: [{text: tea}]}}
    message completed plugin_call
    message in_progress mcp_approval_request
    content in_progress data {id:call_…,arguments:{items: [{text: tea}]},name:todo,server_label:demo}
    content completed data {id:call_…,arguments:{items: [{text: tea}]},name:todo,server_label:demo}
    message completed mcp_approval_request
    response completed
    "#);
    let _ = super::trace(&stream);
    let request = asked(&stream);
    insta::assert_snapshot!(super::without_chance(&request.to_string()), @r#"{"sequence_number":10,"object":"message","status":"completed","error":null,"id":"msg_…","type":"mcp_approval_request","role":"assistant","content":[{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,"delta":false,"msg_id":null,"data":{"id":"call_…","arguments":"{\"items\": [{\"text\": \"tea\"}]}","name":"todo","server_label":"demo"}}],"code":null,"message":null,"usage":null,"metadata":{"reason":"the rule `todo` asks"}}"#);
    let stream = server.post_text("/process", &answer("s1", &request, true, "")).await;
    insta::assert_snapshot!(outline(&stream), @r#"
    response created
    response in_progress
    message in_progress plugin_call_output
    content in_progress data {call_id:call_…,name:todo,output:}
    content in_progress data {call_id:call_…,name:todo,output:[{type: text, text: To-do list (0 of 1 done):n[ ] tea}]}
    content completed data {call_id:call_…,name:todo,output:[{type: text, text: To-do list (0 of 1 done):n[ ] tea}]}
    message completed plugin_call_output
    message in_progress message
    content in_progress text demo
    content in_progress text model:
    content in_progress text `todo`
    content in_progress text says:
    content in_progress text To-do
    content in_progress text list
    content in_progress text (0
    content in_progress text of
    content in_progress text 1
    content in_progress text done):n[
    content in_progress text ]
    content in_progress text tea
    content completed text demo model: `todo` says: To-do list (0 of 1 done):n[ ] tea
    message completed message
    response completed
    "#);
    let _ = super::trace(&stream);
    // It is answered, and nothing waits any more.
    let (status, body) = server.post("/process", &answer("s1", &request, true, "")).await;
    assert_eq!(status, 404);
    insta::assert_snapshot!(body["message"].as_str().unwrap(), @"no turn of session `s1` waits for an answer");
}

#[tokio::test]
async fn a_call_is_denied_with_a_reason() {
    let server = asking();
    let request = asked(&server.post_text("/process", &say_in("s1", CALL)).await);
    let stream = server.post_text("/process", &answer("s1", &request, false, "not today")).await;
    let frames = data(&stream);
    let output = frames.last().unwrap()["output"].to_string();
    assert!(output.contains("Denied: not today"), "{output}");
}

#[tokio::test]
async fn an_answer_to_something_else_leaves_the_question_open() {
    let server = asking();
    let request = asked(&server.post_text("/process", &say_in("s1", CALL)).await);
    let mut wrong = request.clone();
    wrong["content"][0]["data"]["id"] = "call_0".into();
    let (status, _) = server.post("/process", &answer("s1", &wrong, true, "")).await;
    assert_eq!(status, 404);
    let stream = server.post_text("/process", &answer("s1", &request, true, "")).await;
    assert_eq!(data(&stream).last().unwrap()["status"], "completed");
}

#[tokio::test]
async fn another_message_declines_what_is_open() {
    let server = asking();
    let _ = asked(&server.post_text("/process", &say_in("s1", CALL)).await);
    let frames = server.events("/process", &say_in("s1", "Never mind.")).await;
    let last = frames.last().unwrap();
    assert_eq!(last["status"], "completed");
    assert_eq!(last["output"].as_array().unwrap().len(), 1, "only the answer to the new message: {last}");
    let history = server.env.run(&["session", "export", "s1", "--user", "anonymous", "-o", "json"]);
    assert!(history.stdout.contains("the user said something else"), "{history}");
}

#[tokio::test]
async fn what_is_declined_gives_its_place_to_the_message_that_declines_it() {
    let serve = "permissions: {ask: [todo]}\nserve: {limits: {concurrency: 1}}\n";
    let server = Server::start(&format!("{DEMO}tools: [todo]\n{serve}"));
    let first = asked(&server.post_text("/process", &say_in("s1", CALL)).await);
    let second = asked(&server.post_text("/process", &say_in("s1", CALL)).await);
    assert_ne!(first["content"][0]["data"]["id"], second["content"][0]["data"]["id"]);
    let (status, body) = server.post("/process", &say_in("s2", "hi")).await;
    assert_eq!((status, body["code"].as_str()), (503, Some("too_many_turns")));
}

#[tokio::test]
async fn a_question_is_answered_in_plain_words_or_by_its_form() {
    let server = asking();
    let call = "TOOL:ask_user:{\"question\":\"Tea or coffee?\",\"choices\":[\"tea\",\"coffee\"]}";
    let request = asked(&server.post_text("/process", &say_in("s1", call)).await);
    assert_eq!(request["content"][0]["data"]["name"], "ask_user");
    insta::assert_snapshot!(request["content"][0]["data"]["arguments"].as_str().unwrap(), @r#"{"question": "Tea or coffee?", "choices": ["tea", "coffee"]}"#);
    let frames = server.events("/process", &say_in("s1", "tea")).await;
    let output = frames.last().unwrap()["output"].to_string();
    assert!(output.contains("`ask_user` says: tea"), "{output}");

    let request = asked(&server.post_text("/process", &say_in("s2", call)).await);
    let stream = server.post_text("/process", &answer("s2", &request, true, "coffee")).await;
    let output = data(&stream).last().unwrap()["output"].to_string();
    assert!(output.contains("`ask_user` says: coffee"), "{output}");
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_by_the_agent_file() {
    let serve = "serve: {approval: {timeout: 50ms, default: allow}}";
    let yaml = format!("{DEMO}tools: [todo]\npermissions: {{ask: [todo]}}\n{serve}\n");
    let server = Server::start(&yaml);
    let _ = asked(&server.post_text("/process", &say_in("s1", CALL)).await);
    // The turn goes on by itself: the next message waits for its end at most, and finds its result.
    loop {
        let history = server.env.run(&["session", "export", "s1", "--user", "anonymous", "-o", "json"]);
        if history.stdout.contains("`todo` says") {
            break;
        }
    }
}

#[tokio::test]
async fn a_turn_that_waits_can_be_stopped() {
    let server = asking();
    let request = asked(&server.post_text("/process", &say_in("s1", CALL)).await);
    let (status, _) = server.post("/stop", &json!({ "session_id": "s1" })).await;
    assert_eq!(status, 202);
    let (status, _) = server.post("/process", &answer("s1", &request, true, "")).await;
    assert_eq!(status, 404);
    let frames = server.events("/process", &say_in("s1", "hi")).await;
    assert_eq!(frames.last().unwrap()["status"], "completed");
}
