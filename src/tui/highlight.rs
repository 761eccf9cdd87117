//! Code in colours, a line at a time.
//!
//! The syntaxes are read when the first block of code is shown, never at the start of the program. What a theme of
//! theirs would colour one by one is mapped to our few roles.

use std::{str::FromStr, sync::OnceLock};

use ratatui::text::Span;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::{
    text::clean,
    theme::{Role, Theme},
};

/// A longer line is shown plain: the time that its expressions take grows faster than its length.
const LONGEST: usize = 2 << 10;
/// Bytes of one block after which the rest is shown plain.
const MOST: usize = 128 << 10;

/// The colours of one block of code. A clone goes on from the same line.
#[derive(Clone, Debug)]
pub struct Highlighter {
    state: ParseState,
    scopes: ScopeStack,
    left: usize,
}

impl Highlighter {
    /// For a language as it stands behind a fence (`rust`, `rs`, `Rust,ignore`), or the end of a file's name; nothing
    /// where the language is not known.
    #[must_use]
    pub fn of(language: &str) -> Option<Self> {
        let state = ParseState::new(syntax(language)?);
        Some(Self { state, scopes: ScopeStack::new(), left: MOST })
    }

    /// The next line of the block, without its line end.
    #[must_use]
    pub fn line(&mut self, line: &str, theme: &Theme) -> Vec<Span<'static>> {
        let line = clean(line);
        self.coloured(&line, theme).unwrap_or_else(|| vec![Span::styled(line.into_owned(), theme.style(Role::Text))])
    }

    fn coloured(&mut self, line: &str, theme: &Theme) -> Option<Vec<Span<'static>>> {
        self.left = if line.len() > LONGEST { self.left } else { self.left.checked_sub(line.len() + 1)? };
        if line.len() > LONGEST {
            return None;
        }
        let changes = self.state.parse_line(&format!("{line}\n"), syntaxes());
        // An expression that gave up leaves a state that cannot be gone on from.
        let Ok(changes) = changes else {
            self.left = 0;
            return None;
        };
        let (mut spans, mut from): (Vec<Span<'static>>, _) = (vec![], 0);
        let mut push = |to: usize, scopes: &ScopeStack| {
            let part = &line[from..to.clamp(from, line.len())];
            let style = theme.style(role(scopes));
            match spans.last_mut() {
                _ if part.is_empty() => {}
                Some(span) if span.style == style => span.content.to_mut().push_str(part),
                _ => spans.push(Span::styled(part.to_owned(), style)),
            }
            from += part.len();
        };
        for (at, change) in changes {
            push(at, &self.scopes);
            self.scopes.apply(&change).ok()?;
        }
        push(line.len(), &self.scopes);
        Some(spans)
    }
}

fn syntaxes() -> &'static SyntaxSet {
    static SYNTAXES: OnceLock<SyntaxSet> = OnceLock::new();
    SYNTAXES.get_or_init(SyntaxSet::load_defaults_newlines)
}

fn syntax(language: &str) -> Option<&'static SyntaxReference> {
    let name = language.split(|c: char| c.is_whitespace() || matches!(c, ',' | '{' | ':')).next()?.to_ascii_lowercase();
    let name = match name.as_str() {
        "" | "text" | "txt" | "plain" | "plaintext" => return None,
        "typescript" | "ts" | "tsx" | "jsx" | "mjs" | "javascript" => "js",
        "shell" | "console" | "zsh" | "sh-session" | "shellsession" => "bash",
        "jsonc" | "json5" | "jsonl" | "ndjson" => "json",
        "python3" | "ipython" => "python",
        "c#" | "csharp" => "cs",
        "kotlin" | "kt" => "java",
        "golang" => "go",
        "patch" => "diff",
        "vue" | "svelte" => "html",
        other => other,
    };
    syntaxes().find_syntax_by_token(name)
}

/// Of the innermost scope that means something.
fn role(scopes: &ScopeStack) -> Role {
    let meant = |scope: &Scope| roles().iter().find(|(prefix, _)| prefix.is_prefix_of(*scope));
    scopes.as_slice().iter().rev().find_map(meant).map_or(Role::Text, |(_, role)| *role)
}

/// By the naming rules for scopes of Sublime Text, which TextMate began. The longer name stands first.
fn roles() -> &'static [(Scope, Role)] {
    static ROLES: OnceLock<Vec<(Scope, Role)>> = OnceLock::new();
    const NAMES: [(&str, Role); 23] = [
        ("comment", Role::Comment),
        ("string", Role::String),
        ("constant.character.escape", Role::Number),
        ("constant", Role::Number),
        ("keyword.operator", Role::Text),
        ("keyword", Role::Keyword),
        ("storage", Role::Keyword),
        ("entity.name.function", Role::Function),
        ("entity.name.tag", Role::Keyword),
        ("entity.name.type", Role::Type),
        ("entity.name.class", Role::Type),
        ("entity.name.section", Role::Heading),
        ("entity.name", Role::Function),
        ("entity.other.attribute-name", Role::Type),
        ("entity.other.inherited-class", Role::Type),
        ("support.function", Role::Function),
        ("support.macro", Role::Function),
        ("support", Role::Type),
        ("variable.function", Role::Function),
        ("variable.language", Role::Keyword),
        ("markup.inserted", Role::Added),
        ("markup.deleted", Role::Removed),
        ("meta.diff", Role::Dim),
    ];
    ROLES.get_or_init(|| NAMES.iter().filter_map(|(name, role)| Some((Scope::from_str(name).ok()?, *role))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{Depth, Ground};

    fn parts(language: &str, code: &str) -> Vec<String> {
        let theme = Theme::new(Depth::True, Ground::Dark);
        let named = [Role::Keyword, Role::String, Role::Comment, Role::Number, Role::Function, Role::Type, Role::Added];
        let mut highlighter = Highlighter::of(language).unwrap();
        let name = |span: &Span<'_>| named.into_iter().find(|role| theme.style(*role).fg == span.style.fg);
        let spans: Vec<_> = code.lines().flat_map(|line| highlighter.line(line, &theme)).collect();
        spans.iter().filter_map(|span| Some(format!("{:?} {}", name(span)?, span.content.trim()))).collect()
    }

    #[test]
    fn code_by_meaning() {
        let rust = parts("rust,ignore", "fn main() { // hi\n    print(\"x\", 12);\n}");
        insta::assert_snapshot!(rust.join("; "), @r#"Keyword fn; Function main; Comment // hi; Function print; String "x"; Number 12"#);
        let python = parts("py", "x = \"\"\"a\nb\"\"\"");
        assert_eq!(python, ["String \"\"\"a", "String b\"\"\""], "a line goes on where the last one ended");
        assert_eq!(parts("ts", "const x = 'y'").first().map(String::as_str), Some("Keyword const"));
        assert!(Highlighter::of("no-such-language").is_none() && Highlighter::of("").is_none());
    }

    #[test]
    fn what_is_too_much_is_plain() {
        let theme = Theme::default();
        let mut highlighter = Highlighter::of("rust").unwrap();
        let long = format!("let x = \"{}\";", "a".repeat(LONGEST));
        assert_eq!(highlighter.line(&long, &theme).len(), 1);
        assert!(highlighter.line("let x = 1;", &theme).len() > 1, "the next line has its colours");
        highlighter.left = 5;
        assert_eq!(highlighter.line("let x = 1;", &theme).len(), 1);
    }
}
