//! The conversation as cells: from events to lines, each given to the scrollback once.
//!
//! What is finished is shown in the order in which it ended. An answer is shown while it comes, by whole lines; what
//! ends meanwhile waits for it. Time comes in as a parameter.

mod events;
mod group;
mod history;
mod live;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ratatui::text::Line;

use super::{Cell, Detail, Kind, Look, Wait, coming::Coming, tool::Running};
use crate::{
    domain::{AgentPath, QuestionId},
    tui::{
        markdown::Stream,
        pace::{Pace, TICK},
        text::{Wrap, line_width},
        theme::{Role, Theme},
    },
};

/// A conversation, and what of it is on the screen.
#[derive(Debug, Default)]
pub struct Transcript {
    pub(super) theme: Theme,
    cells: Vec<Cell>,
    /// What is still to be given to the scrollback.
    due: VecDeque<Due>,
    /// Cells of an earlier conversation that were not shown.
    earlier: usize,
    /// The cell that was given to it last.
    last: Option<usize>,
    /// Finished lines of the answer that comes, and when each came.
    paced: VecDeque<(Line<'static>, Instant)>,
    pace: Pace,
    /// The unfinished block of the answer, as of the last [`Transcript::drain`], and the rows of it that were shown.
    block: Vec<Line<'static>>,
    seen: usize,
    /// What the model thinks, and since when.
    thought: Option<(String, Instant)>,
    /// The agent that the user talks to has written since its last message ended.
    wrote: bool,
    reasoned: bool,
    width: usize,
    running: Vec<(Option<AgentPath>, Running)>,
    waits: Vec<(Option<AgentPath>, Wait)>,
    /// Agents of agents that work, and what each writes.
    nested: Vec<(AgentPath, String)>,
    /// Those that ever spoke, for their colours.
    agents: Vec<AgentPath>,
    questions: Vec<(QuestionId, String)>,
    /// A turn runs: the calls that ended last may be joined by another.
    works: bool,
}

#[derive(Debug)]
enum Due {
    Cell(usize),
    /// An answer; the last one may still be coming.
    Answer {
        cell: usize,
        stream: Box<Stream>,
        ended: bool,
        begun: bool,
    },
}

impl Transcript {
    #[must_use]
    pub fn new(theme: Theme) -> Self {
        Self { theme, ..Self::default() }
    }

    /// For what is shown from here on.
    pub fn set_theme(&mut self, theme: Theme) {
        self.theme = theme;
    }

    /// What the user sent.
    pub fn user(&mut self, text: &str) {
        self.push(None, Kind::User(text.to_owned()));
    }

    /// What the program itself has to say.
    pub fn note(&mut self, role: Role, text: &str) {
        self.push(None, Kind::Note(role, text.to_owned()));
    }

    /// The source of the last answer.
    #[must_use]
    pub fn last_answer(&self) -> Option<&str> {
        self.cells.iter().rev().find_map(|cell| match (&cell.by, &cell.kind) {
            (None, Kind::Answer(text)) if !text.trim().is_empty() => Some(text.as_str()),
            _ => None,
        })
    }

    /// The lines that are finished and due, for the scrollback; none of them is given again.
    pub fn drain(&mut self, width: u16, now: Instant) -> Vec<Line<'static>> {
        let width = usize::from(width.max(1));
        self.width = width;
        self.end_waits(now);
        let mut lines = self.tail(width);
        while let Some(due) = self.due.front_mut() {
            match due {
                Due::Cell(cell) => {
                    let first = *cell;
                    let Some(count) = self.next_group() else { break };
                    lines.extend(self.grouped(first..first + count, self.last, self.look(width, Detail::Folded)));
                    self.last = Some(first + count - 1);
                    self.due.drain(..count - 1);
                }
                Due::Answer { cell, stream, ended, begun } => {
                    let (cell, ended) = (*cell, *ended);
                    stream.resize(width);
                    let done = if ended { stream.finish() } else { stream.drain() };
                    self.block = if ended { vec![] } else { stream.live() };
                    if !done.is_empty() && !std::mem::replace(begun, true) {
                        let gap = self.gap(cell, self.last);
                        lines.extend(gap.then(Line::default));
                        self.last = Some(cell);
                    }
                    self.answer(done, ended, now, &mut lines);
                    if !ended {
                        break;
                    }
                }
            }
            self.due.pop_front();
        }
        // What was laid out for another width.
        let fit = |line: Line<'static>| {
            if line_width(&line) <= width { vec![line] } else { Wrap::to(width).lines(&line) }
        };
        lines.into_iter().flat_map(fit).collect()
    }

    /// When the next frame is due though nothing happens: lines wait to be shown, or a time counts.
    #[must_use]
    pub fn next_tick(&self) -> Option<Duration> {
        if !self.paced.is_empty() {
            return Some(TICK);
        }
        let counts = !self.running.is_empty() || !self.waits.is_empty() || self.thought.is_some();
        counts.then_some(Duration::from_millis(250))
    }

    /// How many cells there are: for a pager, which asks for those that it shows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The lines of one cell, with what stands between it and the one before.
    #[must_use]
    pub fn lines(&self, cell: usize, width: u16, detail: Detail) -> Vec<Line<'static>> {
        if cell >= self.cells.len() {
            return vec![];
        }
        self.cell(cell, cell.checked_sub(1), self.look(usize::from(width.max(1)), detail))
    }

    /// The lines of the whole conversation.
    #[must_use]
    pub fn whole(&self, width: u16, detail: Detail) -> Vec<Line<'static>> {
        (0..self.cells.len()).flat_map(|cell| self.lines(cell, width, detail)).collect()
    }

    /// The answer that is not finished.
    pub(super) fn coming(&self) -> Option<Coming<'_>> {
        let last = self.due.iter().rev().find(|due| matches!(due, Due::Answer { .. }));
        let Some(Due::Answer { cell, ended: false, .. }) = last else { return None };
        match &self.cells[*cell].kind {
            Kind::Answer(text) => Some(Coming { cell: *cell, text, apart: self.gap(*cell, cell.checked_sub(1)) }),
            _ => None,
        }
    }

    /// Whether a cell is worth laying out in search of `needle`, in small letters. Marks may stand between its words.
    pub(super) fn may_hold(&self, cell: usize, needle: &str) -> bool {
        match self.cells.get(cell).map(|cell| &cell.kind) {
            Some(Kind::Answer(text)) => {
                let text = text.to_lowercase();
                needle.split(|c: char| !c.is_alphanumeric()).all(|word| text.contains(word))
            }
            _ => true,
        }
    }

    fn look(&self, width: usize, detail: Detail) -> Look<'_> {
        Look { width, detail, theme: &self.theme }
    }

    /// Finished lines of the answer, as its pace allows.
    fn answer(&mut self, done: Vec<Line<'static>>, ended: bool, now: Instant, lines: &mut Vec<Line<'static>>) {
        // What the reader saw in the unfinished block does not vanish to come again.
        self.paced.extend(done.into_iter().map(|line| (line, now)));
        let oldest = self.paced.front().map(|(_, since)| *since);
        let paced = self.pace.next(self.paced.len(), oldest, now);
        let count = if ended { self.paced.len() } else { paced.max(self.seen.min(self.paced.len())) };
        lines.extend(self.paced.drain(..count).map(|(line, _)| line));
        if !self.paced.is_empty() {
            self.block.clear();
        }
        self.seen = self.block.len();
    }

    fn cell(&self, cell: usize, before: Option<usize>, look: Look<'_>) -> Vec<Line<'static>> {
        let shown = &self.cells[cell];
        self.placed(shown.lines(look), cell, before, look)
    }

    /// `body` with what stands between it and the cell before.
    fn placed(
        &self,
        body: Vec<Line<'static>>,
        cell: usize,
        before: Option<usize>,
        look: Look<'_>,
    ) -> Vec<Line<'static>> {
        let shown = &self.cells[cell];
        if body.is_empty() {
            return body;
        }
        let mut lines = vec![];
        lines.extend(self.gap(cell, before).then(Line::default));
        if before.is_none_or(|before| self.cells[before].path() != shown.path()) {
            lines.extend(shown.head(look));
        }
        lines.extend(body);
        lines
    }

    fn gap(&self, cell: usize, before: Option<usize>) -> bool {
        before.is_some_and(|before| {
            let (before, cell) = (&self.cells[before], &self.cells[cell]);
            cell.kind.stands_apart_from(&before.kind) || before.path() != cell.path()
        })
    }

    fn push(&mut self, by: Option<AgentPath>, kind: Kind) {
        let by = by.map(|path| {
            let color = self.color(&path);
            (path, color)
        });
        self.due.push_back(Due::Cell(self.cells.len()));
        self.cells.push(Cell { by, kind });
    }

    fn color(&mut self, path: &AgentPath) -> usize {
        let known = self.agents.iter().position(|agent| agent == path);
        known.unwrap_or_else(|| {
            self.agents.push(path.clone());
            self.agents.len() - 1
        })
    }

    /// The answer that comes.
    fn open(&mut self) -> Option<(&mut String, &mut Stream, &mut bool)> {
        let open = self.due.iter_mut().rev().find_map(|due| match due {
            Due::Answer { cell, stream, ended, .. } if !*ended => Some((*cell, &mut **stream, ended)),
            Due::Answer { .. } | Due::Cell(_) => None,
        });
        let (cell, stream, ended) = open?;
        match &mut self.cells[cell].kind {
            Kind::Answer(text) => Some((text, stream, ended)),
            _ => None,
        }
    }
}
