//! Patterns over the words of a shell command.

use super::{Fit, Glob, RuleError, Side, glob::Piece};

/// A word of a command, as far as it is known before the command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShellWord {
    Literal(String),
    /// Names of files that are there when it runs: `*.rs`, `~/x`, `{a,b}`. Any number of words.
    Names,
    /// Anything: `$X`, `$(…)`. Any number of words.
    Values,
}

/// The words of one command: `git status *`. Within a word `*` stands for any characters; a word that is `*` alone
/// stands for any number of words, also none. Quotes keep a word with spaces together and take the meaning from `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordsPattern(Vec<PatternWord>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum PatternWord {
    One(Glob),
    Any,
}

impl WordsPattern {
    pub(super) fn parse(text: &str) -> Result<Self, RuleError> {
        let mut words = vec![];
        let mut word: Option<Vec<Piece>> = None;
        let mut quote: Option<(usize, char)> = None;
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            match (c, quote) {
                (c, Some((_, with))) if c == with => quote = None,
                (c, Some(_)) => word.get_or_insert_default().push(Piece::Char(c)),
                ('\'' | '"', None) => {
                    quote = Some((at, c));
                    word.get_or_insert_default();
                }
                ('\\', None) => {
                    let next = chars.next().map_or('\\', |(_, next)| next);
                    word.get_or_insert_default().push(Piece::Char(next));
                }
                (';' | '|' | '&' | '<' | '>' | '`' | '\n' | '\r', None) => {
                    return Err(RuleError::new(
                        at,
                        format!(
                            "a rule is about the words of one command, where `{}` has no place; quote it, or write a rule for each command",
                            c.escape_debug()
                        ),
                    ));
                }
                (c, None) if c.is_whitespace() => words.extend(word.take()),
                ('*', None) => word.get_or_insert_default().push(Piece::Many),
                ('?', None) => word.get_or_insert_default().push(Piece::One),
                (c, None) => word.get_or_insert_default().push(Piece::Char(c)),
            }
        }
        if let Some((at, quote)) = quote {
            return Err(RuleError::new(at, format!("this {quote} is not closed")));
        }
        words.extend(word);
        let word = |glob: Glob| if glob.is_all() { PatternWord::Any } else { PatternWord::One(glob) };
        Ok(Self(words.into_iter().map(Glob::of).map(word).collect()))
    }

    /// A pattern of exactly these words, to be read by [`WordsPattern::parse`].
    #[must_use]
    pub fn quote(words: &[&str]) -> String {
        let plain =
            |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=' | ':' | ',' | '+' | '@' | '%');
        let quoted = |word: &&str| match word {
            word if !word.is_empty() && word.chars().all(plain) => (*word).to_owned(),
            word if word.contains('\'') => {
                let mut escaped = String::new();
                for c in word.chars() {
                    if !plain(c) {
                        escaped.push('\\');
                    }
                    escaped.push(c);
                }
                escaped
            }
            word => format!("'{word}'"),
        };
        words.iter().map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// How many words stand at the start without a `*` or `?` in them.
    #[must_use]
    pub fn literal_start(&self) -> usize {
        self.0.iter().take_while(|word| matches!(word, PatternWord::One(glob) if glob.is_literal())).count()
    }

    /// Whether one of its words is `text`, plainly.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.0.iter().any(|word| matches!(word, PatternWord::One(glob) if glob.is_literal() && glob.matches(text)))
    }

    /// Whether a command of these words fits. To refuse, `/bin/rm` is `rm` as well.
    #[must_use]
    pub fn fit(&self, words: &[ShellWord], side: Side) -> Fit {
        let whole = self.fit_words(words);
        match (side, words) {
            (Side::Refuse, [ShellWord::Literal(name), rest @ ..]) if name.contains('/') => {
                let base = name.rsplit('/').next().unwrap_or(name);
                let named: Vec<_> =
                    [ShellWord::Literal(base.to_owned())].into_iter().chain(rest.iter().cloned()).collect();
                whole.max(self.fit_words(&named))
            }
            _ => whole,
        }
    }

    fn fit_words(&self, words: &[ShellWord]) -> Fit {
        // `row[j]` is how the words from `j` on fit the pattern from its word `i` on; filled from the end.
        let mut row = vec![Fit::No; words.len() + 1];
        row[words.len()] = Fit::Yes;
        for j in (0..words.len()).rev() {
            // A word that may turn out to be no word at all.
            row[j] = if matches!(words[j], ShellWord::Literal(_)) { Fit::No } else { row[j + 1].min(Fit::Maybe) };
        }
        for pattern in self.0.iter().rev() {
            let mut next = vec![Fit::No; words.len() + 1];
            if *pattern == PatternWord::Any {
                next[words.len()] = row[words.len()];
            }
            for j in (0..words.len()).rev() {
                next[j] = match (pattern, &words[j]) {
                    (PatternWord::Any, _) => row[j].max(next[j + 1]),
                    (PatternWord::One(glob), ShellWord::Literal(word)) if glob.matches(word) => row[j + 1],
                    (PatternWord::One(_), ShellWord::Literal(_)) => Fit::No,
                    (PatternWord::One(_), ShellWord::Names | ShellWord::Values) => {
                        row[j + 1].max(row[j]).max(next[j + 1]).min(Fit::Maybe)
                    }
                };
            }
            row = next;
        }
        row[0]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fit(pattern: &str, words: &[&str], side: Side) -> Fit {
        let word = |word: &&str| match *word {
            "$" => ShellWord::Values,
            "~" => ShellWord::Names,
            word => ShellWord::Literal(word.to_owned()),
        };
        WordsPattern::parse(pattern).unwrap().fit(&words.iter().map(word).collect::<Vec<_>>(), side)
    }

    #[test]
    fn table() {
        let table: &[(&str, &[&str], Fit)] = &[
            ("ls *", &["ls"], Fit::Yes),
            ("ls *", &["ls", "-l", "a b"], Fit::Yes),
            ("ls *", &["lsof"], Fit::No),
            ("ls", &["ls", "-l"], Fit::No),
            ("ls*", &["lsof"], Fit::Yes),
            ("git status *", &["git", "status"], Fit::Yes),
            ("git status *", &["git", "push"], Fit::No),
            ("git status *", &["git", "-c", "x", "status"], Fit::No),
            ("git * --dry-run", &["git", "push", "origin", "--dry-run"], Fit::Yes),
            ("git * --dry-run", &["git", "--dry-run"], Fit::Yes),
            ("git * --dry-run", &["git", "--dry-run", "x"], Fit::No),
            ("echo 'a b' *", &["echo", "a b"], Fit::Yes),
            ("echo '*'", &["echo", "x"], Fit::No),
            ("rm -rf *", &["rm", "$"], Fit::Maybe),
            ("rm -rf *", &["$", "-rf", "/"], Fit::Maybe),
            ("rm -rf *", &["rm", "-rf", "$"], Fit::Yes),
            ("rm -rf *", &["echo", "$"], Fit::No),
            ("rm -rf *", &["rm", "~", "-rf"], Fit::Maybe),
            ("rm", &["rm", "$"], Fit::Maybe),
            ("ls *", &["ls", "~"], Fit::Yes),
            ("rm -rf *", &["$"], Fit::Maybe),
            ("rm -rf *", &[], Fit::No),
        ];
        for (pattern, words, want) in table {
            assert_eq!(fit(pattern, words, Side::Allow), *want, "{pattern} {words:?}");
        }
        assert_eq!(fit("rm *", &["/bin/rm", "x"], Side::Refuse), Fit::Yes);
        assert_eq!(fit("rm *", &["/bin/rm", "x"], Side::Allow), Fit::No);
        assert_eq!(fit("/bin/rm *", &["/bin/rm", "x"], Side::Allow), Fit::Yes);
    }

    proptest! {
        #[test]
        fn quoted_words_fit_themselves_alone(words in prop::collection::vec("[a*' \"$\\\\;]{0,4}", 1..4), other in prop::collection::vec("[a*' \"$\\\\;]{0,4}", 1..4)) {
            let plain: Vec<&str> = words.iter().map(String::as_str).collect();
            let pattern = WordsPattern::parse(&WordsPattern::quote(&plain)).unwrap();
            let literal = |words: &[String]| words.iter().cloned().map(ShellWord::Literal).collect::<Vec<_>>();
            prop_assert_eq!(pattern.fit(&literal(&words), Side::Allow), Fit::Yes);
            prop_assert_eq!(pattern.fit(&literal(&other), Side::Allow), Fit::from(words == other));
        }
    }
}
