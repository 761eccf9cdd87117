//! How a registry lets us in: Basic, or a bearer token of its token server
//! (distribution/distribution, `docs/content/spec/auth/token.md`).

use std::collections::BTreeMap;

use reqwest::{RequestBuilder, Response, header};
use serde::Deserialize;

use super::{
    Login,
    document::{self, PATIENCE},
};
use crate::{config::Secret, deploy::DeployError, runtime::http::Http};

/// What requests to a registry carry.
#[derive(Clone, Debug)]
pub(super) enum Pass {
    None,
    Basic(Login),
    Bearer(Secret),
}

impl Pass {
    pub(super) fn on(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::None | Self::Basic(Login::Nobody | Login::Identity(_)) => request,
            Self::Basic(Login::Password { user, password }) => request.basic_auth(user, Some(password.expose())),
            Self::Bearer(token) => request.bearer_auth(token.expose()),
        }
    }
}

/// What a registry asks for that answered 401.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    scheme: String,
    parameters: BTreeMap<String, String>,
}

impl Challenge {
    pub(super) fn of(response: &Response) -> Option<Self> {
        let values = response.headers().get_all(header::WWW_AUTHENTICATE);
        let known = |challenge: &Self| matches!(challenge.scheme.as_str(), "bearer" | "basic");
        values.iter().filter_map(|value| Self::parse(value.to_str().ok()?)).find(known)
    }

    /// `Bearer realm="…",service="…"` (RFC 9110, 11.6.1).
    fn parse(text: &str) -> Option<Self> {
        let (scheme, mut rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut parameters = BTreeMap::new();
        while let Some((name, after)) = rest.split_once('=') {
            let (value, next) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_at(after.find(',').unwrap_or(after.len())),
            };
            parameters.insert(name.trim().to_ascii_lowercase(), value.to_owned());
            rest = next.trim_start().trim_start_matches(',').trim_start();
        }
        Some(Self { scheme: scheme.to_ascii_lowercase(), parameters })
    }

    /// Does as it asks.
    ///
    /// # Errors
    /// A token server that cannot be asked.
    pub(super) async fn answer(&self, login: &Login, scope: &str, http: &Http) -> Result<Pass, DeployError> {
        if self.scheme == "basic" {
            return Ok(Pass::Basic(login.clone()));
        }
        let realm = self.parameters.get("realm").map(String::as_str).unwrap_or_default();
        let plain = realm.starts_with("http://") && http_only_here(realm);
        if !(plain || realm.starts_with("https://")) {
            return Err(DeployError::Failed {
                what: format!("the registry asks for a login at `{realm}`, which is no address of a token server"),
                hint: None,
            });
        }
        let service = self.parameters.get("service").map(String::as_str).unwrap_or_default();
        let client = http.client(realm)?;
        let request = match login {
            Login::Identity(token) => client.post(realm).body(form(&[
                ("grant_type", "refresh_token"),
                ("service", service),
                ("client_id", "agentscope"),
                ("scope", scope),
                ("refresh_token", token.expose()),
            ])),
            _ => {
                let query = client.get(realm).query(&[("service", service), ("scope", scope)]);
                Pass::Basic(login.clone()).on(query)
            }
        };
        let request = match login {
            Login::Identity(_) => request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded"),
            _ => request,
        };
        let unreachable = |source: reqwest::Error| DeployError::Unreachable {
            registry: realm.to_owned(),
            source: source.without_url(),
        };
        let (what, from) = ("a token", format!("the token server `{realm}`"));
        let silent = |_| DeployError::Silent { from: from.clone(), what: what.to_owned(), patience: PATIENCE };
        let sent = tokio::time::timeout(PATIENCE, request.send()).await.map_err(silent)?;
        let response = sent.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            return Err(DeployError::Failed {
                what: format!("the token server `{realm}` answered {status} to {}", login.who()),
                hint: Some("`docker login` at the registry makes a login that holds".to_owned()),
            });
        }
        #[derive(Deserialize)]
        struct Token {
            token: Option<Secret>,
            access_token: Option<Secret>,
        }
        let answer = document::whole(response.bytes_stream(), (what, &from), unreachable).await?;
        let token: Option<Token> = serde_json::from_slice(&answer).ok();
        let token = token.and_then(|token| token.token.or(token.access_token)).ok_or_else(|| DeployError::Failed {
            what: format!("the token server `{realm}` gave no token"),
            hint: None,
        })?;
        Ok(Pass::Bearer(token))
    }
}

/// Passwords go over http to this machine only.
fn http_only_here(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(super::client::is_here))
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(fields);
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let parsed =
            Challenge::parse(r#"Bearer realm="https://auth.example/token",service="r.example", scope=x"#).unwrap();
        let shown: Vec<_> = parsed.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            (parsed.scheme.as_str(), shown.join(" ")),
            ("bearer", "realm=https://auth.example/token scope=x service=r.example".to_owned())
        );
        assert_eq!(Challenge::parse("Basic").unwrap().scheme, "basic");
        assert!(Challenge::parse("Bearer realm=\"open").is_none());
    }
}
