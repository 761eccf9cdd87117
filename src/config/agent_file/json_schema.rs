//! The JSON Schema of the agent file, generated from its types.
//!
//! Two forms of the same thing: the strict one, which a file has to meet once its references are filled in, and the
//! printed one for editors, which lets `"${NAME}"` stand where the strict one wants a number, a unit or a choice.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::AgentFile;

/// The identifier of the printed schema, which names the version of the format and is not an address.
const ID: &str = "urn:agentscope:agent-file:1";

/// The schema that editors use: what may be written in an agent file.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = STRICT.clone();
    allow_references(&mut schema, "");
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        for (name, definition) in definitions.iter_mut() {
            // A tool that is not known before the file runs cannot be checked, and is refused.
            if name != "ToolEntry" {
                allow_references(definition, name);
            }
        }
        definitions.insert(
            "Reference".to_owned(),
            json!({ "description": "Filled in before the file is used.", "type": "string", "pattern": r"\$\{.+\}" }),
        );
    }
    let mut out = Map::new();
    if let Value::Object(mut schema) = schema {
        out.insert("$schema".to_owned(), schema.remove("$schema").unwrap_or_default());
        out.insert("$id".to_owned(), ID.into());
        out.insert("title".to_owned(), "agentscope agent file".into());
        schema.remove("title");
        out.append(&mut schema);
    }
    Value::Object(out)
}

/// IPv4, or what looks like IPv6.
const IP: &str = r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$";

/// What a file has to meet once its references are filled in.
pub(super) static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(AgentFile).to_value();
    tidy(&mut schema);
    // What a profile holds is checked when it has been merged; only the names of its keys can be checked before.
    let keys: Map<String, Value> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !matches!(key.as_str(), "version" | "profiles"))
        .map(|(key, schema)| (key.clone(), json!({ "description": schema["description"] })))
        .collect();
    schema["properties"]["profiles"]["additionalProperties"] =
        json!({ "type": "object", "properties": keys, "additionalProperties": false });
    schema
});

pub(super) static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::options()
        .should_validate_formats(true)
        .with_format("ip", |text: &str| text.parse::<std::net::IpAddr>().is_ok())
        .build(&STRICT)
        .expect("a schema that schemars generates is valid, and a test builds this one")
});

/// Takes out what the parser does not accept (null) and what only Rust means (sizes of integers).
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            if let Some(Value::Array(options)) = map.get_mut("anyOf") {
                options.retain(|option| option["type"] != "null");
                if let [only] = options.as_slice()
                    && let Value::Object(only) = only.clone()
                {
                    map.remove("anyOf");
                    map.extend(only);
                }
            }
            match map.get("format").and_then(Value::as_str) {
                Some("uint32") => {
                    map.entry("maximum").or_insert_with(|| u32::MAX.into());
                    map.remove("format");
                }
                Some("uint16" | "double") => {
                    map.remove("format");
                }
                // Not a format of JSON Schema: ours is exact, and the pattern is for everybody else.
                Some("ip") => {
                    map.insert("pattern".to_owned(), IP.into());
                }
                _ => {}
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_leaf(schema: &Value) -> bool {
    let plain = ["enum", "const", "pattern", "format"].iter().any(|keyword| schema.get(keyword).is_some());
    plain || matches!(schema["type"].as_str(), Some("integer" | "number" | "boolean"))
}

/// Lets a reference stand wherever the text of one would not do.
fn allow_references(schema: &mut Value, name: &str) {
    let reference = || json!({ "$ref": "#/$defs/Reference" });
    let Value::Object(map) = schema else { return };
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(options)) = map.get_mut(keyword) {
            if name == "Network" || options.iter().all(is_leaf) {
                options.push(reference());
            }
            return;
        }
    }
    if is_leaf(&Value::Object(map.clone())) {
        if map.get("format").is_some_and(|format| format == "ip") {
            map.remove("format");
        }
        let mut outer = Map::new();
        for keyword in ["description", "default"] {
            if let Some(value) = map.remove(keyword) {
                outer.insert(keyword.to_owned(), value);
            }
        }
        outer.insert("anyOf".to_owned(), json!([map, reference()]));
        *map = outer;
        return;
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(|schema| allow_references(schema, ""));
    }
    for keyword in ["additionalProperties", "items"] {
        if let Some(schema) = map.get_mut(keyword) {
            allow_references(schema, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemas_are_valid_and_take_no_null() {
        assert!(VALIDATOR.is_valid(&json!({ "name": "a" })));
        let printed = json_schema();
        let validator = jsonschema::validator_for(&printed).unwrap();
        let file = json!({ "name": "${NAME}", "limits": { "steps": "${STEPS:-3}", "time": "${TIME}" } });
        assert!(validator.is_valid(&file));
        assert!(!VALIDATOR.is_valid(&file));
        let text = serde_json::to_string_pretty(&printed).unwrap();
        assert!(!text.contains("null"), "{text}");
        assert!(!text.contains("uint"), "{text}");
    }
}
