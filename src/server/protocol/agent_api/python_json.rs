//! JSON as Python writes it by default, which the arguments and results of calls are in: `{"a": 1, "b": [2, 3]}`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// As `json.dumps(value, ensure_ascii=False)`.
pub(super) fn dumps(value: &impl Serialize) -> String {
    let mut out = vec![];
    // Only maps with keys that are no strings cannot be written, which JSON has none of.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut out, Spaced));
    String::from_utf8(out).unwrap_or_default()
}

/// A JSON object that is still being written, closed where it stands. `None` where that makes no sense yet.
pub(super) fn closed(start: &str) -> Option<serde_json::Value> {
    let (mut open, mut text, mut escaped) = (vec![], false, false);
    for byte in start.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'{' if !text => open.push('}'),
            b'[' if !text => open.push(']'),
            b'}' | b']' if !text => drop(open.pop()),
            _ => {}
        }
    }
    if escaped {
        return None;
    }
    let end = text.then_some('"').into_iter().chain(open.into_iter().rev());
    let whole: String = start.chars().chain(end).collect();
    serde_json::from_str(&whole).ok().filter(serde_json::Value::is_object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spaces_and_letters_are_those_of_python() {
        let value = json!({ "q": "中文", "n": [1, 2.5, null], "o": {}, "a": [], "s": "a\"b\n" });
        assert_eq!(dumps(&value), r#"{"q": "中文", "n": [1, 2.5, null], "o": {}, "a": [], "s": "a\"b\n"}"#);
        assert_eq!(dumps(&"r1"), r#""r1""#);
    }

    #[test]
    fn an_object_is_closed_where_it_stands() {
        let closed = |start| closed(start).map(|value| dumps(&value));
        assert_eq!(closed("{").as_deref(), Some("{}"));
        assert_eq!(closed(r#"{"q"#), None);
        assert_eq!(closed(r#"{"q":"#), None);
        assert_eq!(closed(r#"{"q": "中"#).as_deref(), Some(r#"{"q": "中"}"#));
        assert_eq!(closed(r#"{"q": "a\"#), None);
        assert_eq!(closed(r#"{"q": ["{", {"x": 1"#).as_deref(), Some(r#"{"q": ["{", {"x": 1}]}"#));
        assert_eq!(closed("[1"), None);
        assert_eq!(closed("}"), None);
        assert_eq!(closed(""), None);
    }
}
