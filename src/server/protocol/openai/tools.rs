//! Tools that the caller runs.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::unsupported;
use crate::{
    domain::{Effect, ToolSpec},
    model::ToolChoice,
    server::ApiError,
};

/// Longest name that every provider accepts.
const LONGEST_NAME: usize = 64;

/// As chat completions nest it, or flat as Responses has it. `strict` is taken and without effect: the arguments are
/// the model's.
#[derive(Debug, Deserialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    function: Option<Function>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Value>,
}

/// The tools of a request.
///
/// # Errors
/// 400 for one that is no function, or has no name that a model could use.
pub(in crate::server::protocol) fn tools(tools: &[Value]) -> Result<Vec<ToolSpec>, ApiError> {
    let tools = tools.iter().map(tool).collect::<Result<Vec<_>, _>>()?;
    let mut names = HashSet::new();
    match tools.iter().find(|tool| !names.insert(&tool.name)) {
        Some(twice) => Err(unsupported("tools", &format!("two tools are called `{}`", twice.name))),
        None => Ok(tools),
    }
}

fn tool(value: &Value) -> Result<ToolSpec, ApiError> {
    let tool: Tool = serde_json::from_value(value.clone()).map_err(|error| unsupported("tools", &error.to_string()))?;
    if tool.kind != "function" {
        let why =
            format!("`{}` is no kind of tool that an agent offers: only `function` is, run by the caller", tool.kind);
        return Err(unsupported("tools", &why));
    }
    let function = match (tool.function, tool.name) {
        (Some(function), _) => function,
        (None, Some(name)) => Function { name, description: tool.description, parameters: tool.parameters },
        (None, None) => return Err(unsupported("tools", "a function has no `name`")),
    };
    let fits = (1..=LONGEST_NAME).contains(&function.name.len())
        && function.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !fits {
        return Err(unsupported("tools", "a name has 1 to 64 letters, digits, `_` and `-`"));
    }
    let parameters = function.parameters.filter(|schema| !schema.is_null());
    Ok(ToolSpec {
        name: function.name,
        description: function.description.unwrap_or_default(),
        parameters: parameters.unwrap_or_else(|| serde_json::json!({ "type": "object", "properties": {} })),
        effect: Effect::Writes,
        rule_name: None,
    })
}

/// Which of them is to be called.
///
/// # Errors
/// 400 for a choice that is none of the request's tools.
pub(in crate::server::protocol) fn tool_choice(
    choice: Option<&Value>,
    tools: &[ToolSpec],
) -> Result<ToolChoice, ApiError> {
    let wrong = || unsupported("tool_choice", "say `auto`, `none`, `required` or the function to be called");
    match choice {
        None | Some(Value::Null) => Ok(ToolChoice::Auto),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" if tools.is_empty() => {
                Err(unsupported("tool_choice", "a call is wanted, and there are no tools"))
            }
            "required" => Ok(ToolChoice::Required),
            _ => Err(wrong()),
        },
        Some(object) if object["type"] == "function" => {
            let name = object.pointer("/function/name").or_else(|| object.get("name")).and_then(Value::as_str);
            let name = name.ok_or_else(wrong)?;
            if tools.iter().any(|tool| tool.name == name) {
                Ok(ToolChoice::Tool(name.to_owned()))
            } else {
                Err(unsupported("tool_choice", &format!("there is no tool `{name}` in `tools`")))
            }
        }
        Some(_) => Err(wrong()),
    }
}

/// Arguments as the wire has them, JSON text, to those of a call.
pub(in crate::server::protocol) fn arguments_value(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(&text) {
        Ok(value @ Value::Object(_)) => value,
        _ => Value::String(text),
    }
}

/// The other way round.
pub(in crate::server::protocol) fn arguments_text(arguments: &Value) -> String {
    match arguments {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
