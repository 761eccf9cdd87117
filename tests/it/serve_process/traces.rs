//! The frames of whole turns, byte for byte but for ids and times.

use serde_json::json;

use super::{DEMO, LOOK, outline, say, say_in, scripted, trace, without_chance};
use crate::common::{
    TestEnv,
    fake_model::Reply,
    serve::{Server, data},
};

#[tokio::test]
async fn text() {
    let (server, _model) = scripted(vec![Reply::text("Hello wor ld")], "");
    let response = server.client.post(server.at("/process")).json(&say_in("s1", "hi")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    insta::assert_snapshot!(trace(&response.text().await.unwrap()), @r#"
    data: {"sequence_number":0,"object":"response","status":"created","error":null,"id":"response_…","created_at":…,"completed_at":null,"output":null,"usage":null,"session_id":"s1"}

    data: {"sequence_number":1,"object":"response","status":"in_progress","error":null,"id":"response_…","created_at":…,"completed_at":null,"output":null,"usage":null,"session_id":"s1"}

    data: {"sequence_number":2,"object":"message","status":"in_progress","error":null,"id":"msg_…","type":"message","role":"assistant","content":null,"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":3,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"Hello "}

    data: {"sequence_number":4,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"wor "}

    data: {"sequence_number":5,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"ld"}

    data: {"sequence_number":6,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"Hello wor ld"}

    data: {"sequence_number":7,"object":"message","status":"completed","error":null,"id":"msg_…","type":"message","role":"assistant","content":[{"sequence_number":6,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"Hello wor ld"}],"code":null,"message":null,"usage":{"input_tokens":20,"output_tokens":5,"total_tokens":25},"metadata":{}}

    data: {"sequence_number":8,"object":"response","status":"completed","error":null,"id":"response_…","created_at":…,"completed_at":…,"output":[{"sequence_number":7,"object":"message","status":"completed","error":null,"id":"msg_…","type":"message","role":"assistant","content":[{"sequence_number":6,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"Hello wor ld"}],"code":null,"message":null,"usage":{"input_tokens":20,"output_tokens":5,"total_tokens":25},"metadata":{}}],"usage":{"input_tokens":20,"output_tokens":5,"total_tokens":25},"session_id":"s1"}
    "#);
}

#[tokio::test]
async fn reasoning_tool_answer() {
    let delta = |delta| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
    let call = |arguments: &str| {
        let function = json!({ "name": "todo", "arguments": arguments });
        delta(json!({ "tool_calls": [{ "index": 0, "id": "c1", "type": "function", "function": function }] }))
    };
    let first = Reply::stream()
        .event(&delta(json!({ "reasoning_content": "Where" })))
        .event(&delta(json!({ "reasoning_content": " is it?" })))
        .event(&delta(json!({ "content": "I look." })))
        .event(&call(""))
        .event(&call("{\"items\": [{\"text\": \""))
        .event(&call("中文\"}]}"))
        .event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }] }))
        .bytes("data: [DONE]\n\n");
    let (server, _model) = scripted(vec![first, Reply::text("Nowhere.")], "tools: [todo]\n");
    insta::assert_snapshot!(trace(&server.post_text("/process", &say_in("s1", "where?")).await), @r#"
    data: {"sequence_number":0,"object":"response","status":"created","error":null,"id":"response_…","created_at":…,"completed_at":null,"output":null,"usage":null,"session_id":"s1"}

    data: {"sequence_number":1,"object":"response","status":"in_progress","error":null,"id":"response_…","created_at":…,"completed_at":null,"output":null,"usage":null,"session_id":"s1"}

    data: {"sequence_number":2,"object":"message","status":"in_progress","error":null,"id":"msg_…","type":"reasoning","role":"assistant","content":null,"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":3,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"Where"}

    data: {"sequence_number":4,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":" is it?"}

    data: {"sequence_number":5,"object":"message","status":"in_progress","error":null,"id":"msg_…","type":"message","role":"assistant","content":null,"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":6,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"I look."}

    data: {"sequence_number":7,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"Where is it?"}

    data: {"sequence_number":8,"object":"message","status":"completed","error":null,"id":"msg_…","type":"reasoning","role":"assistant","content":[{"sequence_number":7,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"Where is it?"}],"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":9,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"I look."}

    data: {"sequence_number":10,"object":"message","status":"completed","error":null,"id":"msg_…","type":"message","role":"assistant","content":[{"sequence_number":9,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"I look."}],"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":11,"object":"message","status":"in_progress","error":null,"id":"msg_…","type":"plugin_call","role":"assistant","content":null,"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":12,"object":"content","status":"in_progress","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"c1","name":"todo","arguments":""}}

    data: {"sequence_number":13,"object":"content","status":"in_progress","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"c1","name":"todo","arguments":"{\"items\": [{\"text\": \"\"}]}"}}

    data: {"sequence_number":14,"object":"content","status":"in_progress","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"c1","name":"todo","arguments":"{\"items\": [{\"text\": \"中文\"}]}"}}

    data: {"sequence_number":15,"object":"content","status":"completed","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"c1","name":"todo","arguments":"{\"items\": [{\"text\": \"中文\"}]}"}}

    data: {"sequence_number":16,"object":"message","status":"completed","error":null,"id":"msg_…","type":"plugin_call","role":"assistant","content":[{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,"delta":false,"msg_id":null,"data":{"call_id":"c1","name":"todo","arguments":"{\"items\": [{\"text\": \"中文\"}]}"}}],"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":17,"object":"message","status":"in_progress","error":null,"id":"msg_…","type":"plugin_call_output","role":"tool","content":null,"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":18,"object":"content","status":"in_progress","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"c1","name":"todo","output":""}}

    data: {"sequence_number":19,"object":"content","status":"in_progress","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"c1","name":"todo","output":"[{\"type\": \"text\", \"text\": \"To-do list (0 of 1 done):\\n[ ] 中文\"}]"}}

    data: {"sequence_number":20,"object":"content","status":"completed","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"c1","name":"todo","output":"[{\"type\": \"text\", \"text\": \"To-do list (0 of 1 done):\\n[ ] 中文\"}]"}}

    data: {"sequence_number":21,"object":"message","status":"completed","error":null,"id":"msg_…","type":"plugin_call_output","role":"tool","content":[{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,"delta":false,"msg_id":null,"data":{"call_id":"c1","name":"todo","output":"[{\"type\": \"text\", \"text\": \"To-do list (0 of 1 done):\\n[ ] 中文\"}]"}}],"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":22,"object":"message","status":"in_progress","error":null,"id":"msg_…","type":"message","role":"assistant","content":null,"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":23,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"Nowhere."}

    data: {"sequence_number":24,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"Nowhere."}

    data: {"sequence_number":25,"object":"message","status":"completed","error":null,"id":"msg_…","type":"message","role":"assistant","content":[{"sequence_number":24,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"Nowhere."}],"code":null,"message":null,"usage":{"input_tokens":20,"output_tokens":5,"total_tokens":25},"metadata":{}}

    data: {"sequence_number":26,"object":"response","status":"completed","error":null,"id":"response_…","created_at":…,"completed_at":…,"output":[{"sequence_number":8,"object":"message","status":"completed","error":null,"id":"msg_…","type":"reasoning","role":"assistant","content":[{"sequence_number":7,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"Where is it?"}],"code":null,"message":null,"usage":null,"metadata":{}},{"sequence_number":10,"object":"message","status":"completed","error":null,"id":"msg_…","type":"message","role":"assistant","content":[{"sequence_number":9,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"I look."}],"code":null,"message":null,"usage":null,"metadata":{}},{"sequence_number":16,"object":"message","status":"completed","error":null,"id":"msg_…","type":"plugin_call","role":"assistant","content":[{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,"delta":false,"msg_id":null,"data":{"call_id":"c1","name":"todo","arguments":"{\"items\": [{\"text\": \"中文\"}]}"}}],"code":null,"message":null,"usage":null,"metadata":{}},{"sequence_number":21,"object":"message","status":"completed","error":null,"id":"msg_…","type":"plugin_call_output","role":"tool","content":[{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,"delta":false,"msg_id":null,"data":{"call_id":"c1","name":"todo","output":"[{\"type\": \"text\", \"text\": \"To-do list (0 of 1 done):\\n[ ] 中文\"}]"}}],"code":null,"message":null,"usage":null,"metadata":{}},{"sequence_number":25,"object":"message","status":"completed","error":null,"id":"msg_…","type":"message","role":"assistant","content":[{"sequence_number":24,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"Nowhere."}],"code":null,"message":null,"usage":{"input_tokens":20,"output_tokens":5,"total_tokens":25},"metadata":{}}],"usage":{"input_tokens":20,"output_tokens":5,"total_tokens":25},"session_id":"s1"}
    "#);
}

#[tokio::test]
async fn parallel_tools() {
    let server = Server::start(&format!("{DEMO}tools: [todo, memory]\n"));
    let text = "TOOL:todo:{\"items\":[{\"text\":\"x\"}]} TOOL:memory:{\"action\":\"recall\"}";
    let stream = server.post_text("/process", &say_in("s1", text)).await;
    let _ = trace(&stream);
    let outline = outline(&stream);
    // Which of them ends first is open.
    let (calls, results) = outline.split_once("message in_progress plugin_call_output").unwrap();
    insta::assert_snapshot!(calls.trim_end(), @r#"
    response created
    response in_progress
    message in_progress plugin_call
    content in_progress data {call_id:call_…,name:todo,arguments:}
    content in_progress data {call_id:call_…,name:todo,arguments:{items: [{text: x}]}}
    message in_progress plugin_call
    content in_progress data {call_id:call_…,name:memory,arguments:}
    content in_progress data {call_id:call_…,name:memory,arguments:{action: recall}}
    content completed data {call_id:call_…,name:todo,arguments:{items: [{text: x}]}}
    message completed plugin_call
    content completed data {call_id:call_…,name:memory,arguments:{action: recall}}
    message completed plugin_call
    "#);
    assert_eq!(results.matches("message completed plugin_call_output").count(), 2);
    assert!(results.contains("name:todo,output:[{type") && results.contains("name:memory,output:[{type"), "{results}");
}

#[tokio::test]
async fn mcp_tool() {
    let env = TestEnv::new();
    env.write("look.sh", LOOK);
    let yaml = format!("{DEMO}tools: [mcp: srv]\nmcp: {{srv: {{command: sh, args: [look.sh]}}}}\n");
    let server = Server::start_in(env, &yaml, &[]);
    insta::assert_snapshot!(trace(&server.post_text("/process", &say_in("s1", "TOOL:look:{\"x\": 1}")).await), @r#"
    data: {"sequence_number":0,"object":"response","status":"created","error":null,"id":"response_…","created_at":…,"completed_at":null,"output":null,"usage":null,"session_id":"s1"}

    data: {"sequence_number":1,"object":"response","status":"in_progress","error":null,"id":"response_…","created_at":…,"completed_at":null,"output":null,"usage":null,"session_id":"s1"}

    data: {"sequence_number":2,"object":"message","status":"in_progress","error":null,"id":"msg_…","type":"mcp_call","role":"assistant","content":null,"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":3,"object":"content","status":"in_progress","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"call_…","arguments":"","name":"look","server_label":"srv"}}

    data: {"sequence_number":4,"object":"content","status":"in_progress","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"call_…","arguments":"{\"x\": 1}","name":"look","server_label":"srv"}}

    data: {"sequence_number":5,"object":"content","status":"completed","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"call_…","arguments":"{\"x\": 1}","name":"look","server_label":"srv"}}

    data: {"sequence_number":6,"object":"message","status":"completed","error":null,"id":"msg_…","type":"mcp_call","role":"assistant","content":[{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,"delta":false,"msg_id":null,"data":{"call_id":"call_…","arguments":"{\"x\": 1}","name":"look","server_label":"srv"}}],"code":null,"message":null,"usage":{"input_tokens":5,"output_tokens":3,"total_tokens":8},"metadata":{}}

    data: {"sequence_number":7,"object":"message","status":"in_progress","error":null,"id":"msg_…","type":"mcp_call_output","role":"tool","content":null,"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":8,"object":"content","status":"in_progress","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"call_…","name":"look","output":""}}

    data: {"sequence_number":9,"object":"content","status":"in_progress","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"call_…","name":"look","output":"[{\"type\": \"text\", \"text\": \"42\"}]"}}

    data: {"sequence_number":10,"object":"content","status":"completed","error":null,"type":"data","index":0,"delta":false,"msg_id":"msg_…","data":{"call_id":"call_…","name":"look","output":"[{\"type\": \"text\", \"text\": \"42\"}]"}}

    data: {"sequence_number":11,"object":"message","status":"completed","error":null,"id":"msg_…","type":"mcp_call_output","role":"tool","content":[{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,"delta":false,"msg_id":null,"data":{"call_id":"call_…","name":"look","output":"[{\"type\": \"text\", \"text\": \"42\"}]"}}],"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":12,"object":"message","status":"in_progress","error":null,"id":"msg_…","type":"message","role":"assistant","content":null,"code":null,"message":null,"usage":null,"metadata":{}}

    data: {"sequence_number":13,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"demo "}

    data: {"sequence_number":14,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"model: "}

    data: {"sequence_number":15,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"`look` "}

    data: {"sequence_number":16,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"says: "}

    data: {"sequence_number":17,"object":"content","status":"in_progress","error":null,"type":"text","index":0,"delta":true,"msg_id":"msg_…","text":"42"}

    data: {"sequence_number":18,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"demo model: `look` says: 42"}

    data: {"sequence_number":19,"object":"message","status":"completed","error":null,"id":"msg_…","type":"message","role":"assistant","content":[{"sequence_number":18,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"demo model: `look` says: 42"}],"code":null,"message":null,"usage":{"input_tokens":5,"output_tokens":7,"total_tokens":12},"metadata":{}}

    data: {"sequence_number":20,"object":"response","status":"completed","error":null,"id":"response_…","created_at":…,"completed_at":…,"output":[{"sequence_number":6,"object":"message","status":"completed","error":null,"id":"msg_…","type":"mcp_call","role":"assistant","content":[{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,"delta":false,"msg_id":null,"data":{"call_id":"call_…","arguments":"{\"x\": 1}","name":"look","server_label":"srv"}}],"code":null,"message":null,"usage":{"input_tokens":5,"output_tokens":3,"total_tokens":8},"metadata":{}},{"sequence_number":11,"object":"message","status":"completed","error":null,"id":"msg_…","type":"mcp_call_output","role":"tool","content":[{"sequence_number":null,"object":"content","status":null,"error":null,"type":"data","index":null,"delta":false,"msg_id":null,"data":{"call_id":"call_…","name":"look","output":"[{\"type\": \"text\", \"text\": \"42\"}]"}}],"code":null,"message":null,"usage":null,"metadata":{}},{"sequence_number":19,"object":"message","status":"completed","error":null,"id":"msg_…","type":"message","role":"assistant","content":[{"sequence_number":18,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"demo model: `look` says: 42"}],"code":null,"message":null,"usage":{"input_tokens":5,"output_tokens":7,"total_tokens":12},"metadata":{}}],"usage":{"input_tokens":10,"output_tokens":10,"total_tokens":20},"session_id":"s1"}
    "#);
}

#[tokio::test]
async fn empty() {
    let (server, _model) = scripted(vec![Reply::text("")], "");
    insta::assert_snapshot!(trace(&server.post_text("/process", &say_in("s1", "hi")).await), @r#"
    data: {"sequence_number":0,"object":"response","status":"created","error":null,"id":"response_…","created_at":…,"completed_at":null,"output":null,"usage":null,"session_id":"s1"}

    data: {"sequence_number":1,"object":"response","status":"in_progress","error":null,"id":"response_…","created_at":…,"completed_at":null,"output":null,"usage":null,"session_id":"s1"}

    data: {"sequence_number":2,"object":"response","status":"completed","error":null,"id":"response_…","created_at":…,"completed_at":…,"output":[],"usage":{"input_tokens":20,"output_tokens":5,"total_tokens":25},"session_id":"s1"}
    "#);
}

#[tokio::test]
async fn failure_before_and_after_the_first_token() {
    let half = || Reply::stream().event(&json!({ "choices": [{ "index": 0, "delta": { "content": "Hel" } }] })).cut();
    let (server, model) = scripted(vec![Reply::status(401, "{}"), half(), Reply::status(429, "{}")], "");
    let before = trace(&server.post_text("/process", &say_in("s1", "hi")).await);
    let (_, failed) = before.rsplit_once("data: ").unwrap();
    insta::assert_snapshot!(failed, @r#"{"sequence_number":2,"object":"response","status":"failed","error":{"code":"MODEL_UNAUTHORIZED_ACCESS","message":"openai-compatible/m: the API key was refused (HTTP 401): {}"},"id":"response_…","created_at":…,"completed_at":null,"output":null,"usage":{"input_tokens":0,"output_tokens":0,"total_tokens":0},"session_id":"s1"}"#);
    let after = outline(&server.post_text("/process", &say_in("s2", "hi")).await);
    insta::assert_snapshot!(after.replace(&model.address().to_string(), "[MODEL]"), @r#"
    response created
    response in_progress
    message in_progress message
    content in_progress text Hel
    content completed text Hel
    message completed message
    response failed {code:MODEL_EXECUTION_FAILED,message:openai-compatible/m: the connection to [MODEL] broke: unexpected EOF during chunk size line}
    "#);
    let limited = server.events("/process", &say_in("s3", "hi")).await;
    assert_eq!(limited.last().unwrap()["error"]["code"], "MODEL_QUOTA_EXCEEDED");
}

#[tokio::test]
async fn whole_in_json() {
    let server = Server::start(DEMO);
    let mut body = say_in("s1", "hi");
    body["stream"] = false.into();
    body["id"] = "mine".into();
    let (status, response) = server.post("/process", &body).await;
    assert_eq!(status, 200);
    insta::assert_snapshot!(without_chance(&response.to_string()), @r#"{"sequence_number":38,"object":"response","status":"completed","error":null,"id":"mine","created_at":…,"completed_at":…,"output":[{"sequence_number":37,"object":"message","status":"completed","error":null,"id":"msg_…","type":"message","role":"assistant","content":[{"sequence_number":36,"object":"content","status":"completed","error":null,"type":"text","index":0,"delta":null,"msg_id":"msg_…","text":"demo model: I am not a language model but a few fixed rules, so that you can try agentscope without a key. I have no tools here. `agentscope setup` chooses a real model."}],"code":null,"message":null,"usage":{"input_tokens":1,"output_tokens":43,"total_tokens":44},"metadata":{}}],"usage":{"input_tokens":1,"output_tokens":43,"total_tokens":44},"session_id":"s1"}"#);
    // The other path is a stream whatever the body says.
    let frames = server.events("/process/stream", &body).await;
    assert_eq!(frames[0]["id"], "mine");
    assert_eq!(frames.last().unwrap()["status"], "completed");
    // As the last frame of a stream is.
    let last = frames.last().unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(last), keys(&response));
}

#[tokio::test]
async fn a_session_is_remembered_and_one_without_an_id_gets_one() {
    let (server, model) = scripted(vec![Reply::text("one"), Reply::text("two"), Reply::text("three")], "");
    let frames = server.events("/process", &say("first")).await;
    let session = frames[0]["session_id"].as_str().unwrap().to_owned();
    let _ = server.events("/process", &say_in(&session, "second")).await;
    let _ = server.events("/process", &say("third")).await;
    let requests = model.requests();
    let said: Vec<_> = requests.iter().map(|request| texts(&request.body)).collect();
    assert_eq!(said[1], ["first", "one", "second"]);
    assert_eq!(said[2], ["third"]);
}

#[tokio::test]
async fn a_second_run_of_a_session_waits_or_is_refused_and_strangers_never_collide() {
    for (busy, refused) in [("queue", false), ("reject", true)] {
        let (go, hold) = std::sync::mpsc::channel();
        let script = vec![Reply::text("one").held(hold), Reply::text("two"), Reply::text("three")];
        let (server, model) = scripted(script, &format!("serve: {{busy: {busy}}}\n"));
        let body = say_in("s1", "hi");
        let first = server.client.post(server.at("/process")).json(&body).send().await.unwrap();
        while model.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        // Without ids there is nothing to collide over.
        let stranger = server.events("/process", &say("hi")).await;
        assert_eq!(stranger.last().unwrap()["status"], "completed");
        if refused {
            let (status, body) = server.post("/process", &body).await;
            assert_eq!((status, body["code"].as_str()), (409, Some("session_busy")));
            insta::assert_snapshot!(body["message"].as_str().unwrap(), @"session `s1` is running another turn");
            go.send(()).unwrap();
        } else {
            let (second, _) = tokio::join!(server.events("/process", &body), async {
                go.send(()).unwrap();
            });
            assert_eq!(second.last().unwrap()["status"], "completed");
        }
        assert_eq!(data(&first.text().await.unwrap()).last().unwrap()["status"], "completed");
    }
}

/// What a model was sent, without the instructions.
fn texts(body: &serde_json::Value) -> Vec<&str> {
    let messages = body["messages"].as_array().unwrap().iter().filter(|message| message["role"] != "system");
    messages.map(|message| message["content"].as_str().unwrap()).collect()
}
