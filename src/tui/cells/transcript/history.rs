//! A conversation that was had before. Only its end is laid out for the scrollback; the pager has it all.

use std::collections::HashMap;

use ratatui::text::{Line, Span};

use super::{Detail, Kind, Transcript};
use crate::{
    agent::broken_off,
    domain::{CallId, Content, Message, Role as Author, ToolOutcome},
    tui::{
        cells::{reasoning::Reasoning, time::count, tool::Tool},
        text::cut,
        theme::{Role, Theme},
    },
};

/// Rows of the scrollback that an earlier conversation takes, about.
const ROWS: usize = 200;

impl Transcript {
    /// The transcript of a session that is resumed.
    #[must_use]
    pub fn history(theme: Theme, messages: &[Message]) -> Self {
        let mut transcript = Self::new(theme);
        transcript.extend(messages);
        transcript.due.clear();
        transcript.earlier = transcript.cells.len();
        transcript
    }

    fn extend(&mut self, messages: &[Message]) {
        let mut calls: HashMap<&CallId, usize> = HashMap::new();
        for (message, end) in messages.iter().zip(1..) {
            message.content.iter().for_each(|part| self.extend_by(message.role, part, &mut calls));
            if (message.broken_off || end == messages.len())
                && let Some(text) = broken_off(&messages[..end])
            {
                self.push(None, Kind::Note(Role::Warning, text.to_owned()));
            }
        }
    }

    /// `calls` says which cell a call is in.
    fn extend_by<'a>(&mut self, author: Author, part: &'a Content, calls: &mut HashMap<&'a CallId, usize>) {
        match part {
            Content::Text { text } if author == Author::User => self.push(None, Kind::User(text.clone())),
            Content::Text { text } if !text.trim().is_empty() => self.push(None, Kind::Answer(text.clone())),
            Content::Reasoning { text, .. } if !text.trim().is_empty() => {
                self.push(None, Kind::Reasoning(Reasoning { text: text.clone(), took: None }));
            }
            Content::ToolCall(call) => {
                calls.insert(&call.call_id, self.cells.len());
                let (call, outcome) = (call.clone(), ToolOutcome::Canceled);
                self.push(None, Kind::Tool(Box::new(Tool { call, took: None, outcome })));
            }
            Content::ToolResult { call_id, outcome } => {
                let cell = calls.get(call_id).and_then(|cell| self.cells.get_mut(*cell));
                if let Some(Kind::Tool(tool)) = cell.map(|cell| &mut cell.kind) {
                    tool.outcome = outcome.clone();
                }
            }
            Content::Image(image) => {
                self.push(None, Kind::Note(Role::Dim, format!("[image, {}]", image.media_type)));
            }
            Content::Summary { text, .. } => {
                self.push(None, Kind::Note(Role::Dim, format!("≡ summary of what was said before\n{text}")));
            }
            Content::Text { .. } | Content::Reasoning { .. } => {}
        }
    }

    /// The last lines of an earlier conversation, the first time.
    pub(super) fn tail(&mut self, width: usize) -> Vec<Line<'static>> {
        let end = std::mem::take(&mut self.earlier);
        if end == 0 {
            return vec![];
        }
        let (mut first, mut rows, mut cells) = (end, 0, vec![]);
        while first > 0 && rows < ROWS {
            let last = first - 1;
            first = self.first_of_group(last);
            let before = first.checked_sub(1);
            let lines = self.grouped(first..last + 1, before, self.look(width, Detail::Folded));
            rows += lines.len();
            cells.push(lines);
        }
        let mut shown: Vec<_> = cells.into_iter().rev().flatten().collect();
        let over = shown.len().saturating_sub(ROWS);
        if first > 0 || over > 0 {
            shown.drain(..over);
            let text = format!("… {} before this", count(first, "message"));
            let text = cut(if first == 0 { "… the beginning is left out here" } else { &text }, width);
            shown.insert(0, Line::from(Span::styled(text, self.theme.style(Role::Dim))));
        }
        self.last = Some(end - 1);
        shown
    }
}
