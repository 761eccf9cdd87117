//! What the two APIs of OpenAI have in common: which agent is asked, tools, images, the shape of the answer, and how
//! what goes wrong is called.
//!
//! Checked on 2026-11-26 against the types of openai-python 3.57.0 and openai-node 6.49.0 and 7.57.0.

mod content;
mod conversation;
mod failure;
mod fields;
mod format;
mod named;
mod sampling;
mod stop;
mod tools;

pub(super) use content::Parts;
pub(super) use conversation::Conversation;
pub(super) use failure::failed;
pub(super) use fields::{Fields, check_rest};
pub(super) use format::{Format, structured};
pub(super) use named::{Named, SESSION, session};
pub(super) use sampling::{Stops, sampling};
pub(super) use stop::{Stop, stop_of};
pub(super) use tools::{arguments_text, arguments_value, tool_choice, tools};

use crate::server::ApiError;

/// Where both are: as OpenAI has them, and as the Python runtime does.
pub(super) const PREFIXES: [&str; 2] = ["/v1", "/compatible-mode/v1"];

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// 400: `field` asks for what is not offered.
fn unsupported(field: &str, why: &str) -> ApiError {
    ApiError::invalid(format!("`{field}`: {why}"))
}
