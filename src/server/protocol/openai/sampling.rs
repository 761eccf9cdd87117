//! How the answer is to be made.

use serde::Deserialize;

use super::unsupported;
use crate::{model::Sampling, server::ApiError};

/// One text that ends the answer, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "`stop` is a text, or a list of texts")]
pub(in crate::server::protocol) enum Stops {
    One(String),
    Several(Vec<String>),
}

impl Stops {
    pub(in crate::server::protocol) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(stop) => vec![stop],
            Self::Several(stops) => stops,
        }
    }
}

/// The settings of a request, within the bounds that OpenAI names.
///
/// # Errors
/// 400.
pub(in crate::server::protocol) fn sampling(
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_output_tokens: Option<u64>,
    stop: Option<Stops>,
) -> Result<Sampling, ApiError> {
    if temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
        return Err(unsupported("temperature", "a number from 0 to 2"));
    }
    if top_p.is_some_and(|value| !(0.0..=1.0).contains(&value)) {
        return Err(unsupported("top_p", "a number from 0 to 1"));
    }
    if max_output_tokens == Some(0) {
        return Err(ApiError::invalid("at most 0 tokens of output leave no room for an answer"));
    }
    let stop = stop.map(Stops::into_vec).unwrap_or_default();
    if stop.len() > 4 || stop.iter().any(String::is_empty) {
        return Err(unsupported("stop", "at most 4 texts, none of them empty"));
    }
    Ok(Sampling { temperature, top_p, max_output_tokens, stop })
}
