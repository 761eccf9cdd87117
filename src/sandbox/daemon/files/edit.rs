//! Edits: a text in place of another.

use std::time::Duration;

use serde::Deserialize;
use similar::TextDiff;

use super::{FileError, root::Root};

/// A difference that takes longer to make small is shown larger.
const DIFF_TIME: Duration = Duration::from_secs(2);

/// One replacement.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Edit {
    pub(crate) old_text: String,
    pub(crate) new_text: String,
}

impl Root {
    /// Applies `edits` in order, all or none, and gives the difference in the form of git. With `dry_run` only that.
    ///
    /// # Errors
    /// [`FileError::NoMatch`]: a text is not there, or more than once.
    pub(crate) fn edit(&self, path: &str, edits: &[Edit], dry_run: bool) -> Result<String, FileError> {
        let before = self.read_text(path)?;
        let after = apply(&before, edits).map_err(|what| FileError::NoMatch(format!("`{path}`: {what}")))?;
        let place = self.locate(path)?;
        if !dry_run {
            self.write(path, after.as_bytes())?;
        }
        let name = place.to_string_lossy();
        Ok(TextDiff::configure()
            .timeout(DIFF_TIME)
            .diff_lines(before.as_str(), after.as_str())
            .unified_diff()
            .header(&format!("a/{name}"), &format!("b/{name}"))
            .to_string())
    }

    /// Writes a whole file; the folder has to be there.
    pub(crate) fn write(&self, path: &str, content: &[u8]) -> Result<(), FileError> {
        let mut staged = self.stage(&self.locate(path)?, rustix::fs::ResolveFlags::empty())?;
        staged.write(content)?;
        staged.commit()
    }
}

/// The text after all edits, or why one does not fit.
fn apply(text: &str, edits: &[Edit]) -> Result<String, String> {
    // Models write `\n`, whatever the file has; a file with both is taken as it is.
    let windows = text.contains("\r\n") && text.matches('\n').count() == text.matches("\r\n").count();
    let plain = |text: &str| if windows { text.replace("\r\n", "\n") } else { text.to_owned() };
    let mut now = plain(text);
    for (index, edit) in edits.iter().enumerate() {
        let (old, new) = (plain(&edit.old_text), plain(&edit.new_text));
        let which = if edits.len() == 1 { String::new() } else { format!("edit {}: ", index + 1) };
        now = replace(&now, &old, &new).map_err(|what| format!("{which}{what}"))?;
    }
    Ok(if windows { now.replace('\n', "\r\n") } else { now })
}

fn replace(text: &str, old: &str, new: &str) -> Result<String, String> {
    if old.is_empty() {
        return Err("the old text is empty; `write_file` writes a whole file".to_owned());
    }
    match text.matches(old).count() {
        1 => Ok(text.replacen(old, new, 1)),
        0 => replace_lines(text, old, new),
        count => Err(format!("the old text is there {count} times; add the lines around it")),
    }
}

/// As [`replace`], where the lines are the same but for the white space around them, which the new lines then follow.
fn replace_lines(text: &str, old: &str, new: &str) -> Result<String, String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let wanted: Vec<&str> = old.lines().map(str::trim).collect();
    let missing = || "the old text is not there; read the file again".to_owned();
    if wanted.iter().all(|line| line.is_empty()) {
        return Err(missing());
    }
    let found: Vec<usize> = lines
        .windows(wanted.len())
        .enumerate()
        .filter(|(_, window)| window.iter().map(|line| line.trim()).eq(wanted.iter().copied()))
        .map(|(at, _)| at)
        .collect();
    let at = match found[..] {
        [at] => at,
        [] => return Err(missing()),
        _ => return Err(format!("the old text is there {} times; add the lines around it", found.len())),
    };
    let (before, rest) = lines.split_at(at);
    let (replaced, after) = rest.split_at(wanted.len());
    let there = indent(replaced[0]);
    let given = old.lines().next().map(indent).unwrap_or_default();
    let mut result: String = before.concat();
    for line in new.lines() {
        if line.trim().is_empty() {
            result.push('\n');
            continue;
        }
        // What the model indented further than its first line stays further in.
        result.push_str(there);
        result.push_str(line.strip_prefix(given).unwrap_or_else(|| line.trim_start()));
        result.push('\n');
    }
    if !replaced.last().is_some_and(|line| line.ends_with('\n')) && result.ends_with('\n') {
        result.pop();
    }
    result.push_str(&after.concat());
    Ok(result)
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, edits: &[(&str, &str)]) -> Result<String, String> {
        let edits: Vec<Edit> =
            edits.iter().map(|(old, new)| Edit { old_text: (*old).to_owned(), new_text: (*new).to_owned() }).collect();
        apply(text, &edits)
    }

    #[test]
    fn edits_apply_in_order_to_what_the_ones_before_left() {
        assert_eq!(edited("a b c", &[("b", "x"), ("x c", "y")]).unwrap(), "a y");
        insta::assert_snapshot!(edited("a b", &[("b", "c"), ("b", "d")]).unwrap_err(),
            @"edit 2: the old text is not there; read the file again");
    }

    #[test]
    fn a_text_that_is_there_twice_is_refused() {
        insta::assert_snapshot!(edited("x\nx\n", &[("x", "y")]).unwrap_err(),
            @"the old text is there 2 times; add the lines around it");
        insta::assert_snapshot!(edited("x\n", &[("", "y")]).unwrap_err(),
            @"the old text is empty; `write_file` writes a whole file");
    }

    #[test]
    fn line_ends_of_windows_are_kept() {
        assert_eq!(edited("a\r\nb\r\n", &[("a\nb", "c\nd")]).unwrap(), "c\r\nd\r\n");
        assert_eq!(edited("a\r\nb\n", &[("b", "c")]).unwrap(), "a\r\nc\n");
    }

    #[test]
    fn wrong_indentation_of_a_model_is_put_right() {
        let text = "fn f() {\n    if x {\n        y();\n    }\n}\n";
        let after = edited(text, &[("if x {\n    y();\n}", "if z {\n    y();\n    w();\n}")]).unwrap();
        assert_eq!(after, "fn f() {\n    if z {\n        y();\n        w();\n    }\n}\n");
        assert_eq!(edited("  last", &[("\tlast", "\tnew")]).unwrap(), "  new");
    }
}
