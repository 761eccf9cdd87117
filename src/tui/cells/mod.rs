//! What a conversation is made of on the screen: one file a kind of cell, and the transcript that makes them of events.
//!
//! A cell keeps the source of what it shows, not the lines: it is shown once in the scrollback, folded, and again in the
//! pager, whole and at another width.

mod coming;
mod end;
mod fold;
mod notice;
mod reasoning;
mod text;
mod time;
mod tool;
mod transcript;
mod window;

use ratatui::text::{Line, Span};

use self::{notice::Wait, reasoning::Reasoning, tool::Tool};
pub use self::{
    tool::describe,
    transcript::Transcript,
    window::{Way, Window},
};
use super::{
    markdown,
    text::{line_width, one_line},
    theme::{Role, Theme},
};
use crate::domain::{AgentPath, Notice, TurnOutcome};

/// How much of a cell is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// The beginning and the end of what is long.
    #[default]
    Folded,
    Full,
}

/// How cells are to look.
#[derive(Clone, Copy, Debug)]
struct Look<'a> {
    width: usize,
    detail: Detail,
    theme: &'a Theme,
}

#[derive(Clone, Debug)]
enum Kind {
    User(String),
    Answer(String),
    Reasoning(Reasoning),
    Tool(Box<Tool>),
    Notice(Notice),
    Note(Role, String),
    End(TurnOutcome),
}

/// Something that was said or done, and by whom.
#[derive(Clone, Debug)]
struct Cell {
    /// Where it was not the agent that the user talks to: its place among the agents, for its colour.
    by: Option<(AgentPath, usize)>,
    kind: Kind,
}

/// Columns that the bars of an agent's agents take at most.
const DEEPEST: usize = 4;

impl Cell {
    fn lines(&self, look: Look<'_>) -> Vec<Line<'static>> {
        self.within(look, |look| self.kind.lines(look))
    }

    /// What `lines` gives, behind the bars of the agent that it is of.
    fn within(&self, look: Look<'_>, lines: impl FnOnce(Look<'_>) -> Vec<Line<'static>>) -> Vec<Line<'static>> {
        let Some((path, color)) = &self.by else { return lines(look) };
        let bars = bars(path, look.width);
        let bar = Span::styled("│ ".repeat(bars), look.theme.style(Role::Agent(*color)));
        let lines = lines(Look { width: look.width - 2 * bars, ..look });
        lines.into_iter().map(|line| with_bar(&bar, line)).collect()
    }

    /// The call, where it can stand in one line with others.
    fn looking(&self) -> Option<&Tool> {
        match &self.kind {
            Kind::Tool(tool) if tool.only_looked() => Some(tool),
            _ => None,
        }
    }

    /// The line that says whose the cells after it are.
    fn head(&self, look: Look<'_>) -> Option<Line<'static>> {
        let (path, color) = self.by.as_ref()?;
        let path: Vec<_> = path.as_str().split('/').skip(1).collect();
        let text = super::text::cut(&one_line(&format!("▸ {}", path.join(" ▸ "))), look.width);
        Some(Line::from(Span::styled(text, look.theme.style(Role::Agent(*color)))))
    }

    fn path(&self) -> Option<&AgentPath> {
        self.by.as_ref().map(|(path, _)| path)
    }
}

fn bars(path: &AgentPath, width: usize) -> usize {
    path.depth().min(DEEPEST).min(width / 8)
}

fn with_bar(bar: &Span<'static>, line: Line<'static>) -> Line<'static> {
    let mut spans = vec![bar.clone()];
    if line_width(&line) == 0 {
        spans = vec![Span::styled(bar.content.trim_end().to_owned(), bar.style)];
    }
    spans.extend(line.spans);
    Line::from(spans)
}

impl Kind {
    fn lines(&self, look: Look<'_>) -> Vec<Line<'static>> {
        match self {
            Self::User(text) => text::user(text, look),
            Self::Answer(text) => markdown::render(text, look.width, look.theme),
            Self::Reasoning(reasoning) => reasoning.lines(look),
            Self::Tool(tool) => tool.lines(look),
            Self::Notice(notice) => notice::lines(notice, look),
            Self::Note(role, text) => text::note(*role, text, look),
            Self::End(outcome) => end::lines(outcome, look),
        }
    }

    /// An empty line stands between this and what was shown before it.
    fn stands_apart_from(&self, before: &Self) -> bool {
        match (before, self) {
            (_, Self::User(_) | Self::Answer(_)) | (Self::User(_) | Self::Answer(_), _) => true,
            (Self::Reasoning(_), _) | (_, Self::Reasoning(_)) => true,
            (
                Self::Tool(_) | Self::Notice(_) | Self::Note(..) | Self::End(_),
                Self::Tool(_) | Self::Notice(_) | Self::Note(..) | Self::End(_),
            ) => false,
        }
    }
}

#[cfg(test)]
mod tests;
