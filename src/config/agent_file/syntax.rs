//! What to say about text that is not YAML.

use std::sync::Arc;

use granit_parser::{ErrorKind, ScanError};

use super::{
    diagnostic::{Diagnostic, Place, Source},
    yaml,
};

/// Turns an error of the parser into a diagnostic, with a guess at the mistake behind it. `open` is where the lists and
/// mappings that are not finished yet begin, the outermost first.
pub(super) fn explain(source: &Arc<Source>, error: &ScanError, open: &[usize]) -> Diagnostic {
    let at = yaml::error_at(error).min(source.text.len());
    if yaml::is_depth(error) {
        return yaml::too_deep(source, at..at + 1);
    }
    if let Some(reference) = unquoted_reference(&source.text, at) {
        let text = &source.text[reference.clone()];
        return Diagnostic::error("unquoted-reference", format!("`{text}` needs quotes inside of `{{…}}` and `[…]`"))
            .at(Place::new(source, reference.clone()))
            .help(format!("write \"{text}\""));
    }
    if let Some(bracket) = unclosed(&source.text, at, open) {
        let text = &source.text[bracket..bracket + 1];
        return Diagnostic::error("syntax", format!("not valid YAML: `{text}` is not closed"))
            .at(Place::new(source, bracket..bracket + 1));
    }
    // The end of a text that ends with a line break is a line that nobody sees.
    let at = if at >= source.text.len() { source.text.trim_end().len() } else { at };
    let rest = source.text[at..].chars().next();
    if let Some(tab) = tab_indentation(&source.text, at) {
        return Diagnostic::error("syntax", "not valid YAML: a tab is used for indentation")
            .at(Place::new(source, tab..tab + 1))
            .help("indent with spaces");
    }
    let diagnostic = Diagnostic::error("syntax", format!("not valid YAML: {}", reason(error)))
        .at(Place::new(source, at..at + rest.map_or(0, char::len_utf8)));
    match hint(source, error, at) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The parser's own words, less what it says about its inner life.
fn reason(error: &ScanError) -> String {
    match error.kind() {
        ErrorKind::UnknownAnchor => "an alias to an anchor that is not defined".to_owned(),
        ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed => {
            "a tab is used for indentation".to_owned()
        }
        ErrorKind::UnclosedQuotedScalar => "a quoted string is not closed".to_owned(),
        ErrorKind::UnclosedFlowCollection { open } => format!("`{open}` is not closed"),
        _ => error.info(),
    }
}

fn hint(source: &Source, error: &ScanError, at: usize) -> Option<String> {
    let line_start = source.text[..at].rfind('\n').map_or(0, |at| at + 1);
    let line = source.text[line_start..].lines().next().unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownAnchor => Some("put quotes around a value that begins with `*`".to_owned()),
        ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed => {
            Some("indent with spaces".to_owned())
        }
        ErrorKind::UnexpectedCharacter { character } => {
            Some(format!("put quotes around a value that begins with `{character}`"))
        }
        ErrorKind::UnknownQuotedScalarEscape => Some("write \\\\ for a backslash, or use single quotes".to_owned()),
        ErrorKind::MappingValueNotAllowed if is_deeper_than_a_value(&source.text[..line_start], line) => {
            Some("begin the line where the one above begins, or leave out the value of that one".to_owned())
        }
        _ if line.matches(": ").count() > 1 && !line.contains(['{', '"', '\'']) => {
            Some("put quotes around a value that has `: ` in it".to_owned())
        }
        _ => None,
    }
}

/// Whether `line` stands deeper than the one above, though that one has a value already.
fn is_deeper_than_a_value(above: &str, line: &str) -> bool {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    above.lines().next_back().is_some_and(|above| above.contains(": ") && indent(above) < indent(line))
}

/// The innermost `[` or `{` from a line above the error, if the line of the error is no longer part of it by its looks.
fn unclosed(text: &str, at: usize, open: &[usize]) -> Option<usize> {
    let bracket = *open.iter().rfind(|start| text[**start..].starts_with(['[', '{']))?;
    let line = |at: usize| {
        let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
        (start, text[start..].len() - text[start..].trim_start_matches(' ').len())
    };
    let ((opened, indent), (failed, failed_indent)) = (line(bracket), line(at));
    (failed > opened && failed_indent <= indent && !text[at..].starts_with([']', '}'])).then_some(bracket)
}

/// A tab that a line begins with, on the line of the error or the one below it.
fn tab_indentation(text: &str, at: usize) -> Option<usize> {
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let mut line_start = start;
    for line in text[start..].split_inclusive('\n').take(2) {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t') {
            return Some(line_start + tab);
        }
        line_start += line.len();
    }
    None
}

/// An unquoted `${NAME}` on the line of the error, at or before it.
fn unquoted_reference(text: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let line_start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    let line = &text[line_start..line_end];
    let (mut quote, mut open, mut found) = (None, 0_usize, None);
    for (index, c) in line.char_indices() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '$') if line[index..].starts_with("${") && line_start + index <= at => {
                found = (open > 0).then_some(index);
                open += 1;
            }
            (None, '{' | '[') if !line[..index].ends_with('$') => open += 1,
            (None, '}' | ']') => open = open.saturating_sub(1),
            (None, _) => {}
        }
        if found.is_some() {
            break;
        }
    }
    let start = line_start + found?;
    let end = text[start..line_end].find('}').map_or(line_end, |length| start + length + 1);
    Some(start..end)
}
