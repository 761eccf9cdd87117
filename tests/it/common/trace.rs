//! Streams as text that is the same each time.

use serde_json::Value;

/// One event a line, with ids that are made anew each time numbered in the order in which they come.
#[must_use]
pub fn lines(events: &[Value]) -> String {
    let mut seen: Vec<String> = vec![];
    let mut text = String::new();
    for event in events {
        text.push_str(&name(&event.to_string(), &mut seen));
        text.push('\n');
    }
    text
}

/// The prefixes of ids that are ours to make.
const MADE: [&str; 6] = ["msg_", "task_", "ses_", "q_", "turn_", "art_"];

fn name(line: &str, seen: &mut Vec<String>) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('"') {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        let prefix = MADE.iter().find(|prefix| after.starts_with(**prefix));
        let id = prefix.and_then(|prefix| after.split_once('"').map(|(id, _)| (*prefix, id)));
        match id.filter(|(prefix, id)| id.len() > prefix.len() + 30) {
            Some((prefix, id)) => {
                let number = seen.iter().position(|known| known == id).unwrap_or_else(|| {
                    seen.push(id.to_owned());
                    seen.len() - 1
                });
                out.push_str(&format!("{prefix}{number}"));
                rest = &after[id.len()..];
            }
            None => rest = after,
        }
    }
    out + rest
}
