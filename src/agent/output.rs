//! Structured output: the final answer as JSON that fits the agent file's schema.
//!
//! A model that takes a schema is given it. Any other is given a tool whose arguments are the answer.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::{
    domain::{Effect, ToolSpec},
    tool::{Arguments, weight::weigh},
};

/// The name of the tool that takes the final answer.
pub const FINAL_ANSWER: &str = "final_answer";

/// What the final answer must look like.
#[derive(Debug)]
pub(super) struct Shape {
    schema: Value,
    validator: Validator,
    /// The tool for models that cannot be given the schema.
    tool: ToolSpec,
    /// The schema is not of an object, which arguments must be: the answer is the member `answer`.
    wrapped: bool,
}

/// A schema that is none.
#[derive(Debug, thiserror::Error)]
#[error("`output.schema` of the agent `{agent}` is not a JSON Schema: {reason}")]
pub struct SchemaError {
    agent: String,
    reason: String,
}

impl Shape {
    pub(super) fn new(agent: &str, schema: Value) -> Result<Self, SchemaError> {
        Self::of(schema).map_err(|reason| SchemaError { agent: agent.to_owned(), reason })
    }

    /// Fetches nothing: a schema that refers to another document is none. One that is too much work is none either:
    /// callers bring them.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn of(schema: Value) -> Result<Self, String> {
        weigh(&schema).map_err(|error| error.to_string())?;
        let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
        let wrapped = schema.get("type").and_then(Value::as_str) != Some("object");
        let parameters = if wrapped {
            json!({ "type": "object", "properties": { "answer": schema }, "required": ["answer"] })
        } else {
            schema.clone()
        };
        let tool = ToolSpec {
            name: FINAL_ANSWER.to_owned(),
            description: "Gives the final answer. Call it once, when all work is done; its arguments are the answer."
                .to_owned(),
            parameters,
            effect: Effect::Reads,
            rule_name: None,
        };
        Ok(Self { schema, validator, tool, wrapped })
    }

    pub(super) fn schema(&self) -> &Value {
        &self.schema
    }

    pub(super) fn tool(&self) -> &ToolSpec {
        &self.tool
    }

    /// The answer in the arguments of the tool.
    pub(super) fn of_arguments(&self, arguments: Value) -> Result<Value, String> {
        let mut arguments =
            Arguments::new(&self.tool.parameters).check(arguments).map_err(|error| error.to_string())?;
        let answer = if self.wrapped { arguments["answer"].take() } else { arguments };
        self.check(answer)
    }

    /// The answer in the text of a message.
    pub(super) fn of_text(&self, text: &str) -> Result<Value, String> {
        let answer = serde_json::from_str(unfenced(text)).map_err(|error| format!("it is not JSON: {error}"))?;
        self.check(answer)
    }

    fn check(&self, answer: Value) -> Result<Value, String> {
        let errors: Vec<_> = self
            .validator
            .iter_errors(&answer)
            .take(5)
            .map(|error| match error.instance_path().to_string() {
                path if path.is_empty() => error.to_string(),
                path => format!("at {path}: {error}"),
            })
            .collect();
        if errors.is_empty() { Ok(answer) } else { Err(errors.join("; ")) }
    }
}

/// The inside of a code block, where `text` is nothing else: models like to wrap JSON in one.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let Some(inside) = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) else { return text };
    inside.strip_prefix("json").unwrap_or(inside).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_and_checked() {
        let object = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
        let shape = Shape::new("a", object).unwrap();
        assert_eq!(shape.of_text("```json\n{\"n\": 1}\n```"), Ok(json!({ "n": 1 })));
        assert_eq!(shape.of_arguments(json!({ "n": 1 })), Ok(json!({ "n": 1 })));
        insta::assert_snapshot!(shape.of_text("{\"n\": \"x\"}").unwrap_err(), @r#"at /n: "x" is not of type "integer""#);
        insta::assert_snapshot!(shape.of_text("one").unwrap_err(), @"it is not JSON: expected value at line 1 column 1");
        let list = Shape::new("a", json!({ "type": "array" })).unwrap();
        assert_eq!(list.of_arguments(json!({ "answer": [1] })), Ok(json!([1])));
        assert_eq!(list.of_text("[1]"), Ok(json!([1])));
        insta::assert_snapshot!(list.of_arguments(json!([1])).unwrap_err(), @"invalid arguments: an array where one JSON object is wanted");
        insta::assert_snapshot!(Shape::new("a", json!({ "type": 7 })).unwrap_err(), @"`output.schema` of the agent `a` is not a JSON Schema: 7 is not valid under any of the schemas listed in the 'anyOf' keyword");
    }
}
