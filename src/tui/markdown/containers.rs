//! Quotes and items of lists, and what they put before each line.

use ratatui::text::{Line, Span};

use super::starts::{Marker, indent};
use crate::tui::theme::{Role, Theme};

#[derive(Clone, Debug)]
enum Container {
    Quote,
    Item(Item),
}

#[derive(Clone, Debug)]
struct Item {
    list: List,
    /// Columns that its lines are indented by in the source.
    indent: usize,
    /// Until its first line is made.
    marker: Option<String>,
    /// Columns that its lines are indented by on the screen.
    columns: usize,
}

/// What makes two items ones of the same list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct List {
    number: Option<u64>,
    sign: char,
}

/// The quotes and items that are open, outermost first.
#[derive(Clone, Debug, Default)]
pub(super) struct Containers {
    open: Vec<Container>,
    /// The outermost of those that the present line closed: the next item may go on with its list.
    closed: Option<(usize, List)>,
}

/// Most that stand in one another: deeper ones are text.
pub(super) const DEEPEST: usize = 12;

impl Containers {
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    pub(super) fn in_item(&self) -> bool {
        matches!(self.open.last(), Some(Container::Item(_)))
    }

    /// How many of them `line` stays in, and what is left of it then.
    pub(super) fn strip<'a>(&self, line: &'a str) -> (usize, &'a str) {
        let mut rest = line;
        for (depth, container) in self.open.iter().enumerate() {
            rest = match container {
                Container::Quote if indent(rest) < 4 && rest.trim_start_matches(' ').starts_with('>') => {
                    let rest = &rest[indent(rest) + 1..];
                    rest.strip_prefix(' ').unwrap_or(rest)
                }
                Container::Item(_) if rest.trim().is_empty() => "",
                Container::Item(item) if indent(rest) >= item.indent => &rest[item.indent..],
                Container::Quote | Container::Item(_) => return (depth, rest),
            };
        }
        (self.open.len(), rest)
    }

    /// Whether all from `depth` on are items: a block of code in them goes on though it is not indented, for models
    /// forget that.
    pub(super) fn only_items(&self, depth: usize) -> bool {
        self.open[depth..].iter().all(|container| matches!(container, Container::Item(_)))
    }

    /// Closes those from `depth` on.
    pub(super) fn close(&mut self, depth: usize) {
        self.closed = match self.open.get(depth) {
            Some(Container::Item(item)) => Some((depth, item.list)),
            Some(Container::Quote) | None => None,
        };
        self.open.truncate(depth);
    }

    /// A line has been read: the next one does not go on with a list that this one closed.
    pub(super) fn forget(&mut self) {
        self.closed = None;
    }

    pub(super) fn quote(&mut self) {
        self.open.push(Container::Quote);
    }

    pub(super) fn item(&mut self, marker: &Marker<'_>, task: Option<char>) {
        let before = self.closed.take().filter(|(depth, _)| *depth == self.open.len()).map(|(_, list)| list);
        let mut list = List { number: marker.number, sign: marker.sign };
        let goes_on =
            before.filter(|before| before.sign == list.sign && before.number.is_some() == list.number.is_some());
        if let Some(List { number: Some(number), .. }) = goes_on {
            list.number = Some(number.saturating_add(1));
        }
        let bullets = ['•', '◦', '▪'];
        let level = self.open.iter().filter(|container| matches!(container, Container::Item(_))).count();
        let shown = match (task, list.number) {
            (Some(task), _) => format!("{task} "),
            (None, Some(number)) => format!("{number}{} ", list.sign),
            (None, None) => format!("{} ", bullets[level % bullets.len()]),
        };
        let columns = shown.chars().count();
        self.open.push(Container::Item(Item { list, indent: marker.indent, marker: Some(shown), columns }));
    }

    /// Whether the innermost is an item of which nothing was shown.
    pub(super) fn is_bare(&self) -> bool {
        matches!(self.open.last(), Some(Container::Item(Item { marker: Some(_), .. })))
    }

    /// What stands before the next line and before those that continue it. Markers are shown once.
    pub(super) fn prefix(&mut self, theme: &Theme) -> (Line<'static>, Line<'static>) {
        let (mut first, mut rest) = (Line::default(), Line::default());
        for container in &mut self.open {
            match container {
                Container::Quote => {
                    let bar = Span::styled("│ ", theme.style(Role::Dim));
                    first.spans.push(bar.clone());
                    rest.spans.push(bar);
                }
                Container::Item(item) => {
                    let spaces = Span::raw(" ".repeat(item.columns));
                    let marker = item.marker.take().map(|marker| Span::styled(marker, theme.style(Role::Accent)));
                    first.spans.push(marker.unwrap_or_else(|| spaces.clone()));
                    rest.spans.push(spaces);
                }
            }
        }
        (first, rest)
    }

    /// A line with nothing but the bars of the outermost `depth`.
    pub(super) fn bars(&self, depth: usize, theme: &Theme) -> Line<'static> {
        let mut text = String::new();
        for container in self.open.iter().take(depth) {
            match container {
                Container::Quote => text.push_str("│ "),
                Container::Item(item) => text.push_str(&" ".repeat(item.columns)),
            }
        }
        match text.trim_end() {
            "" => Line::default(),
            bars => Line::from(Span::styled(bars.to_owned(), theme.style(Role::Dim))),
        }
    }
}
