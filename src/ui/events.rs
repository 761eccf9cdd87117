//! The event stream as text, as one JSON document, and as JSON lines.

use std::{collections::HashMap, io};

use serde::Serialize;
use serde_json::Value;

use super::{Printer, printable, style};
use crate::domain::{
    AgentEvent, AgentPath, CallId, Content, DeniedBy, EventKind, FailureCode, Notice, SessionId, ToolCall, ToolOutcome,
    TurnId, TurnOutcome, Usage,
};

/// How a turn is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventFormat {
    /// The answer as it comes; tools and warnings on standard error
    #[default]
    Text,
    /// One JSON document at the end
    Json,
    /// One JSON event a line, as it happens
    StreamJson,
}

/// What came of a turn, for the exit code and the `json` form.
#[derive(Clone, Debug, Serialize)]
pub struct TurnReport {
    pub session: SessionId,
    pub turn: TurnId,
    /// The agent that answered.
    pub agent: AgentPath,
    #[serde(flatten)]
    pub outcome: TurnOutcome,
    /// The last message of the agent.
    pub text: String,
    pub tool_calls: Vec<CallReport>,
    pub usage: Usage,
    /// A call was refused for want of somebody to ask, or by `--approve deny`.
    #[serde(skip)]
    pub denied: bool,
}

/// A tool call of the turn, in the order in which the calls ended.
#[derive(Clone, Debug, Serialize)]
pub struct CallReport {
    pub agent: AgentPath,
    pub name: String,
    pub arguments: Value,
    #[serde(flatten)]
    pub outcome: ToolOutcome,
}

/// Folds a turn's events into output and a [`TurnReport`].
pub struct EventPrinter {
    printer: Printer,
    format: EventFormat,
    /// The answer is structured: its text is a preview that only the checked value at the end stands for.
    structured: bool,
    /// Whose text is the answer: the root, or the agent it handed over to.
    speaker: Option<AgentPath>,
    running: HashMap<CallId, ToolCall>,
    calls: Vec<CallReport>,
    text: String,
    line_open: bool,
    reasoning_open: bool,
    denied: bool,
}

impl EventPrinter {
    #[must_use]
    pub fn new(printer: Printer, format: EventFormat, structured: bool) -> Self {
        Self {
            printer,
            format,
            structured,
            speaker: None,
            running: HashMap::new(),
            calls: vec![],
            text: String::new(),
            line_open: false,
            reasoning_open: false,
            denied: false,
        }
    }

    /// Takes the next event; gives the report at the end of the turn.
    ///
    /// # Errors
    /// Standard output that cannot be written.
    pub fn on_event(&mut self, event: AgentEvent) -> io::Result<Option<TurnReport>> {
        if self.format == EventFormat::StreamJson {
            self.printer.json_line(&event)?;
        }
        let speaker = self.speaker.get_or_insert_with(|| event.agent.clone());
        let speaks = *speaker == event.agent;
        match event.kind {
            EventKind::TextDelta { text } if speaks => self.on_text(&text)?,
            EventKind::ReasoningDelta { text } if speaks => self.on_reasoning(&text),
            EventKind::MessageCompleted { message, .. } if speaks => {
                self.text = message.text();
                self.end_line()?;
            }
            EventKind::ToolStarted { call } => {
                self.running.insert(call.call_id.clone(), call);
            }
            EventKind::ToolFinished { call_id, outcome } => self.on_tool_finished(&event.agent, &call_id, outcome)?,
            EventKind::Notice { notice } => self.status(&notice_line(&notice))?,
            EventKind::HandedOff { to } => {
                self.status(&format!("handed over to {to}"))?;
                self.speaker = Some(to);
            }
            EventKind::TurnFinished { outcome, usage } if event.agent.depth() == 0 => {
                return self.on_finished(event.session, event.turn, outcome, usage).map(Some);
            }
            EventKind::TextDelta { .. }
            | EventKind::ReasoningDelta { .. }
            | EventKind::MessageCompleted { .. }
            | EventKind::TurnFinished { .. }
            | EventKind::TurnStarted { .. }
            | EventKind::ToolArgumentsDelta { .. }
            | EventKind::ToolOutput { .. }
            | EventKind::ApprovalRequested { .. }
            | EventKind::ApprovalResolved { .. }
            | EventKind::QuestionAsked { .. }
            | EventKind::QuestionAnswered { .. }
            | EventKind::StateChanged { .. } => {}
        }
        Ok(None)
    }

    /// Ends an open line of text, so that something else can be written.
    ///
    /// # Errors
    /// Standard output that cannot be written.
    pub fn end_line(&mut self) -> io::Result<()> {
        self.end_reasoning();
        if std::mem::take(&mut self.line_open) { self.printer.stdout("\n") } else { Ok(()) }
    }

    fn on_text(&mut self, text: &str) -> io::Result<()> {
        if self.format != EventFormat::Text || self.structured {
            return Ok(());
        }
        self.end_reasoning();
        if !text.is_empty() {
            self.line_open = !text.ends_with('\n');
            // A file or a program gets the bytes as they are.
            if self.printer.terminal { self.printer.stdout(&printable(text))? } else { self.printer.stdout(text)? }
        }
        Ok(())
    }

    /// Reasoning is shown only to somebody who watches.
    fn on_reasoning(&mut self, text: &str) {
        if self.format == EventFormat::Text && self.printer.interactive && !text.is_empty() {
            let dim = self.printer.err_style(style::DIM);
            self.reasoning_open = true;
            self.printer.stderr(&format!("{dim}{}{dim:#}", printable(text)));
        }
    }

    fn end_reasoning(&mut self) {
        if std::mem::take(&mut self.reasoning_open) {
            self.printer.stderr("\n");
        }
    }

    fn on_tool_finished(&mut self, agent: &AgentPath, id: &CallId, outcome: ToolOutcome) -> io::Result<()> {
        if let ToolOutcome::Denied { by: DeniedBy::Unattended | DeniedBy::Mode, .. } = outcome {
            self.denied = true;
        }
        let (name, arguments) = self.running.remove(id).map(|call| (call.name, call.arguments)).unwrap_or_default();
        let who = if agent.depth() == 0 { String::new() } else { format!("{agent}: ") };
        let shown = format!("{who}tool {name} {}: {}", clip(&arguments.to_string(), 120), outcome_line(&outcome));
        self.calls.push(CallReport { agent: agent.clone(), name, arguments, outcome });
        self.status(&shown)
    }

    /// One line on standard error.
    fn status(&mut self, line: &str) -> io::Result<()> {
        if self.format != EventFormat::Text {
            return Ok(());
        }
        self.end_line()?;
        let dim = self.printer.err_style(style::DIM);
        self.printer.stderr(&format!("{dim}{}{dim:#}\n", printable(line)));
        Ok(())
    }

    fn on_finished(
        &mut self,
        session: SessionId,
        turn: TurnId,
        outcome: TurnOutcome,
        usage: Usage,
    ) -> io::Result<TurnReport> {
        self.end_line()?;
        let report = TurnReport {
            session,
            turn,
            agent: self.speaker.clone().unwrap_or_else(|| AgentPath::root("agent")),
            outcome,
            text: std::mem::take(&mut self.text),
            tool_calls: std::mem::take(&mut self.calls),
            usage,
            denied: self.denied,
        };
        match (self.format, &report.outcome) {
            (EventFormat::Json, _) => self.printer.json(&report)?,
            (EventFormat::Text, TurnOutcome::Completed { output: Some(output) }) => self.printer.json(output)?,
            (EventFormat::Text | EventFormat::StreamJson, _) => {}
        }
        Ok(report)
    }
}

impl TurnReport {
    #[must_use]
    pub fn failure(&self) -> Option<FailureCode> {
        match &self.outcome {
            TurnOutcome::Failed { code, .. } => Some(*code),
            TurnOutcome::Completed { .. } | TurnOutcome::ToolCalls { .. } | TurnOutcome::Canceled => None,
        }
    }
}

/// How a call ended, on one line.
#[must_use]
pub fn outcome_line(outcome: &ToolOutcome) -> String {
    match outcome {
        ToolOutcome::Ok { content } => {
            let images = content.iter().filter(|part| matches!(part, Content::Image(_))).count();
            let text = clip(first_line(&outcome.text()), 120);
            match (text.is_empty(), images) {
                (true, 0) => "ok".to_owned(),
                (false, 0) => text,
                (true, _) => format!("{images} image(s)"),
                (false, _) => format!("{text} and {images} image(s)"),
            }
        }
        ToolOutcome::Failed { error } => format!("failed: {}", clip(first_line(error), 200)),
        ToolOutcome::Denied { reason, .. } if reason.is_empty() => "denied".to_owned(),
        ToolOutcome::Denied { reason, .. } => format!("denied: {}", first_line(reason)),
        ToolOutcome::Canceled => "canceled".to_owned(),
    }
}

fn notice_line(notice: &Notice) -> String {
    let seconds = |ms: &u64| if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") };
    match notice {
        Notice::Retry { model, attempt, wait_ms, reason } => {
            format!("{model}: {reason}; try {attempt} in {}", seconds(wait_ms))
        }
        Notice::Fallback { from, to, reason } => format!("{from}: {reason}; going on with {to}"),
        Notice::RateLimited { model, wait_ms } => format!("{model}: rate limited; waiting {}", seconds(wait_ms)),
        Notice::Compacted { before_tokens, after_tokens, summarized } => {
            let how = if *summarized == 0 {
                "old tool results trimmed".to_owned()
            } else {
                format!("{summarized} messages summarised")
            };
            format!("context compacted from about {before_tokens} to {after_tokens} tokens: {how}")
        }
        Notice::ToolServerFailed { server, reason } => format!("warning: MCP server {server} failed: {reason}"),
        Notice::Warning { message } => format!("warning: {message}"),
    }
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

/// `text`, cut to `most` characters.
fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
