//! JSON-RPC 2.0, as both versions of the protocol use it.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{server::ApiError, store::StoreError};

/// The version of the protocol that a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V03,
    V1,
}

/// Why a method gave no result. Codes of sections 8.2 of 0.3 and 5.4 of 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Parse,
    InvalidRequest,
    MethodNotFound,
    InvalidParams,
    Internal,
    TaskNotFound,
    TaskNotCancelable,
    PushNotSupported,
    Unsupported,
    ContentType,
    NoExtendedCard,
    VersionNotSupported,
}

impl Code {
    fn number(self) -> i32 {
        match self {
            Self::Parse => -32700,
            Self::InvalidRequest => -32600,
            Self::MethodNotFound => -32601,
            Self::InvalidParams => -32602,
            Self::Internal => -32603,
            Self::TaskNotFound => -32001,
            Self::TaskNotCancelable => -32002,
            Self::PushNotSupported => -32003,
            Self::Unsupported => -32004,
            Self::ContentType => -32005,
            Self::NoExtendedCard => -32007,
            Self::VersionNotSupported => -32009,
        }
    }

    /// As 1.0 names those of the protocol itself.
    fn reason(self) -> Option<&'static str> {
        match self {
            Self::TaskNotFound => Some("TASK_NOT_FOUND"),
            Self::TaskNotCancelable => Some("TASK_NOT_CANCELABLE"),
            Self::PushNotSupported => Some("PUSH_NOTIFICATION_NOT_SUPPORTED"),
            Self::Unsupported => Some("UNSUPPORTED_OPERATION"),
            Self::ContentType => Some("CONTENT_TYPE_NOT_SUPPORTED"),
            Self::NoExtendedCard => Some("EXTENDED_AGENT_CARD_NOT_CONFIGURED"),
            Self::VersionNotSupported => Some("VERSION_NOT_SUPPORTED"),
            Self::Parse | Self::InvalidRequest | Self::MethodNotFound | Self::InvalidParams | Self::Internal => None,
        }
    }
}

/// A refusal: one of the protocol, or one of HTTP for what is no matter of the protocol.
#[derive(Debug)]
pub(super) enum Refusal {
    Rpc(Code, String),
    Http(ApiError),
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::Rpc(code, message.into())
    }

    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParams, message)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        match error.status {
            StatusCode::NOT_FOUND => Self::new(Code::TaskNotFound, error.message),
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Self::params(error.message),
            StatusCode::CONFLICT | StatusCode::INTERNAL_SERVER_ERROR => Self::new(Code::Internal, error.message),
            // Who calls, how often and how much.
            _ => Self::Http(error),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NoTask(id) => Self::new(Code::TaskNotFound, format!("there is no task `{id}`")),
            _ => ApiError::from(error).into(),
        }
    }
}

/// The two ends of a call.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) version: Version,
    pub(super) id: Value,
}

#[derive(Serialize)]
struct Answer<'a> {
    jsonrpc: &'static str,
    id: &'a Value,
    result: &'a Value,
}

impl Envelope {
    pub(super) fn result<'a>(&'a self, result: &'a Value) -> impl Serialize + use<'a> {
        Answer { jsonrpc: "2.0", id: &self.id, result }
    }

    pub(super) fn answer(&self, given: Result<Value, Refusal>) -> Response {
        match given {
            Ok(result) => Json(self.result(&result)).into_response(),
            Err(Refusal::Http(error)) => error.into_response(),
            Err(Refusal::Rpc(code, message)) => Json(self.error(code, &message)).into_response(),
        }
    }

    fn error(&self, code: Code, message: &str) -> Value {
        let mut error = json!({ "code": code.number(), "message": message });
        if let (Version::V1, Some(reason)) = (self.version, code.reason()) {
            let kind = "type.googleapis.com/google.rpc.ErrorInfo";
            error["data"] = json!([{ "@type": kind, "reason": reason, "domain": "a2a-protocol.org" }]);
        }
        json!({ "jsonrpc": "2.0", "id": self.id, "error": error })
    }
}
