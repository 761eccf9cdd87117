//! Our own API: turns as the events themselves.

use serde_json::{Value, json};

use crate::common::{
    fake_model::{FakeModel, Reply},
    serve::{Server, data},
};

#[tokio::test]
async fn a_turn_is_streamed_as_its_events() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let events = server.events("/agents/demo/turns", &json!({ "input": "What is 2 + 3?" })).await;
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.first(), Some(&"turn_started"));
    assert_eq!(kinds.last(), Some(&"turn_finished"));
    assert_eq!(events.last().unwrap()["outcome"]["status"], "completed");
    for (seq, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], seq);
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_404_and_what_cannot_be_read_a_400() {
    let server = Server::start("name: demo\nmodel: demo\n");
    let (status, body) = server.post("/agents/nobody/turns", &json!({ "input": "hi" })).await;
    assert_eq!((status, body["code"].as_str()), (404, Some("not_found")));
    let (status, body) = server.post("/turns", &json!({ "inputs": "hi" })).await;
    assert_eq!((status, body["code"].as_str()), (422, Some("invalid_body")));
    let response = server.client.post(server.at("/turns")).body("{").send().await.unwrap();
    assert_eq!(response.status(), 400);
}

const ASKING: &str = "name: demo
model: demo
tools: [ask_user, todo]
permissions: {ask: [todo]}
";

/// Reads the stream of a turn until an event of this type, which is given back.
async fn until(response: &mut reqwest::Response, seen: &mut String, kind: &str) -> Value {
    loop {
        if let Some(event) = data(seen).into_iter().find(|event| event["type"] == kind) {
            return event;
        }
        let chunk = response.chunk().await.unwrap().unwrap_or_else(|| panic!("no {kind}: {seen}"));
        seen.push_str(std::str::from_utf8(&chunk).unwrap());
    }
}

#[tokio::test]
async fn what_a_turn_asks_is_answered_from_outside() {
    let server = Server::start(ASKING);
    let body = json!({ "input": "TOOL:ask_user:{\"question\": \"Which colour?\"}" });
    let mut response = server.client.post(server.at("/turns")).json(&body).send().await.unwrap();
    let turn = response.headers()["x-turn-id"].to_str().unwrap().to_owned();
    let mut seen = String::new();
    let asked = until(&mut response, &mut seen, "question_asked").await;
    let (_, look) = server.get(&format!("/turns/{turn}")).await;
    assert_eq!(look["asked"][0]["question"]["text"], "Which colour?");

    let answer = format!("/turns/{turn}/answer");
    let (status, _) = server.post(&answer, &json!({ "to": "question", "id": "q_none", "answer": "red" })).await;
    assert_eq!(status, 404);
    let (status, _) = server.post(&answer, &json!({ "to": "question", "id": asked["id"], "answer": "red" })).await;
    assert_eq!(status, 204);
    let answered = until(&mut response, &mut seen, "question_answered").await;
    assert_eq!(answered["answer"], "red");
    until(&mut response, &mut seen, "turn_finished").await;
    assert_eq!(server.get(&format!("/turns/{turn}")).await.0, 404);
}

#[tokio::test]
async fn nobody_who_answers_is_waited_for_for_ever() {
    let yaml = format!("{ASKING}serve: {{approval: {{timeout: 50ms}}}}\n");
    let server = Server::start(&yaml);
    let body = json!({ "input": "TOOL:todo:{\"items\": []}" });
    let events = server.events("/turns", &body).await;
    let resolved = events.iter().find(|event| event["type"] == "approval_resolved").unwrap();
    assert_eq!(resolved["decision"]["decision"], "deny");
    assert_eq!(events.last().unwrap()["type"], "turn_finished");
}

#[tokio::test]
async fn a_turn_is_stopped_or_goes_on_without_its_caller_and_is_followed() {
    let server = Server::start(ASKING);
    let ask = |session: &str| {
        let input = "TOOL:ask_user:{\"question\": \"Which colour?\"}";
        json!({ "input": input, "session_id": session, "on_disconnect": "continue" })
    };
    let mut response = server.client.post(server.at("/turns")).json(&ask("kept")).send().await.unwrap();
    let turn = response.headers()["x-turn-id"].to_str().unwrap().to_owned();
    let mut seen = String::new();
    until(&mut response, &mut seen, "question_asked").await;
    drop(response);

    let events = server.at(&format!("/turns/{turn}/events"));
    let last = data(&seen).last().unwrap()["seq"].clone();
    let mut again = server.client.get(&events).header("last-event-id", last.to_string()).send().await.unwrap();
    assert_eq!(server.post(&format!("/turns/{turn}/cancel"), &Value::Null).await.0, 202);
    let mut rest = String::new();
    let finished = until(&mut again, &mut rest, "turn_finished").await;
    assert_eq!(finished["outcome"]["status"], "canceled");
    assert_eq!(data(&rest)[0]["seq"].as_u64().unwrap(), last.as_u64().unwrap() + 1, "what was seen is not sent again");
    let whole = server.client.get(&events).send().await.unwrap().text().await.unwrap();
    assert_eq!(data(&whole)[0]["seq"], 0, "also after its end, from the start");
    let wrong = server.client.get(&events).header("last-event-id", "x").send().await.unwrap();
    assert_eq!(wrong.status(), 400);
}

#[tokio::test]
async fn a_second_message_to_a_session_waits_or_is_refused() {
    for (busy, status) in [("queue", 200), ("reject", 409)] {
        let server = Server::start(&format!("{ASKING}serve: {{busy: {busy}}}\n"));
        let first = json!({ "input": "TOOL:ask_user:{\"question\": \"Which?\"}", "session_id": "s" });
        let mut response = server.client.post(server.at("/turns")).json(&first).send().await.unwrap();
        let turn = response.headers()["x-turn-id"].to_str().unwrap().to_owned();
        until(&mut response, &mut String::new(), "question_asked").await;
        let second = json!({ "input": "And?", "session_id": "s" });
        let second = server.client.post(server.at("/turns")).json(&second).send();
        let cancel = format!("/turns/{turn}/cancel");
        if busy == "queue" {
            let (second, _) = tokio::join!(second, server.post(&cancel, &Value::Null));
            let second = second.unwrap();
            assert_eq!(second.status(), status);
            let events = data(&second.text().await.unwrap());
            assert_eq!(events.last().unwrap()["outcome"]["status"], "completed");
        } else {
            assert_eq!(second.await.unwrap().status(), status);
        }
    }
}

/// What an agent keeps of a session besides its messages: here, whom the conversation was handed over to.
#[tokio::test]
async fn the_state_of_a_session_lasts_from_turn_to_turn_and_through_a_restart() {
    let script = vec![
        Reply::calls(&[("transfer_to_sales", json!({}))]),
        Reply::text("What would you like?"),
        Reply::text("Here you are."),
    ];
    let model = FakeModel::start(script);
    let yaml = format!(
        "name: demo\nmodel: fake\nmodels:\n  fake: {{provider: openai-compatible, model: fake, base_url: \"{}\", api_key: k}}\n\
         handoffs: [sales]\nagents: {{sales: {{description: Sells., instructions: You sell.}}}}\n",
        model.url()
    );
    let server = Server::start(&yaml);
    let ask = |text: &str| json!({ "input": [{ "role": "user", "content": [{ "type": "text", "text": text }] }], "session_id": "s", "stream": false });
    assert_eq!(server.post("/process", &ask("I want one")).await.0, 200);
    let server = server.restarted();
    assert_eq!(server.post("/process", &ask("A red one")).await.0, 200);
    let last = model.requests().pop().unwrap().body["messages"].to_string();
    assert!(last.contains("You sell.") && last.contains("A red one"), "{last}");
}
