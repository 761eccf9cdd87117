//! What models, tools and files wrote, made safe to show: it may hold control sequences that would drive the user's
//! terminal, or marks that make it look like something else.

/// `text` as it may be shown on a terminal. Line ends and tabs stay; a carriage return, which would let the rest of a
/// line overwrite its start, is left out.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| *c != '\r')
        .map(|c| if matches!(c, '\t' | '\n') || !(c.is_control() || turns(c)) { c } else { '\u{fffd}' })
        .collect()
}

/// Whether a character changes the direction in which others are shown, so that a command reads as another.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON with the control characters escaped that JSON allows: some terminals obey those beyond ASCII.
#[must_use]
pub(super) fn json_without_controls(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, '\u{7f}'..='\u{9f}') {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_drives_the_terminal() {
        let shown = printable("a\tb\r\nc\rd\u{1b}[2J\u{9b}31m\u{7f}\u{7}\u{202e}txt\u{2066} é 字");
        assert_eq!(shown, "a\tb\ncd\u{fffd}[2J\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}txt\u{fffd} é 字");
        let text = "\u{1b}[2J\u{9b}31m\u{7f} é";
        let json = json_without_controls(&serde_json::to_string(text).unwrap());
        assert_eq!(json, "\"\\u001b[2J\\u009b31m\\u007f é\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
