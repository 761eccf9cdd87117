//! What a server lives through: a full disk, its own death, a clock that is set.

mod clock;
mod disk;
mod killed;

use serde_json::{Value, json};

use crate::common::serve::{Server, data};

/// The ways in that go on with a session by its name.
#[derive(Clone, Copy, Debug)]
enum Way {
    Turns,
    Process,
    ChatCompletions,
    Responses,
    A2a,
}

const WAYS: [Way; 5] = [Way::Turns, Way::Process, Way::ChatCompletions, Way::Responses, Way::A2a];

impl Way {
    fn path(self) -> &'static str {
        match self {
            Self::Turns => "/turns",
            Self::Process => "/process",
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::A2a => "/a2a",
        }
    }

    fn body(self, session: &str, text: &str) -> Value {
        match self {
            Self::Turns => json!({ "input": text, "session_id": session }),
            Self::Process => process(session, text),
            Self::ChatCompletions => json!({ "stream": true, "messages": [{ "role": "user", "content": text }] }),
            Self::Responses => json!({ "input": text, "conversation": session }),
            Self::A2a => {
                let parts = json!([{ "kind": "text", "text": text }]);
                let ids = json!({ "kind": "message", "messageId": text, "contextId": session });
                let mut message = json!({ "role": "user", "parts": parts });
                message.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
                json!({ "jsonrpc": "2.0", "id": 1, "method": "message/send", "params": { "message": message } })
            }
        }
    }

    /// Says `text` in a session. The status, and the answer to its end.
    async fn say(self, at: &At, session: &str, text: &str) -> reqwest::Result<(u16, String)> {
        let request = at.client.post(format!("{}{}", at.url, self.path())).header("x-session-id", session);
        let response = request.json(&self.body(session, text)).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Whether the turn was done, and the caller knows.
    fn done(self, answer: &str) -> bool {
        let whole = || serde_json::from_str::<Value>(answer).unwrap_or_default();
        let last = || data(answer).pop().unwrap_or_default();
        match self {
            Self::Turns => last()["outcome"]["status"] == "completed",
            Self::Process => last()["object"] == "response" && last()["status"] == "completed",
            Self::ChatCompletions => {
                answer.trim_end().ends_with("[DONE]") && answer.contains("\"finish_reason\":\"stop\"")
            }
            Self::Responses => whole()["status"] == "completed",
            Self::A2a => whole()["result"]["status"]["state"] == "completed",
        }
    }
}

/// Where a server is.
#[derive(Clone)]
struct At {
    client: reqwest::Client,
    url: String,
}

impl From<&Server> for At {
    fn from(server: &Server) -> Self {
        Self { client: server.client.clone(), url: server.url.clone() }
    }
}

fn process(session: &str, text: &str) -> Value {
    let content = json!([{ "type": "text", "text": text }]);
    json!({ "session_id": session, "input": [{ "role": "user", "content": content }] })
}

/// What a session holds: role and text of each message.
async fn history(server: &Server, session: &str) -> Vec<(String, String)> {
    let (status, session) = server.get(&format!("/sessions/{session}")).await;
    assert_eq!(status, 200, "{session}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let messages = session["messages"].as_array().unwrap().iter();
    messages.map(|message| (text(&message["role"]), text(&message["content"][0]["text"]))).collect()
}

/// What was done is in the session: all of `done`, in order, each with its answer. What was cut off may be there, too.
async fn holds(server: &Server, session: &str, done: &[String]) {
    let history = history(server, session).await;
    let mut rest = history.iter();
    for text in done {
        assert!(rest.any(|(role, said)| role == "user" && said == text), "`{text}` is not in {session}: {history:?}");
        let answer = rest.next();
        assert!(
            answer.is_some_and(|(role, _)| role == "assistant"),
            "`{text}` has no answer in {session}: {history:?}"
        );
    }
}
