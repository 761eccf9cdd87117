//! A block of code, a line at a time.

use ratatui::text::{Line, Span};

use super::starts::{Opening, ends_fence, indent};
use crate::tui::{
    highlight::Highlighter,
    text::clean,
    theme::{Role, Theme},
};

#[derive(Clone, Debug)]
pub(super) struct Code {
    /// What ends it; `None` where the indent does.
    fence: Option<(char, usize)>,
    indent: usize,
    highlighter: Option<Highlighter>,
}

impl Code {
    pub(super) fn fenced(opening: &Opening<'_>) -> Self {
        let highlighter = Highlighter::of(opening.language);
        Self { fence: Some((opening.sign, opening.length)), indent: opening.indent, highlighter }
    }

    pub(super) fn indented() -> Self {
        Self { fence: None, indent: 4, highlighter: None }
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.fence.is_some()
    }

    pub(super) fn ends_at(&self, line: &str) -> bool {
        self.fence.is_some_and(|opening| ends_fence(line, opening))
    }

    /// Whether `line` may become the end of it once more is there.
    pub(super) fn may_end_at(&self, line: &str) -> bool {
        let sign = self.fence.map_or(' ', |(sign, _)| sign);
        !line.trim().is_empty() && line.trim().chars().all(|c| c == sign)
    }

    pub(super) fn line(&mut self, line: &str, theme: &Theme) -> Line<'static> {
        let line = &line[indent(line).min(self.indent)..];
        match &mut self.highlighter {
            Some(highlighter) => Line::from(highlighter.line(line, theme)),
            None => Line::from(Span::styled(clean(line).into_owned(), theme.style(Role::Text))),
        }
    }
}
