//! A styled line, broken into lines that fit.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    breaks,
    width::{boundary_from, cut, graphemes, line_width, width},
};

/// Columns that a prefix leaves to the text at least, where there are so many.
const LEAST: usize = 8;

/// Where a line may end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Break {
    /// Between words, and between the characters of scripts that have none; inside a word that is longer than a line.
    #[default]
    Words,
    /// Where the line is full: code, output.
    Anywhere,
}

/// How lines are broken. The prefixes are ours: bullets, bars, indents.
#[derive(Clone, Debug, Default)]
pub struct Wrap {
    width: usize,
    first: Line<'static>,
    rest: Line<'static>,
    breaks: Break,
}

impl Wrap {
    /// To lines of at most `width` columns, and at least one.
    #[must_use]
    pub fn to(width: usize) -> Self {
        Self { width: width.max(1), ..Self::default() }
    }

    #[must_use]
    pub fn breaks(mut self, breaks: Break) -> Self {
        self.breaks = breaks;
        self
    }

    /// What stands before the first line, and before each one that continues it.
    #[must_use]
    pub fn prefix(mut self, first: impl Into<Line<'static>>, rest: impl Into<Line<'static>>) -> Self {
        // A deep list on a narrow screen keeps its text rather than its indent.
        let most = self.width.saturating_sub(LEAST.min(self.width.div_ceil(2)));
        self.first = shortened(first.into(), most);
        self.rest = shortened(rest.into(), most);
        self
    }

    /// The lines of `line`, whose text is clean; one line if it is empty.
    #[must_use]
    pub fn lines(&self, line: &Line<'_>) -> Vec<Line<'static>> {
        let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
        let first = self.width - line_width(&self.first);
        let rest = self.width - line_width(&self.rest);
        let ranges = match self.breaks {
            Break::Words => breaks::words(&text, first, rest),
            Break::Anywhere => breaks::anywhere(&text, first, rest),
        };
        let mut pieces = Pieces { text: &text, spans: &line.spans, style: line.style, length: 0, taken: 0 };
        let mut lines = Vec::with_capacity(ranges.len());
        for (start, end) in ranges {
            let (prefix, columns) = if lines.is_empty() { (&self.first, first) } else { (&self.rest, rest) };
            let mut shown = prefix.clone();
            shown.spans.extend(pieces.between(start, end, columns));
            lines.push(shown);
        }
        lines
    }
}

/// The spans of a line, read once from its start.
struct Pieces<'a> {
    text: &'a str,
    spans: &'a [Span<'a>],
    style: Style,
    /// Bytes of the spans before these.
    length: usize,
    /// Bytes of the text that the spans before these have.
    taken: usize,
}

impl Pieces<'_> {
    fn between(&mut self, start: usize, end: usize, columns: usize) -> Vec<Span<'static>> {
        let mut found = vec![];
        while let Some(span) = self.spans.first() {
            let length = self.length + span.content.len();
            // A character is of one span, that of its beginning: halves would take more columns than the whole.
            let span_end = boundary_from(self.text, length);
            let from = start.max(self.taken);
            let to = end.min(span_end);
            if from < to {
                found.push(Span::styled(narrow(&self.text[from..to], columns), self.style.patch(span.style)));
            }
            if span_end > end {
                break;
            }
            (self.length, self.taken) = (length, span_end);
            self.spans = &self.spans[1..];
        }
        found
    }
}

/// A character that is wider than the whole line is replaced.
fn narrow(piece: &str, columns: usize) -> String {
    if columns >= LEAST {
        return piece.to_owned();
    }
    graphemes(piece).map(|(grapheme, width)| if width > columns { "\u{fffd}" } else { grapheme }).collect()
}

fn shortened(line: Line<'static>, most: usize) -> Line<'static> {
    if line_width(&line) <= most {
        return line;
    }
    let mut left = most;
    let mut shown = Line::default().style(line.style);
    for span in line.spans {
        let columns = width(&span.content);
        let content = if columns <= left { span.content.into_owned() } else { cut(&span.content, left) };
        left = left.saturating_sub(columns);
        shown.spans.push(Span::styled(content, span.style));
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::style::Color;

    use super::*;
    use crate::tui::text::clean;

    fn shown(wrap: &Wrap, text: &str) -> Vec<String> {
        wrap.lines(&Line::raw(text)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn words_stay_whole() {
        let wrap = Wrap::to(12);
        assert_eq!(shown(&wrap, "the quick brown fox jumps"), ["the quick", "brown fox", "jumps"]);
        assert_eq!(shown(&wrap, "  indented text stays so"), ["  indented", "text stays", "so"]);
        assert_eq!(shown(&wrap, "antidisestablishmentarianism a"), ["antidisestab", "lishmentaria", "nism a"]);
        assert_eq!(shown(&wrap, "see src/tui/text/wrap.rs"), ["see", "src/tui/text", "/wrap.rs"]);
        assert_eq!(shown(&wrap, "a self-contained b"), ["a self-", "contained b"]);
        assert_eq!(shown(&wrap, ""), [""]);
        assert_eq!(shown(&wrap, "exactly12345"), ["exactly12345"]);
        assert_eq!(shown(&Wrap::to(4), "        a      b     "), ["", "a", "b"]);
        assert_eq!(shown(&Wrap::to(4), "       "), [""]);
    }

    #[test]
    fn scripts_without_spaces_break_anywhere_but_before_a_full_stop() {
        let wrap = Wrap::to(10);
        assert_eq!(shown(&wrap, "今天天气很好。我们走吧"), ["今天天气很", "好。我们走", "吧"]);
        assert_eq!(shown(&wrap, "今天天气好。走"), ["今天天气", "好。走"]);
        assert_eq!(shown(&wrap, "use rust 写代码"), ["use rust ", "写代码"].map(str::trim_end));
    }

    #[test]
    fn prefixes_and_styles() {
        let wrap = Wrap::to(10).prefix("• ", "  ");
        let red = Style::new().fg(Color::Red);
        let lines = wrap.lines(&Line::from(vec![Span::raw("one "), Span::styled("two three", red)]));
        assert_eq!(lines[0], Line::from(vec![Span::raw("• "), Span::raw("one "), Span::styled("two", red)]));
        assert_eq!(lines[1], Line::from(vec![Span::raw("  "), Span::styled("three", red)]));
        let code = Wrap::to(4).breaks(Break::Anywhere);
        assert_eq!(shown(&code, "let x = 字"), ["let ", "x = ", "字"]);
        assert_eq!(shown(&Wrap::to(1).prefix("> ", "> "), "字a"), ["\u{fffd}", "a"]);
        let halves = Line::from(vec![Span::raw("\\"), Span::styled("\u{ddc}", red), Span::styled("b", red)]);
        assert_eq!(code.lines(&halves), [Line::from(vec![Span::raw("\\\u{ddc}"), Span::styled("b", red)])]);
    }

    proptest! {
        #[test]
        fn every_line_fits_and_nothing_is_lost(
            text in "(\\PC| {1,8}|[ a-c字é\u{200d}👍\u{301}-]){0,60}", width in 1usize..30, prefix in "[ >]{0,6}", anywhere: bool,
        ) {
            let text = clean(&text).replace('\n', " ");
            let breaks = if anywhere { Break::Anywhere } else { Break::Words };
            let wrap = Wrap::to(width).breaks(breaks);
            let lines = shown(&wrap, &text);
            let letters = |text: &str| text.replace([' ', '\u{fffd}'], "");
            if width >= LEAST {
                prop_assert_eq!(letters(&lines.concat()), letters(&text));
            }
            for line in lines.into_iter().chain(shown(&wrap.clone().prefix(prefix.clone(), prefix), &text)) {
                prop_assert!(super::width(&line) <= width, "{:?}", line);
            }
            // As code in colours is: however it is cut into spans, each fits by itself.
            let spans: Line<'_> = text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect();
            for line in wrap.lines(&spans) {
                prop_assert!(line_width(&line) <= width, "{:?}", line);
            }
        }
    }
}
