//! What a chat used so far, by agent and model.

use crate::{
    domain::{AgentEvent, AgentPath, EventKind, Notice, Usage},
    ui::table,
};

const EARLIER: &str = "What the session used before this chat was opened is not kept, and not counted here.\n";

/// Tokens and money since the chat was opened; fed with every event.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    rows: Vec<Row>,
    /// Which model each agent of the running turn uses.
    models: Vec<(AgentPath, String)>,
    total: Usage,
    /// The session was talked in before: what that used no store keeps.
    earlier: bool,
}

#[derive(Clone, Debug)]
struct Row {
    agent: String,
    model: String,
    answers: u64,
    usage: Usage,
}

impl Spent {
    pub fn on_event(&mut self, event: &AgentEvent) {
        match &event.kind {
            EventKind::TurnStarted { model, .. } => self.uses(&event.agent, model),
            EventKind::Notice { notice: Notice::Fallback { to, .. } } => self.uses(&event.agent, to),
            EventKind::MessageCompleted { usage: Some(usage), .. } => self.add(&event.agent, *usage),
            EventKind::TurnFinished { usage, .. } if event.agent.depth() == 0 => {
                self.total += *usage;
                self.models.clear();
            }
            _ => {}
        }
    }

    /// Adds what was used outside a turn.
    pub fn add_outside(&mut self, usage: Usage) {
        self.total += usage;
    }

    /// The session was talked in before the chat was opened.
    pub fn goes_on(&mut self) {
        self.earlier = true;
    }

    /// Whether sessions used more than is counted here.
    #[must_use]
    pub fn has_earlier(&self) -> bool {
        self.earlier
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> Usage {
        self.total
    }

    fn uses(&mut self, agent: &AgentPath, model: &str) {
        self.models.retain(|(known, _)| known != agent);
        self.models.push((agent.clone(), model.to_owned()));
    }

    fn add(&mut self, agent: &AgentPath, usage: Usage) {
        let model = self.models.iter().find(|(known, _)| known == agent).map_or("", |(_, model)| model).to_owned();
        let agent = agent.to_string();
        match self.rows.iter_mut().find(|row| row.agent == agent && row.model == model) {
            Some(row) => {
                row.answers += 1;
                row.usage += usage;
            }
            None => self.rows.push(Row { agent, model, answers: 1, usage }),
        }
    }

    /// For people to read.
    #[must_use]
    pub fn table(&self) -> String {
        let earlier = if self.earlier { EARLIER } else { "" };
        if self.total.total_tokens() == 0 && self.rows.is_empty() {
            return format!("nothing was used since this chat was opened\n{earlier}");
        }
        let cells = |agent: &str, model: &str, answers: &str, usage: &Usage| {
            [
                agent.to_owned(),
                model.to_owned(),
                answers.to_owned(),
                usage.input_tokens.to_string(),
                usage.cached_tokens.to_string(),
                usage.output_tokens.to_string(),
                usage.cost.map_or_else(|| "not known".to_owned(), |cost| format!("${cost:.4}")),
            ]
        };
        let mut rows: Vec<_> =
            self.rows.iter().map(|row| cells(&row.agent, &row.model, &row.answers.to_string(), &row.usage)).collect();
        rows.push(cells("all, with summaries", "", "", &self.total));
        table(["AGENT", "MODEL", "ANSWERS", "INPUT", "CACHED", "OUTPUT", "COST"], &rows) + earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Message, TurnOutcome};

    #[test]
    fn what_is_used_is_told_by_agent_and_model() {
        let mut spent = Spent::default();
        assert_eq!(spent.table(), "nothing was used since this chat was opened\n");
        let root = AgentPath::root("assistant");
        let child = root.child("researcher", 1);
        let usage = Usage { input_tokens: 1000, output_tokens: 50, cost: Some(0.0123), ..Usage::default() };
        let free = Usage { cost: None, ..usage };
        let started = |model: &str| EventKind::TurnStarted { model: model.to_owned(), context_files: vec![] };
        let said =
            |usage| EventKind::MessageCompleted { message: Message::assistant("x"), stop: None, usage: Some(usage) };
        let fallback = Notice::Fallback { from: "a/b".to_owned(), to: "c/d".to_owned(), reason: String::new() };
        let all = Usage { input_tokens: 4000, output_tokens: 200, cost: Some(0.0369), ..Usage::default() };
        let events = [
            (&root, started("a/b")),
            (&root, said(usage)),
            (&child, started("e/f")),
            (&child, said(free)),
            (&root, EventKind::Notice { notice: fallback }),
            (&root, said(usage)),
            (&root, said(usage)),
            (&root, EventKind::TurnFinished { outcome: TurnOutcome::Canceled, usage: all }),
        ];
        for (seq, (agent, kind)) in (0..).zip(events) {
            let agent = agent.clone();
            spent.on_event(&AgentEvent { seq, session: "s".into(), turn: crate::domain::TurnId::new(), agent, kind });
        }
        insta::assert_snapshot!(spent.table(), @"
        AGENT                 MODEL  ANSWERS  INPUT  CACHED  OUTPUT  COST
        assistant             a/b    1        1000   0       50      $0.0123
        assistant/researcher  e/f    1        1000   0       50      not known
        assistant             c/d    2        2000   0       100     $0.0246
        all, with summaries                   4000   0       200     $0.0369
        ");
        assert!(!spent.table().ends_with(EARLIER));
        spent.goes_on();
        assert!(spent.table().ends_with(EARLIER));
    }
}
