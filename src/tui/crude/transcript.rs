//! Lines as they come.

use ratatui::text::{Line, Span};

use crate::{
    domain::{AgentEvent, EventKind, Notice, TurnOutcome},
    tui::theme::{Role, Theme},
    ui::printable,
};

#[derive(Debug, Default)]
pub struct Transcript {
    theme: Theme,
    finished: Vec<(Role, String)>,
    all: Vec<(Role, String)>,
    text: String,
}

impl Transcript {
    pub fn new(theme: Theme) -> Self {
        Self { theme, ..Self::default() }
    }

    pub fn set_theme(&mut self, theme: Theme) {
        self.theme = theme;
    }

    pub fn user(&mut self, text: &str) {
        self.add(Role::Text, "");
        self.add(Role::User, &format!("> {text}"));
    }

    pub fn note(&mut self, role: Role, text: &str) {
        self.add(role, text);
    }

    pub fn on_event(&mut self, event: &AgentEvent) {
        match &event.kind {
            EventKind::TextDelta { text } => {
                self.text.push_str(text);
                while let Some(end) = self.text.find('\n') {
                    let line: String = self.text.drain(..=end).collect();
                    self.add(Role::Text, line.trim_end());
                }
            }
            EventKind::ToolStarted { call } => {
                self.flush();
                self.add(Role::Accent, &format!("● {} {}", call.name, call.arguments));
            }
            EventKind::ToolFinished { outcome, .. } => self.add(Role::Dim, &format!("  ⎿ {}", outcome.text())),
            EventKind::MessageCompleted { .. } => self.flush(),
            EventKind::Notice { notice: Notice::Warning { message } } => self.add(Role::Warning, message),
            EventKind::TurnFinished { outcome: TurnOutcome::Failed { message, .. }, .. } => {
                self.flush();
                self.add(Role::Error, message);
            }
            EventKind::TurnFinished { outcome: TurnOutcome::Canceled, .. } => {
                self.flush();
                self.add(Role::Warning, "interrupted");
            }
            _ => {}
        }
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            self.add(Role::Text, &text);
        }
    }

    fn add(&mut self, role: Role, text: &str) {
        for line in printable(text).lines().chain(text.is_empty().then_some("")) {
            self.finished.push((role, line.replace('\t', "    ")));
        }
    }

    pub fn drain(&mut self, width: u16) -> Vec<Line<'static>> {
        let lines: Vec<_> = self.finished.drain(..).collect();
        self.all.extend(lines.iter().cloned());
        lines.iter().flat_map(|(role, text)| self.wrap(*role, text, width)).collect()
    }

    pub fn live(&self, width: u16, height: u16) -> Vec<Line<'static>> {
        let mut lines = self.wrap(Role::Text, &printable(&self.text).replace(['\n', '\t'], " "), width);
        if self.text.is_empty() {
            lines.clear();
        }
        let over = lines.len().saturating_sub(usize::from(height));
        lines.split_off(over)
    }

    pub fn whole(&self, width: u16) -> Vec<Line<'static>> {
        self.all.iter().flat_map(|(role, text)| self.wrap(*role, text, width)).collect()
    }

    fn wrap(&self, role: Role, text: &str, width: u16) -> Vec<Line<'static>> {
        let chars: Vec<char> = text.chars().collect();
        let style = self.theme.style(role);
        if chars.is_empty() {
            return vec![Line::default()];
        }
        let room = usize::from(width.max(2)) / 2 * 2;
        chars.chunks(room).map(|part| Line::from(Span::styled(part.iter().collect::<String>(), style))).collect()
    }
}
