//! `fetch`: reads a web page or a text file of the public Internet.
//!
//! Every host is resolved by us, checked, and connected to at the address that was checked; each redirect starts
//! over. Behind a proxy of the environment the host is checked too, but it is the proxy that connects.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    Tool, ToolCx, ToolError, ToolResult,
    address::{AddressError, AllowError, Guard},
    cap, html, web,
};
use crate::{
    config::{Env, agent_file::Fetch as FetchSettings},
    domain::{Effect, ToolSpec},
    runtime::http::Http,
};

const MOST_REDIRECTS: usize = 5;
const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Fetch {
    spec: ToolSpec,
    http: Arc<Http>,
    guard: Guard,
    /// A proxy of the environment may resolve names that we cannot.
    proxied: bool,
    client: OnceLock<reqwest::Client>,
}

#[derive(Deserialize)]
struct Call {
    url: String,
}

impl Fetch {
    /// # Errors
    /// An entry of `allow_private` that cannot be read.
    pub fn new(settings: &FetchSettings, env: &Env, http: Arc<Http>) -> Result<Self, AllowError> {
        let proxies = proxies(env);
        let parameters = json!({
            "type": "object",
            "properties": { "url": { "type": "string", "description": "An address that starts with http:// or https://." } },
            "required": ["url"],
            "additionalProperties": false,
        });
        Ok(Self {
            spec: ToolSpec {
                name: "fetch".to_owned(),
                description: "Reads a page of the public Internet. Web pages come as Markdown, other text as it is."
                    .to_owned(),
                parameters,
                effect: Effect::Reads,
                rule_name: None,
            },
            http,
            proxied: !proxies.is_empty(),
            guard: Guard::new(&settings.allow_private, proxies)?,
            client: OnceLock::new(),
        })
    }

    fn client(&self) -> Result<reqwest::Client, ToolError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let failed = |error: &dyn std::error::Error| ToolError::Failed(error.to_string());
        let builder = self.http.builder().map_err(|error| failed(&error))?;
        let client = builder
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(self.guard.clone()))
            .build()
            .map_err(|error| failed(&error))?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// Whether `url` may be asked for, before anything is sent.
    async fn permit(&self, url: &Url) -> Result<(), ToolError> {
        let failed = |error: &dyn std::error::Error| ToolError::Failed(error.to_string());
        self.http.permit(url.as_str()).map_err(|error| failed(&error))?;
        let checked = match url.host() {
            Some(url::Host::Ipv4(address)) => self.guard.check(&address.to_string(), address.into()),
            Some(url::Host::Ipv6(address)) => self.guard.check(&address.to_string(), address.into()),
            Some(url::Host::Domain(host)) => match self.guard.resolve(host).await {
                Err(AddressError::NoHost { .. }) if self.proxied => Ok(()),
                resolved => resolved.map(drop),
            },
            None => return Err(ToolError::Arguments(format!("{} names no host", web::shown(url)))),
        };
        checked.map_err(|error| failed(&error))
    }

    async fn get(&self, mut url: Url) -> Result<web::WebAnswer, ToolError> {
        let client = self.client()?;
        for _ in 0..=MOST_REDIRECTS {
            if !matches!(url.scheme(), "http" | "https") {
                return Err(ToolError::Failed(format!("{} is neither http nor https", web::shown(&url))));
            }
            self.permit(&url).await?;
            let accept = "text/html, text/markdown, text/plain, application/json, */*;q=0.5";
            let request = client.get(url.clone()).header(reqwest::header::ACCEPT, accept);
            let response = request.send().await.map_err(|error| web::unreachable(&url, error))?;
            match web::redirect(&response) {
                Some(target) => url = target,
                None => return web::read(url, response).await,
            }
        }
        Err(ToolError::Failed(format!("{} redirects more than {MOST_REDIRECTS} times", web::shown(&url))))
    }
}

#[async_trait]
impl Tool for Fetch {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn timeout(&self) -> Option<Duration> {
        Some(TIMEOUT)
    }

    async fn call(&self, arguments: Value, _cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let call: Call = serde_json::from_value(arguments).map_err(|error| ToolError::Arguments(error.to_string()))?;
        let asked = call.url.trim();
        let url =
            Url::parse(asked).map_err(|error| ToolError::Arguments(format!("`url` is not an address: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ToolError::Arguments("`url` may hold no user name or password".to_owned()));
        }
        let answer = self.get(url).await?;
        let status = answer.status;
        let kind = answer.media_type().unwrap_or_else(|| "text/plain".to_owned());
        if !answer.is_text() {
            let size = answer.bytes.len();
            return Err(ToolError::Failed(format!(
                "{asked} is {kind} ({size} bytes or more); `fetch` reads only text"
            )));
        }
        let mut head = format!("{} ({kind}", answer.url);
        if answer.cut {
            head.push_str(", only the first 5 MiB");
        }
        head.push_str(")\n\n");
        let text = answer.text().await?;
        let text = if matches!(kind.as_str(), "text/html" | "application/xhtml+xml") {
            html::markdown(text).await
        } else {
            text
        };
        if !status.is_success() {
            return Err(ToolError::Failed(format!("HTTP {status}: {}", cap::short(text.trim(), 1000))));
        }
        Ok(ToolResult::text(head + text.trim()))
    }
}

/// The hosts of the proxies that the environment names.
fn proxies(env: &Env) -> Vec<String> {
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .filter_map(|name| env.var(name))
        .filter_map(|value| {
            let url =
                Url::parse(value).ok().filter(Url::has_host).or_else(|| Url::parse(&format!("http://{value}")).ok());
            url?.host_str().map(str::to_owned)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::{
        http::header::{CONTENT_TYPE, LOCATION},
        routing::get,
    };

    use super::*;
    use crate::tool::testing::{self, Peer};

    fn pages() -> axum::Router {
        let html = "<html><head><meta charset=iso-8859-1></head><body><h1>Caf\u{e9}</h1></body></html>";
        let latin: Vec<u8> = html.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        axum::Router::new()
            .route("/page", get(|| async { ([(CONTENT_TYPE, "text/html")], latin) }))
            .route("/json", get(|| async { ([(CONTENT_TYPE, "application/ld+json")], "{\"a\": 1}") }))
            .route("/huge", get(|| async { "x".repeat(6 * 1024 * 1024) }))
            .route(
                "/metadata",
                get(|| async { (axum::http::StatusCode::FOUND, [(LOCATION, "http://169.254.169.254/")]) }),
            )
            .route("/file", get(|| async { (axum::http::StatusCode::FOUND, [(LOCATION, "file:///etc/passwd")]) }))
    }

    async fn fetch(peer: &Peer, allow: &[&str], url: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let deps = testing::deps(folder.path(), &[]);
        let settings = FetchSettings { allow_private: allow.iter().map(|entry| (*entry).to_owned()).collect() };
        let tool = Fetch::new(&settings, &deps.env, deps.http).unwrap();
        match tool.call(json!({ "url": url }), &testing::cx()).await {
            Ok(result) => peer.redact(&testing::text(&result)),
            Err(error) => peer.redact(&format!("error: {error}")),
        }
    }

    #[tokio::test]
    async fn pages_and_text_are_read() {
        let peer = Peer::serving(pages()).await;
        let allow = ["127.0.0.0/8"];
        insta::assert_snapshot!(fetch(&peer, &allow, &peer.url("/page")).await, @"
        http://[PEER]/page (text/html)

        # Café
        ");
        insta::assert_snapshot!(fetch(&peer, &allow, &peer.url("/json")).await, @r#"
        http://[PEER]/json (application/ld+json)

        {"a": 1}
        "#);
        insta::assert_snapshot!(fetch(&peer, &allow, &peer.url("/binary")).await, @"error: http://[PEER]/binary is application/zip (2 bytes or more); `fetch` reads only text");
        insta::assert_snapshot!(fetch(&peer, &allow, &peer.url("/status/404")).await, @"error: HTTP 404 Not Found: no such thing");
        let huge = fetch(&peer, &allow, &peer.url("/huge")).await;
        assert!(huge.starts_with("http://[PEER]/huge (text/plain, only the first 5 MiB)\n\nxxx"), "{}", &huge[..100]);
    }

    #[tokio::test]
    async fn nothing_private_is_reached() {
        let peer = Peer::serving(pages()).await;
        let port = peer.url("").rsplit(':').next().unwrap().to_owned();
        for host in
            ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "017700000001", "[::ffff:127.0.0.1]", "0"]
        {
            let said = fetch(&peer, &[], &format!("http://{host}:{port}/json")).await;
            assert!(said.contains("which `fetch` may not reach"), "{host}: {said}");
        }
        insta::assert_snapshot!(fetch(&peer, &[], "http://169.254.169.254/latest/meta-data").await, @"error: `169.254.169.254` is a link-local address, where clouds keep credentials (169.254.169.254), which `fetch` may not reach; `fetch.allow_private` of the agent file can allow it");
    }

    #[tokio::test]
    async fn every_redirect_is_checked() {
        let peer = Peer::serving(pages()).await;
        let allow = ["127.0.0.1"];
        insta::assert_snapshot!(fetch(&peer, &allow, &peer.url("/metadata")).await, @"error: `169.254.169.254` is a link-local address, where clouds keep credentials (169.254.169.254), which `fetch` may not reach; `fetch.allow_private` of the agent file can allow it");
        insta::assert_snapshot!(fetch(&peer, &allow, &peer.url("/file")).await, @"error: `file:///etc/passwd` is neither http nor https");
        insta::assert_snapshot!(fetch(&peer, &allow, &peer.url("/loop")).await, @"error: `http://[PEER]/loop` redirects more than 5 times");
    }

    #[tokio::test]
    async fn addresses_that_are_none_are_refused() {
        let peer = Peer::start().await;
        insta::assert_snapshot!(fetch(&peer, &[], "example.com").await, @"error: invalid arguments: `url` is not an address: relative URL without a base");
        insta::assert_snapshot!(fetch(&peer, &[], "file:///etc/passwd").await, @"error: `file:///etc/passwd` is neither http nor https");
        insta::assert_snapshot!(fetch(&peer, &[], "http://ann:pw@example.com/").await, @"error: invalid arguments: `url` may hold no user name or password");
        insta::assert_snapshot!(fetch(&peer, &[], "http://no-such-host.invalid/").await, @"error: there is no host `no-such-host.invalid`");
    }
}
