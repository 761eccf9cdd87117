//! Requests to one repository of a registry, with the login that it asks for.

use std::{io, time::Duration};

use futures_util::{Stream, StreamExt as _};
use http::StatusCode;
use reqwest::{Client, RequestBuilder, Response, header};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    Credentials, Login, Reference,
    auth::{Challenge, Pass},
    document::{self, PATIENCE},
};
use crate::{config::Env, deploy::DeployError, runtime::http::Http};

/// Of an answer that says what is wrong.
const SAID: usize = 4 << 10;
/// How long that may take.
const SAYING: Duration = Duration::from_secs(10);
/// Bytes a second: the slowest line that a layer is sent over.
const SLOWEST: u64 = 64 << 10;

/// What we want of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Pull,
    Push,
}

impl Access {
    fn scope(self, repository: &str) -> String {
        let actions = match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        };
        format!("repository:{repository}:{actions}")
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Pull => "read",
            Self::Push => "write to",
        }
    }
}

/// One repository.
pub struct Registry<'a> {
    pub(super) reference: &'a Reference,
    access: Access,
    login: Login,
    http: &'a Http,
    client: Client,
    pass: Mutex<Pass>,
}

impl<'a> Registry<'a> {
    /// Asks nobody yet, but a credential helper.
    ///
    /// # Errors
    /// `--offline`; a login that cannot be read.
    pub async fn open(
        reference: &'a Reference,
        access: Access,
        http: &'a Http,
        env: &Env,
    ) -> Result<Self, DeployError> {
        let root = root(&reference.registry);
        let client = http.client(&root)?;
        let login = Credentials::load(env)?.at(&reference.registry, env).await?;
        Ok(Self { reference, access, login, http, client, pass: Mutex::new(Pass::None) })
    }

    /// The address of `path` in the repository, such as `blobs/…`.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}/v2/{}/{path}", root(&self.reference.registry), self.reference.repository)
    }

    /// Sends what `request` makes, again with a login where the registry asks for one.
    ///
    /// # Errors
    /// A registry that cannot be reached, or does not let us in.
    pub(super) async fn send(&self, request: impl Fn(&Client) -> RequestBuilder) -> Result<Response, DeployError> {
        let pass = self.pass.lock().await.clone();
        let response = self.once(self.with(&pass, request(&self.client))?).await?;
        let response = match response.status() {
            StatusCode::UNAUTHORIZED if self.is_own(response.url()) => {
                let Some(challenge) = Challenge::of(&response) else { return Err(self.denied()) };
                let scope = self.access.scope(&self.reference.repository);
                let pass = challenge.answer(&self.login, &scope, self.http).await?;
                *self.pass.lock().await = pass.clone();
                self.once(self.with(&pass, request(&self.client))?).await?
            }
            _ => response,
        };
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.denied()),
            _ => Ok(response),
        }
    }

    /// Our login goes to the registry alone, not to where it has layers sent.
    fn with(&self, pass: &Pass, request: RequestBuilder) -> Result<RequestBuilder, DeployError> {
        let (client, request) = request.build_split();
        let request = request.map_err(|source| self.unreachable(source))?;
        let own = self.is_own(request.url());
        let request = RequestBuilder::from_parts(client, request);
        Ok(if own { pass.on(request) } else { request })
    }

    fn is_own(&self, url: &url::Url) -> bool {
        url::Url::parse(&root(&self.reference.registry)).is_ok_and(|root| root.origin() == url.origin())
    }

    async fn once(&self, request: RequestBuilder) -> Result<Response, DeployError> {
        let (client, request) = request.build_split();
        let request = request.map_err(|source| self.unreachable(source))?;
        let size =
            request.headers().get(header::CONTENT_LENGTH).and_then(|size| size.to_str().ok()?.parse::<u64>().ok());
        let patience = PATIENCE + Duration::from_secs(size.unwrap_or_default() / SLOWEST);
        let sent = tokio::time::timeout(patience, client.execute(request)).await.map_err(|_| self.silent(patience))?;
        sent.map_err(|source| self.unreachable(source))
    }

    /// The next piece of an answer; nothing of it for [`PATIENCE`] is a failure.
    pub(super) async fn piece<T>(
        &self,
        stream: &mut (impl Stream<Item = reqwest::Result<T>> + Unpin),
    ) -> Result<Option<T>, DeployError> {
        let piece = tokio::time::timeout(PATIENCE, stream.next()).await.map_err(|_| self.silent(PATIENCE))?;
        piece.transpose().map_err(|source| self.unreachable(source))
    }

    /// All of a document, which `what` is.
    ///
    /// # Errors
    /// One that is too large or takes too long.
    pub(super) async fn whole(&self, response: Response, what: &str) -> Result<Vec<u8>, DeployError> {
        let from = format!("the registry `{}`", self.reference.registry);
        document::whole(response.bytes_stream(), (what, &from), |error| self.unreachable(error)).await
    }

    fn silent(&self, patience: Duration) -> DeployError {
        DeployError::Failed {
            what: format!("the registry `{}` did not answer within {} s", self.reference.registry, patience.as_secs()),
            hint: None,
        }
    }

    pub(super) fn unreachable(&self, source: reqwest::Error) -> DeployError {
        DeployError::Unreachable { registry: self.reference.registry.clone(), source: source.without_url() }
    }

    fn denied(&self) -> DeployError {
        let hint = match self.login {
            Login::Nobody => {
                format!("`docker login {}` keeps a login, which is used here as well", self.reference.registry)
            }
            _ => "ask for the right, or log in as somebody who has it with `docker login`".to_owned(),
        };
        DeployError::Denied {
            registry: self.reference.registry.clone(),
            repository: self.reference.repository.clone(),
            action: self.access.verb(),
            who: self.login.who(),
            hint,
        }
    }

    /// An answer that is none of those that were hoped for.
    pub(super) async fn refused(&self, what: &str, response: Response) -> DeployError {
        #[derive(Deserialize)]
        struct Errors {
            errors: Vec<Said>,
        }
        #[derive(Deserialize)]
        struct Said {
            #[serde(default)]
            code: String,
            #[serde(default)]
            message: String,
        }
        let status = response.status().as_u16();
        let reading = document::some(response.bytes_stream(), SAID);
        let (bytes, _) = tokio::time::timeout(SAYING, reading).await.ok().and_then(Result::ok).unwrap_or_default();
        let errors: Option<Errors> = serde_json::from_slice(&bytes).ok();
        let said = errors.and_then(|errors| {
            let first = errors.errors.into_iter().next()?;
            Some(if first.message.is_empty() { first.code } else { first.message })
        });
        DeployError::Refused { registry: self.reference.registry.clone(), status, what: what.to_owned(), said }
    }

    /// Follows what a registry sends elsewhere, such as to a store of blobs, without our login.
    ///
    /// # Errors
    /// As the other says.
    pub(super) async fn follow(&self, response: Response) -> Result<Response, DeployError> {
        let mut response = response;
        for _ in 0..5 {
            if !response.status().is_redirection() {
                break;
            }
            let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            let Some(to) = to.and_then(|to| response.url().join(to).ok()) else { break };
            let client = self.http.client(to.as_str())?;
            response = self.once(client.get(to)).await?;
        }
        Ok(response)
    }
}

/// As every client of registries does: this machine is asked over http, everybody else over https.
fn root(registry: &str) -> String {
    let host = url::Url::parse(&format!("http://{registry}")).ok();
    let here = host.is_some_and(|url| url.host_str().is_some_and(is_here));
    format!("{}://{registry}", if here { "http" } else { "https" })
}

pub(super) fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// For `map_err`, of a file in the cache.
pub(super) fn cached(error: io::Error) -> DeployError {
    DeployError::io("use the cache of layers")(error)
}
