//! Permission rules: `TOOL` or `TOOL(PATTERN)`.
//!
//! What the pattern is about follows from the tool: the words of a command for `shell`, a path for `files`, a URL
//! where it begins with one, else text. Here rules are read and compared with a word, a path, a URL; what a call
//! consists of, and what follows from a rule, is decided by `agent::approval`.

mod glob;
mod path;
mod url;
mod words;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use glob::Glob;
pub use path::{PathPattern, Place};
pub use url::UrlPattern;
pub use words::{ShellWord, WordsPattern};

/// A rule, as it is written in `permissions`, in a hook's `match` and in the user's settings.
#[derive(Clone, Debug)]
pub struct Rule {
    tool: String,
    name: Glob,
    pattern: Option<(String, Pattern)>,
}

/// What a rule says of a call besides the tool's name.
#[derive(Clone, Debug)]
pub enum Pattern {
    Words(WordsPattern),
    Path(PathPattern),
    Url(UrlPattern),
    Text(Glob),
}

/// What a rule is used for, which decides what is made of a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The call must fit for certain, as it stands.
    Allow,
    /// Disguises are looked through: another spelling of the same thing fits as well.
    Refuse,
}

/// Whether something fits a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    No,
    /// That is known only when it runs.
    Maybe,
    Yes,
}

impl From<bool> for Fit {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// Why a rule cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct RuleError {
    /// Where, in bytes from the start of the rule.
    pub at: usize,
    pub what: String,
}

impl RuleError {
    fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// An error within a part that starts at `offset`.
    fn after(mut self, offset: usize) -> Self {
        self.at += offset;
        self
    }
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// [`RuleError`] says what is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let start = text.len() - text.trim_start().len();
        let rule = text.trim();
        let (tool, pattern) = match rule.split_once('(') {
            Some((tool, rest)) => {
                let Some(pattern) = rest.strip_suffix(')') else {
                    return Err(RuleError::new(start + rule.len(), "the rule should end with `)`"));
                };
                (tool, Some((start + tool.len() + 1, pattern)))
            }
            None => (rule, None),
        };
        if tool.is_empty() {
            return Err(RuleError::new(start, "the rule should begin with the name of a tool"));
        }
        if let Some(at) = tool.find(|c: char| c.is_whitespace() || c.is_control() || c == ')') {
            return Err(RuleError::new(
                start + at,
                "the name of a tool holds no spaces; a pattern goes into `(…)` after it",
            ));
        }
        let pattern = pattern
            .map(|(at, text)| {
                if text.trim().is_empty() {
                    return Err(RuleError::new(
                        at,
                        format!("the pattern is empty; `{tool}` alone stands for every call"),
                    ));
                }
                Ok((text.to_owned(), Pattern::parse(tool, text).map_err(|error| error.after(at))?))
            })
            .transpose()?;
        Ok(Self { tool: tool.to_owned(), name: Glob::parse(tool), pattern })
    }

    /// The name as it is written, which may hold `*` or be that of a group.
    #[must_use]
    pub fn tool(&self) -> &str {
        &self.tool
    }

    #[must_use]
    pub fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref().map(|(_, pattern)| pattern)
    }

    /// Whether the rule is about the tool `name`: `files` stands for `files.read` and `files.write`, `mcp.docs` for
    /// every tool of that server, and `*` for any run of characters.
    #[must_use]
    pub fn is_about(&self, name: &str) -> bool {
        let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]);
        ends.into_iter().any(|end| self.name.matches(&name[..end]))
    }
}

impl Pattern {
    fn parse(tool: &str, text: &str) -> Result<Self, RuleError> {
        if tool == "shell" {
            Ok(Self::Words(WordsPattern::parse(text)?))
        } else if tool == "files" || tool.starts_with("files.") {
            Ok(Self::Path(PathPattern::parse(text)))
        } else if text.contains("://") {
            Ok(Self::Url(UrlPattern::parse(text)?))
        } else {
            Ok(Self::Text(Glob::parse(text)))
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Some((pattern, _)) => write!(f, "{}({pattern})", self.tool),
            None => f.write_str(&self.tool),
        }
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        Self::parse(text)
    }
}

/// Two rules are equal if they are written alike.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Rule {}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| D::Error::custom(format!("`{text}` is not a rule: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_say_where() {
        let shown = |text: &str| match Rule::parse(text) {
            Ok(rule) => format!("{text:?} is {rule}"),
            Err(error) => format!("{text:?} at {}: {error}", error.at),
        };
        let texts = [
            "shell",
            " files.write(.github/**) ",
            "mcp.docs.*",
            "python(import os (or sys))",
            "",
            "(x)",
            "shell(",
            "shell(ls) x",
            "shell()",
            "shell( )",
            "rm -rf *",
            "shell(ls; rm *)",
            "shell(git log | head)",
            "shell(echo 'a; b')",
            "shell(echo 'a)",
            "fetch(https://docs.example.com*)",
            "fetch(https://*.example.com/*)",
            "fetch(https://)",
            "fetch(https://ann@example.com/)",
        ];
        insta::assert_snapshot!(texts.map(shown).join("\n"), @r#"
        "shell" is shell
        " files.write(.github/**) " is files.write(.github/**)
        "mcp.docs.*" is mcp.docs.*
        "python(import os (or sys))" is python(import os (or sys))
        "" at 0: the rule should begin with the name of a tool
        "(x)" at 0: the rule should begin with the name of a tool
        "shell(" at 6: the rule should end with `)`
        "shell(ls) x" at 11: the rule should end with `)`
        "shell()" at 6: the pattern is empty; `shell` alone stands for every call
        "shell( )" at 6: the pattern is empty; `shell` alone stands for every call
        "rm -rf *" at 2: the name of a tool holds no spaces; a pattern goes into `(…)` after it
        "shell(ls; rm *)" at 8: a rule is about the words of one command, where `;` has no place; quote it, or write a rule for each command
        "shell(git log | head)" at 14: a rule is about the words of one command, where `|` has no place; quote it, or write a rule for each command
        "shell(echo 'a; b')" is shell(echo 'a; b')
        "shell(echo 'a)" at 11: this ' is not closed
        "fetch(https://docs.example.com*)" at 30: in a host `*` stands for whole names at its start, as in `*.example.com`
        "fetch(https://*.example.com/*)" is fetch(https://*.example.com/*)
        "fetch(https://)" at 14: this is not a host: empty host
        "fetch(https://ann@example.com/)" at 14: the pattern of a URL has no user name in it
        "#);
    }

    #[test]
    fn names_and_groups() {
        let about = |rule: &str, name: &str| Rule::parse(rule).unwrap().is_about(name);
        assert!(about("files", "files.read") && about("files", "files.write"));
        assert!(about("files.read", "files.read") && !about("files.read", "files.write"));
        assert!(
            about("mcp.docs.*", "mcp.docs.search")
                && about("mcp.docs", "mcp.docs.search")
                && about("mcp", "mcp.docs.x")
        );
        assert!(!about("mcp.docs.*", "mcp.docs2.search") && !about("mcp.docs", "mcp.docs2.search"));
        assert!(about("*", "shell") && about("mcp.*.read*", "mcp.docs.read_page") && !about("shel", "shell"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_rule_or_an_error(text in "\\PC*") {
            if let Ok(rule) = Rule::parse(&text) {
                prop_assert_eq!(Rule::parse(&rule.to_string()).unwrap(), rule);
            }
        }

        #[test]
        fn what_is_written_can_be_read(tool in "(shell|files|files\\.write|fetch|mcp\\.[a-z]{1,4}\\.\\*)", pattern in "[a-z*/. -]{1,20}") {
            let text = format!("{tool}({pattern})");
            if let Ok(rule) = Rule::parse(&text) {
                prop_assert_eq!(rule.to_string(), text);
            }
        }
    }
}
