//! What happens just now: redrawn with every frame, above the composer.

use std::time::Instant;

use ratatui::text::{Line, Span};

use super::{Due, Transcript};
use crate::{
    domain::AgentPath,
    tui::{
        cells::{Cell, Detail, Kind, Look, bars, reasoning::Reasoning, with_bar},
        text::{Wrap, cut, one_line},
        theme::Role,
    },
};

/// How much of what runs is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    WithOutput,
    Alone,
}

impl Transcript {
    /// What is not finished, in at most `height` rows: the text that comes, then what runs and what is waited for.
    #[must_use]
    pub fn live(&self, width: u16, height: u16, now: Instant) -> Vec<Line<'static>> {
        let (width, height) = (usize::from(width.max(1)), usize::from(height));
        let look = self.look(width, Detail::Folded);
        let held = self.held(look);
        let mut lines = self.speech(now, look);
        if !held.is_empty() {
            let gap = (!lines.is_empty()).then(Line::default);
            lines.splice(0..0, held.into_iter().chain(gap));
        }
        let mut work = self.work(Calls::WithOutput, now, look);
        if lines.len().min(3) + work.len() > height {
            work = self.work(Calls::Alone, now, look);
        }
        // What is said gives way to what runs, which may need the user.
        work.truncate(height);
        let room = height - work.len();
        let over = lines.len().saturating_sub(room);
        lines.drain(..over);
        if !lines.is_empty() && !work.is_empty() && lines.len() < room {
            lines.push(Line::default());
        }
        lines.extend(work);
        if self.held(look).is_empty() && self.stands_apart() && !lines.is_empty() && lines.len() < height {
            lines.insert(0, Line::default());
        }
        lines
    }

    /// An empty line will stand between the scrollback and the first of this.
    fn stands_apart(&self) -> bool {
        let Some(last) = self.last.and_then(|last| self.cells.get(last)) else { return false };
        let texts = matches!(last.kind, Kind::User(_) | Kind::Answer(_) | Kind::Reasoning(_));
        match self.due.front() {
            Some(Due::Answer { begun, .. }) if !self.block.is_empty() => !begun,
            Some(_) | None => texts || self.thought.is_some(),
        }
    }

    fn speech(&self, now: Instant, look: Look<'_>) -> Vec<Line<'static>> {
        if let Some((text, since)) = &self.thought {
            return Reasoning::live(text, now.saturating_duration_since(*since), look);
        }
        // The width may have changed since.
        self.block.iter().flat_map(|line| Wrap::to(look.width).lines(line)).collect()
    }

    fn work(&self, calls: Calls, now: Instant, look: Look<'_>) -> Vec<Line<'static>> {
        let mut lines = self.work_of(None, calls, now, look);
        for (path, text) in &self.nested {
            let by = Some((path.clone(), self.agents.iter().position(|agent| agent == path).unwrap_or(0)));
            let cell = Cell { by, kind: Kind::Note(Role::Dim, String::new()) };
            let bars = bars(path, look.width);
            let color = cell.by.as_ref().map_or(0, |(_, color)| *color);
            let bar = Span::styled("│ ".repeat(bars), look.theme.style(Role::Agent(color)));
            let inner = Look { width: look.width - 2 * bars, ..look };
            let mut own = self.work_of(Some(path), calls, now, inner);
            let last = text.trim().lines().last().unwrap_or_default();
            if !last.is_empty() {
                own.insert(0, Line::from(Span::styled(cut(&one_line(last), inner.width), look.theme.style(Role::Dim))));
            }
            lines.extend(cell.head(look));
            lines.extend(own.into_iter().map(|line| with_bar(&bar, line)));
        }
        lines
    }

    fn work_of(&self, by: Option<&AgentPath>, calls: Calls, now: Instant, look: Look<'_>) -> Vec<Line<'static>> {
        let mut lines = vec![];
        for (_, running) in self.running.iter().filter(|(agent, _)| agent.as_ref() == by) {
            let most = if calls == Calls::Alone { 1 } else { usize::MAX };
            lines.extend(running.lines(now, look).into_iter().take(most));
        }
        for (_, wait) in self.waits.iter().filter(|(agent, _)| agent.as_ref() == by) {
            lines.extend(wait.lines(now, look));
        }
        lines
    }
}
