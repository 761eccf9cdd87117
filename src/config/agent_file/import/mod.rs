//! Files of other tools as agent files: docker agent's YAML and `.mcp.json`.
//!
//! What cannot be carried over is told with its place; a secret that stands in the source is never copied.

mod docker;
mod mcp_json;
mod server;
mod source;
mod template;
mod yaml;

use std::{path::Path, sync::Arc};

use serde_json::Value;

use super::{
    diagnostic::{Diagnostics, Place, Source},
    load,
    yaml::{self as tree, Kind},
};
use source::{Node, Notes};
use yaml::Map;

pub use source::NoteKind;

/// An agent file, and what a reader of it should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The agent file.
    pub text: String,
    /// In the order of the source.
    pub notes: Vec<Note>,
}

/// What an import did not do, or did in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub kind: NoteKind,
    /// What it is about.
    pub place: Place,
    pub message: String,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ImportError {
    #[error(
        "`{0}` is neither a docker agent file, which has `agents`, nor a list of MCP servers, which has `mcpServers`"
    )]
    UnknownFormat(String),
    #[error("`{0}` is an agent file of agentscope already")]
    AlreadyOurs(String),
    #[error("`{0}` describes no agents")]
    NoAgents(String),
    /// It cannot be read, or is not YAML.
    #[error("the file cannot be read")]
    Unreadable(Diagnostics),
}

/// Converts the file at `path`.
///
/// # Errors
/// Where it cannot be read, or is in no format that is read here.
pub fn import(path: &Path) -> Result<Imported, ImportError> {
    let source = load::read(path).map_err(|error| ImportError::Unreadable(error.into()))?;
    import_source(source)
}

/// Converts a text; `name` is what it is called in messages, and what the agent is called after.
///
/// # Errors
/// Where it is in no format that is read here.
pub fn import_str(name: &str, text: &str) -> Result<Imported, ImportError> {
    import_source(Source { name: name.to_owned(), text: text.to_owned() })
}

fn import_source(source: Source) -> Result<Imported, ImportError> {
    let source = Arc::new(source);
    let mut found = Diagnostics::default();
    let tree = match tree::parse(&source, &mut found) {
        Ok(tree) if !found.has_errors() => tree,
        Ok(_) => return Err(ImportError::Unreadable(found)),
        Err(stopped) => {
            found.push(stopped);
            return Err(ImportError::Unreadable(found));
        }
    };
    let mut notes = Notes::default();
    let text = convert(&source.name, &tree.value(), &mut notes)?;
    let mut notes: Vec<_> = notes
        .into_vec()
        .into_iter()
        .map(|note| {
            let (node, key) = tree.find(&note.pointer);
            // A mapping or a list is best found by its key.
            let span = key.filter(|_| !matches!(node.kind, Kind::Scalar(_))).unwrap_or_else(|| node.span.clone());
            Note { kind: note.kind, place: Place::new(&source, span), message: note.message }
        })
        .collect();
    notes.sort_by_key(|note| note.place.span.start);
    Ok(Imported { text, notes })
}

/// What a format gives.
struct Converted {
    file: Map,
    /// What the source said about itself, line by line.
    about: Vec<String>,
}

fn convert(name: &str, value: &Value, notes: &mut Notes) -> Result<String, ImportError> {
    let root = Node::root(value);
    let has = |key: &str| value.get(key).is_some();
    let converted = if has("mcpServers") || (has("servers") && !has("agents")) {
        mcp_json::convert(&root, "assistant", notes)
    } else if value.get("name").is_some_and(Value::is_string) {
        return Err(ImportError::AlreadyOurs(name.to_owned()));
    } else if has("agents") {
        if value["agents"].as_object().is_none_or(serde_json::Map::is_empty) {
            return Err(ImportError::NoAgents(name.to_owned()));
        }
        docker::convert(&root, stem(name), notes)
    } else {
        return Err(ImportError::UnknownFormat(name.to_owned()));
    };
    let mut text = format!("# Imported from {}.\n", one_line(file_name(name)));
    for line in &converted.about {
        text.push_str(format!("# {}", one_line(line)).trim_end());
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&converted.file.document());
    Ok(text)
}

fn file_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn stem(name: &str) -> &str {
    let name = file_name(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// A comment ends where a line does.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')).collect()
}
