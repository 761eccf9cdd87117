//! Why a turn failed, in the words of the Python runtime.
//!
//! Source: agentscope-runtime 1.1.5, `engine/schemas/exception.py`.

use super::wire::Failure;
use crate::domain::FailureCode;

/// What starts the message of a failure that nobody can do anything about.
const UNKNOWN: &str = "Unknown agent error";

pub(super) fn failure(code: FailureCode, message: &str) -> Failure {
    let named = match code {
        FailureCode::Auth => "MODEL_UNAUTHORIZED_ACCESS",
        FailureCode::Model => "MODEL_EXECUTION_FAILED",
        FailureCode::RateLimited => "MODEL_QUOTA_EXCEEDED",
        FailureCode::ContextFull => "MODEL_CONTEXT_LENGTH_EXCEEDED",
        FailureCode::StepLimit
        | FailureCode::TokenLimit
        | FailureCode::CostLimit
        | FailureCode::Loop
        | FailureCode::Output
        | FailureCode::Hook => "AGENT_ERROR",
        FailureCode::TimeLimit => "TIMEOUT",
        FailureCode::Store => "DATABASE_ERROR",
        FailureCode::Tools => "MCP_CONNECTION_FAILED",
        FailureCode::Busy => "RESPONSE_ERROR",
        FailureCode::Offline => "NETWORK_ERROR",
        FailureCode::Remote => "EXTERNAL_SERVICE_ERROR",
        FailureCode::Input => "INVALID_PARAMETER",
        FailureCode::Internal => return unknown(message),
    };
    Failure { code: named, message: message.to_owned() }
}

pub(super) fn unknown(message: &str) -> Failure {
    Failure { code: "AGENT_UNKNOWN_ERROR", message: format!("{UNKNOWN}: {message}") }
}
