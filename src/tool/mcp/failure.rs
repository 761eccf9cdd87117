//! Why a server does not answer, in words for people and for a model.

use std::{error::Error, fmt, time::Duration};

use rmcp::{
    service::{ClientInitializeError, ServiceError},
    transport::{DynamicTransportError, streamable_http_client::StreamableHttpError},
};

use super::{oauth, process::LastWords};
use crate::tool::cap;

/// A server that could not be started or reached, or that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: String,
    /// What to do next, where we know.
    pub hint: Option<String>,
    /// The last lines it wrote to its standard error, oldest first.
    pub stderr: Vec<String>,
    /// What a login would be for, where the server wants one: its `WWW-Authenticate`, empty where it gave none.
    pub challenge: Option<Box<str>>,
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
        Self { reason: reason.into(), hint: None, stderr: vec![], challenge: None, retry }
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
            return Self::unauthorized(error.auth_challenge().unwrap_or_default(), login);
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
            ClientInitializeError::TransportError { error, .. } => Self::transport(error, login),
            ClientInitializeError::LegacyFallbackFailed { fallback, .. } => Self::handshake(fallback, login),
            // In rmcp's own words these are whole messages in the notation of Rust.
            _ => Self::not_mcp(),
        }
    }

    /// From a request that failed.
    pub(super) fn request(error: &ServiceError, login: &str) -> Self {
        if error.is_authorization_required() || error.auth_challenge().is_some() {
            return Self::unauthorized(error.auth_challenge().unwrap_or_default(), login);
        }
        match error {
            ServiceError::McpError(error) => Self::new(cap::short(&error.message, 4000), Retry::Useless),
            ServiceError::TransportClosed => Self::new("the connection was closed", Retry::Useful),
            ServiceError::TransportSend(error) => Self::transport(error, login),
            other => Self::new(without_address(&other.to_string()), Retry::Useful),
        }
    }

    /// From underneath MCP. rmcp wraps what happened in the names of its types, which say nothing to a user.
    fn transport(error: &DynamicTransportError, login: &str) -> Self {
        let http =
            sources(error.error.as_ref()).find_map(<dyn Error>::downcast_ref::<StreamableHttpError<reqwest::Error>>);
        match http {
            Some(StreamableHttpError::Client(error)) => Self::unreachable(error),
            Some(StreamableHttpError::Auth(error)) => Self::unreachable(error),
            Some(StreamableHttpError::HttpStatus(error)) => Self::status(error.status, "", login),
            Some(StreamableHttpError::UnexpectedServerResponse(text)) => match text.strip_prefix("HTTP ") {
                Some(answer) => {
                    let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
                    let code = status.get(..3).and_then(|code| code.parse().ok());
                    code.map_or_else(Self::not_mcp, |code| Self::status(code, body, login))
                }
                None => Self::not_mcp(),
            },
            Some(StreamableHttpError::UnexpectedContentType(_) | StreamableHttpError::Deserialize(_)) => {
                Self::not_mcp()
            }
            Some(StreamableHttpError::TransportChannelClosed | StreamableHttpError::UnexpectedEndOfStream) => {
                Self::new("it ended the connection", Retry::Useful)
            }
            Some(error) => Self::broken(error),
            // The pipe to a program.
            None => Self::broken(error.error.as_ref()),
        }
    }

    fn broken(error: &(dyn Error + 'static)) -> Self {
        Self::new(format!("the connection broke: {}", without_address(&innermost(error))), Retry::Useful)
    }

    fn unreachable(error: &(dyn Error + 'static)) -> Self {
        Self::new(format!("it could not be reached: {}", without_address(&innermost(error))), Retry::Useful)
            .hint("see that it is running, and that its `url` is right")
    }

    fn not_mcp() -> Self {
        Self::new("it answered with what is not MCP", Retry::Useful)
            .hint("see that its `url` is that of an MCP server; many end in `/mcp`")
    }

    /// From an answer that is an error of HTTP.
    fn status(status: u16, body: &str, login: &str) -> Self {
        let known = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let mut reason = format!("it answered HTTP {status}");
        if let Some(known) = known {
            reason.push_str(&format!(" {known}"));
        }
        let body = body.trim();
        // A page for browsers explains nothing in a terminal.
        if !body.is_empty() && !body.starts_with('<') {
            reason.push_str(&format!(": {}", cap::short(body, 200)));
        }
        let (retry, hint) = match status {
            401 | 403 => (Retry::Useless, format!("correct the key in its `headers`, or run `{login}`")),
            404 | 405 => (Retry::Useless, "see that its `url` is that of an MCP server; many end in `/mcp`".to_owned()),
            300..=399 => (Retry::Useless, "write the address that it sends to into its `url`".to_owned()),
            408 | 429 => (Retry::Useful, "try again later".to_owned()),
            500.. => (Retry::Useful, "its own log may say why".to_owned()),
            _ => (Retry::Useless, "see that its `url` and `headers` are right".to_owned()),
        };
        let failure = Self::new(reason, retry).hint(hint);
        if status == 401 { Self { challenge: Some(Box::default()), ..failure } } else { failure }
    }

    fn unauthorized(challenge: &str, login: &str) -> Self {
        let lacking = oauth::lacking(challenge);
        let (reason, login) = match lacking.as_deref() {
            None => ("it wants you to log in".to_owned(), login.to_owned()),
            Some([]) => ("your login does not allow this".to_owned(), login.to_owned()),
            Some(scopes) => {
                let missing = cap::short(&scopes.join("` and `"), 300);
                let login = if scopes.iter().all(|scope| plain(scope)) {
                    format!("{login} --scope {}", scopes.join(" --scope "))
                } else {
                    login.to_owned()
                };
                (format!("your login does not allow this; it wants the scope `{missing}`"), login)
            }
        };
        // RFC 9728, 5.1: where it says nothing of who grants access, it may take fixed tokens alone.
        let hint = if lacking.is_some() || challenge.contains("resource_metadata") {
            format!("run `{login}`")
        } else {
            format!("run `{login}`, or give it a token: under its `headers`, or with `mcp test --token-env`")
        };
        let failure = Self::new(reason, Retry::Useless).hint(hint);
        Self { challenge: Some(challenge.into()), ..failure }
    }
}

/// Whether a word of the server may stand in a command that we tell the user to run.
fn plain(word: &str) -> bool {
    word.len() <= 100
        && word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":._/-".contains(&byte))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_that_is_wanted_is_in_the_command_unless_a_shell_would_read_it() {
        let told = |scope: &str| {
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            Failure::unauthorized(&challenge, "login x").to_string()
        };
        insta::assert_snapshot!(told("mcp:read mcp:write"), @"your login does not allow this; it wants the scope `mcp:read` and `mcp:write`; run `login x --scope mcp:read --scope mcp:write`");
        insta::assert_snapshot!(told("a;reboot"), @"your login does not allow this; it wants the scope `a;reboot`; run `login x`");
        insta::assert_snapshot!(told(""), @"your login does not allow this; run `login x`");
        insta::assert_snapshot!(Failure::unauthorized("Bearer", "login x"), @"it wants you to log in; run `login x`, or give it a token: under its `headers`, or with `mcp test --token-env`");
        let granted_elsewhere = "Bearer resource_metadata=\"https://x/.well-known\"";
        insta::assert_snapshot!(Failure::unauthorized(granted_elsewhere, "login x"), @"it wants you to log in; run `login x`");
    }
}
