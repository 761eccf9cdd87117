//! Lines, cut from text that comes in parts.

/// A longer line is handed on in pieces, so that nothing grows with the length of a line.
const LONGEST: usize = 2 << 10;

/// A line, or a part of a very long one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub text: String,
    /// The line begins with it.
    pub begins: bool,
}

/// The text that is not yet a line.
#[derive(Debug)]
pub(super) struct Pieces {
    waiting: String,
    /// What was handed on, and what holds no line end for certain.
    taken: usize,
    seen: usize,
    begins: bool,
}

impl Default for Pieces {
    fn default() -> Self {
        Self { waiting: String::new(), taken: 0, seen: 0, begins: true }
    }
}

impl Pieces {
    pub(super) fn push(&mut self, delta: &str) {
        self.waiting.drain(..self.taken);
        self.seen -= self.taken;
        self.taken = 0;
        self.waiting.push_str(delta);
    }

    /// The text after the last line end.
    pub(super) fn pending(&self) -> &str {
        self.waiting[self.taken..].trim_end_matches('\r')
    }

    /// The next piece that more text cannot change.
    pub(super) fn next(&mut self) -> Option<Piece> {
        let window = (self.taken + LONGEST).min(self.waiting.len());
        let end = self.waiting.as_bytes()[self.seen..window].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let Some(end) = end.map(|at| self.seen + at) else {
            self.seen = window;
            return (window - self.taken == LONGEST).then(|| self.part());
        };
        self.seen = end;
        let after = match &self.waiting.as_bytes()[end..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            // The second half of a line end may be still to come.
            [_] => return None,
            _ => 1,
        };
        let text = self.waiting[self.taken..end].to_owned();
        (self.taken, self.seen) = (end + after, end + after);
        Some(Piece { text, begins: std::mem::replace(&mut self.begins, true) })
    }

    /// As [`Self::next`], where no more text comes.
    pub(super) fn last(&mut self) -> Option<Piece> {
        if let Some(piece) = self.next() {
            return Some(piece);
        }
        let text = self.pending().to_owned();
        let ended = self.taken < self.waiting.len();
        let begins = self.begins;
        *self = Self::default();
        ended.then_some(Piece { text, begins })
    }

    /// The start of a line that is too long, up to a space if it has one.
    fn part(&mut self) -> Piece {
        let start = self.waiting.floor_char_boundary(self.taken + LONGEST);
        let end = self.waiting[self.taken..start].rfind(' ').map_or(start, |at| self.taken + at + 1);
        let text = self.waiting[self.taken..end].to_owned();
        (self.taken, self.seen) = (end, end);
        Piece { text, begins: std::mem::take(&mut self.begins) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(parts: &[&str]) -> Vec<String> {
        let (mut pieces, mut found) = (Pieces::default(), vec![]);
        for part in parts {
            pieces.push(part);
            found.extend(std::iter::from_fn(|| pieces.next()).map(|piece| piece.text));
        }
        found.extend(std::iter::from_fn(|| pieces.last()).map(|piece| piece.text));
        found
    }

    #[test]
    fn every_line_end_is_one() {
        assert_eq!(pieces(&["a\nb\r", "\nc\rd\r\r\n\ne"]), ["a", "b", "c", "d", "", "", "e"]);
        assert_eq!(pieces(&["a\r"]), ["a"]);
        assert_eq!(pieces(&["a\n"]), ["a"]);
        assert_eq!(pieces(&[]), [""; 0]);
    }

    #[test]
    fn a_long_line_comes_in_parts() {
        let long = "字 ".repeat(LONGEST);
        let found = pieces(&[&long, "\nx"]);
        assert_eq!(found.concat(), format!("{long}x"));
        assert!(found.iter().all(|piece| piece.len() <= LONGEST));
        assert_eq!(found.last().map(String::as_str), Some("x"));
        assert_eq!(pieces(&[&"字".repeat(LONGEST)]).concat(), "字".repeat(LONGEST));
    }
}
