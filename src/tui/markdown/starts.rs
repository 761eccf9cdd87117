//! How each kind of block begins (CommonMark 0.31, and GFM for tables), by the first line of it.

/// What comes after the markers of quotes and items.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start<'a> {
    Quote { rest: &'a str },
    Item(Marker<'a>),
    Heading { level: usize, text: &'a str },
    Rule,
    Fence(Opening<'a>),
    Text,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marker<'a> {
    /// `None` for a bullet.
    pub number: Option<u64>,
    /// The bullet, or what follows the number.
    pub sign: char,
    /// Columns from the start of the line to the text of the item.
    pub indent: usize,
    pub rest: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opening<'a> {
    pub sign: char,
    pub length: usize,
    pub indent: usize,
    pub language: &'a str,
}

pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// What `line` begins. `nested` says that it stands in an item: models indent lists more than the rules allow.
pub(super) fn start(line: &str, nested: bool) -> Start<'_> {
    let (indent, text) = (indent(line), line.trim_start_matches(' '));
    if indent > 3 {
        return match item(text, indent) {
            Some(marker) if nested && !rule(text) => Start::Item(marker),
            _ => Start::Text,
        };
    }
    if let Some(rest) = text.strip_prefix('>') {
        return Start::Quote { rest: rest.strip_prefix(' ').unwrap_or(rest) };
    }
    if let Some((level, text)) = heading(text) {
        return Start::Heading { level, text };
    }
    if rule(text) {
        return Start::Rule;
    }
    if let Some((sign, length, language)) = fence(text) {
        return Start::Fence(Opening { sign, length, indent, language });
    }
    item(text, indent).map_or(Start::Text, Start::Item)
}

fn heading(text: &str) -> Option<(usize, &str)> {
    let level = text.bytes().take_while(|byte| *byte == b'#').count();
    let rest = &text[level..];
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let rest = rest.trim();
    let closed = rest.trim_end_matches('#');
    Some((level, if closed.is_empty() || closed.ends_with(' ') { closed.trim_end() } else { rest }))
}

/// A line of three or more `-`, `*` or `_` and nothing else.
fn rule(text: &str) -> bool {
    let Some(sign @ ('-' | '*' | '_')) = text.chars().next() else { return false };
    text.chars().all(|c| c == sign || c == ' ' || c == '\t') && text.matches(sign).count() >= 3
}

fn fence(text: &str) -> Option<(char, usize, &str)> {
    let sign = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = text.chars().take_while(|c| *c == sign).count();
    let language = text[length..].trim();
    (length >= 3 && !(sign == '`' && language.contains('`'))).then_some((sign, length, language))
}

fn item(text: &str, indent: usize) -> Option<Marker<'_>> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = if digits == 0 { None } else { Some(text[..digits].parse().ok().filter(|_| digits <= 9)?) };
    let sign = text[digits..].chars().next()?;
    let known = if number.is_some() { matches!(sign, '.' | ')') } else { matches!(sign, '-' | '*' | '+') };
    let rest = &text[digits + sign.len_utf8()..];
    if !known || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    // More than four belong to the text: it is code. Without a text there is nothing to count.
    let spaces = if rest.trim().is_empty() || spaces > 4 { 1.min(spaces) } else { spaces };
    let rest = &rest[spaces..];
    Some(Marker { number, sign, indent: indent + digits + 1 + spaces.max(1), rest })
}

/// Whether `line` ends a fence that `opening` began.
pub(super) fn ends_fence(line: &str, opening: (char, usize)) -> bool {
    let text = line.trim();
    indent(line) < 4 && text.chars().all(|c| c == opening.0) && text.len() >= opening.1
}

/// The level of a heading whose text stands in the lines before this.
pub(super) fn underline(line: &str) -> Option<usize> {
    let text = line.trim();
    let only = |sign: char| !text.is_empty() && text.chars().all(|c| c == sign);
    if indent(line) > 3 {
        None
    } else if only('=') {
        Some(1)
    } else {
        only('-').then_some(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_tells() {
        let item = |line| match start(line, false) {
            Start::Item(marker) => (marker.number, marker.indent, marker.rest),
            other => panic!("{other:?}"),
        };
        assert_eq!(item("- a"), (None, 2, "a"));
        assert_eq!(item(" 12)  b"), (Some(12), 6, "b"));
        assert_eq!(item("*"), (None, 2, ""));
        assert_eq!(start("-a", false), Start::Text);
        assert_eq!(start("1234567890. x", false), Start::Text);
        assert_eq!(start("- - -", false), Start::Rule);
        assert_eq!(start("##  Two ##", false), Start::Heading { level: 2, text: "Two" });
        assert_eq!(start("#no", false), Start::Text);
        assert_eq!(start("    - a", false), Start::Text);
        assert!(matches!(start("    - a", true), Start::Item(_)));
        let opening = Opening { sign: '`', length: 3, indent: 1, language: "rust" };
        assert_eq!(start(" ```rust", false), Start::Fence(opening));
        assert_eq!(start("```a`b", false), Start::Text);
        assert!(ends_fence(" ```` ", ('`', 3)) && !ends_fence("``", ('`', 3)) && !ends_fence("", ('`', 3)));
        assert_eq!([underline("==="), underline("--"), underline("=-")], [Some(1), Some(2), None]);
    }
}
