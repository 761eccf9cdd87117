//! Reading a file of another tool: each key is taken once, and what nobody took is told to the user.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A note whose place is not looked up yet.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) kind: NoteKind,
    /// JSON pointer of the value that it is about.
    pub(super) pointer: String,
    pub(super) message: String,
}

/// Whether something is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// Something of the source is not in the result.
    LeftOut,
    /// It is there, in another form that a reader should look at.
    Changed,
}

/// Collects notes.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    pub(super) fn left_out(&mut self, node: &Node<'_>, message: impl Into<String>) {
        self.0.push(Note { kind: NoteKind::LeftOut, pointer: node.pointer.clone(), message: message.into() });
    }

    pub(super) fn changed(&mut self, node: &Node<'_>, message: impl Into<String>) {
        self.0.push(Note { kind: NoteKind::Changed, pointer: node.pointer.clone(), message: message.into() });
    }

    pub(super) fn into_vec(self) -> Vec<Note> {
        self.0
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    pub(super) pointer: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, pointer: String::new() }
    }

    fn child(&self, key: &str, value: &'a Value) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self { value, pointer: format!("{}/{key}", self.pointer) }
    }

    /// The elements of a list; none, and a note, if it is not one.
    pub(super) fn items(&self, notes: &mut Notes) -> Vec<Self> {
        match self.value {
            Value::Array(items) => {
                items.iter().enumerate().map(|(index, item)| self.child(&index.to_string(), item)).collect()
            }
            Value::Null => vec![],
            _ => {
                self.is_not("a list", notes);
                vec![]
            }
        }
    }

    /// The entries of a mapping; none, and a note, if it is not one.
    pub(super) fn entries(&self, notes: &mut Notes) -> Vec<(&'a str, Self)> {
        match self.value {
            Value::Object(entries) => {
                entries.iter().map(|(key, value)| (key.as_str(), self.child(key, value))).collect()
            }
            Value::Null => vec![],
            _ => {
                self.is_not("a mapping", notes);
                vec![]
            }
        }
    }

    /// The keys of a mapping, to be taken one after the other.
    pub(super) fn fields(&self, notes: &mut Notes) -> Fields<'a> {
        Fields { entries: self.entries(notes).into_iter().collect() }
    }

    /// Text, also of a number or a boolean that was meant as text.
    pub(super) fn text(&self, notes: &mut Notes) -> Option<String> {
        match self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null => None,
            Value::Array(_) | Value::Object(_) => {
                self.is_not("text", notes);
                None
            }
        }
    }

    /// A list of text, or one text that stands for a list of one.
    pub(super) fn texts(&self, notes: &mut Notes) -> Vec<String> {
        if self.value.is_string() {
            return self.text(notes).into_iter().collect();
        }
        self.items(notes).iter().filter_map(|item| item.text(notes)).collect()
    }

    pub(super) fn object(&self, notes: &mut Notes) -> Option<&'a Map<String, Value>> {
        if self.value.as_object().is_none() && !self.value.is_null() {
            self.is_not("a mapping", notes);
        }
        self.value.as_object()
    }

    fn is_not(&self, expected: &str, notes: &mut Notes) {
        notes.left_out(self, format!("is not {expected}, and was passed over"));
    }
}

/// The keys of a mapping that have not been taken yet.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    entries: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Fields<'a> {
    /// Removes and gives the value of `key`; a null counts as absent.
    pub(super) fn take(&mut self, key: &str) -> Option<Node<'a>> {
        self.entries.remove(key).filter(|node| !node.value.is_null())
    }

    pub(super) fn text(&mut self, key: &str, notes: &mut Notes) -> Option<String> {
        self.take(key)?.text(notes)
    }

    pub(super) fn texts(&mut self, key: &str, notes: &mut Notes) -> Vec<String> {
        self.take(key).map(|node| node.texts(notes)).unwrap_or_default()
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        self.take(key).is_some_and(|node| node.value.as_bool() == Some(true))
    }

    /// Takes each of `keys` that is there, and tells the user why it is not carried over.
    pub(super) fn refuse(&mut self, keys: &[(&str, &str)], notes: &mut Notes) {
        for (key, why) in keys {
            if let Some(node) = self.take(key).filter(|node| node.value.as_bool() != Some(false)) {
                notes.left_out(&node, format!("`{key}`: {why}"));
            }
        }
    }

    /// Tells the user about every key that nobody took. `what` is what they belong to, as in "an agent".
    pub(super) fn finish(self, what: &str, notes: &mut Notes) {
        for (key, node) in self.entries {
            notes.left_out(&node, format!("`{key}` is not a known key of {what}"));
        }
    }
}

/// `name`, or `name-2`, `name-3`, … until `taken` says no.
pub(super) fn free_name(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    (2..).map(|n: u32| format!("{name}-{n}")).find(|name| !taken(name)).unwrap_or_else(|| name.to_owned())
}
