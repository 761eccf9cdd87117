//! Where the tokens of a server are kept, with what a renewal needs besides them.

use std::{fs::File, io, path::PathBuf};

use async_trait::async_trait;
use rmcp::transport::{
    CredentialStore, StoredCredentials,
    auth::{AuthError, CredentialRefreshGuard},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::OauthError;
use crate::config::{Paths, Secret, write_private};

/// Beside what rmcp keeps in the file.
const CHALLENGE: &str = "challenge";
const CLIENT_SECRET: &str = "client_secret";

/// The tokens of one server, in a file of this user alone.
#[derive(Clone, Debug)]
pub struct Tokens {
    path: PathBuf,
    /// What the server said when it wanted the login. It may be the only place that names the authorisation server.
    challenge: Option<String>,
    /// Of a client that has one.
    client_secret: Option<Secret>,
}

impl Tokens {
    /// Those for the server at `url`.
    #[must_use]
    pub fn of(url: &str, paths: &Paths) -> Self {
        let hash: String = Sha256::digest(url.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let path = paths.state.join("mcp-tokens").join(format!("{hash}.json"));
        Self { path, challenge: None, client_secret: None }
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

    /// To be kept from now on with what the login was done with.
    pub(super) fn with(mut self, challenge: Option<String>, client_secret: Option<Secret>) -> Self {
        (self.challenge, self.client_secret) = (challenge, client_secret);
        self
    }

    pub(super) fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }

    pub(super) fn client_secret(&self) -> Option<&Secret> {
        self.client_secret.as_ref()
    }

    /// What is in the file, if there is one.
    pub(super) fn kept(&self) -> Result<Option<(StoredCredentials, Self)>, OauthError> {
        let wrong = |_| OauthError::Parse { path: self.path.clone() };
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(OauthError::Read { path: self.path.clone(), source }),
        };
        let kept: Value = serde_json::from_str(&text).map_err(wrong)?;
        let field = |name: &str| kept[name].as_str().map(str::to_owned);
        let tokens = self.clone().with(field(CHALLENGE), field(CLIENT_SECRET).map(Secret::from));
        let credentials = serde_json::from_value(kept).map_err(wrong)?;
        Ok(Some((credentials, tokens)))
    }
}

#[async_trait]
impl CredentialStore for Tokens {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        let kept = self.kept().map_err(|error| AuthError::CredentialStoreError(error.to_string()))?;
        Ok(kept.map(|(credentials, _)| credentials))
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        let mut kept =
            serde_json::to_value(credentials).map_err(|error| AuthError::CredentialStoreError(error.to_string()))?;
        let more = [(CHALLENGE, self.challenge()), (CLIENT_SECRET, self.client_secret().map(Secret::expose))];
        for (name, value) in more {
            if let Some(value) = value {
                kept[name] = value.into();
            }
        }
        write_private(&self.path, &kept.to_string())
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
