//! `*` and `?`.

/// A pattern over characters: `*` stands for any run of them, `?` for one, `\` takes the meaning from the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<Piece>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Char(char),
    One,
    Many,
}

impl Glob {
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut pieces = vec![];
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '\\' => Piece::Char(chars.next().unwrap_or('\\')),
                '*' => Piece::Many,
                '?' => Piece::One,
                c => Piece::Char(c),
            });
        }
        Self(pieces)
    }

    /// A pattern that `text` fits, and nothing else.
    #[must_use]
    pub fn escape(text: &str) -> String {
        let mut escaped = String::new();
        for c in text.chars() {
            if matches!(c, '\\' | '*' | '?') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped
    }

    pub(super) fn of(pieces: Vec<Piece>) -> Self {
        Self(pieces)
    }

    /// Whether everything fits.
    pub(super) fn is_all(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|piece| *piece == Piece::Many)
    }

    /// Whether it is a plain text.
    pub(super) fn is_literal(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Char(_)))
    }

    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.matches_by(text, |a, b| a == b)
    }

    /// As [`Glob::matches`], but `A` fits `a`.
    #[must_use]
    pub fn matches_any_case(&self, text: &str) -> bool {
        self.matches_by(text, |a, b| a == b || a.to_lowercase().eq(b.to_lowercase()))
    }

    fn matches_by(&self, text: &str, same: impl Fn(char, char) -> bool) -> bool {
        let (pieces, text) = (&self.0, text.chars().collect::<Vec<_>>());
        let (mut at, mut piece) = (0, 0);
        // Where the last `*` stood, and how far it reached: only the last one ever needs to reach further.
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match pieces.get(piece) {
                Some(Piece::Many) => {
                    star = Some((piece, at));
                    piece += 1;
                }
                Some(Piece::One) => (at, piece) = (at + 1, piece + 1),
                Some(Piece::Char(c)) if same(*c, text[at]) => (at, piece) = (at + 1, piece + 1),
                Some(Piece::Char(_)) | None => match star {
                    Some((many, reached)) => {
                        star = Some((many, reached + 1));
                        (at, piece) = (reached + 1, many + 1);
                    }
                    None => return false,
                },
            }
        }
        pieces[piece..].iter().all(|piece| *piece == Piece::Many)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn table() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("*a*b*", "xxaxxbxx", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?", "中", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("*aab", "aaaaab", true),
            ("\\", "\\", true),
        ] {
            assert_eq!(Glob::parse(pattern).matches(text), fits, "{pattern} {text}");
        }
        assert!(Glob::parse(".GIT*").matches_any_case(".github"));
    }

    proptest! {
        #[test]
        fn escaped_text_fits_itself_alone(text in "[a-c*?\\\\]{0,6}", other in "[a-c*?\\\\]{0,6}") {
            let glob = Glob::parse(&Glob::escape(&text));
            prop_assert!(glob.matches(&text));
            prop_assert_eq!(glob.matches(&other), text == other);
        }
    }
}
