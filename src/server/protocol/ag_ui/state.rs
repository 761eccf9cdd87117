//! The state that agent and front end share: a snapshot first, then what changes in it.

use serde::Serialize;
use serde_json::Value;

use crate::store::merge_patch;

/// One operation of a JSON patch (RFC 6902).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Operation {
    /// Replaces what is there, too.
    Add {
        path: String,
        value: Value,
    },
    Remove {
        path: String,
    },
}

/// How to say a change.
#[derive(Debug)]
pub(super) enum Change<'a> {
    Snapshot(&'a Value),
    Delta(Vec<Operation>),
}

#[derive(Debug)]
pub(super) struct Shared {
    /// As the front end has it.
    state: Value,
    told: bool,
}

impl Shared {
    /// `state` is what the front end came with.
    pub(super) fn new(state: &Value) -> Self {
        Self { state: if state.is_object() { state.clone() } else { Value::Object(Default::default()) }, told: false }
    }

    /// Takes in a merge patch (RFC 7396).
    pub(super) fn change(&mut self, patch: &Value) -> Change<'_> {
        let mut operations = vec![];
        operations_of(&self.state, patch, "", &mut operations);
        merge_patch(&mut self.state, patch);
        if std::mem::replace(&mut self.told, true) { Change::Delta(operations) } else { Change::Snapshot(&self.state) }
    }
}

/// The merge patch `patch` of `state` as operations below `path`.
fn operations_of(state: &Value, patch: &Value, path: &str, out: &mut Vec<Operation>) {
    let Value::Object(members) = patch else { return };
    for (name, change) in members {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        match (state.get(name), change) {
            (None, Value::Null) => {}
            (Some(_), Value::Null) => out.push(Operation::Remove { path }),
            (Some(there @ Value::Object(_)), Value::Object(_)) => operations_of(there, change, &path, out),
            _ => {
                // Nulls in what is new stand for nothing.
                let mut value = Value::Null;
                merge_patch(&mut value, change);
                out.push(Operation::Add { path, value });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_a_snapshot_first_and_operations_then() {
        let mut shared = Shared::new(&json!({ "theme": "dark", "a/b": 1 }));
        let Change::Snapshot(first) = shared.change(&json!({ "todo": [1] })) else { panic!() };
        assert_eq!(*first, json!({ "theme": "dark", "a/b": 1, "todo": [1] }));
        let patch = json!({ "todo": [1, 2], "a/b": null, "gone": null, "deep": { "x": 1, "y": null } });
        let Change::Delta(operations) = shared.change(&patch) else { panic!() };
        insta::assert_json_snapshot!(operations, @r#"
        [
          {
            "op": "add",
            "path": "/todo",
            "value": [
              1,
              2
            ]
          },
          {
            "op": "remove",
            "path": "/a~1b"
          },
          {
            "op": "add",
            "path": "/deep",
            "value": {
              "x": 1
            }
          }
        ]
        "#);
        let Change::Delta(operations) = shared.change(&json!({ "deep": { "x": null } })) else { panic!() };
        assert_eq!(operations, [Operation::Remove { path: "/deep/x".to_owned() }]);
    }
}
