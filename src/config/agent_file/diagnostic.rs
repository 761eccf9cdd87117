//! What is wrong with a file, where, and what to do about it.

use std::{fmt, ops::Range, sync::Arc};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};
use serde_json::{Value, json};

/// A text that diagnostics point into.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// How the user calls it, mostly a path.
    pub name: String,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A stretch of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub source: Arc<Source>,
    /// In bytes, within one line, on character boundaries.
    pub span: Range<usize>,
}

impl Place {
    /// The part of `span` that lies on its first line that has any text.
    #[must_use]
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let text = &source.text;
        let floor = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = floor(span.start);
        let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        let end = floor(span.end).clamp(start, line_end);
        let end = start + text[start..end].trim_end().len();
        Self { source: Arc::clone(source), span: start..end }
    }

    /// Counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.source.text[..self.span.start].matches('\n').count() + 1
    }

    /// In characters, counted from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        let before = &self.source.text[..self.span.start];
        before[before.rfind('\n').map_or(0, |at| at + 1)..].chars().count() + 1
    }

    /// The column after the last character.
    fn end_column(&self) -> usize {
        self.column() + self.source.text[self.span.clone()].chars().count()
    }
}

/// `file:line:column`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line(), self.column())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, for scripts: `unknown-key`, `wrong-type`, …
    pub code: &'static str,
    /// Lowercase, without a full stop, and never with a secret in it.
    pub message: String,
    pub place: Option<Place>,
    /// What to write beside the caret.
    pub label: Option<String>,
    /// What to do next.
    pub help: Option<String>,
}

impl Diagnostic {
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), place: None, label: None, help: None }
    }

    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = match &self.place {
            None => Group::with_title(level.primary_title(self.message.as_str())),
            Some(place) => {
                let text = masked(place);
                let annotation = AnnotationKind::Primary.span(place.span.clone()).label(self.label.as_deref());
                let snippet = Snippet::source(text).path(place.source.name.as_str()).annotation(annotation);
                level.primary_title(self.message.as_str()).element(snippet)
            }
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }

    fn json(&self) -> Value {
        let place = self.place.as_ref();
        json!({
            "severity": self.severity.name(),
            "code": self.code,
            "message": self.message,
            "file": place.map(|place| place.source.name.as_str()),
            "line": place.map(Place::line),
            "column": place.map(Place::column),
            "end_column": place.map(Place::end_column),
            "help": self.help,
        })
    }

    /// A workflow command of GitHub Actions ("Workflow commands for GitHub Actions", setting an error message).
    fn github(&self) -> String {
        let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
        let message = match &self.help {
            Some(help) => format!("{}\nhelp: {help}", self.message),
            None => self.message.clone(),
        };
        let properties = self.place.as_ref().map_or(String::new(), |place| {
            format!(
                " file={},line={},col={},endColumn={}",
                property(&place.source.name),
                place.line(),
                place.column(),
                place.end_column()
            )
        });
        format!("::{}{properties}::{}\n", self.severity.name(), data(&message))
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The source with what looks like a secret written out in full replaced by as many asterisks, on the line of `place`.
fn masked(place: &Place) -> String {
    const NAMES: [&str; 7] = ["api_key", "authorization", "password", "secret", "token", "value", "x-api-key"];
    let text = &place.source.text;
    let start = text[..place.span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[place.span.start..].find('\n').map_or(text.len(), |length| place.span.start + length);
    let line = &text[start..end];
    let names_secret = |before: &str| {
        let before = before.trim_end_matches(['"', '\'', ' ']);
        let word = before.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).next().unwrap_or_default();
        // Misspelt as well: that is what most errors of a file are about.
        let near = |word: &str, name: &str| {
            word.ends_with(name) || name.len() > 5 && strsim::damerau_levenshtein(word, name) == 1
        };
        word.len() < 64 && NAMES.iter().any(|name| near(&word.to_ascii_lowercase(), name))
    };
    let mut out = text[..start].to_owned();
    let mut secret = 0..0;
    for (at, c) in line.char_indices() {
        let after_colon = line[..at].ends_with(": ") || line[..at].ends_with(":");
        if !secret.contains(&at) && after_colon && names_secret(line[..at].trim_end_matches([':', ' '])) {
            let value = line.len() - line[at..].trim_start().len();
            // A reference is not a secret.
            let is_reference = line[value..].trim_start_matches(['"', '\'']).starts_with("${");
            secret = if is_reference { 0..0 } else { value..end_of_scalar(line, value) };
        }
        if secret.contains(&at) && !c.is_whitespace() && !matches!(c, '"' | '\'') {
            // The length in bytes stays what the spans count.
            out.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out.push_str(&text[end..]);
    out
}

/// Where the scalar that begins at `start` ends; rather too late than too early.
fn end_of_scalar(line: &str, start: usize) -> usize {
    let Some(quote) = line[start..].chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        // Outside of brackets these are a part of it.
        let in_flow = line[..start].contains(['{', '[']);
        let end = if in_flow { line[start..].find([',', '}', ']']) } else { None };
        return end.map_or(line.len(), |end| start + end);
    };
    let mut rest = line[start + 1..].char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let doubled = quote == '\'' && c == quote && rest.peek().is_some_and(|(_, next)| *next == quote);
        if doubled || quote == '"' && c == '\\' {
            rest.next();
        } else if c == quote {
            return start + 1 + at;
        }
    }
    line.len()
}

/// All that is wrong, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

/// No reader gets through more; a file that is not an agent file at all would give one for every line.
const SHOWN: usize = 50;

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.push(diagnostic);
    }

    /// Adds what is not yet said about the same place: a profile is checked by itself and merged.
    pub(super) fn push_once(&mut self, diagnostic: Diagnostic) {
        let same = |item: &Diagnostic| item.code == diagnostic.code && item.place == diagnostic.place;
        if !self.items.iter().any(same) {
            self.items.push(diagnostic);
        }
    }

    pub fn extend(&mut self, other: Self) {
        self.items.extend(other.items);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    #[must_use]
    pub fn errors(&self) -> usize {
        self.items.iter().filter(|item| item.severity == Severity::Error).count()
    }

    #[must_use]
    pub fn warnings(&self) -> usize {
        self.items.len() - self.errors()
    }

    /// The file is not there at all, which has an exit code of its own.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.items.iter().any(|item| item.code == NOT_FOUND)
    }

    /// Takes what is not known yet, with `prefix` before its message.
    pub fn extend_new(&mut self, other: Self, prefix: &str) {
        for mut item in other.items {
            if !self.items.contains(&item) {
                item.message.insert_str(0, prefix);
                self.items.push(item);
            }
        }
    }

    /// Orders by file and position; what has no place comes first.
    pub fn sort(&mut self) {
        self.items.sort_by(|a, b| {
            let key =
                |item: &Diagnostic| item.place.as_ref().map(|place| (place.source.name.clone(), place.span.start));
            key(a).cmp(&key(b))
        });
    }

    /// Only the warnings, or only the errors.
    #[must_use]
    pub fn only(mut self, severity: Severity) -> Self {
        self.items.retain(|item| item.severity == severity);
        self
    }

    /// With the source line and a caret, for a terminal.
    #[must_use]
    pub fn render(&self, color: Color) -> String {
        let renderer = match color {
            Color::Yes => Renderer::styled(),
            Color::No => Renderer::plain(),
        }
        .decor_style(DecorStyle::Ascii);
        let mut out = String::new();
        for item in self.items.iter().take(SHOWN) {
            out.push_str(&item.render(&renderer));
            out.push_str("\n\n");
        }
        if self.items.len() > SHOWN {
            out.push_str(&format!("… and {} more\n", self.items.len() - SHOWN));
        } else {
            out.pop();
        }
        out
    }

    /// A list of objects; every key is always there.
    #[must_use]
    pub fn json(&self) -> Value {
        self.items.iter().map(Diagnostic::json).collect()
    }

    /// One line each, which GitHub shows beside the changed file.
    #[must_use]
    pub fn github(&self) -> String {
        self.items.iter().map(Diagnostic::github).collect()
    }
}

/// Whether a text for a terminal has colours in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Yes,
    No,
}

/// The code of a diagnostic about a file that is not there.
pub(super) const NOT_FOUND: &str = "not-found";

impl From<Diagnostic> for Diagnostics {
    fn from(item: Diagnostic) -> Self {
        Self { items: vec![item] }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(Color::No).trim_end())
    }
}

impl std::error::Error for Diagnostics {}
