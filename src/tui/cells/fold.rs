//! The beginning and the end of what is long.

use ratatui::text::{Line, Span};

use super::{Detail, Look, time::count};
use crate::tui::{
    text::{Break, Wrap, clean, cut, without_colors},
    theme::Role,
};

/// So many lines of a text at its beginning and at its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fold {
    pub head: usize,
    pub tail: usize,
}

impl Fold {
    /// `lines`, or those at both ends with a line that says how many are between.
    pub(super) fn lines(self, lines: Vec<Line<'static>>, look: Look<'_>) -> Vec<Line<'static>> {
        // A line that says that one line is missing is no shorter than that line.
        if look.detail == Detail::Full || lines.len() <= self.head + self.tail + 1 {
            return lines;
        }
        let left_out = lines.len() - self.head - self.tail;
        let mut lines = lines.into_iter();
        let mut shown: Vec<_> = lines.by_ref().take(self.head).collect();
        shown.push(more(left_out, look));
        shown.extend(lines.skip(left_out));
        shown
    }
}

fn more(lines: usize, look: Look<'_>) -> Line<'static> {
    let text = cut(&format!("  … {}", count(lines, "more line")), look.width);
    Line::from(Span::styled(text, look.theme.style(Role::Dim)))
}

/// What a program wrote, indented: folded to a row for each line, for output is looked over before it is read.
pub(super) fn output(text: &str, role: Role, fold: Fold, look: Look<'_>) -> Vec<Line<'static>> {
    let text = without_colors(text);
    let text = clean(text.trim_end());
    if text.trim().is_empty() {
        return vec![];
    }
    let style = look.theme.style(role);
    let show = |line: &str| match look.detail {
        Detail::Folded => vec![Line::from(Span::styled(cut(&format!("  {line}"), look.width), style))],
        Detail::Full => {
            let wrap = Wrap::to(look.width).breaks(Break::Anywhere).prefix("  ", "  ");
            wrap.lines(&Line::from(Span::styled(line, style)))
        }
    };
    let lines: Vec<_> = text.lines().collect();
    // Only what is shown is laid out.
    if look.detail == Detail::Full || lines.len() <= fold.head + fold.tail + 1 {
        return lines.into_iter().flat_map(show).collect();
    }
    let mut shown: Vec<_> = lines[..fold.head].iter().flat_map(|line| show(line)).collect();
    shown.push(more(lines.len() - fold.head - fold.tail, look));
    shown.extend(lines[lines.len() - fold.tail..].iter().flat_map(|line| show(line)));
    shown
}
