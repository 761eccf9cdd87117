//! What models, tools and files wrote, made safe to show: it may hold control sequences that would drive the user's
//! terminal, or marks that make it look like something else.

/// Stands where something was that must not reach a terminal.
pub const MARK: char = '\u{fffd}';

/// `text` as it may be shown on a terminal. Line ends and tabs stay; a carriage return, which would let the rest of a
/// line overwrite its start, is left out.
#[must_use]
pub fn printable(text: &str) -> String {
    // A stream is cut anywhere, between the parts of an emoji, too: what stands beyond the ends is not known.
    let beyond = Some(MARK);
    let mut before = beyond;
    let mut chars = text.chars().filter(|c| *c != '\r').peekable();
    let mut safe = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        let shown =
            if matches!(c, '\t' | '\n') { Some(c) } else { visible(before, c, chars.peek().copied().or(beyond)) };
        safe.extend(shown);
        before = Some(c);
    }
    safe
}

/// What is shown in the place of `c`, which stands between the two others: itself, [`MARK`], or nothing where it has no
/// width and would only make one word look like another. Line ends and tabs are control characters here.
#[must_use]
pub fn visible(before: Option<char>, c: char, after: Option<char>) -> Option<char> {
    if matches!(c, ' '..='~') {
        return Some(c);
    }
    if is_tag(c) {
        // A flag is written with six of them: one mark says it.
        return (!before.is_some_and(is_tag)).then_some(MARK);
    }
    if c.is_control() || turns(c) || hides(c) {
        return Some(MARK);
    }
    if joins(c) {
        // Emoji, Persian and the scripts of India are written with these; Latin text is only disguised with them.
        let script = |c: Option<char>| c.is_some_and(|c| !c.is_ascii());
        return (script(before) && script(after)).then_some(c);
    }
    (!has_no_width(c)).then_some(c)
}

/// Whether a character changes the direction in which others are shown, so that a command reads as another.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Carries text that nobody sees.
fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// Whether a character carries text that nobody sees (annotations), takes room and shows nothing (the fillers of
/// Hangul), or ends a line where only some programs end one.
fn hides(c: char) -> bool {
    matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Marks of direction, soft hyphens, invisible operators, selectors of variants of ideographs. Those of emoji stay.
fn has_no_width(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}')
        || matches!(c, '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0080}'..='\u{e0fff}')
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

    #[test]
    fn nothing_hides_in_a_word() {
        assert_eq!(
            printable("r\u{200b}m\u{200d} \u{feff}-r\u{ad}f\u{200e}"),
            "rm -rf",
            "what has no width is left out"
        );
        assert_eq!(printable("hi\u{e0041}\u{e0042}\u{3164}"), "hi\u{fffd}\u{fffd}", "what hides text is marked");
        let kept = "👨‍👩‍👧 ❤️ می‌خواهم";
        assert_eq!(printable(kept), kept);
        assert_eq!(
            ["👨", "\u{200d}", "👩\u{200d}"].map(printable).concat(),
            "👨\u{200d}👩\u{200d}",
            "a stream is cut anywhere"
        );
    }
}
