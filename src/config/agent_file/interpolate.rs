//! `${NAME}`, `${NAME:-default}`, `${file:PATH}` and `$$` in the strings of a file.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use crate::config::Secret;

/// A reference, and the string that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// JSON pointer to the string.
    pub(super) pointer: String,
    /// `NAME`, or `file:PATH`.
    pub(super) name: String,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Filled in, from wherever.
    Set,
    Unset,
}

/// Text that begins like a reference and is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) pointer: String,
    pub(super) text: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Interpolated {
    pub(super) references: Vec<Reference>,
    pub(super) malformed: Vec<Malformed>,
}

/// More than any secret, and less than harms.
const FILE_SIZE: u64 = 64 << 10;

pub(super) struct Interpolator<'a> {
    /// What `${file:PATH}` is relative to.
    pub(super) dir: &'a Path,
    pub(super) lookup: &'a dyn Fn(&str) -> Option<Secret>,
}

impl Interpolator<'_> {
    /// Fills in every string of `value`. A string with a reference that is not set stays as it was written.
    pub(super) fn run(&self, value: &mut Value) -> Interpolated {
        let mut out = Interpolated::default();
        self.walk(value, &mut String::new(), &mut out);
        out
    }

    fn walk(&self, value: &mut Value, pointer: &mut String, out: &mut Interpolated) {
        let length = pointer.len();
        match value {
            Value::String(text) if text.contains('$') && !is_prose(pointer) => {
                if let Some(filled) = self.fill(text, pointer, out) {
                    *text = filled;
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    pointer.push_str(&format!("/{index}"));
                    self.walk(item, pointer, out);
                    pointer.truncate(length);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    push(pointer, key);
                    self.walk(item, pointer, out);
                    pointer.truncate(length);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// `None` where the text is to stay.
    fn fill(&self, text: &str, pointer: &str, out: &mut Interpolated) -> Option<String> {
        let mut filled = String::with_capacity(text.len());
        let mut complete = true;
        let mut seen = BTreeSet::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            filled.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix('$') {
                filled.push('$');
                rest = after;
            } else if let Some(after) = after.strip_prefix('{') {
                let end = after.find('}').unwrap_or(after.len());
                let Some((name, default)) = after.get(end..end + 1).and_then(|_| reference(&after[..end])) else {
                    let text = rest[at..].chars().take(40).collect::<String>();
                    let text = text.find('}').map_or(text.as_str(), |end| &text[..=end]).to_owned();
                    out.malformed.push(Malformed { pointer: pointer.to_owned(), text });
                    return None;
                };
                let found = self.resolve(name).or_else(|| default.map(str::to_owned));
                let state = if found.is_some() { State::Set } else { State::Unset };
                if seen.insert(name) {
                    out.references.push(Reference { pointer: pointer.to_owned(), name: name.to_owned(), state });
                }
                match found {
                    Some(value) => filled.push_str(&value),
                    None => complete = false,
                }
                rest = &after[end + 1..];
            } else {
                filled.push('$');
                rest = after;
            }
        }
        filled.push_str(rest);
        complete.then_some(filled)
    }

    fn resolve(&self, name: &str) -> Option<String> {
        match name.strip_prefix("file:") {
            Some(path) => {
                let path = self.dir.join(path);
                let size = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?.len();
                if size > FILE_SIZE {
                    return None;
                }
                let text = std::fs::read_to_string(path).ok()?;
                Some(text.trim_end_matches(['\n', '\r']).to_owned())
            }
            None => (self.lookup)(name).map(|secret| secret.expose().to_owned()),
        }
    }
}

/// The inside of `${…}` as name and default.
fn reference(inside: &str) -> Option<(&str, Option<&str>)> {
    if inside.strip_prefix("file:").is_some_and(|path| !path.is_empty()) {
        return Some((inside, None));
    }
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let valid = first && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    valid.then_some((name, default))
}

/// Text for the model or the user, and programs, where a dollar means itself.
fn is_prose(pointer: &str) -> bool {
    let tokens: Vec<_> = pointer.split('/').skip(1).collect();
    let tokens = match tokens.as_slice() {
        ["agents", _, rest @ ..] => rest,
        all => all,
    };
    matches!(tokens, ["instructions" | "welcome"] | ["commands", _, "prompt"] | ["tools", _, "command", "run", _])
}

/// Adds a key to a JSON pointer (RFC 6901).
pub(super) fn push(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fills_in_and_says_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "from a file\n").unwrap();
        let lookup = |name: &str| (name == "KEY").then(|| Secret::from("value"));
        let mut value = json!({
            "instructions": "pay ${KEY} in $$",
            "model": "a/${KEY}-${OTHER:-b:-c}",
            "cost": "$$5 and $6",
            "tools": [{ "command": { "run": ["echo", "${KEY}"] } }, { "http": { "url": "${MISSING}/${KEY}" } }],
            "agents": { "a/b": { "welcome": "${KEY}", "description": "${file:token}${file:missing}" } },
            "metadata": { "author": "${not a name}", "license": "${" },
        });
        let out = Interpolator { dir: dir.path(), lookup: &lookup }.run(&mut value);
        assert_eq!(
            value,
            json!({
                "instructions": "pay ${KEY} in $$",
                "model": "a/value-b:-c",
                "cost": "$5 and $6",
                "tools": [{ "command": { "run": ["echo", "${KEY}"] } }, { "http": { "url": "${MISSING}/${KEY}" } }],
                "agents": { "a/b": { "welcome": "${KEY}", "description": "${file:token}${file:missing}" } },
                "metadata": { "author": "${not a name}", "license": "${" },
            })
        );
        let unset: Vec<_> = out
            .references
            .iter()
            .filter(|reference| reference.state == State::Unset)
            .map(|reference| (reference.pointer.as_str(), reference.name.as_str()))
            .collect();
        assert_eq!(unset, [("/tools/1/http/url", "MISSING"), ("/agents/a~1b/description", "file:missing")]);
        let malformed: Vec<_> = out.malformed.iter().map(|malformed| malformed.text.as_str()).collect();
        assert_eq!(malformed, ["${not a name}", "${"]);
    }
}
