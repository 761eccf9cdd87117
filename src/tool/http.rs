//! HTTP tools: one request, described in the agent file.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::{Map, Value, json};
use url::Url;

use super::{Tool, ToolCx, ToolError, ToolResult, web};
use crate::{
    config::agent_file::{HttpMethod, HttpTool as HttpSettings},
    domain::{Effect, ToolSpec},
    runtime::http::Http,
};

const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// All but the unreserved characters of RFC 3986: an argument stays within the place that it is for.
const ARGUMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub struct HttpTool {
    spec: ToolSpec,
    http: Arc<Http>,
    method: Method,
    template: Template,
    headers: HeaderMap,
    timeout: Duration,
}

/// A tool of the agent file that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpToolError {
    #[error("the URL `{url}` of the tool `{tool}` is not one that can be called: {reason}")]
    Url { tool: String, url: String, reason: String },
    #[error("the header `{header}` of the tool `{tool}` cannot be sent")]
    Header { tool: String, header: String },
}

impl HttpTool {
    /// # Errors
    /// A URL or a header that cannot be sent.
    pub fn new(settings: &HttpSettings, http: Arc<Http>) -> Result<Self, HttpToolError> {
        let tool = settings.name.clone();
        let template = Template::parse(&settings.url).map_err(|reason| HttpToolError::Url {
            tool: tool.clone(),
            url: settings.url.clone(),
            reason,
        })?;
        let headers = web::headers(&settings.headers).map_err(|header| HttpToolError::Header { tool, header })?;
        let effect = match settings.method {
            HttpMethod::Get | HttpMethod::Head => Effect::Reads,
            HttpMethod::Post | HttpMethod::Put | HttpMethod::Patch | HttpMethod::Delete => Effect::Writes,
        };
        Ok(Self {
            spec: ToolSpec {
                name: settings.name.clone(),
                description: settings.description.clone(),
                parameters: parameters(&settings.parameters, &template),
                effect,
                rule_name: None,
            },
            http,
            method: method(settings.method),
            template,
            headers,
            timeout: settings.timeout.map_or(DEFAULT_TIMEOUT, |span| span.0),
        })
    }
}

#[async_trait]
impl Tool for HttpTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, _cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let Value::Object(mut arguments) = arguments else {
            return Err(ToolError::Arguments("an object is wanted".to_owned()));
        };
        let mut url = self.template.fill(&mut arguments)?;
        let mut headers = self.headers.clone();
        let mut body = None;
        if matches!(self.method, Method::POST | Method::PUT | Method::PATCH) {
            if !headers.contains_key(CONTENT_TYPE) {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            body = Some(Value::Object(arguments).to_string().into_bytes());
        } else if !arguments.is_empty() {
            let mut query = url.query_pairs_mut();
            for (name, value) in &arguments {
                for value in query_values(value) {
                    query.append_pair(name, &value);
                }
            }
        }
        let request = web::WebRequest { method: self.method.clone(), url, headers, body };
        web::send(&self.http, request, self.timeout).await?.result().await
    }
}

fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Head => Method::HEAD,
    }
}

/// The schema of the file; without one, a string for each placeholder.
fn parameters(written: &Map<String, Value>, template: &Template) -> Value {
    if written.is_empty() {
        let names: Vec<&str> = template.names().collect();
        let properties: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
        return json!({ "type": "object", "properties": properties, "required": names, "additionalProperties": false });
    }
    let mut schema = written.clone();
    schema.entry("type").or_insert_with(|| json!("object"));
    Value::Object(schema)
}

/// A value as one query parameter or, for a list, several.
pub(super) fn query_values(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Null => vec![],
        other => vec![plain(other)],
    }
}

/// A value as text: a string as it is, anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An argument as one segment of a path.
///
/// # Errors
/// What would climb out of the path.
pub(super) fn segment(name: &str, value: &str) -> Result<String, ToolError> {
    if matches!(value, "" | "." | "..") {
        return Err(ToolError::Arguments(format!("`{name}` may not be `{value}`, for it is part of a path")));
    }
    Ok(utf8_percent_encode(value, ARGUMENT).to_string())
}

/// A URL with `{name}` in its path or query.
#[derive(Clone, Debug)]
struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Argument { name: String, in_path: bool },
}

impl Template {
    fn parse(url: &str) -> Result<Self, String> {
        let mut parts = vec![];
        let mut rest = url;
        let mut before = String::new();
        while let Some((text, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a `{` is not closed")?;
            if name.is_empty() || name.contains('{') {
                return Err("a placeholder is written as `{name}`".to_owned());
            }
            before.push_str(text);
            // What stands before the path decides who is sent the headers, and is not a model's to choose.
            let after_scheme = before.split_once("://").map(|(_, rest)| rest);
            if !after_scheme.is_some_and(|rest| rest.contains(['/', '?'])) {
                return Err(format!("`{{{name}}}` stands before the path"));
            }
            parts.push(Part::Text(text.to_owned()));
            let in_path = !before.contains(['?', '#']);
            parts.push(Part::Argument { name: name.to_owned(), in_path });
            before.push('x');
            rest = after;
        }
        before.push_str(rest);
        parts.push(Part::Text(rest.to_owned()));
        let filled = Url::parse(&before).map_err(|error| error.to_string())?;
        if !matches!(filled.scheme(), "http" | "https") {
            return Err("it is neither http nor https".to_owned());
        }
        Ok(Self { parts })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Argument { name, .. } => Some(name.as_str()),
        })
    }

    /// Takes the arguments that have a place out of `arguments`.
    fn fill(&self, arguments: &mut Map<String, Value>) -> Result<Url, ToolError> {
        let mut url = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => url.push_str(text),
                Part::Argument { name, in_path } => {
                    let value = arguments
                        .get(name)
                        .map(plain)
                        .ok_or_else(|| ToolError::Arguments(format!("`{name}` is missing")))?;
                    if *in_path {
                        url.push_str(&segment(name, &value)?);
                    } else {
                        url.extend(utf8_percent_encode(&value, ARGUMENT));
                    }
                }
            }
        }
        for name in self.names() {
            arguments.shift_remove(name);
        }
        Url::parse(&url).map_err(|error| ToolError::Arguments(format!("the arguments make no URL: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing::{self, Peer};

    fn settings(value: Value) -> HttpSettings {
        serde_json::from_value(value).unwrap()
    }

    async fn call(peer: &Peer, mut value: Value, arguments: Value) -> String {
        let url = peer.url(value["url"].as_str().unwrap());
        value["url"] = json!(url);
        value["name"] = json!("t");
        value["description"] = json!("d");
        let folder = tempfile::tempdir().unwrap();
        let tool = HttpTool::new(&settings(value), testing::deps(folder.path(), &[]).http).unwrap();
        match tool.call(arguments, &testing::cx()).await {
            Ok(result) => peer.redact(&testing::text(&result)),
            Err(error) => peer.redact(&format!("error: {error}")),
        }
    }

    #[tokio::test]
    async fn arguments_go_into_the_path_the_query_or_the_body() {
        let peer = Peer::start().await;
        let get = call(
            &peer,
            json!({ "url": "/echo/{city}?unit={unit}&x=1", "headers": { "X-Key": "k" } }),
            json!({ "city": "a/b c?", "unit": "C&F", "day": 2, "tags": ["x", "y"], "none": null }),
        );
        insta::assert_snapshot!(get.await, @"
        GET /echo/a%2Fb%20c%3F?unit=C%26F&x=1&day=2&tags=x&tags=y
        x-key: k
        ");
        let post = call(
            &peer,
            json!({ "url": "/echo/{id}", "method": "POST" }),
            json!({ "id": 7, "note": "hi", "deep": [1] }),
        );
        insta::assert_snapshot!(post.await, @r#"
        POST /echo/7
        content-type: application/json
        {"note":"hi","deep":[1]}
        "#);
        let delete = call(&peer, json!({ "url": "/echo", "method": "DELETE" }), json!({ "id": 7 }));
        insta::assert_snapshot!(delete.await, @"DELETE /echo?id=7");
    }

    #[tokio::test]
    async fn errors_and_odd_answers_are_told() {
        let peer = Peer::start().await;
        insta::assert_snapshot!(call(&peer, json!({ "url": "/status/404" }), json!({})).await, @"error: HTTP 404 Not Found: no such thing");
        insta::assert_snapshot!(call(&peer, json!({ "url": "/binary" }), json!({})).await, @"HTTP 200 OK, 2 bytes of application/zip, which are not text");
        insta::assert_snapshot!(call(&peer, json!({ "url": "/loop" }), json!({})).await, @"error: `http://[PEER]/loop` redirects more than 5 times");
        insta::assert_snapshot!(call(&peer, json!({ "url": "/echo/{a}" }), json!({ "a": ".." })).await, @"error: invalid arguments: `a` may not be `..`, for it is part of a path");
        insta::assert_snapshot!(call(&peer, json!({ "url": "/echo/{a}" }), json!({})).await, @"error: invalid arguments: `a` is missing");
        let latin = call(&peer, json!({ "url": "/latin1" }), json!({})).await;
        assert_eq!(latin, "caf\u{e9}");
    }

    #[tokio::test]
    async fn secrets_stay_with_the_host_they_are_for() {
        let peer = Peer::start().await;
        let headers = json!({ "X-Key": "secret" });
        let same = call(&peer, json!({ "url": "/to-echo", "headers": headers }), json!({})).await;
        assert!(same.contains("x-key: secret"), "{same}");
        let other = call(&peer, json!({ "url": "/to-other", "headers": headers }), json!({})).await;
        assert!(other.contains("GET /echo") && !other.contains("secret"), "{other}");
        let body = call(&peer, json!({ "url": "/to-other-307", "method": "POST" }), json!({ "password": "p" })).await;
        insta::assert_snapshot!(body, @"error: `http://[PEER]/to-other-307` redirects to `http://[OTHER]/echo`, which is another server: it is not sent the request");
    }

    #[test]
    fn a_model_cannot_choose_the_host() {
        for url in
            ["https://{host}/x", "{url}", "https://a.{b}", "https://x/{a", "ftp://x/{a}", "https://x/{}", "x/{a}"]
        {
            assert!(Template::parse(url).is_err(), "{url}");
        }
        insta::assert_snapshot!(Template::parse("https://{host}/x").unwrap_err(), @"`{host}` stands before the path");
    }

    #[test]
    fn parameters_follow_from_the_placeholders() {
        let template = Template::parse("https://x/{city}?f={format}").unwrap();
        insta::assert_snapshot!(parameters(&Map::new(), &template), @r#"{"type":"object","properties":{"city":{"type":"string"},"format":{"type":"string"}},"required":["city","format"],"additionalProperties":false}"#);
    }
}
