//! How many columns text takes, by what a reader sees as one character.

use ratatui::{buffer::CellWidth, text::Line};
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// Each character as a reader counts them, with the columns it takes.
pub fn graphemes(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        // Most text is ASCII, of which no character joins the next but a carriage return.
        let first = match rest.as_bytes() {
            [] => return None,
            [b' '..=b'~'] | [b' '..=b'~', 0..=127, ..] => &rest[..1],
            _ => rest.graphemes(true).next()?,
        };
        rest = &rest[first.len()..];
        Some((first, of_grapheme(first)))
    })
}

/// The first boundary between characters at `at` bytes or after, which is one between code points.
pub(super) fn boundary_from(text: &str, at: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    match cursor.is_boundary(text, 0) {
        Ok(false) => cursor.next_boundary(text, 0).ok().flatten().unwrap_or(text.len()),
        _ => at,
    }
}

/// Columns. The sum over the characters, as a screen of cells shows them, which is never less than that of the whole.
#[must_use]
pub fn width(text: &str) -> usize {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.len();
    }
    graphemes(text).map(|(_, width)| width).sum()
}

#[must_use]
pub fn line_width(line: &Line<'_>) -> usize {
    line.spans.iter().map(|span| width(&span.content)).sum()
}

fn of_grapheme(grapheme: &str) -> usize {
    // Exactly what the screen will say; it refuses control characters, which text not yet cleaned can hold.
    if grapheme.len() == 1 { 1 } else { grapheme.cell_width().into() }
}

/// `text`, or its beginning and `…`, in at most `most` columns.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut left = most.saturating_sub(1);
    let mut shown: String = graphemes(text)
        .take_while(|(_, width)| {
            let fits = *width <= left;
            left = left.saturating_sub(*width);
            fits
        })
        .map(|(grapheme, _)| grapheme)
        .collect();
    if most > 0 {
        shown.push('…');
    }
    shown
}

/// `text`, or `…` and its end, in at most `most` columns: for paths.
#[must_use]
pub fn cut_start(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let (mut left, mut start) = (most.saturating_sub(1), text.len());
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        let width = of_grapheme(grapheme);
        if width > left {
            break;
        }
        (left, start) = (left - width, at);
    }
    if most == 0 { String::new() } else { format!("…{}", &text[start..]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_is_one_however_it_is_written() {
        let widths: Vec<_> = ["a", "é", "e\u{301}", "字", "👨‍👩‍👧", "🇩🇪", "❤️", "👍🏽"].map(width).to_vec();
        assert_eq!(widths, [1, 1, 1, 2, 2, 2, 2, 2]);
    }

    proptest::proptest! {
        #[test]
        fn the_short_way_cuts_where_the_long_one_does(text in "([ -~]|\\PC|\u{301}|\u{200d}|[👍🏽🇩🇪\r\n]){0,20}") {
            let short: Vec<_> = graphemes(&text).map(|(grapheme, _)| grapheme).collect();
            proptest::prop_assert_eq!(short, text.graphemes(true).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_cut_is_never_through_a_character() {
        assert_eq!([cut("hello", 5), cut("hello", 4), cut("hello", 1), cut("hello", 0)], ["hello", "hel…", "…", ""]);
        assert_eq!([cut("你好吗", 5), cut("你好吗", 4), cut("👨‍👩‍👧ab", 3)], ["你好…", "你…", "👨‍👩‍👧…"]);
        assert_eq!([cut_start("src/main.rs", 8), cut_start("你好吗", 4), cut_start("x", 0)], ["…main.rs", "…吗", ""]);
    }
}
