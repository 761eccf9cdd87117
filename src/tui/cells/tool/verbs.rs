//! What each tool does, in a word, and which of its arguments says to what.

use serde_json::Value;

use crate::domain::ToolCall;

/// How a tool is spoken of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verb<'a> {
    pub running: &'a str,
    pub done: &'a str,
    /// The first of these that is there is shown.
    pub keys: &'a [&'a str],
    pub shows: Shows,
    /// Its output ends with the exit status where that is not 0.
    pub runs_program: bool,
}

/// What stands under the line of a call that went well, folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    Output,
    /// How much it was.
    Size,
    Difference,
    /// How much was written.
    Written,
    Todos,
}

/// What other tools are mostly called with.
const KEYS: [&str; 14] = [
    "command", "cmd", "path", "file", "url", "uri", "query", "pattern", "task", "question", "prompt", "name", "text",
    "message",
];

const VERBS: [(&str, Verb<'static>); 16] = [
    ("run_shell_command", verb_of("Running", "Ran", &["command"], Shows::Output).program()),
    ("run_ipython_cell", verb_of("Running Python", "Ran Python", &["code"], Shows::Output).program()),
    ("read_file", verb_of("Reading", "Read", &["path"], Shows::Size)),
    ("read_multiple_files", verb_of("Reading", "Read", &["paths"], Shows::Size)),
    ("write_file", verb_of("Writing", "Wrote", &["path"], Shows::Written)),
    ("edit_file", verb_of("Editing", "Edited", &["path"], Shows::Difference)),
    ("create_directory", verb_of("Making the folder", "Made the folder", &["path"], Shows::Size)),
    ("list_directory", verb_of("Listing", "Listed", &["path"], Shows::Size)),
    ("directory_tree", verb_of("Listing the tree", "Listed the tree", &["path"], Shows::Size)),
    ("move_file", verb_of("Moving", "Moved", &["source"], Shows::Size)),
    ("search_files", verb_of("Searching for", "Searched for", &["pattern"], Shows::Size)),
    ("get_file_info", verb_of("Looking at", "Looked at", &["path"], Shows::Size)),
    ("fetch", verb_of("Fetching", "Fetched", &["url"], Shows::Size)),
    ("todo", verb_of("Planning", "Planned", &[], Shows::Todos)),
    ("ask_user", verb_of("Asking", "Asked", &["question"], Shows::Output)),
    ("skill", verb_of("Reading the skill", "Read the skill", &["name"], Shows::Size)),
];

const fn verb_of(
    running: &'static str,
    done: &'static str,
    keys: &'static [&'static str],
    shows: Shows,
) -> Verb<'static> {
    Verb { running, done, keys, shows, runs_program: false }
}

impl Verb<'_> {
    const fn program(mut self) -> Self {
        self.runs_program = true;
        self
    }
}

pub(super) fn verb(tool: &str) -> Verb<'_> {
    let known = VERBS.iter().find(|(name, _)| *name == tool).map(|(_, verb)| *verb);
    known.unwrap_or(Verb { running: tool, done: tool, keys: &KEYS, shows: Shows::Output, runs_program: false })
}

/// The argument that says to what the call is done; all of them where none is known.
pub(super) fn key_argument(call: &ToolCall, verb: &Verb<'_>) -> String {
    let Value::Object(arguments) = &call.arguments else {
        return match &call.arguments {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
    };
    if let Some(value) = verb.keys.iter().find_map(|key| arguments.get(*key)) {
        return match value {
            Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
            value => plain(value),
        };
    }
    if verb.shows == Shows::Todos {
        return String::new();
    }
    arguments.iter().map(|(key, value)| format!("{key}: {}", plain(value))).collect::<Vec<_>>().join(", ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Of the last lines that `tool::boxed` writes under the output of a program.
pub(super) fn exit_code(text: &str) -> Option<i32> {
    let status = |line: &str| {
        let inner = line.strip_prefix('[')?.strip_suffix(']')?;
        inner.rsplit_once("exit status ")?.1.parse().ok()
    };
    text.lines().rev().take(3).find_map(status)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(name: &str, arguments: Value) -> String {
        let call = ToolCall { call_id: "c".into(), name: name.to_owned(), arguments, opaque: None };
        key_argument(&call, &verb(name))
    }

    #[test]
    fn what_a_call_is_about() {
        assert_eq!(key("run_shell_command", json!({"command": "ls -l"})), "ls -l");
        assert_eq!(key("read_multiple_files", json!({"paths": ["a", "b"]})), "a, b");
        assert_eq!(key("github_issue", json!({"query": "x", "number": 3})), "x");
        assert_eq!(key("add", json!({"a": 1, "b": "two"})), "a: 1, b: two");
        assert_eq!(key("add", json!("{\"a\": 1")), "{\"a\": 1");
        assert_eq!(key("todo", json!({"items": []})), "");
    }

    #[test]
    fn how_a_program_ended() {
        assert_eq!(exit_code("out\n[exit status 101]"), Some(101));
        assert_eq!(exit_code("[killed: out of memory; exit status 137]\n[made anew]"), Some(137));
        assert_eq!(exit_code("fine"), None);
    }
}
