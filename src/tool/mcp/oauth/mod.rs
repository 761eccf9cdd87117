//! OAuth 2.1 for MCP servers (MCP 2025-11-25, "Authorization"): discovery, dynamic registration and PKCE are rmcp's; ours
//! are the HTTP client, where tokens are kept, and the address that the browser comes back to.

use std::{fs::File, io, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::header::LOCATION;
use rmcp::transport::{
    AuthClient, AuthorizationManager, AuthorizationSession, CredentialStore, StoredCredentials,
    auth::{
        AuthError, AuthorizationRequest, CredentialRefreshGuard, OAuthHttpClient, OAuthHttpClientError,
        OAuthHttpClientFuture, OAuthHttpRedirectPolicy, OAuthHttpRequest,
    },
};
use sha2::{Digest as _, Sha256};

use super::failure::{innermost, without_address};
use crate::{
    config::{Paths, write_private},
    runtime::http::{Http, HttpError},
    tool::{ToolDeps, cap},
};

/// Longest answer of an authorisation server.
const LONGEST_ANSWER: usize = 1024 * 1024;
const MOST_REDIRECTS: usize = 5;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum OauthError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("could not read the tokens in `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("could not understand the tokens in `{}`; log out and log in again", path.display())]
    Parse { path: PathBuf },
    #[error("could not delete the tokens in `{}`", path.display())]
    Delete { path: PathBuf, source: io::Error },
    #[error("the authorisation server of `{server}` could not be used: {reason}")]
    Discovery { server: String, reason: String },
    #[error("the login was refused: {reason}")]
    Refused { reason: String },
}

/// The tokens of one server, in a file of this user alone.
#[derive(Clone, Debug)]
pub struct Tokens {
    path: PathBuf,
}

impl Tokens {
    /// Those for the server at `url`.
    #[must_use]
    pub fn of(url: &str, paths: &Paths) -> Self {
        let hash: String = Sha256::digest(url.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { path: paths.state.join("mcp-tokens").join(format!("{hash}.json")) }
    }

    /// Whether a login was done, though the token may have expired since.
    #[must_use]
    pub fn exist(&self) -> bool {
        self.path.exists()
    }

    /// Forgets them; false if there were none.
    ///
    /// # Errors
    /// [`OauthError::Delete`].
    pub fn delete(&self) -> Result<bool, OauthError> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(OauthError::Delete { path: self.path.clone(), source }),
        }
    }

    fn read(&self) -> Result<Option<StoredCredentials>, OauthError> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(OauthError::Read { path: self.path.clone(), source }),
        };
        serde_json::from_str(&text).map(Some).map_err(|_| OauthError::Parse { path: self.path.clone() })
    }
}

#[async_trait]
impl CredentialStore for Tokens {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        self.read().map_err(|error| AuthError::CredentialStoreError(error.to_string()))
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        let text =
            serde_json::to_string(&credentials).map_err(|error| AuthError::CredentialStoreError(error.to_string()))?;
        write_private(&self.path, &text)
            .map_err(|error| AuthError::CredentialStoreError(format!("`{}`: {error}", self.path.display())))
    }

    async fn clear(&self) -> Result<(), AuthError> {
        self.delete().map(drop).map_err(|error| AuthError::CredentialStoreError(error.to_string()))
    }

    /// Refresh tokens are used once: two processes must not spend the same one.
    async fn acquire_refresh_guard(&self) -> Result<Option<CredentialRefreshGuard>, AuthError> {
        let path = self.path.with_extension("lock");
        let locked = tokio::task::spawn_blocking(move || -> io::Result<File> {
            let file = File::options().create(true).truncate(false).write(true).open(path)?;
            file.lock()?;
            Ok(file)
        });
        let file = locked.await.map_err(io::Error::other).and_then(|locked| locked);
        let file = file.map_err(|error| AuthError::CredentialStoreError(error.to_string()))?;
        Ok(Some(CredentialRefreshGuard::new(file)))
    }
}

/// A client that sends the token of an earlier login and renews it; `None` where nobody logged in.
pub(super) async fn authorized(
    url: &str,
    client: reqwest::Client,
    deps: &ToolDeps,
) -> Result<Option<AuthClient<reqwest::Client>>, OauthError> {
    let tokens = Tokens::of(url, &deps.paths);
    if tokens.read()?.is_none() {
        return Ok(None);
    }
    let mut manager = manager(url, tokens, &deps.http).await?;
    let known = manager.initialize_from_store().await.map_err(|error| discovery(url, &error))?;
    Ok(known.then(|| AuthClient::new(client, manager)))
}

/// A login that waits for the user's consent.
pub struct Login {
    session: AuthorizationSession,
}

impl Login {
    /// Finds the authorisation server of `url`, registers with it, and makes the address that the user has to open.
    /// The user comes back to `redirect`.
    ///
    /// # Errors
    /// A server without OAuth, or one that does not let us register.
    pub async fn begin(url: &str, redirect: &str, paths: &Paths, http: &Arc<Http>) -> Result<Self, OauthError> {
        let mut manager = manager(url, Tokens::of(url, paths), http).await?;
        let found = manager.resolve_metadata().await.map_err(|error| discovery(url, &error))?;
        manager.set_metadata(found.metadata);
        let request = AuthorizationRequest::new(redirect).with_initial_scope_selection().with_client_name("agentscope");
        let session = AuthorizationSession::new(manager, request).await.map_err(|(_, error)| discovery(url, &error))?;
        Ok(Self { session })
    }

    /// What the user has to open.
    #[must_use]
    pub fn url(&self) -> &str {
        self.session.get_authorization_url()
    }

    /// Takes the address that the browser was sent back to, and keeps the tokens.
    ///
    /// # Errors
    /// [`OauthError::Refused`]: the user or the server said no, or the address is not of this login.
    pub async fn finish(self, redirected: &str) -> Result<(), OauthError> {
        if let Some(reason) = refusal(redirected) {
            return Err(OauthError::Refused { reason });
        }
        let exchanged = self.session.handle_callback_url(redirected.trim()).await;
        exchanged.map(drop).map_err(|error| OauthError::Refused { reason: cap::short(&error.to_string(), 500) })
    }
}

/// What an authorisation server says instead of a code (RFC 6749, 4.1.2.1).
fn refusal(redirected: &str) -> Option<String> {
    let url = url::Url::parse(redirected.trim()).ok()?;
    let value = |wanted: &str| url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
    let error = value("error")?;
    Some(match value("error_description") {
        Some(description) => format!("{error}: {}", cap::short(&description, 300)),
        None => error,
    })
}

async fn manager(url: &str, tokens: Tokens, http: &Arc<Http>) -> Result<AuthorizationManager, OauthError> {
    http.permit(url)?;
    let client = Arc::new(Client { http: Arc::clone(http) });
    let mut manager =
        AuthorizationManager::new_with_oauth_http_client(url, client).await.map_err(|error| discovery(url, &error))?;
    manager.set_credential_store(tokens);
    Ok(manager)
}

fn discovery(url: &str, error: &AuthError) -> OauthError {
    let server = url.split(['?', '#']).next().unwrap_or_default().to_owned();
    let reason = match error {
        AuthError::DiscoveryRequestFailed { source, .. } => innermost(source.as_ref()),
        AuthError::NoAuthorizationSupport => "it offers no OAuth".to_owned(),
        other => other.to_string(),
    };
    OauthError::Discovery { server, reason: without_address(&reason) }
}

/// Our HTTP client, with its certificate roots, proxies and the rule of `--offline`, for rmcp's requests.
struct Client {
    http: Arc<Http>,
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
            // Discovery only: it carries no secret and no body.
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
