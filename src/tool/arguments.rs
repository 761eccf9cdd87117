//! Arguments are checked against the tool's JSON Schema before the call, with errors that a model can act on.

use std::fmt::Write as _;

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::{ToolError, weight::weigh};

/// How many errors a model is told at once.
const MOST_ERRORS: usize = 5;

/// A compiled schema of arguments.
#[derive(Debug)]
pub struct Arguments {
    /// `None` for a schema that cannot be compiled, such as one of a server that refers to another document, or that is
    /// too much work: the tool itself then has to refuse what it cannot take.
    validator: Option<Validator>,
}

impl Arguments {
    /// Never fetches anything: a schema that refers to other documents checks nothing.
    #[must_use]
    pub fn new(schema: &Value) -> Self {
        let light = weigh(schema).is_ok();
        Self { validator: light.then(|| jsonschema::validator_for(schema).ok()).flatten() }
    }

    /// The arguments as an object that fits the schema. Nothing at all counts as an empty object, because some models
    /// send that for a tool without parameters.
    ///
    /// # Errors
    /// [`ToolError::Arguments`] says for up to five places what is wrong there.
    pub fn check(&self, arguments: Value) -> Result<Value, ToolError> {
        let arguments = match arguments {
            Value::Object(_) => arguments,
            Value::Null => Value::Object(Map::new()),
            Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
            Value::String(_) => return Err(ToolError::Arguments("not valid JSON; send one JSON object".to_owned())),
            Value::Array(_) => return Err(wrong_type("an array")),
            Value::Number(_) => return Err(wrong_type("a number")),
            Value::Bool(_) => return Err(wrong_type("a boolean")),
        };
        let Some(validator) = &self.validator else { return Ok(arguments) };
        let mut text = String::new();
        for (index, error) in validator.iter_errors(&arguments).enumerate() {
            if index == MOST_ERRORS {
                text.push_str("; and more");
                break;
            }
            let path = error.instance_path().to_string();
            let separator = if index == 0 { "" } else { "; " };
            // Writing to a string cannot fail.
            let _ = if path.is_empty() {
                write!(text, "{separator}{error}")
            } else {
                write!(text, "{separator}at {path}: {error}")
            };
        }
        if text.is_empty() { Ok(arguments) } else { Err(ToolError::Arguments(super::cap::short(&text, 2000))) }
    }
}

fn wrong_type(what: &str) -> ToolError {
    ToolError::Arguments(format!("{what} where one JSON object is wanted"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(arguments: Value) -> String {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string" },
                "days": { "type": "integer", "minimum": 1 },
                "unit": { "enum": ["C", "F"] },
                "tags": { "type": "array", "items": { "type": "string" } },
            },
            "required": ["city"],
            "additionalProperties": false,
        });
        match Arguments::new(&schema).check(arguments) {
            Ok(value) => format!("ok {value}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn errors_name_the_place_and_what_is_wrong_there() {
        insta::assert_snapshot!(check(json!({ "city": "Oslo", "days": 2 })), @r#"ok {"city":"Oslo","days":2}"#);
        insta::assert_snapshot!(check(json!({ "city": 1, "days": 0, "unit": "K", "tags": ["a", 2], "extra": 1 })), @r#"invalid arguments: at /city: 1 is not of type "string"; at /days: 0 is less than the minimum of 1; at /unit: "K" is not one of "C" or "F"; at /tags/1: 2 is not of type "string"; Additional properties are not allowed ('extra' was unexpected)"#);
        insta::assert_snapshot!(check(json!({})), @r#"invalid arguments: "city" is a required property"#);
        insta::assert_snapshot!(check(json!("{\"city\": ")), @"invalid arguments: not valid JSON; send one JSON object");
        insta::assert_snapshot!(check(json!([1])), @"invalid arguments: an array where one JSON object is wanted");
        insta::assert_snapshot!(check(Value::Null), @r#"invalid arguments: "city" is a required property"#);
    }

    #[test]
    fn a_schema_that_cannot_be_compiled_checks_nothing_and_fetches_nothing() {
        let schema = json!({ "$ref": "http://127.0.0.1:1/schema.json" });
        assert_eq!(Arguments::new(&schema).check(json!({ "a": 1 })).unwrap(), json!({ "a": 1 }));
    }

    #[test]
    fn a_huge_value_does_not_make_a_huge_error() {
        let text = check(json!({ "city": "x", "days": "y".repeat(100_000) }));
        assert!(text.len() < 3000, "{}", text.len());
    }
}
