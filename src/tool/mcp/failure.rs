//! Why a server does not answer, in words for people and for a model.

use std::{error::Error, fmt, time::Duration};

use rmcp::{
    service::{ClientInitializeError, ServiceError},
    transport::{DynamicTransportError, streamable_http_client::StreamableHttpError},
};

use super::process::LastWords;
use crate::tool::cap;

/// A server that could not be started or reached, or that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: String,
    /// What to do next, where we know.
    pub hint: Option<String>,
    /// The last lines it wrote to its standard error, oldest first.
    pub stderr: Vec<String>,
    /// Whether another try may help.
    pub(super) retry: Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    Useful,
    Useless,
}

impl Failure {
    pub(super) fn new(reason: impl Into<String>, retry: Retry) -> Self {
        Self { reason: reason.into(), hint: None, stderr: vec![], retry }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what the process said before it ended.
    pub(super) fn last_words(mut self, words: LastWords) -> Self {
        if let Some(fault) = words.fault {
            fault.clone_into(&mut self.reason);
        }
        if let Some(garbage) = words.garbage {
            self.reason = format!("{}; it wrote `{garbage}` where a message of MCP is wanted", self.reason);
        }
        self.stderr = words.stderr;
        self
    }

    pub(super) fn timeout(limit: Duration) -> Self {
        Self::new(format!("no answer within {}", seconds(limit)), Retry::Useful)
            .hint("raise its `timeout` if it needs longer to start")
    }

    /// From the handshake. `login` is the command that gets a token.
    pub(super) fn handshake(error: &ClientInitializeError, login: &str) -> Self {
        if error.is_authorization_required() || error.auth_challenge().is_some() {
            return Self::unauthorized(login);
        }
        match error {
            ClientInitializeError::ConnectionClosed(_) => {
                Self::new("it ended the connection before it was ready", Retry::Useful)
            }
            ClientInitializeError::JsonRpcError(error) => {
                Self::new(format!("it refused the connection: {}", cap::short(&error.message, 500)), Retry::Useless)
            }
            ClientInitializeError::NoCompatibleProtocolVersion { .. } => {
                Self::new("it speaks no version of MCP that we do", Retry::Useless)
            }
            ClientInitializeError::TransportError { error, .. } => Self::transport(error),
            other => Self::new(
                format!("its answer could not be understood: {}", without_address(&other.to_string())),
                Retry::Useful,
            ),
        }
    }

    /// From a request that failed.
    pub(super) fn request(error: &ServiceError, login: &str) -> Self {
        if error.is_authorization_required() || error.auth_challenge().is_some() {
            return Self::unauthorized(login);
        }
        match error {
            ServiceError::McpError(error) => Self::new(cap::short(&error.message, 4000), Retry::Useless),
            ServiceError::TransportClosed => Self::new("the connection was closed", Retry::Useful),
            ServiceError::TransportSend(error) => Self::transport(error),
            other => Self::new(without_address(&other.to_string()), Retry::Useful),
        }
    }

    fn transport(error: &DynamicTransportError) -> Self {
        let http =
            sources(error.error.as_ref()).find_map(<dyn Error>::downcast_ref::<StreamableHttpError<reqwest::Error>>);
        let text = match http {
            Some(StreamableHttpError::Client(error)) => innermost(error),
            Some(StreamableHttpError::Auth(error)) => innermost(error),
            Some(error) => error.to_string(),
            None => innermost(error.error.as_ref()),
        };
        Self::new(format!("it could not be reached: {}", without_address(&text)), Retry::Useful)
    }

    fn unauthorized(login: &str) -> Self {
        Self::new("it wants you to log in", Retry::Useless).hint(format!("run `{login}`"))
    }
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// What an error comes down to; the layers above it repeat each other.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    sources(error).last().unwrap_or(error).to_string()
}

/// reqwest adds the address, whose query may hold a key.
pub(super) fn without_address(text: &str) -> String {
    cap::short(text.split(" for url (").next().unwrap_or(text), 500)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if let Some(last) = self.stderr.last() {
            write!(f, "; its last words: {}", cap::short(last, 300))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

pub(super) fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}
