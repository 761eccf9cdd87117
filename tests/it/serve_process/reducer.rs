//! What the web page of the Python runtime makes of the frames: a port of its rules.
//!
//! Source: `@agentscope-ai/chat`, as read in February 2026.

use serde_json::{Value, json};

/// What the page shows.
#[derive(Debug, Default)]
pub struct Page {
    pub response: Value,
    /// In the order in which they began.
    pub messages: Vec<Value>,
    pub spinning: bool,
    pub errors: Vec<Value>,
}

impl Page {
    pub fn of(frames: &[Value]) -> Self {
        let mut page = Self { response: json!({}), spinning: true, ..Self::default() };
        frames.iter().for_each(|frame| page.take(frame));
        page
    }

    fn take(&mut self, frame: &Value) {
        match frame["object"].as_str() {
            Some("response") => {
                for (key, value) in frame.as_object().unwrap() {
                    let value = if key == "output" && value.is_null() { json!([]) } else { value.clone() };
                    self.response[key] = value;
                }
                if matches!(frame["status"].as_str(), Some("completed" | "failed")) {
                    self.spinning = false;
                }
            }
            Some("message") => self.message(frame),
            Some("content") => self.content(frame),
            _ => self.errors.push(frame.clone()),
        }
    }

    fn message(&mut self, frame: &Value) {
        let Some(known) = self.messages.iter_mut().find(|message| message["id"] == frame["id"]) else {
            return self.messages.push(frame.clone());
        };
        let kept = known["content"].clone();
        *known = frame.clone();
        if known["content"].as_array().is_none_or(Vec::is_empty) {
            known["content"] = kept;
        }
    }

    fn content(&mut self, frame: &Value) {
        // One of a message that it does not know is lost there; here it would be our fault.
        let message =
            self.messages.iter_mut().find(|message| message["id"] == frame["msg_id"]).expect("a known message");
        if message["content"].is_null() {
            message["content"] = json!([]);
        }
        let parts = message["content"].as_array_mut().unwrap();
        match parts.last_mut() {
            Some(last) if last["delta"] == true && frame["delta"] == true && frame["type"] == "text" => {
                let text = format!("{}{}", last["text"].as_str().unwrap(), frame["text"].as_str().unwrap());
                last["text"] = text.into();
            }
            Some(last) if last["index"] == frame["index"] => *last = frame.clone(),
            Some(_) | None => parts.push(frame.clone()),
        }
    }

    /// What stands in each message: its type and its parts.
    fn shown(messages: &[Value]) -> Vec<Value> {
        let part = |part: &Value| json!([part["type"], part["text"], part["data"], part["image_url"]]);
        let parts =
            |message: &Value| message["content"].as_array().map(|parts| parts.iter().map(part).collect::<Vec<_>>());
        messages.iter().map(|message| json!([message["type"], parts(message)])).collect()
    }
}

/// Checks that the page ends up with what the response says, and with nothing open.
pub fn shows_what_was_said(frames: &[Value]) {
    let page = Page::of(frames);
    assert_eq!(page.errors, [] as [Value; 0]);
    let status = page.response["status"].as_str().unwrap();
    assert_eq!(page.spinning, status == "canceled", "it stops when the turn does");
    assert!(page.messages.iter().all(|message| message["status"] != "in_progress"), "every message is closed");
    let mut complete: Vec<_> =
        page.messages.iter().filter(|message| message["status"] == "completed").cloned().collect();
    let output = page.response["output"].as_array().unwrap();
    // The page has them in the order in which they began, the response in that in which they ended.
    complete.sort_by_key(|message| output.iter().position(|other| other["id"] == message["id"]));
    assert_eq!(Page::shown(&complete), Page::shown(output));
}
