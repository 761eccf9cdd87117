//! Fields of requests that are not read: harmless ones are let through, all others are refused by name.

use serde_json::{Map, Value};

use super::unsupported;
use crate::server::ApiError;

/// What a protocol does with the fields that its request type does not have.
pub(in crate::server::protocol) struct Fields {
    /// As messages call it.
    pub(in crate::server::protocol) protocol: &'static str,
    /// Taken, whatever they hold, and without effect: labels, and hints to caches.
    pub(in crate::server::protocol) harmless: &'static [&'static str],
    /// Refused, but for the values, as JSON, that ask for nothing.
    pub(in crate::server::protocol) refused: &'static [(&'static str, &'static [&'static str])],
}

/// Looks through what is left of a request.
///
/// # Errors
/// 400 that names the field.
pub(in crate::server::protocol) fn check_rest(rest: &Map<String, Value>, fields: &Fields) -> Result<(), ApiError> {
    for (name, value) in rest {
        if value.is_null() || fields.harmless.contains(&name.as_str()) {
            continue;
        }
        let Some((_, neutral)) = fields.refused.iter().find(|(field, _)| field == name) else {
            return Err(unsupported(name, &format!("there is no such field in {}", fields.protocol)));
        };
        if !neutral.iter().any(|text| serde_json::from_str::<Value>(text).is_ok_and(|neutral| same(&neutral, value))) {
            let why = match neutral {
                [] => "an agent does not offer this: leave it out".to_owned(),
                _ => format!("an agent does not offer this: leave it out, or say {}", neutral.join(" or ")),
            };
            return Err(unsupported(name, &why));
        }
    }
    Ok(())
}

/// `0` and `0.0` are the same.
fn same(a: &Value, b: &Value) -> bool {
    a == b || matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a.total_cmp(&b).is_eq())
}
