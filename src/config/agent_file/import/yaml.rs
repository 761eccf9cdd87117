//! YAML for people to read and keep: block text for long strings, short lists on one line, keys in the order given.
//!
//! The serializer of the YAML library decides such things by type; here they follow from the value, and from nothing
//! that a reader has to configure.

use serde_json::Value;

/// A list is written on one line while it is shorter than this.
const LINE: usize = 80;

/// A document to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    /// A number, a boolean or null.
    Plain(String),
    Text(String),
    List(Vec<Self>),
    Map(Map),
}

/// A mapping that keeps its order and leaves out what is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Map(Vec<(String, Yaml)>);

impl Map {
    /// Adds `value`, unless it holds nothing. A key that is there already is replaced.
    pub(super) fn put(&mut self, key: impl Into<String>, value: impl Into<Yaml>) -> &mut Self {
        let (key, value) = (key.into(), value.into());
        if value.is_empty() {
            return self;
        }
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some(slot) => slot.1 = value,
            None => self.0.push((key, value)),
        }
        self
    }

    /// Adds `map`, also if it holds nothing.
    pub(super) fn put_even_empty(&mut self, key: &str, map: Self) {
        self.0.push((key.to_owned(), Yaml::Map(map)));
    }

    /// Removes from the mapping under `key` what `other` has in the same way.
    #[must_use]
    pub(super) fn without_in(mut self, key: &str, other: &Self) -> Self {
        for (name, value) in &mut self.0 {
            if let (true, Yaml::Map(map)) = (name == key, value) {
                map.0.retain(|entry| !other.0.contains(entry));
            }
        }
        self.0.retain(|(name, value)| name != key || !value.is_empty());
        self
    }

    /// The entries of both; lists under the same key are joined.
    #[must_use]
    pub(super) fn merged(mut self, other: &Self) -> Self {
        for (key, value) in &other.0 {
            match (self.0.iter_mut().find(|(name, _)| name == key), value) {
                (Some((_, Yaml::List(items))), Yaml::List(more)) => items.extend(more.iter().cloned()),
                (Some(slot), _) => slot.1 = value.clone(),
                (None, _) => self.0.push((key.clone(), value.clone())),
            }
        }
        self
    }

    pub(super) fn get(&self, key: &str) -> Option<&Yaml> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The same entries, those of `order` first.
    #[must_use]
    pub(super) fn in_order(mut self, order: &[&str]) -> Self {
        self.0.sort_by_key(|(key, _)| order.iter().position(|name| name == key).unwrap_or(order.len()));
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

impl<K: Into<String>, V: Into<Self>, const N: usize> From<[(K, V); N]> for Yaml {
    fn from(entries: [(K, V); N]) -> Self {
        let mut map = Map::default();
        for (key, value) in entries {
            map.put(key, value);
        }
        Self::Map(map)
    }
}

impl From<Map> for Yaml {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Yaml {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Yaml {
    fn from(value: bool) -> Self {
        Self::Plain(value.to_string())
    }
}

impl<T: Into<Self>> From<Vec<T>> for Yaml {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl From<&Value> for Yaml {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Plain(value.to_string()),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Into::into).collect()),
            Value::Object(entries) => {
                Self::Map(Map(entries.iter().map(|(key, value)| (key.clone(), value.into())).collect()))
            }
        }
    }
}

impl Yaml {
    fn is_empty(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(map) => map.is_empty(),
        }
    }

    /// The value on one line, if it is short and has nothing nested.
    fn inline(&self) -> Option<String> {
        match self {
            Self::Plain(text) => Some(text.clone()),
            Self::Text(text) if text.contains('\n') && block_can_hold(text) => None,
            Self::Text(text) => Some(scalar(text)),
            Self::List(items) => {
                let scalars: Vec<_> = items
                    .iter()
                    .map(|item| matches!(item, Self::Plain(_) | Self::Text(_)).then(|| item.inline())?)
                    .collect::<Option<_>>()?;
                let line = format!("[{}]", scalars.join(", "));
                (line.len() <= LINE).then_some(line)
            }
            Self::Map(map) if map.is_empty() => Some("{}".into()),
            Self::Map(_) => None,
        }
    }

    /// Writes what follows a key: on the same line, or below it.
    fn after_key(&self, indent: usize, out: &mut String) {
        if let Some(line) = self.inline() {
            out.push(' ');
            out.push_str(&line);
            out.push('\n');
            return;
        }
        match self {
            Self::Text(text) => block(text, indent + 2, out),
            Self::List(items) => {
                out.push('\n');
                list(items, indent + 2, out);
            }
            Self::Map(map) => {
                out.push('\n');
                map.write(indent + 2, out);
            }
            Self::Plain(_) => {}
        }
    }
}

impl Map {
    /// The document, with an empty line around each top-level value that takes several.
    pub(super) fn document(&self) -> String {
        let mut out = String::new();
        let mut was_long = false;
        for (key, value) in &self.0 {
            let start = out.len();
            out.push_str(&scalar(key));
            out.push(':');
            value.after_key(0, &mut out);
            let long = out[start..].lines().count() > 1;
            if start > 0 && (long || was_long) {
                out.insert(start, '\n');
            }
            was_long = long;
        }
        out
    }

    fn write(&self, indent: usize, out: &mut String) {
        for (key, value) in &self.0 {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(&scalar(key));
            out.push(':');
            value.after_key(indent, out);
        }
    }
}

fn list(items: &[Yaml], indent: usize, out: &mut String) {
    for item in items {
        out.extend(std::iter::repeat_n(' ', indent));
        out.push('-');
        match item {
            Yaml::Map(map) if !map.is_empty() => {
                // The first key stands on the line of the dash, the others below it.
                let start = out.len();
                map.write(indent + 2, out);
                out.replace_range(start..start + indent + 2, " ");
            }
            other => other.after_key(indent, out),
        }
    }
}

/// Whether a literal block gives back exactly this text.
fn block_can_hold(text: &str) -> bool {
    // The reader finds the indentation by the first line, some editors strip blanks at the end of lines, and where a
    // block keeps the empty lines at its end, it takes those that come after it too.
    !text.starts_with([' ', '\n'])
        && !text.ends_with("\n\n")
        && text.lines().all(|line| !line.ends_with([' ', '\t']))
        && text.chars().all(|c| c == '\n' || c == '\t' || (!c.is_control() && !is_break(c)))
}

/// Characters that YAML, or an editor, may take for the end of a line or of the file.
fn is_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn block(text: &str, indent: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in text.lines() {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A string on one line: as it is where every YAML reader takes it for a string, else as in JSON, which YAML includes.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || is_break(c) => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 11] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"];
    // `-y` and `--flag` are text; `- y`, `-1` and `---` are not.
    let start = text.trim_start_matches('-');
    let dashes = text.len() - start.len();
    let safe_start = dashes <= 2
        && (start.starts_with(|c: char| c.is_alphabetic())
            || dashes == 0 && start.starts_with(['/', '.', '_'])
            || dashes == 0
                && start.starts_with(|c: char| c.is_ascii_digit())
                && start.contains(|c: char| c.is_alphabetic()));
    safe_start
        && !text.ends_with([' ', ':'])
        && !WORDS.contains(&text.to_lowercase().as_str())
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || " _-./+:;()!?'=%$@^~<>*".contains(c) || (c > '\u{a0}' && !is_break(c)))
        && !text.contains(": ")
        && !text.contains("${")
        && !looks_like_a_number_or_date(text)
}

/// `1e3`, `0x1f`, `12:30:00`, `2024-01-01`: readers of older YAML take these for something else than text.
fn looks_like_a_number_or_date(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.chars().all(|c| c.is_ascii_hexdigit() || "xo_.:+-TZ".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::agent_file::{Diagnostics, Source, yaml as tree};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn written(value: &Value) -> String {
        let Yaml::Map(map) = Yaml::from(value) else { unreachable!("the tests write mappings") };
        map.document()
    }

    #[test]
    fn reads_as_a_person_would_write_it() {
        let value = serde_json::json!({
            "name": "notes",
            "model": "openai/gpt-5-mini",
            "number": "42",
            "answer": "no",
            "key": "${OPENAI_API_KEY}",
            "instructions": "You keep notes.\n\n  - be brief\n",
            "tools": ["fetch", {"mcp": "docs", "deep": {"list": [{"a": 1, "b": [true, null]}, ["x"]]}}, {"empty": {}}],
            "args": ["-y", "@scope/package", "--flag=a b"],
        });
        insta::assert_snapshot!(written(&value), @r#"
        name: notes
        model: openai/gpt-5-mini
        number: "42"
        answer: "no"
        key: "${OPENAI_API_KEY}"

        instructions: |
          You keep notes.

            - be brief

        tools:
          - fetch
          - mcp: docs
            deep:
              list:
                - a: 1
                  b: [true, null]
                - [x]
          - empty: {}

        args: [-y, "@scope/package", --flag=a b]
        "#);
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[a-z0-9 :#\\-\\[\\]{},&*!|>'\"%@`$.~?=\n\t]{0,24}",
            "(0x|0o)?[0-9._:eE+-]{1,8}",
            Just("null".to_owned()),
            Just("~".to_owned()),
            Just("---".to_owned()),
            Just("...".to_owned()),
            Just("<<".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn gives_back_every_text(key in texts(), one in texts(), two in texts()) {
            // As a key, `<<` is refused by our reader however it is quoted.
            prop_assume!(!key.is_empty() && key != "k" && key != "<<");
            let value = serde_json::json!({ "k": [one, { key: two }, [one]], "t": two });
            let text = written(&value);
            let source = Arc::new(Source { name: "test".into(), text: text.clone() });
            let ours = tree::parse(&source, &mut Diagnostics::default());
            prop_assert_eq!(&ours.map(|tree| tree.value()["k"].clone()), &Ok(value["k"].clone()), "{}", text);
            let back: Value = serde_yaml::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            // What is empty is left out at the top, and only there.
            prop_assert_eq!(&back["k"], &value["k"], "{}", text);
            prop_assert_eq!(back["t"].as_str().unwrap_or_default(), two, "{}", text);
        }
    }
}
