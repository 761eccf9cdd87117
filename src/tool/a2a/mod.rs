//! The remote `a2a` tool: an agent elsewhere, asked by the A2A protocol, 0.3 or 1.0, as its card says.
//!
//! A session has one conversation with it, which its calls go on with: what the peer calls the context, and the task
//! that waits for an answer, are kept in the session's state.

mod card;
mod peer;
mod told;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use self::{card::Endpoint, peer::Peer, told::Told};
use super::{Tool, ToolCx, ToolError, ToolResult, web};
use crate::{
    config::agent_file::A2aTool as Settings,
    domain::{Effect, ToolSpec},
    runtime::http::Http,
};

const TIMEOUT: Duration = Duration::from_mins(5);
/// The key of all conversations in the session's state.
const STATE: &str = "a2a";

pub struct A2aTool {
    spec: ToolSpec,
    http: Arc<Http>,
    url: Url,
    headers: HeaderMap,
    timeout: Duration,
    endpoint: OnceCell<Endpoint>,
}

/// A tool of the agent file that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum A2aToolError {
    #[error("the URL `{url}` of the tool `{tool}` is not one that can be called: {reason}")]
    Url { tool: String, url: String, reason: String },
    #[error("the header `{header}` of the tool `{tool}` cannot be sent")]
    Header { tool: String, header: String },
}

impl A2aTool {
    /// # Errors
    /// A URL or a header that cannot be sent.
    pub fn new(settings: &Settings, http: Arc<Http>) -> Result<Self, A2aToolError> {
        let tool = settings.name.clone();
        let wrong = |reason: String| A2aToolError::Url { tool: tool.clone(), url: settings.url.clone(), reason };
        let url = Url::parse(&settings.url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it is neither http nor https".to_owned()));
        }
        let headers =
            web::headers(&settings.headers).map_err(|header| A2aToolError::Header { tool: tool.clone(), header })?;
        let about = match settings.description.trim() {
            "" => format!("Asks the agent `{tool}`, which runs elsewhere."),
            description => format!("Asks the agent `{tool}`, which runs elsewhere: {description}"),
        };
        Ok(Self {
            spec: ToolSpec {
                name: tool,
                description: format!("{about} It knows nothing of this conversation but what it is told."),
                parameters: json!({
                    "type": "object",
                    "properties": { "message": { "type": "string", "description": "What to ask or to tell it." } },
                    "required": ["message"],
                    "additionalProperties": false,
                }),
                effect: Effect::Writes,
                rule_name: None,
            },
            http,
            url,
            headers,
            timeout: settings.timeout.map_or(TIMEOUT, |span| span.0),
            endpoint: OnceCell::new(),
        })
    }

    /// Where the calls of the session stand.
    fn talk<'a>(&self, cx: &'a ToolCx, field: &str) -> Option<&'a str> {
        cx.state.get(STATE)?.get(&self.spec.name)?.get(field)?.as_str()
    }

    async fn ask(&self, text: &str, cx: &ToolCx) -> Result<Told, ToolError> {
        let found = self.endpoint.get_or_try_init(|| card::find(&self.http, &self.url, &self.headers));
        let peer = Peer { http: &self.http, endpoint: found.await?, headers: &self.headers, cx };
        let mut told = Told::default();
        let (context, task) = (self.talk(cx, "context"), self.talk(cx, "task"));
        let asked = tokio::select! {
            asked = tokio::time::timeout(self.timeout, peer.send(text, context, task, &mut told)) => {
                asked.unwrap_or(Err(ToolError::Timeout(self.timeout)))
            }
            () = cx.cancel.cancelled() => Err(ToolError::Canceled),
        };
        if matches!(asked, Err(ToolError::Timeout(_) | ToolError::Canceled)) {
            peer.give_up(&told).await;
        }
        asked.map(|()| told)
    }
}

#[async_trait]
impl Tool for A2aTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let text = arguments
            .get("message")
            .and_then(Value::as_str)
            .filter(|text| !text.trim().is_empty())
            .ok_or_else(|| ToolError::Arguments("`message` is empty".to_owned()))?;
        let told = self.ask(text, cx).await?;
        let talk = json!({ "context": told.context, "task": told.waits().then_some(&told.task) });
        let content = told.content(&self.spec.name)?;
        Ok(ToolResult { content, state: Some(json!({ STATE: { &self.spec.name: talk } })) })
    }
}

#[cfg(test)]
mod tests;
