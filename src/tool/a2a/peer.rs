//! The calls: JSON-RPC over HTTP, streamed where the peer can.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::{
    card::{Endpoint, Version},
    told::Told,
};
use crate::{
    runtime::{
        http::Http,
        sse::{Decoder, TooLong},
        telemetry::Place,
    },
    tool::{ToolCx, ToolError, cap, web},
};

/// Between two looks at a task that the peer works on.
const POLL: Duration = Duration::from_secs(1);
/// How long a peer may take to hear that nobody waits any more.
const GIVE_UP: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const LONGEST: usize = 8 * 1024 * 1024;

/// A peer during one call.
pub(super) struct Peer<'a> {
    pub(super) http: &'a Http,
    pub(super) endpoint: &'a Endpoint,
    pub(super) headers: &'a HeaderMap,
    pub(super) cx: &'a ToolCx,
}

impl From<TooLong> for ToolError {
    fn from(_: TooLong) -> Self {
        Self::Failed("the agent's answer is too long".to_owned())
    }
}

impl Peer<'_> {
    /// Sends a message and hears the peer out, until its task ends or waits.
    pub(super) async fn send(
        &self,
        text: &str,
        context: Option<&str>,
        task: Option<&str>,
        told: &mut Told,
    ) -> Result<(), ToolError> {
        let params = self.message(text, context, task);
        if self.endpoint.streams {
            self.stream(&params, told).await?;
        } else {
            let result = self.call(self.named("message/send", "SendMessage"), &params).await?;
            told.hear(&result);
        }
        while told.works() {
            tokio::time::sleep(POLL).await;
            let params = json!({ "id": told.task });
            let result = self.call(self.named("tasks/get", "GetTask"), &params).await?;
            told.hear(&result);
        }
        Ok(())
    }

    /// Tells the peer that nobody waits for its task.
    pub(super) async fn give_up(&self, told: &Told) {
        let Some(task) = &told.task else { return };
        let params = json!({ "id": task });
        let told = self.call(self.named("tasks/cancel", "CancelTask"), &params);
        // It will find out by itself otherwise.
        let _ = tokio::time::timeout(GIVE_UP, told).await;
    }

    fn named(&self, old: &'static str, new: &'static str) -> &'static str {
        if self.endpoint.version == Version::V03 { old } else { new }
    }

    fn message(&self, text: &str, context: Option<&str>, task: Option<&str>) -> Value {
        let old = self.endpoint.version == Version::V03;
        let part = if old { json!({ "kind": "text", "text": text }) } else { json!({ "text": text }) };
        let mut message = json!({
            "messageId": uuid::Uuid::now_v7().to_string(),
            "role": if old { "user" } else { "ROLE_USER" },
            "parts": [part],
        });
        if old {
            message["kind"] = json!("message");
        }
        for (name, id) in [("contextId", context), ("taskId", task)] {
            if let Some(id) = id {
                message[name] = json!(id);
            }
        }
        let configuration = if old { json!({ "blocking": true }) } else { json!({}) };
        json!({ "message": message, "configuration": configuration })
    }

    async fn post(&self, method: &str, params: &Value, accept: &'static str) -> Result<reqwest::Response, ToolError> {
        let url = &self.endpoint.url;
        let client = self.http.client(url.as_str()).map_err(|error| ToolError::Failed(error.to_string()))?;
        let version = if self.endpoint.version == Version::V03 { "0.3" } else { "1.0" };
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = client
            .post(url.clone())
            .headers(self.headers.clone())
            .headers(Place::current().headers())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(ACCEPT, HeaderValue::from_static(accept))
            .header("a2a-version", version)
            .body(body.to_string())
            .send()
            .await
            .map_err(|error| web::unreachable(url, error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let answer = web::read(url.clone(), response).await?;
        let said = String::from_utf8_lossy(&answer.bytes);
        Err(ToolError::Failed(format!("the agent answered HTTP {status}: {}", cap::short(said.trim(), 500))))
    }

    async fn call(&self, method: &str, params: &Value) -> Result<Value, ToolError> {
        let response = self.post(method, params, "application/json").await?;
        let answer = web::read(self.endpoint.url.clone(), response).await?;
        let body = serde_json::from_slice(&answer.bytes)
            .map_err(|_| ToolError::Failed("the agent's answer is no JSON".to_owned()))?;
        result(body)
    }

    async fn stream(&self, params: &Value, told: &mut Told) -> Result<(), ToolError> {
        let method = self.named("message/stream", "SendStreamingMessage");
        let mut response = self.post(method, params, "text/event-stream, application/json").await?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            let answer = web::read(self.endpoint.url.clone(), response).await?;
            let body = serde_json::from_slice(&answer.bytes)
                .map_err(|_| ToolError::Failed("the agent's answer is neither a stream nor JSON".to_owned()))?;
            told.hear(&result(body)?);
            return Ok(());
        }
        let (mut decoder, mut length) = (Decoder::default(), 0);
        while let Some(chunk) = response.chunk().await.map_err(|error| web::unreachable(&self.endpoint.url, error))? {
            length += chunk.len();
            if length > LONGEST {
                return Err(TooLong.into());
            }
            let mut said = String::new();
            decoder.feed(&chunk, |event| {
                let body = serde_json::from_str(&event.data)
                    .map_err(|_| ToolError::Failed("an event of the agent's stream is no JSON".to_owned()))?;
                said.push_str(&told.hear(&result(body)?));
                Ok::<(), ToolError>(())
            })?;
            if !said.is_empty() {
                self.cx.host.output(&self.cx.call_id, said).await;
            }
        }
        Ok(())
    }
}

/// The result of a call.
fn result(mut body: Value) -> Result<Value, ToolError> {
    if let Some(error) = body.get("error").filter(|error| !error.is_null()) {
        let code = error.get("code").cloned().unwrap_or_default();
        let message = error.get("message").and_then(Value::as_str).unwrap_or("no reason was given");
        return Err(ToolError::Failed(format!("the agent refused: {} ({code})", cap::short(message, 500))));
    }
    match body.get_mut("result").map(Value::take) {
        Some(result) if result.is_object() => Ok(result),
        _ => Err(ToolError::Failed("the agent's answer holds no result".to_owned())),
    }
}
