//! The shape of the answer.

use serde::Deserialize;
use serde_json::{Value, json};

use super::unsupported;
use crate::server::{ApiError, Target};

/// `response_format` of chat completions, and `text.format` of Responses, which has the schema beside its type.
#[derive(Debug, Deserialize)]
pub(in crate::server::protocol) struct Format {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    json_schema: Option<Schema>,
    #[serde(default)]
    schema: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Schema {
    #[serde(default)]
    schema: Option<Value>,
}

impl Format {
    /// The schema of the answer, where it is to have one.
    ///
    /// # Errors
    /// 400 for a format that there is not.
    pub(in crate::server::protocol) fn schema(self, field: &str) -> Result<Option<Value>, ApiError> {
        match self.kind.as_str() {
            "text" => Ok(None),
            "json_object" => Ok(Some(json!({ "type": "object" }))),
            "json_schema" => {
                let schema = self.json_schema.and_then(|inner| inner.schema).or(self.schema);
                schema.map(Some).ok_or_else(|| unsupported(field, "`json_schema` has no `schema`"))
            }
            kind => Err(unsupported(field, &format!("`{kind}` is none of `text`, `json_schema` and `json_object`"))),
        }
    }
}

/// Whether the answer is JSON, so that what is said on the way to it must not stand before it.
pub(in crate::server::protocol) fn structured(target: &Target, schema: Option<&Value>) -> bool {
    let file = &target.agents.loaded.file;
    let spec = if target.name == file.name { Some(&file.agent) } else { file.agents.get(&target.name) };
    schema.is_some() || spec.is_some_and(|spec| spec.output.is_some())
}
