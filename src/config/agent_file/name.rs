//! Names that a file may give to agents.

/// `text` as a name of `[a-z0-9-]`, at most 63 long, or `fallback` where nothing of it can stay.
#[must_use]
pub fn valid_name(text: &str, fallback: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => name.push(c),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.truncate(63);
    let name = name.trim_end_matches('-');
    if name.is_empty() { fallback.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_valid_names() {
        for (text, name) in [
            ("web_search", "web-search"),
            ("My Agent (v2)", "my-agent-v2"),
            ("42", "42"),
            ("  --x--  ", "x"),
            ("日本", "assistant"),
            ("", "assistant"),
        ] {
            assert_eq!(valid_name(text, "assistant"), name);
        }
        assert_eq!(valid_name(&"ab-".repeat(40), "x").len(), 62);
    }
}
