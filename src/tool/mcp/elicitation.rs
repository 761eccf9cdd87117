//! A server's form, put to the user one question at a time.
//!
//! MCP 2025-11-25, "Elicitation": a form is a flat object whose properties are strings, numbers, booleans, choices or
//! lists of choices.

use serde_json::{Map, Value};

use crate::{
    domain::Question,
    tool::{Arguments, ToolHost, cap},
};

/// How often one field is asked again after an answer that does not fit.
const TRIES: usize = 3;

/// The filled-in form, which fits `schema`; `None` if the user does not want to, or nobody is there.
pub(super) async fn ask(host: &dyn ToolHost, message: &str, schema: &Value) -> Option<Map<String, Value>> {
    let message = cap::short(message, 4000);
    let mut content = Map::new();
    let empty = Map::new();
    let fields = schema["properties"].as_object().unwrap_or(&empty);
    if fields.is_empty() {
        let choices = vec!["yes".to_owned(), "no".to_owned()];
        let answer = host.ask(Question { text: message, choices, closed: true }).await?;
        return (answer.trim() == "yes").then_some(content);
    }
    for (index, (name, field)) in fields.iter().enumerate() {
        let required = schema["required"].as_array().is_some_and(|names| names.iter().any(|other| other == name));
        let intro = if index == 0 { message.as_str() } else { "" };
        if let Some(value) = ask_field(host, intro, name, field, required).await? {
            content.insert(name.clone(), value);
        }
    }
    Some(content)
}

/// The value of one field; `Some(None)` where the user left out a field that may be left out.
async fn ask_field(
    host: &dyn ToolHost,
    intro: &str,
    name: &str,
    field: &Value,
    required: bool,
) -> Option<Option<Value>> {
    let options = options(field);
    let default = field.get("default").filter(|default| !default.is_null());
    let check = Arguments::new(&serde_json::json!({ "properties": { name: field } }));
    let mut complaint = String::new();
    for _ in 0..TRIES {
        let question = Question {
            text: text(intro, name, field, required, &complaint),
            choices: options.iter().map(|(label, _)| label.clone()).collect(),
            closed: !options.is_empty() && required && default.is_none() && field["type"] != "array",
        };
        let answer = host.ask(question).await?;
        let value = match (answer.trim(), default) {
            // As the question says. MCP SEP-1034: it is sent as if it had been typed.
            ("", Some(default)) => default.clone(),
            ("", None) if !required => return Some(None),
            ("", None) if field["type"] != "array" => {
                complaint = "an answer is needed".to_owned();
                continue;
            }
            (answer, _) => parse(field, &options, answer),
        };
        let mut object = Map::new();
        object.insert(name.to_owned(), value.clone());
        match check.check(Value::Object(object)) {
            Ok(_) => return Some(Some(value)),
            Err(error) => complaint = error.to_string().replace("invalid arguments: ", ""),
        }
    }
    None
}

fn text(intro: &str, name: &str, field: &Value, required: bool, complaint: &str) -> String {
    let title = field["title"].as_str().unwrap_or(name);
    let mut text = String::new();
    if !intro.is_empty() {
        text.push_str(intro);
        text.push('\n');
    }
    if !complaint.is_empty() {
        text.push_str(&format!("That does not fit: {complaint}\n"));
    }
    text.push_str(title);
    if let Some(description) = field["description"].as_str() {
        text.push_str(&format!(" ({description})"));
    }
    if let Some(default) = field.get("default").filter(|default| !default.is_null()) {
        text.push_str(&format!(" [{}]", default.as_str().map_or_else(|| default.to_string(), str::to_owned)));
    }
    if !required {
        text.push_str(", may be left empty");
    }
    text
}

/// What may be chosen, as labels and values: `enum` with or without `enumNames`, `oneOf` or `anyOf` with `const`,
/// booleans. For a list, the choices of its items.
fn options(field: &Value) -> Vec<(String, Value)> {
    let field = if field["type"] == "array" { &field["items"] } else { field };
    if field["type"] == "boolean" {
        return vec![("yes".to_owned(), Value::Bool(true)), ("no".to_owned(), Value::Bool(false))];
    }
    if let Some(values) = field["enum"].as_array() {
        let label = |(index, value): (usize, &Value)| {
            field["enumNames"][index].as_str().or(value.as_str()).unwrap_or_default().to_owned()
        };
        return values.iter().enumerate().map(|pair| (label(pair), pair.1.clone())).collect();
    }
    let titled = field["oneOf"].as_array().or(field["anyOf"].as_array());
    titled
        .into_iter()
        .flatten()
        .filter_map(|option| {
            let value = option.get("const")?;
            let label = option["title"].as_str().or(value.as_str()).unwrap_or_default();
            Some((label.to_owned(), value.clone()))
        })
        .collect()
}

fn parse(field: &Value, options: &[(String, Value)], answer: &str) -> Value {
    let choose = |answer: &str| {
        options
            .iter()
            .find(|(label, value)| label.eq_ignore_ascii_case(answer) || value.as_str() == Some(answer))
            .map(|(_, value)| value.clone())
    };
    match field["type"].as_str() {
        Some("array") => answer
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| choose(part).unwrap_or_else(|| Value::from(part)))
            .collect(),
        Some("number" | "integer") => {
            serde_json::from_str::<serde_json::Number>(answer).map_or_else(|_| answer.into(), Value::Number)
        }
        Some("boolean") => match answer.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" => Value::Bool(true),
            "no" | "n" | "false" => Value::Bool(false),
            _ => answer.into(),
        },
        _ => choose(answer).unwrap_or_else(|| answer.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::testing::RecordingHost;

    async fn fill(answers: &[&str], schema: Value) -> (Option<Value>, Vec<String>) {
        let host = RecordingHost::answering(answers);
        let content = ask(&host, "Book a table?", &schema).await;
        let asked = host.asked().into_iter().map(|question| format!("{} {:?}", question.text, question.choices));
        (content.map(Value::Object), asked.collect())
    }

    #[tokio::test]
    async fn every_field_is_asked_and_typed() {
        let schema = json!({
            "type": "object",
            "properties": {
                "guests": { "type": "integer", "title": "Guests", "minimum": 1 },
                "inside": { "type": "boolean", "default": true },
                "wine": { "type": "string", "oneOf": [{ "const": "r", "title": "Red" }, { "const": "w", "title": "White" }] },
                "diet": { "type": "array", "items": { "enum": ["vegan", "halal"] } },
                "note": { "type": "string", "description": "for the kitchen" },
            },
            "required": ["guests", "inside", "wine"],
        });
        let (content, asked) = fill(&["many", "2", "no", "white", "vegan, halal", ""], schema).await;
        insta::assert_json_snapshot!(content, @r#"
        {
          "guests": 2,
          "inside": false,
          "wine": "w",
          "diet": [
            "vegan",
            "halal"
          ]
        }
        "#);
        insta::assert_debug_snapshot!(asked, @r#"
        [
            "Book a table?\nGuests []",
            "Book a table?\nThat does not fit: at /guests: \"many\" is not of type \"integer\"\nGuests []",
            "inside [true] [\"yes\", \"no\"]",
            "wine [\"Red\", \"White\"]",
            "diet, may be left empty [\"vegan\", \"halal\"]",
            "note (for the kitchen), may be left empty []",
        ]
        "#);
    }

    #[tokio::test]
    async fn a_form_without_fields_is_a_yes_or_no() {
        let schema = json!({ "type": "object", "properties": {} });
        assert_eq!(fill(&["yes"], schema.clone()).await.0, Some(json!({})));
        assert_eq!(fill(&["no"], schema.clone()).await.0, None);
        assert_eq!(fill(&[], schema).await.0, None);
    }

    #[tokio::test]
    async fn what_is_left_empty_takes_its_default() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "default": "Ann" },
                "age": { "type": "integer", "default": 30 },
                "inside": { "type": "boolean", "default": false },
                "note": { "type": "string" },
            },
            "required": ["inside"],
        });
        let (content, _) = fill(&["", "", "", ""], schema).await;
        assert_eq!(content, Some(json!({ "name": "Ann", "age": 30, "inside": false })));
    }

    #[tokio::test]
    async fn answers_that_never_fit_end_the_form() {
        let schema = json!({ "type": "object", "properties": { "n": { "type": "number" } }, "required": ["n"] });
        let (content, asked) = fill(&["a", "b", "c", "4"], schema).await;
        assert_eq!((content, asked.len()), (None, 3));
    }
}
