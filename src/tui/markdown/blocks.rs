//! Blocks, from lines.

use ratatui::{
    style::Modifier,
    text::{Line, Span},
};

use super::{
    code::Code,
    containers::{Containers, DEEPEST},
    inline::{closed, inline},
    pieces::Piece,
    starts::{Marker, Start, indent, start, underline},
    table::{self, Table},
};
use crate::tui::{
    text::{Break, Wrap},
    theme::{Role, Theme},
};

/// Bytes of a paragraph after which its beginning is finished: nothing grows with the length of a text.
const LONGEST: usize = 3 << 10;

/// Bytes from which a line may have been broken because it was full.
const FULL: usize = 60;

/// What is open inside the containers.
#[derive(Clone, Debug, Default)]
enum Leaf {
    #[default]
    None,
    Paragraph(String),
    Code(Code),
    Table(Table),
}

#[derive(Debug)]
pub(super) struct Blocks {
    theme: Theme,
    width: usize,
    containers: Containers,
    leaf: Leaf,
    /// An empty line is due before the next block, inside so many containers.
    gap: Option<usize>,
    begun: bool,
    lines: Vec<Line<'static>>,
}

impl Blocks {
    pub(super) fn new(width: usize, theme: Theme) -> Self {
        let (containers, leaf) = (Containers::default(), Leaf::None);
        Self { theme, width, containers, leaf, gap: None, begun: false, lines: vec![] }
    }

    pub(super) fn resize(&mut self, width: usize) {
        self.width = width;
    }

    pub(super) fn take(&mut self) -> Vec<Line<'static>> {
        std::mem::take(&mut self.lines)
    }

    pub(super) fn finish(&mut self) {
        self.close(0);
        let lines = self.take();
        *self = Self { lines, ..Self::new(self.width, self.theme) };
    }

    /// The lines of what is open if the text ended with `pending`.
    pub(super) fn live(&self, pending: &str) -> Vec<Line<'static>> {
        let (containers, leaf) = (self.containers.clone(), self.leaf.clone());
        let mut ahead = Self { containers, leaf, lines: vec![], ..*self };
        let undecided = match &self.leaf {
            Leaf::Code(code) if code.is_fenced() => code.may_end_at(pending),
            Leaf::None | Leaf::Paragraph(_) | Leaf::Code(_) | Leaf::Table(_) => {
                !pending.contains(char::is_alphanumeric)
            }
        };
        if !undecided {
            ahead.piece(&Piece { text: pending.to_owned(), begins: true });
        }
        if let Leaf::Paragraph(text) = &mut ahead.leaf {
            // The first line of a table is one only with the second.
            let last = text.rfind('\n').map_or(0, |at| at + 1);
            if text[last..].trim_start().starts_with('|') {
                text.truncate(last.saturating_sub(1));
            }
            *text = closed(text);
        }
        ahead.close(0);
        ahead.lines
    }

    pub(super) fn piece(&mut self, piece: &Piece) {
        if piece.begins {
            self.line(&without_leading_tabs(&piece.text));
        } else {
            self.rest_of_line(&piece.text);
        }
        if let Leaf::Paragraph(text) = &self.leaf
            && text.len() > LONGEST
        {
            self.close_leaf();
        }
    }

    fn rest_of_line(&mut self, text: &str) {
        match &mut self.leaf {
            Leaf::Paragraph(paragraph) => paragraph.push_str(text),
            Leaf::Code(_) => self.code_line(text),
            Leaf::None | Leaf::Table(_) => {
                self.close_leaf();
                self.leaf = Leaf::Paragraph(text.to_owned());
            }
        }
    }

    fn line(&mut self, line: &str) {
        let (depth, rest) = self.containers.strip(line);
        if let Leaf::Code(code) = &self.leaf
            && code.is_fenced()
            && self.containers.only_items(depth)
        {
            if code.ends_at(rest) {
                self.leaf = Leaf::None;
            } else {
                self.code_line(rest);
            }
            return;
        }
        if rest.trim().is_empty() {
            return self.blank(depth);
        }
        self.containers.forget();
        let open = matches!(self.leaf, Leaf::Paragraph(_));
        if depth < self.containers.depth() {
            if open && self.gap.is_none() && start(rest, false) == Start::Text {
                // The text of a paragraph goes on without the marks before it.
                return self.text(rest);
            }
            self.close(depth);
        }
        self.begin(rest);
    }

    /// A line that is not empty, inside the containers that it stays in.
    fn begin(&mut self, line: &str) {
        let mut rest = line;
        while self.containers.depth() < DEEPEST {
            if let Leaf::Paragraph(text) = &self.leaf
                && let Some(level) = underline(rest)
            {
                let text = text.clone();
                self.leaf = Leaf::None;
                return self.heading(level, &text);
            }
            match start(rest, self.containers.in_item()) {
                Start::Quote { rest: inner } => {
                    self.close_leaf();
                    self.containers.quote();
                    rest = inner;
                }
                Start::Item(marker) if self.may_interrupt(&marker) => {
                    self.close_leaf();
                    let (task, inner) = task(marker.rest);
                    self.containers.item(&marker, task);
                    rest = inner;
                }
                _ => break,
            }
            if rest.trim().is_empty() {
                return;
            }
        }
        self.leaf_line(rest);
    }

    /// A number in the middle of a paragraph is only the start of a list if it is the first.
    fn may_interrupt(&self, marker: &Marker<'_>) -> bool {
        !matches!(self.leaf, Leaf::Paragraph(_))
            || (marker.number.is_none_or(|number| number == 1) && !marker.rest.trim().is_empty())
    }

    fn leaf_line(&mut self, line: &str) {
        match start(line, false) {
            Start::Fence(opening) => {
                self.close_leaf();
                self.leaf = Leaf::Code(Code::fenced(&opening));
            }
            Start::Heading { level, text } => {
                self.close_leaf();
                self.heading(level, text);
            }
            Start::Rule => {
                self.close_leaf();
                let columns = self.width.min(40);
                let rule = Line::from(Span::styled("─".repeat(columns), self.theme.style(Role::Dim)));
                self.put(&rule, Put::Laid);
            }
            Start::Quote { .. } | Start::Item(_) | Start::Text => self.text(line),
        }
    }

    fn text(&mut self, line: &str) {
        match &mut self.leaf {
            Leaf::Table(table) if line.contains('|') => {
                table.row(line);
                let ready = table.is_full().then(|| table.lines(self.width, &self.theme));
                if let Some(lines) = ready {
                    self.put_all(&lines);
                }
                return;
            }
            Leaf::Code(_) if indent(line) >= 4 => return self.code_line(line),
            Leaf::Paragraph(text) => {
                let last = text.rfind('\n').map_or(0, |at| at + 1);
                if let Some(table) = table::of(&text[last..], line) {
                    text.truncate(last.saturating_sub(1));
                    if last > 0 {
                        self.close_leaf();
                    }
                    self.leaf = Leaf::Table(table);
                } else if goes_on(&text[last..], line) {
                    text.push(' ');
                    text.push_str(line.trim_start());
                } else {
                    text.push('\n');
                    text.push_str(line);
                }
                return;
            }
            Leaf::None | Leaf::Table(_) | Leaf::Code(_) => {}
        }
        self.close_leaf();
        if indent(line) >= 4 {
            self.leaf = Leaf::Code(Code::indented());
            self.code_line(line);
        } else {
            self.leaf = Leaf::Paragraph(line.trim_start().to_owned());
        }
    }

    fn code_line(&mut self, line: &str) {
        if let Leaf::Code(code) = &mut self.leaf {
            let line = code.line(line, &self.theme);
            self.put(&line, Put::Code);
        }
    }

    fn blank(&mut self, depth: usize) {
        self.close_leaf();
        // Items go on after an empty line; a quote ends with the line that has no mark of it.
        if depth < self.containers.depth() {
            self.close(depth);
        }
        self.gap = Some(self.gap.map_or(depth, |gap| gap.min(depth)));
    }

    fn heading(&mut self, level: usize, text: &str) {
        self.gap.get_or_insert(self.containers.depth());
        let mut style = self.theme.style(Role::Heading);
        if level == 1 {
            style = style.add_modifier(Modifier::UNDERLINED);
        }
        for line in inline(text, style, &self.theme) {
            self.put(&line, Put::Prose);
        }
    }

    fn close(&mut self, depth: usize) {
        self.close_leaf();
        while self.containers.depth() > depth && self.containers.is_bare() {
            self.put(&Line::default(), Put::Prose);
        }
        self.containers.close(depth);
        self.gap = self.gap.map(|gap| gap.min(depth));
    }

    fn close_leaf(&mut self) {
        match std::mem::take(&mut self.leaf) {
            Leaf::None | Leaf::Code(_) => {}
            Leaf::Paragraph(text) => {
                for line in inline(text.trim_end(), self.theme.style(Role::Text), &self.theme) {
                    self.put(&line, Put::Prose);
                }
            }
            Leaf::Table(mut table) => {
                let lines = table.lines(self.width, &self.theme);
                self.put_all(&lines);
            }
        }
    }

    /// Lines that a table has broken already.
    fn put_all(&mut self, lines: &[Line<'static>]) {
        for line in lines {
            self.put(line, Put::Laid);
        }
    }

    fn put(&mut self, line: &Line<'_>, put: Put) {
        if let Some(gap) = self.gap.take()
            && self.begun
        {
            let bars = self.containers.bars(gap, &self.theme);
            let bars = Wrap::to(self.width).lines(&bars).into_iter().next();
            self.lines.extend(bars);
        }
        self.begun = true;
        let (mut first, mut rest) = self.containers.prefix(&self.theme);
        if put == Put::Code {
            first.spans.push(Span::raw("  "));
            rest.spans.push(Span::raw("  "));
        }
        let breaks = if put == Put::Prose { Break::Words } else { Break::Anywhere };
        let wrap = Wrap::to(self.width).prefix(first, rest).breaks(breaks);
        self.lines.extend(wrap.lines(line).into_iter().map(without_end));
    }
}

/// How a line is broken, and whether it is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Put {
    Prose,
    Code,
    /// A table has broken it already.
    Laid,
}

/// Nobody sees the spaces at the end of a line, but whoever copies it has them.
fn without_end(mut line: Line<'static>) -> Line<'static> {
    while let Some(span) = line.spans.last_mut() {
        let end = span.content.trim_end_matches(' ').len();
        if end > 0 {
            if end < span.content.len() {
                span.content.to_mut().truncate(end);
            }
            break;
        }
        line.spans.pop();
    }
    line
}

/// Whether a line was only broken because it was full: models break lines on purpose, but what they quote was wrapped
/// for a page.
fn goes_on(line: &str, next: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, ',' | '`' | '*' | ')');
    let begins = |c: char| c.is_ascii_alphanumeric() || matches!(c, '`' | '*' | '(' | '[');
    line.len() >= FULL && line.ends_with(inside) && next.trim_start().starts_with(begins)
}

/// `[ ]` or `[x]` before the text of an item.
fn task(text: &str) -> (Option<char>, &str) {
    match text.get(..4) {
        Some("[ ] ") => (Some('☐'), &text[4..]),
        Some("[x] " | "[X] ") => (Some('☑'), &text[4..]),
        _ => (None, text),
    }
}

/// Tabs before the text of a line count as the spaces to the next stop.
fn without_leading_tabs(line: &str) -> String {
    let start = line.len() - line.trim_start_matches([' ', '\t']).len();
    let mut spaces = String::new();
    for c in line[..start].chars() {
        let columns = if c == '\t' { 4 - spaces.len() % 4 } else { 1 };
        spaces.extend(std::iter::repeat_n(' ', columns));
    }
    spaces + &line[start..]
}
