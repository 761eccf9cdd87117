//! Lines cut to a width.

use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::ui::printable;

/// `line`, no wider than `width` columns; what is cut off shows as `…`.
pub(super) fn fit(line: Line<'static>, width: u16) -> Line<'static> {
    let width = usize::from(width);
    if line.width() <= width {
        return line;
    }
    let mut room = width.saturating_sub(1);
    let mut spans = vec![];
    for span in line.spans {
        let taken = take(&span.content, room);
        room -= taken.width();
        let whole = taken.len() == span.content.len();
        spans.push(Span::styled(taken.to_owned(), span.style));
        if !whole {
            spans.push(Span::styled("…", span.style));
            break;
        }
    }
    Line { spans, ..Line::default() }.style(line.style)
}

/// As much of `text` as `room` columns hold.
fn take(text: &str, room: usize) -> &str {
    let mut used = 0;
    let end = text.grapheme_indices(true).find_map(|(at, grapheme)| {
        used += grapheme.width();
        (used > room).then_some(at)
    });
    &text[..end.unwrap_or(text.len())]
}

/// Text that somebody else wrote, on one line.
pub(super) fn plain(text: &str) -> String {
    printable(text).split_whitespace().collect::<Vec<_>>().join(" ")
}
