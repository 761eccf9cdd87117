//! Secrets that are written out where a reference should stand: what must not go where others can read it.
//!
//! Told by the key that a value stands under, and by the form that keys of well-known services have.

use std::{ops::Range, sync::Arc};

use serde_json::Value;

use super::{
    diagnostic::{Diagnostic, Diagnostics, Place, Source},
    yaml::{self, Kind, Node},
};

/// Words that the key of a secret ends with.
const NAMES: &[&str] = &[
    "api_key",
    "apikey",
    "api-key",
    "authorization",
    "password",
    "passwd",
    "secret",
    "token",
    "access_key",
    "secret_key",
    "private_key",
    "cookie",
];

/// How the keys of services begin, how long they are at least, and whose they are.
const FORMS: &[(&str, usize, &str)] = &[
    ("sk-", 20, "an API key"),
    ("AKIA", 20, "an access key of AWS"),
    ("ASIA", 20, "an access key of AWS"),
    ("LTAI", 16, "an access key of Alibaba Cloud"),
    ("AIza", 35, "an API key of Google"),
    ("ghp_", 36, "a token of GitHub"),
    ("gho_", 36, "a token of GitHub"),
    ("ghs_", 36, "a token of GitHub"),
    ("ghu_", 36, "a token of GitHub"),
    ("github_pat_", 40, "a token of GitHub"),
    ("glpat-", 20, "a token of GitLab"),
    ("xoxb-", 20, "a token of Slack"),
    ("xoxp-", 20, "a token of Slack"),
    ("hf_", 30, "a token of Hugging Face"),
    ("npm_", 36, "a token of npm"),
    ("tvly-", 20, "an API key of Tavily"),
];

/// What is known of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// YAML or JSON whose keys say what a value is: an agent file, or one with MCP servers.
    Settings,
    Any,
}

/// The secrets in a text that is called `name`, each with its place. None of them is in what is given.
#[must_use]
pub fn written_out(name: &str, text: &str, kind: Text) -> Diagnostics {
    let mut found = forms(text);
    if kind == Text::Settings {
        let plain = Arc::new(Source { name: name.to_owned(), text: text.replace('\t', " ") });
        // What cannot be read is told by whoever loads the file.
        if let Ok(tree) = yaml::parse(&plain, &mut Diagnostics::default()) {
            walk(&tree, &mut vec![], &mut found);
        }
    }
    found.sort_by_key(|secret| secret.span.start);
    found.dedup_by(|next, first| next.span.start < first.span.end);
    let source = Arc::new(Source { name: name.to_owned(), text: masked(text, &found) });
    let mut out = Diagnostics::default();
    for secret in found {
        out.push(
            Diagnostic::error("secret", secret.what)
                .at(Place::new(&source, secret.span))
                .help("write a reference, such as \"${NAME}\", and give NAME where the agent runs"),
        );
    }
    out
}

struct Secret {
    span: Range<usize>,
    what: String,
}

fn masked(text: &str, found: &[Secret]) -> String {
    let mut out = text.to_owned();
    for secret in found {
        // As many bytes, so that places stay right.
        let stars: String = text[secret.span.clone()].chars().map(|c| if c == '\n' { c } else { '*' }).collect();
        let length = secret.span.len();
        let padded = format!("{stars}{}", "*".repeat(length.saturating_sub(stars.len())));
        out.replace_range(secret.span.clone(), &padded);
    }
    out
}

fn walk(node: &Node, path: &mut Vec<String>, found: &mut Vec<Secret>) {
    match &node.kind {
        Kind::Scalar(Value::String(text)) => found.extend(scalar(node, path, text)),
        Kind::Scalar(Value::Number(number)) => found.extend(scalar(node, path, &number.to_string())),
        Kind::Scalar(_) => {}
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                walk(item, path, found);
                path.pop();
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                path.push(entry.key.clone());
                walk(&entry.node, path, found);
                path.pop();
            }
        }
    }
}

fn scalar(node: &Node, path: &[String], text: &str) -> Option<Secret> {
    let key = path.last()?.to_ascii_lowercase();
    let of_token = key == "value" && path.len() > 2 && path[path.len() - 3] == "tokens";
    let named = of_token || NAMES.iter().any(|name| key.ends_with(name));
    let secret = |what: String| Some(Secret { span: node.span.clone(), what });
    if named && is_literal(text, key.ends_with("api_key")) {
        return secret(format!("`{}` is written out here", path.last()?));
    }
    if has_password(text) {
        return secret("the password of an address is written out here".to_owned());
    }
    None
}

/// Whether something of a value is no reference. A local model server wants a key that is none, such as `ollama`.
fn is_literal(text: &str, word_allowed: bool) -> bool {
    let rest = without_references(text);
    let rest = rest.trim();
    let rest = ["Bearer", "Basic", "Token"]
        .iter()
        .find_map(|scheme| rest.strip_prefix(scheme).filter(|rest| rest.is_empty() || rest.starts_with(' ')))
        .unwrap_or(rest)
        .trim();
    let word = rest.len() <= 16 && rest.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
    !(rest.is_empty() || word_allowed && word)
}

/// The default of a reference is text as any other.
fn without_references(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else { break };
        let inside = &rest[at + 2..at + end];
        out.push_str(inside.split_once(":-").map_or("", |(_, default)| default));
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    out
}

/// `scheme://user:password@host`.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else { return false };
    user.split_once(':').is_some_and(|(_, password)| !without_references(password).is_empty())
}

/// What looks like a key, wherever it stands.
fn forms(text: &str) -> Vec<Secret> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut found = vec![];
    let mut start = 0;
    for word in text.split(|c: char| !in_word(c)) {
        let span = start..start + word.len();
        start = span.end + text[span.end..].chars().next().map_or(0, char::len_utf8);
        if let Some((.., what)) = FORMS.iter().find(|(begin, least, _)| word.len() >= *least && is_key(word, begin)) {
            found.push(Secret { span: span.clone(), what: format!("this looks like {what}") });
        }
        // `-----BEGIN RSA PRIVATE KEY-----`
        let heading = word.starts_with("-----BEGIN")
            && text[span.start..].lines().next().is_some_and(|line| line.contains("PRIVATE KEY-----"));
        if heading {
            let end = text[span.start..].find('\n').map_or(text.len(), |length| span.start + length);
            found.push(Secret { span: span.start..end, what: "this looks like a private key".to_owned() });
        }
    }
    found
}

/// Made at random: a word of a text has no figures, or repeats itself.
fn is_key(word: &str, begin: &str) -> bool {
    let Some(rest) = word.strip_prefix(begin) else { return false };
    let distinct: std::collections::BTreeSet<char> = rest.chars().collect();
    rest.chars().any(|c| c.is_ascii_digit()) && distinct.len() >= 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::agent_file::Color;

    /// Of no service.
    const KEY: &str = "sk-a1B2c3D4e5F6g7H8i9J0";

    #[test]
    fn what_is_written_out_is_found_and_never_shown() {
        let text = format!(
            "name: a\nmodels:\n  m: {{provider: openai, api_key: {KEY}}}\n  local: {{api_key: ollama}}\n  ref: {{api_key: \
             \"${{KEY}}\"}}\nmcp:\n  d: {{url: \"https://x/mcp\", headers: {{Authorization: \"Bearer abc123\", X-Team: \
             docs}}}}\nserve:\n  tokens:\n  - {{name: t, value: hunter2}}\n  - {{name: u, value: \"${{T}}\"}}\nstorage: \
             {{sessions: \"redis://u:pw@redis\", state: \"redis://u:${{PW}}@redis\"}}\nprofiles:\n  p: {{models: {{m: \
             {{api_key: \"${{K:-top5ecret}}\"}}}}}}\ninstructions: Say {KEY}.\nlimits: {{total_tokens: 200k}}\n"
        );
        let found = written_out("agent.yaml", &text, Text::Settings);
        let shown = found.render(Color::No);
        for secret in [KEY, "abc123", "hunter2", "u:pw", "top5ecret"] {
            assert!(!shown.contains(secret), "{secret} is shown:\n{shown}");
        }
        let places: Vec<_> =
            found.iter().map(|found| format!("{} {}", found.place.as_ref().unwrap(), found.message)).collect();
        insta::assert_snapshot!(places.join("\n"), @"
        agent.yaml:3:34 this looks like an API key
        agent.yaml:7:54 `Authorization` is written out here
        agent.yaml:10:22 `value` is written out here
        agent.yaml:12:21 the password of an address is written out here
        agent.yaml:14:29 `api_key` is written out here
        agent.yaml:15:19 this looks like an API key
        ");
    }

    #[test]
    fn prose_is_no_secret() {
        let text = "A task-force on sk-learn pipelines with a token of trust: sk-xxxxxxxxxxxxxxxxxxxxxxxx, \
                    AKIAXXXXXXXXXXXXXXXX, -----BEGIN CERTIFICATE-----";
        assert!(written_out("SKILL.md", text, Text::Any).is_empty());
        let key = "x\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n";
        assert_eq!(written_out("a.pem", key, Text::Any).errors(), 1);
    }
}
