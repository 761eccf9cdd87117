//! The log of a server: lines of text on a terminal, lines of JSON elsewhere, and no secret in either.

use std::{io, sync::Arc};

use arc_swap::ArcSwap;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Says what is logged, as `RUST_LOG` does for other programs: `warn`, `agentscope=debug`, …
const VARIABLE: &str = "AGENTSCOPE_LOG";
/// What traces themselves have to say comes from us, once.
const DEFAULT: &str = "warn,agentscope=info,opentelemetry=off,opentelemetry_sdk=off,opentelemetry-otlp=off";
/// A shorter value is a word that may stand anywhere.
const SHORTEST: usize = 6;
const HIDDEN: &str = "[secret]";

/// What must not be shown; a clone is another handle to the same list.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Arc<ArcSwap<Vec<String>>>);

impl Secrets {
    /// Besides those before: what ran with them may still speak of them.
    pub fn add(&self, values: impl IntoIterator<Item = String>) {
        let values = values.into_iter().filter(|value| value.len() >= SHORTEST);
        // A line of JSON has them as JSON writes them.
        let mut values: Vec<_> = values.flat_map(|value| [inside_json(&value), value]).collect();
        values.extend(self.0.load().iter().cloned());
        // One that is part of another must not leave the rest of it.
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        self.0.store(Arc::new(values));
    }

    fn hide(&self, text: &str) -> String {
        let text = self.0.load().iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN));
        without_bearer(&text)
    }
}

/// `a\"b` of `a"b`.
fn inside_json(text: &str) -> String {
    let written = serde_json::Value::from(text).to_string();
    written.get(1..written.len() - 1).unwrap_or(text).to_owned()
}

/// Whatever follows `Bearer`, known or not.
fn without_bearer(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find("bearer ") {
        let (before, after) = rest.split_at(at + "bearer ".len());
        let end = after.find(|c: char| c.is_whitespace() || "\"',;`)".contains(c)).unwrap_or(after.len());
        out.push_str(before);
        out.push_str(if end == 0 { "" } else { HIDDEN });
        rest = &after[end..];
    }
    out + rest
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[error("`{VARIABLE}` cannot be read: {0}")]
pub struct FilterError(String);

/// Writes the log to standard error from now on; `filter` is the value of `AGENTSCOPE_LOG`.
///
/// # Errors
/// A filter that is none.
pub fn start(filter: Option<&str>, terminal: bool, color: bool, secrets: Secrets) -> Result<(), FilterError> {
    let filter =
        EnvFilter::builder().parse(filter.unwrap_or(DEFAULT)).map_err(|error| FilterError(error.to_string()))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_writer(Lines { secrets });
    // A second log of the process is refused and harmless: a test has one.
    let _ = if terminal {
        tracing::subscriber::set_global_default(lines.with_ansi(color).finish())
    } else {
        tracing::subscriber::set_global_default(lines.json().flatten_event(true).finish())
    };
    Ok(())
}

/// The variable that holds the filter.
#[must_use]
pub fn variable() -> &'static str {
    VARIABLE
}

struct Lines {
    secrets: Secrets,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { secrets: &self.secrets }
    }
}

/// Is given a line at a time.
struct Line<'a> {
    secrets: &'a Secrets,
}

impl io::Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let hidden = self.secrets.hide(&String::from_utf8_lossy(line));
        // A log that nobody reads any more is nothing to end for.
        let _ = io::Write::write_all(&mut io::stderr().lock(), hidden.as_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_gets_through() {
        let secrets = Secrets::default();
        secrets.add(["key-123".to_owned(), "key-123-and-more".to_owned(), "no".to_owned(), String::new()]);
        let hidden =
            secrets.hide(r#"no: key-123-and-more, key-123; Authorization: Bearer abc.def", bearer "x" Bearer"#);
        insta::assert_snapshot!(hidden, @r#"no: [secret], [secret]; Authorization: Bearer [secret]", bearer "x" Bearer"#);
        secrets.add([r#""quoted"\secret"#.to_owned()]);
        assert_eq!(secrets.hide(r#"{"a":"\"quoted\"\\secret"} "quoted"\secret"#), r#"{"a":"[secret]"} [secret]"#);
    }
}
