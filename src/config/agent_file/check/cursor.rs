//! A value of the file that knows where it stands. Asking for what is not there gives a cursor to nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    super::{
        fault::{Fault, On},
        interpolate::push,
    },
    View,
};

#[derive(Clone)]
pub(super) struct Cursor<'a> {
    pub(super) pointer: String,
    value: Option<&'a Value>,
    unset: &'a BTreeSet<&'a str>,
}

impl<'a> Cursor<'a> {
    pub(super) fn root(view: &'a View<'a>) -> Self {
        Self { pointer: String::new(), value: Some(view.value), unset: &view.unset }
    }

    fn child(&self, key: &str, value: Option<&'a Value>) -> Self {
        let mut pointer = self.pointer.clone();
        push(&mut pointer, key);
        Self { pointer, value, unset: self.unset }
    }

    pub(super) fn get(&self, key: &str) -> Self {
        self.child(key, self.value.and_then(Value::as_object).and_then(|map| map.get(key)))
    }

    pub(super) fn exists(&self) -> bool {
        self.value.is_some()
    }

    /// The string here, unless it has a reference in it that is not filled in.
    pub(super) fn text(&self) -> Option<&'a str> {
        let text = self.value?.as_str()?;
        (!self.unset.contains(self.pointer.as_str())).then_some(text)
    }

    pub(super) fn value(&self) -> Option<&'a Value> {
        self.value
    }

    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.value.and_then(Value::as_array).into_iter().flatten().enumerate();
        items.map(|(index, item)| self.child(&index.to_string(), Some(item))).collect()
    }

    pub(super) fn entries(&self) -> Vec<(&'a str, Self)> {
        let entries = self.value.and_then(Value::as_object).into_iter().flatten();
        entries.map(|(key, value)| (key.as_str(), self.child(key, Some(value)))).collect()
    }

    pub(super) fn keys(&self) -> Vec<&'a str> {
        self.value.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str()).collect()
    }

    /// An error about the value here.
    pub(super) fn fault(&self, code: &'static str, message: impl Into<String>) -> Fault {
        Fault::new(self.pointer.clone(), On::Value, code, message)
    }

    /// An error about the key here.
    pub(super) fn key_fault(&self, code: &'static str, message: impl Into<String>) -> Fault {
        Fault::new(self.pointer.clone(), On::Key, code, message)
    }
}
