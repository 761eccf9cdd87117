//! How much work a JSON Schema can make, told from the schema alone.
//!
//! A schema of a few kilobytes can lead through references so deep that its compilation leaves no stack, which ends the
//! process, or so wide that a check never ends. Callers and tool servers bring schemas.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Deepest that it may lead, references followed.
const DEEPEST: usize = 400;
/// Most parts that a check may come through, each counted as often as references lead to it.
const MOST: usize = 100_000;

/// Why a schema is not compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooHeavy {
    #[error("it leads deeper than {DEEPEST} levels")]
    Deep,
    #[error("it has more than {MOST} parts, counted as often as they are referred to")]
    Wide,
    #[error("only references to places in itself, `#/…`, are followed")]
    Elsewhere,
}

/// Whether a schema can be compiled and checked against in reasonable time and stack. One that refers to itself is
/// followed once.
///
/// # Errors
/// Why not.
pub fn weigh(schema: &Value) -> Result<(), TooHeavy> {
    Scale { root: schema, known: HashMap::new() }.put(schema, 0).map(drop)
}

#[derive(Clone, Copy, Default)]
struct Weight {
    depth: usize,
    parts: usize,
}

struct Scale<'a> {
    root: &'a Value,
    /// What was found at the end of each reference; nothing yet where it is being looked at.
    known: HashMap<&'a str, Weight>,
}

impl<'a> Scale<'a> {
    fn put(&mut self, part: &'a Value, level: usize) -> Result<Weight, TooHeavy> {
        if level > DEEPEST {
            return Err(TooHeavy::Deep);
        }
        let mut all = Weight { depth: 0, parts: 1 };
        let mut add = |inner: Weight| {
            all.depth = all.depth.max(inner.depth + 1);
            all.parts = all.parts.saturating_add(inner.parts);
            if all.parts > MOST { Err(TooHeavy::Wide) } else { Ok(()) }
        };
        match part {
            Value::Array(items) => {
                for item in items {
                    add(self.put(item, level + 1)?)?;
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    add(match (name.as_str(), member) {
                        ("$ref", Value::String(to)) => self.follow(to, level + 1)?,
                        (name, Value::String(_)) if self.turns(name) && !std::ptr::eq(part, self.root) => {
                            return Err(TooHeavy::Elsewhere);
                        }
                        _ => self.put(member, level + 1)?,
                    })?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        Ok(all)
    }

    /// Whether a member of this name changes what references mean; draft 4 says `id`.
    fn turns(&self, name: &str) -> bool {
        let old = || self.root["$schema"].as_str().is_some_and(|draft| draft.contains("draft-04"));
        matches!(name, "$dynamicRef" | "$recursiveRef" | "$id" | "$schema") || (name == "id" && old())
    }

    fn follow(&mut self, to: &'a str, level: usize) -> Result<Weight, TooHeavy> {
        if let Some(known) = self.known.get(to) {
            return if level + known.depth > DEEPEST { Err(TooHeavy::Deep) } else { Ok(*known) };
        }
        let pointer = to.strip_prefix('#').and_then(|to| percent_decode_str(to).decode_utf8().ok());
        let target = pointer.and_then(|pointer| self.root.pointer(&pointer)).ok_or(TooHeavy::Elsewhere)?;
        self.known.insert(to, Weight::default());
        let weight = self.put(target, level)?;
        self.known.insert(to, weight);
        Ok(weight)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each definition refers to the next one `times`.
    fn chain(length: usize, times: usize) -> Value {
        let next = |at: usize| json!({ "allOf": vec![json!({ "$ref": format!("#/$defs/a{}", at + 1) }); times] });
        let mut defs: serde_json::Map<String, Value> = (0..length).map(|at| (format!("a{at}"), next(at))).collect();
        defs.insert(format!("a{length}"), true.into());
        json!({ "$ref": "#/$defs/a0", "$defs": defs })
    }

    #[test]
    fn what_would_never_end_or_leave_no_stack_is_refused() {
        assert_eq!(weigh(&chain(100_000, 1)), Err(TooHeavy::Deep));
        assert_eq!(weigh(&chain(40, 2)), Err(TooHeavy::Wide));
        assert_eq!(weigh(&json!({ "$ref": "https://example.com/x.json" })), Err(TooHeavy::Elsewhere));
        let anchors = json!({ "allOf": [{ "$ref": "#a" }, { "$anchor": "a" }] });
        assert_eq!(weigh(&anchors), Err(TooHeavy::Elsewhere));
        assert_eq!(weigh(&json!({ "allOf": [{ "$id": "x", "$ref": "#/y" }] })), Err(TooHeavy::Elsewhere));
        let old = json!({ "$schema": "http://json-schema.org/draft-04/schema#", "allOf": [{ "id": "x" }] });
        assert_eq!(weigh(&old), Err(TooHeavy::Elsewhere));
    }

    #[test]
    fn what_programs_write_is_let_through() {
        let tree = json!({
            "$id": "https://example.com/tree",
            "$ref": "#/$defs/node",
            "$defs": { "node": { "type": "object", "properties": {
                "left": { "$ref": "#/$defs/node" }, "right": { "$ref": "#/%24defs/node" }, "all": { "$ref": "#" }
            } } }
        });
        assert_eq!(weigh(&tree), Ok(()));
        assert_eq!(weigh(&json!({ "properties": { "id": { "const": "x" } }, "default": { "id": "x" } })), Ok(()));
        assert_eq!(weigh(&chain(100, 1)), Ok(()));
        assert!(jsonschema::validator_for(&chain(100, 1)).is_ok());
    }
}
