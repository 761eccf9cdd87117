//! The `serve` part of the agent file.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Deserialize;

use super::units::{Bytes, Rate, Span};
use crate::config::Secret;

/// Defaults of `agentscope run`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Serve {
    /// Default 127.0.0.1.
    pub host: Option<IpAddr>,
    /// Default 8090.
    pub port: Option<u16>,
    /// How callers reach the server, with its path prefix.
    pub public_url: Option<String>,
    pub tokens: Vec<Token>,
    /// Origins that browsers may call from.
    pub cors: Vec<String>,
    /// Addresses or networks whose forwarded headers are believed.
    pub trusted_proxies: Vec<String>,
    pub busy: Busy,
    pub approval: Approval,
    pub limits: ServeLimits,
}

/// A bearer token.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub name: String,
    pub value: Secret,
    /// The user whose sessions it reaches; any where absent.
    #[serde(default)]
    pub user: Option<String>,
    /// May also stop the server and ask for its state.
    #[serde(default)]
    pub admin: bool,
}

/// What becomes of a second message to a running session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Busy {
    #[default]
    Queue,
    Reject,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Approval {
    /// Default 5m.
    pub timeout: Option<Span>,
    pub default: ApprovalDefault,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalDefault {
    #[default]
    Deny,
    Allow,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServeLimits {
    /// Default 10MiB.
    pub body: Option<Bytes>,
    /// Turns that run at once. Default 256.
    pub concurrency: Option<u32>,
    /// Of these, turns of one user. Default half; all for callers that name no user where there is no second token.
    #[schemars(range(min = 1))]
    pub per_user: Option<u32>,
    /// Requests of one caller, such as `60/m`.
    pub rate: Option<Rate>,
    /// Of one turn.
    pub time: Option<Span>,
}
