//! Calls that only looked at files stand in one line. It is written once, so it waits until no more of them can come.

use std::ops::Range;

use ratatui::text::Line;

use super::{Due, Look, Transcript};
use crate::tui::cells::tool;

impl Transcript {
    /// No turn runs any more, or nobody waits for its end: what waits for more is due.
    pub fn settle(&mut self) {
        self.works = false;
    }

    /// How many of the cells that are due next make one line; `None` while another may join them.
    pub(super) fn next_group(&self) -> Option<usize> {
        let count = self.waiting();
        let open = count > 0 && count == self.due.len() && self.works;
        (!open).then_some(count.max(1))
    }

    /// The line of those that wait, for what is live.
    pub(super) fn held(&self, look: Look<'_>) -> Vec<Line<'static>> {
        match self.due.front() {
            Some(Due::Cell(first)) if self.next_group().is_none() => {
                self.grouped(*first..first + self.due.len(), self.last, look)
            }
            _ => vec![],
        }
    }

    /// Cells at the front of what is due that can stand together. Cells that are due are in their order.
    fn waiting(&self) -> usize {
        let looking = |due: &Due| match due {
            Due::Cell(cell) => self.cells[*cell].looking().map(|_| *cell),
            Due::Answer { .. } => None,
        };
        let Some(first) = self.due.front().and_then(looking) else { return 0 };
        let path = self.cells[first].path();
        let together =
            self.due.iter().take_while(|due| looking(due).is_some_and(|cell| self.cells[cell].path() == path));
        together.count()
    }

    /// The first of the cells that stand together with `last`.
    pub(super) fn first_of_group(&self, last: usize) -> usize {
        let path = self.cells[last].path();
        let alike = |cell: &usize| self.cells[*cell].looking().is_some() && self.cells[*cell].path() == path;
        (0..=last).rev().take_while(alike).last().unwrap_or(last)
    }

    /// The lines of cells that stand together, or of one.
    pub(super) fn grouped(&self, cells: Range<usize>, before: Option<usize>, look: Look<'_>) -> Vec<Line<'static>> {
        let first = cells.start;
        let tools: Vec<_> = self.cells[cells].iter().filter_map(super::Cell::looking).collect();
        if tools.len() < 2 {
            return self.cell(first, before, look);
        }
        let body = self.cells[first].within(look, |look| vec![tool::group(&tools, look)]);
        self.placed(body, first, before, look)
    }
}
