//! Traces: what a collector is sent, and what those are told that are called.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex, mpsc},
};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse as _,
    routing::post,
};
use serde_json::{Value, json};

use super::agent;
use crate::common::{
    fake_model::{FakeModel, Reply},
    serve::Server,
};

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A collector of OTLP over HTTP: its address, and the bodies that it is sent.
fn collector() -> (String, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (send, bodies) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (vec![], 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push(line);
            }
            assert!(head[0].starts_with("POST /v1/traces "), "{head:?}");
            assert!(head.iter().any(|line| line.trim().eq_ignore_ascii_case("x-key: the-key")), "{head:?}");
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            reader
                .into_inner()
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                .unwrap();
            if send.send(body).is_err() {
                break;
            }
        }
    });
    (format!("http://{address}"), bodies)
}

/// The fields of a message of protocol buffers: number and bytes, those of numbers as they are.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut out = vec![];
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => {
                let value = varint(&mut bytes);
                out.push((key >> 3, value.to_string().into_bytes()));
                continue;
            }
            1 => 8,
            5 => 4,
            _ => usize::try_from(varint(&mut bytes)).unwrap(),
        };
        let (value, rest) = bytes.split_at(length);
        bytes = rest;
        out.push((key >> 3, value.to_vec()));
    }
    out
}

fn all(message: &[u8], number: u64) -> Vec<Vec<u8>> {
    fields(message).into_iter().filter(|(known, _)| *known == number).map(|(_, value)| value).collect()
}

fn text(message: &[u8], number: u64) -> String {
    String::from_utf8(all(message, number).concat()).unwrap()
}

fn hex(message: &[u8], number: u64) -> String {
    all(message, number).concat().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Debug)]
struct Span {
    name: String,
    trace: String,
    id: String,
    parent: String,
    attributes: BTreeMap<String, String>,
}

/// After `opentelemetry/proto/trace/v1/trace.proto`.
fn spans(body: &[u8]) -> Vec<Span> {
    let scopes = all(body, 1).into_iter().flat_map(|resource| all(&resource, 2));
    let spans = scopes.flat_map(|scope| all(&scope, 2));
    spans
        .map(|span| Span {
            name: text(&span, 5),
            trace: hex(&span, 1),
            id: hex(&span, 2),
            parent: hex(&span, 4),
            attributes: all(&span, 9)
                .iter()
                .map(|pair| (text(pair, 1), fields(&all(pair, 2).concat()).pop().unwrap().1))
                .map(|(key, value)| (key, String::from_utf8_lossy(&value).into_owned()))
                .collect(),
        })
        .collect()
}

#[cfg(unix)]
#[tokio::test]
async fn a_turn_is_a_trace_under_that_of_its_caller() {
    let (otlp, bodies) = collector();
    let page = FakeModel::start(vec![Reply::status(200, "{}")]);
    let model = FakeModel::start(vec![Reply::calls(&[("ping", json!({}))]), Reply::text("secret answer")]);
    let tool = format!("{{name: ping, description: Pings, method: GET, url: \"http://{}/ping\"}}", page.address());
    let yaml = agent(&model, "{}")
        + &format!("tools: [http: {tool}]\ntelemetry: {{otlp: \"{otlp}\", headers: {{X-Key: the-key}}}}\n");
    let mut server = Server::start(&yaml);
    let body = json!({ "input": "secret question", "session_id": "s1" });
    let request = server.client.post(server.at("/turns")).header("traceparent", CALLER).json(&body);
    assert!(request.send().await.unwrap().text().await.unwrap().contains("\"completed\""));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));

    let bodies: Vec<_> = bodies.try_iter().collect();
    let spans: Vec<_> = bodies.iter().flat_map(|body| spans(body)).collect();
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"));
    assert!(spans.iter().all(|span| span.trace == "0af7651916cd43dd8448eb211c80319c"));
    let request = find("POST /turns");
    assert_eq!(request.parent, "b7ad6b7169203331");
    assert_eq!(request.attributes["http.response.status_code"], "200");
    let turn = find("invoke_agent demo");
    assert_eq!((&turn.parent, turn.attributes["gen_ai.conversation.id"].as_str()), (&request.id, "s1"));
    assert_eq!(
        (turn.attributes["gen_ai.usage.input_tokens"].as_str(), turn.attributes["agentscope.turn.outcome"].as_str()),
        ("40", "completed")
    );
    let chat = find("chat fake");
    assert_eq!(chat.parent, turn.id);
    assert_eq!(chat.attributes["gen_ai.operation.name"], "chat");
    assert_eq!(spans.iter().filter(|span| span.name == "chat fake").count(), 2);
    assert_eq!(find("execute_tool ping").parent, turn.id);
    // Who is called is told.
    let told = |request: &crate::common::fake_model::Request| {
        request.headers.iter().find(|(name, _)| name == "traceparent").map(|(_, value)| value.clone()).unwrap()
    };
    let chats: Vec<_> = spans.iter().filter(|span| span.name == "chat fake").map(|span| &span.id).collect();
    for request in model.requests() {
        let told = told(&request);
        assert!(chats.iter().any(|id| told == format!("00-0af7651916cd43dd8448eb211c80319c-{id}-01")), "{told}");
    }
    assert!(told(&page.requests()[0]).contains("0af7651916cd43dd8448eb211c80319c"));
    // What was said is not in it.
    assert!(bodies.iter().all(|body| !String::from_utf8_lossy(body).contains("secret")));
}

#[cfg(unix)]
#[tokio::test]
async fn a_collector_that_is_dead_costs_nothing() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let yaml = format!("name: demo\nmodel: demo\ntelemetry: {{otlp: \"http://{dead}\"}}\n");
    let mut server = Server::start(&yaml);
    for _ in 0..3 {
        let events = server.events("/turns", &json!({ "input": "hi" })).await;
        assert_eq!(events.last().unwrap()["outcome"]["status"], "completed");
    }
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let said = server.last_words();
    assert_eq!(said.iter().filter(|line| line.contains("takes no traces")).count(), 1, "{said:?}");
}

#[tokio::test]
async fn without_a_collector_the_trace_of_the_caller_is_passed_on() {
    let model = FakeModel::start(vec![Reply::text("one"), Reply::text("two")]);
    let server = Server::start(&agent(&model, "{}"));
    let post = || server.client.post(server.at("/turns")).json(&json!({ "input": "hi" }));
    post().header("traceparent", CALLER).send().await.unwrap().text().await.unwrap();
    post().header("traceparent", "not one").send().await.unwrap().text().await.unwrap();
    let told = model
        .requests()
        .iter()
        .map(|request| request.headers.iter().find(|(name, _)| name == "traceparent").map(|(_, value)| value.clone()))
        .collect::<Vec<_>>();
    assert_eq!(told, [Some(CALLER.to_owned()), None]);
}

/// What an MCP server or an agent elsewhere was asked: the method, its `_meta`, and the trace in the headers.
type Heard = (String, Value, Option<String>);

/// A listener that is both.
async fn peer() -> (String, Arc<Mutex<Vec<Heard>>>) {
    let heard = Arc::<Mutex<Vec<Heard>>>::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/peer", listener.local_addr().unwrap());
    let hears = Arc::clone(&heard);
    let answer = move |headers: HeaderMap, Json(asked): Json<Value>| async move {
        let method = asked["method"].as_str().unwrap().to_owned();
        let trace = headers.get("traceparent").map(|value| value.to_str().unwrap().to_owned());
        hears.lock().unwrap().push((method.clone(), asked["params"]["_meta"].clone(), trace));
        let result = match method.as_str() {
            "initialize" => json!({ "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
                "serverInfo": { "name": "peer", "version": "1" } }),
            "tools/list" => json!({ "tools": [{ "name": "ping", "inputSchema": { "type": "object" } }] }),
            "tools/call" => json!({ "content": [{ "type": "text", "text": "pong" }] }),
            "message/send" => json!({ "kind": "message", "messageId": "1", "role": "agent",
                "parts": [{ "kind": "text", "text": "hello" }] }),
            _ => return StatusCode::ACCEPTED.into_response(),
        };
        Json(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result })).into_response()
    };
    let routes = Router::new().route("/peer", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (url, heard)
}

#[tokio::test]
async fn mcp_servers_and_agents_elsewhere_are_told_the_trace() {
    let (url, heard) = peer().await;
    let server = Server::start(&format!(
        "name: demo\nmodel: demo\npermissions: {{default: allow}}\ntools:\n  - mcp: {{name: peer, url: \"{url}\"}}\n  - a2a: {{name: colleague, url: \"{url}\"}}\n"
    ));
    for call in ["TOOL:ping:{}", "TOOL:colleague:{\"message\": \"hi\"}"] {
        let request = server.client.post(server.at("/turns")).header("traceparent", CALLER);
        let said = request.json(&json!({ "input": call })).send().await.unwrap().text().await.unwrap();
        assert!(said.contains("\"completed\""), "{said}");
    }
    let heard = heard.lock().unwrap();
    let of = |wanted: &str| heard.iter().find(|(method, ..)| method == wanted).unwrap();
    let (_, meta, header) = of("tools/call");
    assert_eq!((meta["traceparent"].as_str(), header.as_deref()), (Some(CALLER), Some(CALLER)));
    assert_eq!(of("message/send").2.as_deref(), Some(CALLER));
}
