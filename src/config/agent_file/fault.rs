//! Something wrong with a value of a file, before it is known where the value stands.

use super::{
    diagnostic::{Diagnostic, Place, Severity},
    interpolate::Malformed,
};

/// Like a [`Diagnostic`], with a JSON pointer for its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) pointer: String,
    on: On,
    severity: Severity,
    code: &'static str,
    message: String,
    help: Option<String>,
}

/// What the caret points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Key,
    Value,
}

impl Fault {
    pub(super) fn new(pointer: impl Into<String>, on: On, code: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), on, severity: Severity::Error, code, message: message.into(), help: None }
    }

    pub(super) fn malformed(malformed: &Malformed) -> Self {
        let Malformed { pointer, text } = malformed;
        Self::new(pointer, On::Value, "bad-reference", format!("`{text}` is not a reference to a variable"))
            .help("write ${NAME}, ${NAME:-default} or ${file:PATH}; a dollar itself is written $$")
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Help for where there is none yet.
    pub(super) fn help_or(mut self, help: impl FnOnce() -> String) -> Self {
        self.help = self.help.or_else(|| Some(help()));
        self
    }

    /// Says of what it is, where the place does not.
    pub(super) fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    pub(super) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    pub(super) fn diagnostic(&self, place: impl Fn(&str, On) -> Place) -> Diagnostic {
        let mut out = Diagnostic::error(self.code, self.message.clone()).at(place(&self.pointer, self.on));
        out.severity = self.severity;
        out.help.clone_from(&self.help);
        out
    }
}

/// "did you mean", where something known is near enough to what was written.
pub(super) fn suggest(written: &str, known: &[&str]) -> Option<String> {
    nearest(written, known).map(|near| format!("did you mean `{near}`?"))
}

pub(super) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = written.to_ascii_lowercase().replace('-', "_");
    // What takes longer to compare than to read is not a slip of the fingers.
    if lower.chars().count() > 64 {
        return None;
    }
    known
        .iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&lower, &candidate.to_ascii_lowercase().replace('-', "_")), *candidate)
        })
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count().max(3) / 3).min(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` and `c`.
pub(super) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
