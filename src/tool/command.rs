//! Command tools: a program of the agent file, run in the sandbox. No shell is involved, so a value stays within the
//! argument that it is for.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::{
    Tool, ToolCx, ToolError, ToolResult,
    boxed::{AgentBox, Program, run},
};
use crate::{
    config::agent_file::CommandTool as CommandSettings,
    domain::{Effect, ToolSpec},
};

pub struct CommandTool {
    spec: ToolSpec,
    run: Vec<Word>,
    timeout: Duration,
    sandbox: AgentBox,
}

/// A command of the agent file that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandToolError {
    #[error("the tool `{tool}` takes its program from an argument; `run` begins with the program itself")]
    Program { tool: String },
}

/// One word of `run`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    parts: Vec<Part>,
    /// Whether a value here could be taken for an option: nothing stands before it, in the word or as a `--`.
    exposed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Argument(String),
}

impl CommandTool {
    /// # Errors
    /// A program that an argument would choose.
    pub fn new(settings: &CommandSettings, sandbox: AgentBox) -> Result<Self, CommandToolError> {
        let parameters = parameters(&settings.parameters);
        let names =
            parameters["properties"].as_object().map(|names| names.keys().cloned().collect()).unwrap_or_default();
        let run = words(&settings.run, &names);
        if run.first().is_none_or(|program| program.parts.iter().any(|part| matches!(part, Part::Argument(_)))) {
            return Err(CommandToolError::Program { tool: settings.name.clone() });
        }
        let spec = ToolSpec {
            name: settings.name.clone(),
            description: settings.description.clone(),
            parameters,
            effect: Effect::Writes,
            rule_name: None,
        };
        let timeout = settings.timeout.map_or_else(|| sandbox.timeout(), |span| span.0);
        Ok(Self { spec, run, timeout, sandbox })
    }
}

#[async_trait]
impl Tool for CommandTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let argv = argv(&self.run, &arguments)?;
        run(Program { argv, timeout: self.timeout }, &self.sandbox, cx).await
    }
}

fn parameters(written: &Map<String, Value>) -> Value {
    let mut schema = written.clone();
    schema.entry("type").or_insert_with(|| json!("object"));
    schema.entry("properties").or_insert_with(|| json!({}));
    Value::Object(schema)
}

fn words(run: &[String], names: &HashSet<String>) -> Vec<Word> {
    let mut after_dashes = false;
    let word = |text: &String| {
        let parts = parts(text, names);
        let exposed = !after_dashes && matches!(parts.first(), Some(Part::Argument(_)));
        after_dashes |= text == "--";
        Word { parts, exposed }
    };
    run.iter().map(word).collect()
}

/// Only the name of an argument in braces stands for something: braces mean much to many programs.
fn parts(text: &str, names: &HashSet<String>) -> Vec<Part> {
    let mut parts = vec![];
    let mut literal = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        literal.push_str(before);
        match from[1..].split_once('}') {
            Some((name, after)) if names.contains(name) => {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(Part::Argument(name.to_owned()));
                rest = after;
            }
            _ => {
                literal.push('{');
                rest = &from[1..];
            }
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() || parts.is_empty() {
        parts.push(Part::Text(literal));
    }
    parts
}

/// The words with their values. A word with an argument that was not given is left out; a list in a word of its own is
/// a word for each of its items.
fn argv(run: &[Word], arguments: &Value) -> Result<Vec<String>, ToolError> {
    let mut argv = vec![];
    for word in run {
        let start = argv.len();
        match &word.parts[..] {
            [Part::Argument(name)] => match &arguments[name] {
                Value::Null => {}
                Value::Array(items) => {
                    for item in items {
                        argv.push(value(name, item)?);
                    }
                }
                one => argv.push(value(name, one)?),
            },
            parts => argv.extend(joined(parts, arguments)?),
        }
        if word.exposed
            && let Some(option) = argv[start..].iter().find(|value| value.starts_with('-'))
        {
            return Err(ToolError::Arguments(format!("`{option}` would be taken for an option")));
        }
    }
    Ok(argv)
}

fn joined(parts: &[Part], arguments: &Value) -> Result<Option<String>, ToolError> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Argument(name) => match &arguments[name] {
                Value::Null => return Ok(None),
                given => text.push_str(&value(name, given)?),
            },
        }
    }
    Ok(Some(text))
}

/// A string as it is, anything else as JSON.
fn value(name: &str, value: &Value) -> Result<String, ToolError> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.contains('\0') {
        return Err(ToolError::Arguments(format!("`{name}` cannot hold a NUL")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(run: &[&str], arguments: &Value) -> String {
        let run: Vec<String> = run.iter().map(|word| (*word).to_owned()).collect();
        let names = ["path", "paths", "level", "query"].map(str::to_owned).into();
        match argv(&words(&run, &names), arguments) {
            Ok(argv) => format!("{argv:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn values_become_arguments_and_nothing_else() {
        let told: Vec<String> = [
            (vec!["grep", "--", "{query}", "{path}"], json!({"query": "-e x; rm -rf /", "path": "a b\n$(id)"})),
            (vec!["grep", "{query}"], json!({"query": "-f/etc/passwd"})),
            (vec!["grep", "--regexp={query}"], json!({"query": "-f/etc/passwd"})),
            (vec!["lint", "{paths}"], json!({"paths": ["a", "b c", 3]})),
            (vec!["lint", "{paths}"], json!({"paths": ["a", "--fix"]})),
            (vec!["lint", "--level={level}", "{path}"], json!({})),
            (vec!["lint", "-n", "{level}", "{path}x"], json!({"level": 3, "path": "p"})),
            (vec!["awk", "{print $1} {unknown}", "{{path}}"], json!({"path": "p"})),
            (vec!["echo", "{query}"], json!({"query": {"a": [true, null]}})),
            (vec!["echo", "{query}"], json!({"query": "a\0b"})),
            (vec!["echo", ""], json!({})),
        ]
        .iter()
        .map(|(run, arguments)| format!("{} <- {arguments}\n  {}", run.join(" "), filled(run, arguments)))
        .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        grep -- {query} {path} <- {"query":"-e x; rm -rf /","path":"a b\n$(id)"}
          ["grep", "--", "-e x; rm -rf /", "a b\n$(id)"]
        grep {query} <- {"query":"-f/etc/passwd"}
          invalid arguments: `-f/etc/passwd` would be taken for an option
        grep --regexp={query} <- {"query":"-f/etc/passwd"}
          ["grep", "--regexp=-f/etc/passwd"]
        lint {paths} <- {"paths":["a","b c",3]}
          ["lint", "a", "b c", "3"]
        lint {paths} <- {"paths":["a","--fix"]}
          invalid arguments: `--fix` would be taken for an option
        lint --level={level} {path} <- {}
          ["lint"]
        lint -n {level} {path}x <- {"level":3,"path":"p"}
          ["lint", "-n", "3", "px"]
        awk {print $1} {unknown} {{path}} <- {"path":"p"}
          ["awk", "{print $1} {unknown}", "{p}"]
        echo {query} <- {"query":{"a":[true,null]}}
          ["echo", "{\"a\":[true,null]}"]
        echo {query} <- {"query":"a\u0000b"}
          invalid arguments: `query` cannot hold a NUL
        echo  <- {}
          ["echo", ""]
        "#);
    }
}
