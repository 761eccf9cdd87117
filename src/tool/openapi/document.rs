//! Finding things in an OpenAPI document: references, schemas without them, servers.

use serde_json::{Map, Value, json};
use url::Url;

use super::OpenapiError;

/// How deep and how large the schema of one operation may become when its references are written out.
const DEEPEST: usize = 24;
const LARGEST: usize = 4000;

/// A parsed document.
pub(super) struct Document {
    root: Value,
}

impl Document {
    /// # Errors
    /// Text that is neither JSON nor YAML, or not OpenAPI 3.
    pub(super) fn parse(text: &str, source: &str) -> Result<Self, OpenapiError> {
        let parse = |reason: String| OpenapiError::Parse { source_name: source.to_owned(), reason };
        let root: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| parse(error.to_string()))?
        } else {
            serde_yaml::from_str(text)
                .map_err(|error| parse(error.to_string().lines().next().unwrap_or_default().to_owned()))?
        };
        let version = root["openapi"].as_str().unwrap_or_default();
        if version.starts_with("3.") {
            return Ok(Self { root });
        }
        let found = if root.get("swagger").is_some() {
            "it is Swagger 2.0".to_owned()
        } else if version.is_empty() {
            "it has no `openapi` version".to_owned()
        } else {
            format!("it is OpenAPI {version}")
        };
        Err(OpenapiError::Version { source_name: source.to_owned(), found })
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.root["paths"].as_object().into_iter().flatten()
    }

    /// What `value` refers to, if it is a reference within the document; else itself. A reference that leads nowhere,
    /// in a circle or out of the document gives null.
    pub(super) fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..DEEPEST {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
            value = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)).unwrap_or(&Value::Null);
        }
        &Value::Null
    }

    /// The schema with its references written out and its 3.0 dialect turned into JSON Schema. A schema that contains
    /// itself is cut where it would repeat.
    pub(super) fn schema(&self, schema: &Value) -> Value {
        let mut room = LARGEST;
        self.expand(schema, &mut vec![], &mut room)
    }

    fn expand<'a>(&'a self, value: &'a Value, open: &mut Vec<&'a str>, room: &mut usize) -> Value {
        if *room == 0 {
            return json!({});
        }
        *room -= 1;
        let Some(object) = value.as_object() else { return value.clone() };
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            if open.contains(&reference) || open.len() >= DEEPEST {
                return json!({});
            }
            open.push(reference);
            let target = self.resolve(value);
            let expanded = if target.is_null() { json!({}) } else { self.expand(target, open, room) };
            open.pop();
            return expanded;
        }
        let mut schema = Map::new();
        for (key, inner) in object {
            let expanded = match key.as_str() {
                "properties" | "patternProperties" | "$defs" | "definitions" => Value::Object(
                    inner
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(name, inner)| (name.clone(), self.expand(inner, open, room)))
                        .collect(),
                ),
                "items" | "additionalProperties" | "not" | "if" | "then" | "else" | "contains" | "propertyNames" => {
                    self.expand(inner, open, room)
                }
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                    inner.as_array().into_iter().flatten().map(|inner| self.expand(inner, open, room)).collect()
                }
                // Not JSON Schema, and nothing that a model needs.
                "example" | "examples" | "xml" | "discriminator" | "externalDocs" | "nullable" => continue,
                key if key.starts_with("x-") => continue,
                _ => inner.clone(),
            };
            schema.insert(key.clone(), expanded);
        }
        modernize(&mut schema, object);
        Value::Object(schema)
    }

    /// The root of the API: the first server with its variables filled in, relative to where the document came from.
    pub(super) fn server(&self, from: Option<&Url>) -> Option<Url> {
        let server = &self.root["servers"][0];
        let mut url = server["url"].as_str().unwrap_or("/").to_owned();
        for (name, variable) in server["variables"].as_object().into_iter().flatten() {
            url = url.replace(&format!("{{{name}}}"), variable["default"].as_str().unwrap_or_default());
        }
        let url = match from {
            Some(from) => from.join(&url).ok()?,
            None => Url::parse(&url).ok()?,
        };
        matches!(url.scheme(), "http" | "https").then_some(url)
    }
}

/// OpenAPI 3.0 says with booleans what JSON Schema says otherwise.
fn modernize(schema: &mut Map<String, Value>, original: &Map<String, Value>) {
    for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(Value::Bool(flag)) = schema.get(exclusive).cloned() {
            schema.shift_remove(exclusive);
            if flag && let Some(value) = schema.shift_remove(limit) {
                schema.insert(exclusive.to_owned(), value);
            }
        }
    }
    if original.get("nullable") == Some(&Value::Bool(true)) {
        if let Some(Value::String(kind)) = schema.get("type").cloned() {
            schema.insert("type".to_owned(), json!([kind, "null"]));
        }
        if let Some(Value::Array(values)) = schema.get_mut("enum")
            && !values.contains(&Value::Null)
        {
            values.push(Value::Null);
        }
    }
}
