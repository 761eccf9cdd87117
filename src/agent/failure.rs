//! How a turn fails: every error that ends one, as its outcome.

use std::error::Error;

use crate::{
    domain::{FailureCode, TurnOutcome},
    model::{ModelError, ModelErrorKind},
    store::StoreError,
};

/// The text of `error` and of what caused it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        // Many libraries repeat the source in their own message.
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        next = error.source();
    }
    text
}

pub(super) fn failed(code: FailureCode, error: &dyn Error) -> TurnOutcome {
    TurnOutcome::Failed { code, message: chain(error), hint: None }
}

impl From<ModelError> for TurnOutcome {
    fn from(error: ModelError) -> Self {
        let code = match error.kind {
            ModelErrorKind::Auth { .. } => FailureCode::Auth,
            ModelErrorKind::RateLimited { .. } => FailureCode::RateLimited,
            ModelErrorKind::ContextFull { .. } => FailureCode::ContextFull,
            ModelErrorKind::Offline { .. } => FailureCode::Offline,
            ModelErrorKind::Status { .. }
            | ModelErrorKind::Stream { .. }
            | ModelErrorKind::Transport { .. }
            | ModelErrorKind::Timeout { .. }
            | ModelErrorKind::Protocol { .. }
            | ModelErrorKind::Unsupported { .. } => FailureCode::Model,
        };
        Self::Failed { code, message: chain(&error), hint: error.hint }
    }
}

impl From<StoreError> for TurnOutcome {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Busy(_) => FailureCode::Busy,
            _ => FailureCode::Store,
        };
        Self::Failed { code, message: chain(&error), hint: error.hint().map(str::to_owned) }
    }
}
