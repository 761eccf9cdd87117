//! Profiles: parts of an agent file that are merged over it.

use super::{
    fault::{self, Fault, On},
    yaml::{Entry, Kind, Node},
};

/// The file with the profile `name` over it. Mappings are merged key by key, anything else is replaced, and a value of
/// null takes a key away (as RFC 7396 has it). Every value keeps its own place.
pub(super) fn merge(tree: &Node, name: &str) -> Result<Node, Fault> {
    let profiles = tree.entry("profiles");
    let names = names(tree);
    let Some(profile) = profiles.and_then(|entry| entry.node.entry(name)) else {
        let pointer = if profiles.is_some() { "/profiles" } else { "" };
        let help = if names.is_empty() {
            "this file has no `profiles`".to_owned()
        } else {
            fault::suggest(name, &names).unwrap_or_else(|| format!("there are {}", fault::list(&names)))
        };
        return Err(Fault::new(pointer, On::Key, "unknown-profile", format!("there is no profile `{name}`")).help(help));
    };
    let mut merged = tree.clone();
    // Anything but a mapping is a fault that the schema finds.
    if matches!(profile.node.kind, Kind::Map(_)) {
        overlay(&mut merged, &profile.node);
    }
    Ok(merged)
}

pub(super) fn names(tree: &Node) -> Vec<&str> {
    match tree.entry("profiles").map(|entry| &entry.node.kind) {
        Some(Kind::Map(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
        Some(Kind::Scalar(_) | Kind::List(_)) | None => vec![],
    }
}

fn overlay(base: &mut Node, over: &Node) {
    let (Kind::Map(entries), Kind::Map(changes)) = (&mut base.kind, &over.kind) else {
        *base = over.clone();
        return;
    };
    for Entry { key, key_span, node } in changes {
        let known = entries.iter().position(|entry| entry.key == *key);
        if node.kind == Kind::Scalar(serde_json::Value::Null) {
            entries.retain(|entry| entry.key != *key);
        } else if let Some(index) = known {
            let entry = &mut entries[index];
            if !matches!((&entry.node.kind, &node.kind), (Kind::Map(_), Kind::Map(_))) {
                entry.key_span = key_span.clone();
            }
            overlay(&mut entry.node, node);
        } else {
            // Over nothing, so that a null in what is new goes away too.
            let mut fresh = Node { span: node.span.clone(), kind: Kind::Map(vec![]) };
            overlay(&mut fresh, node);
            entries.push(Entry { key: key.clone(), key_span: key_span.clone(), node: fresh });
        }
    }
}
