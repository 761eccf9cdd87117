//! No agent runtime, but the least that a server in front of a model does: it asks the model, reads each of its chunks
//! as JSON, writes the events of `/process` as JSON, and remembers what was said in a map. One thread, nothing tuned.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{Uri, header};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    load::{Connection, cut},
    process::{announce, orphaned},
};

struct Yardstick {
    /// Where the model server listens.
    model: String,
    /// Connections to it that nobody uses.
    idle: Mutex<Vec<Connection>>,
    sessions: Mutex<HashMap<String, Vec<Value>>>,
}

pub async fn run(model: String) {
    let listener = crate::process::listener();
    announce(&listener);
    let yardstick = Arc::new(Yardstick { model, idle: Mutex::default(), sessions: Mutex::default() });
    tokio::select! {
        () = serve(listener, yardstick) => {}
        () = orphaned() => {}
    }
}

async fn serve(listener: TcpListener, yardstick: Arc<Yardstick>) {
    let quick = async |State(app): State<Arc<Yardstick>>, body: Bytes| process(app, &body, "/20/0");
    let slow = async |State(app): State<Arc<Yardstick>>, body: Bytes| process(app, &body, "/50/100");
    let router = Router::new()
        .route("/health", get(async || r#"{"status":"healthy"}"#))
        .route("/process", post(quick))
        .route("/agents/slow/process", post(slow))
        .with_state(yardstick);
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream: &mut TcpStream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await.unwrap();
}

fn process(app: Arc<Yardstick>, body: &[u8], how: &'static str) -> Response {
    let asked: Value = serde_json::from_slice(body).unwrap();
    let session = asked["session_id"].as_str().unwrap_or_default().to_owned();
    let mut said = app.sessions.lock().unwrap().get(&session).cloned().unwrap_or_default();
    said.push(json!({ "role": "user", "content": asked["input"][0]["content"][0]["text"] }));
    let events = async_stream::stream! {
        let mut events = Events { number: 0, session: session.clone() };
        yield events.response("created", &Value::Null);
        yield events.response("in_progress", &Value::Null);
        yield events.message("in_progress", &Value::Null);
        let mut text = String::new();
        let mut tokens = Box::pin(app.ask(&said, how));
        while let Some(token) = tokens.next().await {
            text.push_str(&token);
            yield events.content("in_progress", &token, &json!(true));
        }
        drop(tokens);
        yield events.content("completed", &text, &Value::Null);
        let content = json!([{ "object": "content", "status": "completed", "type": "text", "text": text }]);
        yield events.message("completed", &content);
        said.push(json!({ "role": "assistant", "content": text }));
        app.sessions.lock().unwrap().insert(session, said);
        yield events.response("completed", &json!([{ "object": "message", "role": "assistant", "content": content }]));
    };
    let body = Body::from_stream(events.map(Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

impl Yardstick {
    /// The tokens of the model's answer.
    fn ask(&self, said: &[Value], how: &str) -> impl futures_util::Stream<Item = String> {
        let uri: Uri = format!("{how}/v1/chat/completions").parse().unwrap();
        let options = json!({ "include_usage": true });
        let body = json!({ "model": "stub", "stream": true, "stream_options": options, "messages": said }).to_string();
        async_stream::stream! {
            let idle = self.idle.lock().unwrap().pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => Connection::open(&self.model).await.unwrap(),
            };
            let mut frames = connection.post(&uri, body).await.unwrap();
            let mut buffer = BytesMut::new();
            while let Some(frame) = frames.next().await {
                buffer.extend_from_slice(&frame.unwrap());
                while let Some(event) = cut(&mut buffer) {
                    let data = event.strip_prefix(b"data: ").unwrap_or(&event);
                    let Ok(chunk) = serde_json::from_slice::<Value>(data) else { continue };
                    match chunk["choices"][0]["delta"]["content"].as_str() {
                        Some(token) if !token.is_empty() => yield token.to_owned(),
                        _ => {}
                    }
                }
            }
            drop(frames);
            self.idle.lock().unwrap().push(connection);
        }
    }
}

/// Numbers the events of one answer.
struct Events {
    number: u64,
    session: String,
}

impl Events {
    fn response(&mut self, status: &str, output: &Value) -> Bytes {
        let session = self.session.clone();
        self.event(
            json!({ "sequence_number": 0, "object": "response", "status": status, "error": null, "id": "response_1",
            "created_at": 1, "completed_at": null, "output": output, "usage": null, "session_id": session }),
        )
    }

    fn message(&mut self, status: &str, content: &Value) -> Bytes {
        self.event(json!({ "sequence_number": 0, "object": "message", "status": status, "error": null, "id": "msg_1",
            "type": "message", "role": "assistant", "content": content, "code": null, "message": null, "usage": null }))
    }

    fn content(&mut self, status: &str, text: &str, delta: &Value) -> Bytes {
        self.event(json!({ "sequence_number": 0, "object": "content", "status": status, "error": null, "type": "text",
            "index": 0, "delta": delta, "msg_id": "msg_1", "text": text }))
    }

    fn event(&mut self, mut event: Value) -> Bytes {
        event["sequence_number"] = self.number.into();
        self.number += 1;
        format!("data: {event}\n\n").into()
    }
}
