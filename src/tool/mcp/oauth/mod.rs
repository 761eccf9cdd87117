//! OAuth 2.1 for MCP servers (MCP 2025-11-25, "Authorization"): discovery, registration and PKCE are rmcp's; ours are the
//! HTTP client, where tokens are kept, and the address that the browser comes back to.

mod client;
mod login;
mod tokens;

use std::{io, path::PathBuf, sync::Arc};

use rmcp::transport::{
    AuthClient, AuthorizationManager,
    auth::{AuthError, AuthorizationMetadata, OAuthClientConfig, WWWAuthenticateParams},
};

use self::client::Client;
pub use self::{
    login::{Login, LoginRequest},
    tokens::Tokens,
};
use super::failure::{innermost, without_address};
use crate::{
    runtime::http::{Http, HttpError},
    tool::ToolDeps,
};

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
    #[error("the authorisation server of `{server}` does not take us as a client: {reason}")]
    Register { server: String, reason: String },
    #[error("the login was refused: {reason}")]
    Refused { reason: String },
}

/// A client that sends the token of an earlier login and renews it; `None` where nobody logged in.
pub(super) async fn authorized(
    url: &str,
    client: reqwest::Client,
    deps: &ToolDeps,
) -> Result<Option<AuthClient<reqwest::Client>>, OauthError> {
    let Some((credentials, tokens)) = Tokens::of(url, &deps.paths).kept()? else { return Ok(None) };
    let mut manager = manager(url, &deps.http).await?;
    discover(&mut manager, url, tokens.challenge()).await?;
    let secret = tokens.client_secret().cloned();
    manager.set_credential_store(tokens);
    let known = manager.initialize_from_store().await.map_err(|error| discovery(url, &error))?;
    if let (true, Some(secret)) = (known, secret) {
        let config = OAuthClientConfig::new(credentials.client_id, url).with_client_secret(secret.expose());
        manager.configure_client(config).map_err(|error| discovery(url, &error))?;
    }
    Ok(known.then(|| AuthClient::new(client, manager)))
}

/// The scopes that a login lacks, as a challenge says (RFC 6750, 3.1); `None` where that is not what it says.
pub(super) fn lacking(challenge: &str) -> Option<Vec<String>> {
    // Only addresses in it would be relative to that of the server.
    let params = WWWAuthenticateParams::parse(challenge, &url::Url::parse("http://localhost").ok()?);
    let scopes = params.scope.as_deref().unwrap_or_default();
    params.is_insufficient_scope().then(|| scopes.split_whitespace().map(str::to_owned).collect())
}

/// Finds the authorisation server, from what the MCP server said when it refused us, if it said anything.
async fn discover(
    manager: &mut AuthorizationManager,
    url: &str,
    challenge: Option<&str>,
) -> Result<AuthorizationMetadata, OauthError> {
    let found = manager.resolve_metadata_from_challenge(challenge).await.map_err(|error| discovery(url, &error))?;
    manager.set_metadata(found.metadata.clone());
    Ok(found.metadata)
}

async fn manager(url: &str, http: &Arc<Http>) -> Result<AuthorizationManager, OauthError> {
    http.permit(url)?;
    let client = Arc::new(Client { http: Arc::clone(http) });
    AuthorizationManager::new_with_oauth_http_client(url, client).await.map_err(|error| discovery(url, &error))
}

fn discovery(url: &str, error: &AuthError) -> OauthError {
    let server = url.split(['?', '#']).next().unwrap_or_default().to_owned();
    let reason = match error {
        AuthError::DiscoveryRequestFailed { source, .. } => innermost(source.as_ref()),
        AuthError::NoAuthorizationSupport => "it offers no OAuth".to_owned(),
        AuthError::RegistrationFailed(reason) => {
            return OauthError::Register { server, reason: without_address(reason) };
        }
        other => other.to_string(),
    };
    OauthError::Discovery { server, reason: without_address(&reason) }
}
