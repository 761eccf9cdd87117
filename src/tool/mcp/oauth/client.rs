//! Our HTTP client for rmcp's requests to authorisation servers.

use std::{sync::Arc, time::Duration};

use reqwest::header::LOCATION;
use rmcp::transport::auth::{
    OAuthHttpClient, OAuthHttpClientError, OAuthHttpClientFuture, OAuthHttpRedirectPolicy, OAuthHttpRequest,
};

use crate::runtime::http::Http;

/// Longest answer of an authorisation server.
const LONGEST_ANSWER: usize = 1024 * 1024;
const MOST_REDIRECTS: usize = 5;

/// With our certificate roots, proxies and the rule of `--offline`.
pub(super) struct Client {
    pub(super) http: Arc<Http>,
}

impl OAuthHttpClient for Client {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        Box::pin(async move {
            let limit = request.timeout.unwrap_or(Duration::from_secs(30));
            let sent = send(&self.http, reqwest::Request::try_from(request.request)?, request.redirect_policy);
            let (parts, body) = tokio::time::timeout(limit, sent).await.map_err(|_| "no answer in time")??;
            Ok(http::Response::from_parts(parts, body))
        })
    }
}

async fn send(
    http: &Http,
    mut request: reqwest::Request,
    policy: OAuthHttpRedirectPolicy,
) -> Result<(http::response::Parts, Vec<u8>), OAuthHttpClientError> {
    for _ in 0..=MOST_REDIRECTS {
        let client = http.client(request.url().as_str())?;
        let again = request.try_clone();
        let mut response = client.execute(request).await?;
        let target = match (policy, response.headers().get(LOCATION)) {
            (OAuthHttpRedirectPolicy::Follow, Some(location)) if response.status().is_redirection() => {
                Some(response.url().join(location.to_str()?)?)
            }
            _ => None,
        };
        if let Some(target) = target {
            // Also of what registers a client: a server is not to have us write to others, and tell it what they say.
            if target.origin() != response.url().origin() {
                return Err(format!("a redirect to another server, `{}`", target.origin().ascii_serialization()).into());
            }
            request = again.ok_or("a redirect of a request that cannot be repeated")?;
            *request.url_mut() = target;
            continue;
        }
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err("an answer of more than 1 MiB".into());
            }
            body.extend_from_slice(&chunk);
        }
        let (parts, _) = http::Response::from(response).into_parts();
        return Ok((parts, body));
    }
    Err("too many redirects".into())
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, routing::post};

    use super::*;
    use crate::config::Env;

    async fn listen(router: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    #[tokio::test]
    async fn no_server_has_us_write_to_another() {
        let other = listen(Router::new().route("/", post(async || "a secret"))).await;
        let moved = move |to: String| post(async move || (StatusCode::TEMPORARY_REDIRECT, [("location", to)]));
        let routes = Router::new().route("/away", moved(other.clone())).route("/near", moved("/here".to_owned()));
        let server = listen(routes.route("/here", post(async || "registered"))).await;
        let folder = tempfile::tempdir().unwrap();
        let http = Http::new(Env::fake(folder.path(), &[]), false);
        let send = async |path: &str| {
            let request = reqwest::Request::new(reqwest::Method::POST, format!("{server}{path}").parse().unwrap());
            send(&http, request, OAuthHttpRedirectPolicy::Follow).await.map(|(_, body)| body)
        };
        assert_eq!(send("/near").await.unwrap(), b"registered");
        let refused = send("/away").await.unwrap_err().to_string();
        assert_eq!(refused, format!("a redirect to another server, `{other}`"));
    }
}
