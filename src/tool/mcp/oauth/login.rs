//! A login: who we say that we are, what we ask for, and the way back from the browser.

use std::sync::Arc;

use rmcp::transport::{
    AuthorizationManager, AuthorizationSession,
    auth::{AuthError, AuthorizationMetadata, OAuthClientConfig},
};
use serde_json::Value;

use super::{OauthError, Tokens, discover, discovery, lacking, manager};
use crate::{
    config::{Paths, Secret},
    runtime::http::Http,
    tool::cap,
};

/// Of the metadata of an authorisation server (draft-ietf-oauth-client-id-metadata-document).
const TAKES_DOCUMENTS: &str = "client_id_metadata_document_supported";

/// What a login is done with. By default we register ourselves, and ask for what the server says.
#[derive(Clone, Debug, Default)]
pub struct LoginRequest {
    /// A client that the authorisation server knows already.
    pub client_id: Option<String>,
    /// Of that client, if it has one.
    pub client_secret: Option<Secret>,
    /// The address of a document that describes the client (MCP 2025-11-25, "Client ID Metadata Documents"), for
    /// authorisation servers that take one.
    pub client_metadata: Option<String>,
    /// Besides those of an earlier login. The server's own wish where there are none.
    pub scopes: Vec<String>,
    /// What the server said when it refused us: the value of `WWW-Authenticate`.
    pub challenge: Option<String>,
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
    pub async fn begin(
        url: &str,
        redirect: &str,
        request: &LoginRequest,
        paths: &Paths,
        http: &Arc<Http>,
    ) -> Result<Self, OauthError> {
        let wrong = |error: AuthError| discovery(url, &error);
        let tokens = Tokens::of(url, paths);
        let mut manager = manager(url, http).await?;
        let challenge = request.challenge.as_deref().filter(|challenge| !challenge.is_empty());
        let metadata = discover(&mut manager, url, challenge).await?;
        let scopes = scopes(&manager, request, &tokens).await;
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let client = identify(&mut manager, &metadata, redirect, request, &scopes).await.map_err(wrong)?;
        let secret = client.client_secret.clone().map(Secret::from);
        manager.configure_client(client).map_err(wrong)?;
        manager.set_credential_store(tokens.with(challenge.map(str::to_owned), secret));
        let address = manager.get_authorization_url(&scopes).await.map_err(wrong)?;
        Ok(Self { session: AuthorizationSession::for_scope_upgrade(manager, address, redirect) })
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

/// Who wants more keeps what it has.
async fn scopes(manager: &AuthorizationManager, request: &LoginRequest, tokens: &Tokens) -> Vec<String> {
    let lacking = request.challenge.as_deref().and_then(lacking).unwrap_or_default();
    if lacking.is_empty() && request.scopes.is_empty() {
        return manager.select_initial_scopes(&[]).await;
    }
    // Tokens that cannot be read are about to be written anew.
    let mut scopes = tokens.kept().ok().flatten().map(|(kept, _)| kept.granted_scopes).unwrap_or_default();
    for scope in lacking.iter().chain(&request.scopes) {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    scopes
}

/// The order that MCP asks for: a client that is known, one that is described, one that is registered now.
async fn identify(
    manager: &mut AuthorizationManager,
    metadata: &AuthorizationMetadata,
    redirect: &str,
    request: &LoginRequest,
    scopes: &[&str],
) -> Result<OAuthClientConfig, AuthError> {
    if let Some(id) = &request.client_id {
        let client = OAuthClientConfig::new(id, redirect);
        return Ok(match &request.client_secret {
            Some(secret) => client.with_client_secret(secret.expose()),
            None => client,
        });
    }
    match &request.client_metadata {
        Some(address) if metadata.additional_fields.get(TAKES_DOCUMENTS) == Some(&Value::Bool(true)) => {
            Ok(OAuthClientConfig::new(address, redirect))
        }
        _ => manager.register_client("agentscope", redirect, scopes).await,
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
