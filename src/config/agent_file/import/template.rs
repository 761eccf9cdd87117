//! References to variables, from the ways others write them to ours, and values that should have been references.

use serde_json::Value;

/// A text in which `${NAME}` means a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) text: String,
    /// A `${…}` that cannot be carried over, and now stands there as text.
    pub(super) unknown: Option<String>,
}

/// Turns `${env.NAME}`, `${env:NAME}`, `${NAME}`, `$NAME` and `${env.NAME || 'default'}` into our `${NAME}` and
/// `${NAME:-default}`, and keeps every other dollar as a dollar. `argument` gives what stands for a name that is not a
/// variable but an argument of the tool.
pub(super) fn template(text: &str, argument: impl Fn(&str) -> Option<String>) -> Template {
    let (mut out, mut unknown, mut rest) = (String::new(), None, text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(braced) = rest.strip_prefix('{')
            && let Some(end) = braced.find('}')
        {
            let inside = &braced[..end];
            rest = &braced[end + 1..];
            match argument(inside.trim()).or_else(|| reference(inside)) {
                Some(reference) => out.push_str(&reference),
                None => {
                    out.push_str(&format!("$${{{inside}}}"));
                    unknown.get_or_insert_with(|| format!("${{{inside}}}"));
                }
            }
            continue;
        }
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = &rest[..end];
        if let Some(argument) = argument(name) {
            out.push_str(&argument);
        } else if is_variable(name) {
            out.push_str(&format!("${{{name}}}"));
        } else {
            out.push_str("$$");
            continue;
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    Template { text: out, unknown }
}

/// The inside of a `${…}` as a reference of ours.
fn reference(inside: &str) -> Option<String> {
    let inside = inside.trim();
    let inside = inside.strip_prefix("env.").or_else(|| inside.strip_prefix("env:")).unwrap_or(inside);
    // A value that an editor asks the user for.
    if let Some(id) = inside.strip_prefix("input:") {
        return Some(format!("${{{}}}", upper(id)));
    }
    if is_variable(inside) {
        return Some(format!("${{{inside}}}"));
    }
    if let Some((name, default)) = inside.split_once(":-").filter(|(name, _)| is_variable(name)) {
        return Some(format!("${{{name}:-{default}}}"));
    }
    let (name, default) = inside.split_once("||").or_else(|| inside.split_once("??"))?;
    let default = default.trim();
    let quote = default.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let default = default.strip_prefix(quote)?.strip_suffix(quote)?;
    is_variable(name.trim()).then(|| format!("${{{}:-{default}}}", name.trim()))
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A text that says what it says, also where our files look for references.
pub(super) fn literal(text: &str) -> String {
    text.replace("$$", "$$$$").replace("${", "$${")
}

/// As [`literal`], for every text within a value.
pub(super) fn literal_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(literal(text)),
        Value::Array(items) => items.iter().map(literal_value).collect(),
        Value::Object(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.clone(), literal_value(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Whether a value under this key is nobody's business, so that it belongs into the environment and not into a file.
pub(super) fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let words: Vec<_> = key.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let is = |word: &str| words.contains(&word);
    is("token")
        || is("secret")
        || is("password")
        || is("passwd")
        || is("authorization")
        || is("apikey")
        || is("pat")
        || is("cookie")
        || is("credentials")
        || (is("key") && !is("public"))
        || key.ends_with("token")
        || key.ends_with("apikey")
}

/// A name for the variable that holds the value of `key` of `owner`: `key` itself where it is one already.
pub(super) fn variable_for(owner: &str, key: &str) -> String {
    if is_variable(key) && key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
        return key.to_owned();
    }
    let key = if key.eq_ignore_ascii_case("authorization") { "token" } else { key };
    upper(&format!("{owner}_{key}"))
}

/// A name for a variable.
fn upper(text: &str) -> String {
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_every_kind_of_reference_our_way() {
        let ours = |text: &str| template(text, |name| (name == "city").then(|| "{city}".to_owned())).text;
        for (theirs, expected) in [
            ("Bearer ${env.TOKEN}", "Bearer ${TOKEN}"),
            ("${env:TOKEN}", "${TOKEN}"),
            ("$TOKEN/x", "${TOKEN}/x"),
            ("${ env.REGION || 'eu' }", "${REGION:-eu}"),
            ("${REGION:-eu}", "${REGION:-eu}"),
            ("https://x/${city}?a=$city", "https://x/{city}?a={city}"),
            ("costs $5 or $", "costs $$5 or $$"),
            ("${input:api-key}", "${API_KEY}"),
            ("${open", "$${open"),
            ("${shell({cmd})}", "$${shell({cmd})}"),
            ("", ""),
        ] {
            assert_eq!(ours(theirs), expected, "of {theirs}");
        }
        assert_eq!(template("${workspaceFolder:a}", |_| None).unknown.as_deref(), Some("${workspaceFolder:a}"));
    }

    #[test]
    fn knows_what_is_secret() {
        for key in ["GITHUB_TOKEN", "Authorization", "X-Api-Key", "brave.api_key", "DB_PASSWORD", "githubToken", "PAT"]
        {
            assert!(is_secret_key(key), "{key}");
        }
        for key in ["TZ", "PATH", "KEYBOARD", "PUBLIC_KEY_FILE", "MAX_TOKENS", "Accept"] {
            assert!(!is_secret_key(key), "{key}");
        }
        assert_eq!(variable_for("docs", "GITHUB_TOKEN"), "GITHUB_TOKEN");
        assert_eq!(variable_for("my-docs", "Authorization"), "MY_DOCS_TOKEN");
        assert_eq!(variable_for("docs", "X-Api-Key"), "DOCS_X_API_KEY");
    }
}
