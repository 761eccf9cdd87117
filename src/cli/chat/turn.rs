//! One turn in the terminal: events out, answers in, Ctrl-C in between.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    lines::Lines,
    stops::{Stop, Stops},
};
use crate::{
    agent::{Agent, AgentRequest, TurnControl},
    cli::CliError,
    domain::{AgentEvent, Answer, Content, Decision, EventKind, Question, QuestionId, SessionKey, ToolCall},
    runtime::shutdown,
    ui::{
        Printer,
        events::{EventPrinter, TurnReport},
        printable, style,
    },
};

/// Somebody to ask, or nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attended {
    Yes,
    No,
}

/// What stays the same from turn to turn.
pub(super) struct Terminal {
    pub(super) printer: Printer,
    pub(super) stops: Stops,
    pub(super) lines: Lines,
    pub(super) attended: Attended,
    /// Lines that were typed before something was asked: the next messages, and no answers to it.
    pub(super) typed_ahead: VecDeque<String>,
}

/// Something that waits for the user.
enum Ask {
    Approval { call: ToolCall, reason: String },
    Question { id: QuestionId, question: Question },
}

impl Terminal {
    /// Runs a turn to its end.
    ///
    /// # Errors
    /// Standard output that cannot be written; the turn is then cancelled and saved.
    pub(super) async fn turn(
        &mut self,
        agent: &Agent,
        key: &SessionKey,
        input: Vec<Content>,
        mut shown: EventPrinter,
    ) -> Result<TurnReport, CliError> {
        let cancel = CancellationToken::new();
        let (answers, receiver) = mpsc::channel(8);
        let control = TurnControl {
            answers: (self.attended == Attended::Yes).then_some(receiver),
            ..TurnControl::unattended(cancel.clone())
        };
        let mut events = agent.run(AgentRequest::message(key.clone(), input), control);
        let mut asks = VecDeque::new();
        let mut stopped = false;
        loop {
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else { return Err(CliError::failed("the turn ended without saying how")) };
                    let ask = asked(&event);
                    // Resolved without us: a deadline passed, or the turn was cancelled.
                    let mut next = asks.front().is_some_and(|ask: &Ask| ask.resolved_by(&event));
                    if next && self.printer.interactive {
                        self.printer.stderr("\n");
                    }
                    asks.retain(|ask| !ask.resolved_by(&event));
                    if let Some(report) = shown.on_event(event)? {
                        return Ok(report);
                    }
                    if let Some(ask) = ask.filter(|_| self.attended == Attended::Yes) {
                        next |= asks.is_empty();
                        asks.push_back(ask);
                    }
                    // A line that is typed answers what is shown, so whatever comes first now has to be.
                    if let Some(ask) = asks.front().filter(|_| next) {
                        shown.end_line()?;
                        self.show(ask);
                    }
                }
                line = self.lines.next(), if !asks.is_empty() => {
                    if let Some(answer) = asks.front().and_then(|ask| ask.answer(line.as_deref())) {
                        // The turn may have ended meanwhile; then nobody needs the answer.
                        let _ = answers.send(answer).await;
                        asks.pop_front();
                    }
                    if let Some(ask) = asks.front() {
                        self.show(ask);
                    }
                }
                stop = self.stops.next() => {
                    cancel.cancel();
                    if stop != Stop::HungUp && std::mem::replace(&mut stopped, true) {
                        shutdown::leave();
                    }
                }
            }
        }
    }

    /// What was typed before something is asked does not answer it.
    pub(super) fn set_aside(&mut self) {
        let typed = self.lines.waiting();
        let which = match typed.len() {
            0 => return,
            1 => "the line that was typed before this is no answer to it, but the next message".to_owned(),
            many => format!("the {many} lines that were typed before this are no answers to it, but the next messages"),
        };
        let dim = self.printer.err_style(style::DIM);
        self.printer.stderr(&format!("{dim}{which}{dim:#}\n"));
        self.typed_ahead.extend(typed);
    }

    /// Who stops a turn may no longer want what he typed to come after it.
    pub(super) fn discard_ahead(&mut self) {
        self.typed_ahead.extend(self.lines.waiting());
        if self.typed_ahead.is_empty() {
            return;
        }
        let dim = self.printer.err_style(style::DIM);
        let lines: String = self.typed_ahead.drain(..).map(|line| format!("\n> {}", printable(&line))).collect();
        self.printer.stderr(&format!("{dim}not sent, as the turn before it was stopped:{lines}{dim:#}\n"));
    }

    fn show(&mut self, ask: &Ask) {
        self.set_aside();
        let heading = self.printer.err_style(style::WARNING);
        let text = match ask {
            Ask::Approval { call, reason } => format!(
                "{heading}allow{heading:#} {} {}\n  {}\n[y]es, for this [s]ession, [a]lways, [n]o, or a reason for no: ",
                printable(&call.name),
                printable(&call.arguments.to_string()),
                printable(reason),
            ),
            Ask::Question { question, .. } => {
                let choices: String = question
                    .choices
                    .iter()
                    .enumerate()
                    .map(|(index, choice)| format!("  {}. {}\n", index + 1, printable(choice)))
                    .collect();
                format!("{heading}question{heading:#} {}\n{choices}answer: ", printable(&question.text))
            }
        };
        self.printer.stderr(&text);
        if !self.printer.interactive {
            self.printer.stderr("\n");
        }
    }
}

fn asked(event: &AgentEvent) -> Option<Ask> {
    match &event.kind {
        EventKind::ApprovalRequested { call, reason, .. } => {
            Some(Ask::Approval { call: call.clone(), reason: reason.clone() })
        }
        EventKind::QuestionAsked { id, question } => Some(Ask::Question { id: id.clone(), question: question.clone() }),
        _ => None,
    }
}

impl Ask {
    fn resolved_by(&self, event: &AgentEvent) -> bool {
        match (self, &event.kind) {
            (Self::Approval { call, .. }, EventKind::ApprovalResolved { call_id, .. }) => call.call_id == *call_id,
            (Self::Question { id, .. }, EventKind::QuestionAnswered { id: answered, .. }) => id == answered,
            _ => false,
        }
    }

    /// What the line says; `None` where it has to be asked again. The end of the input declines.
    fn answer(&self, line: Option<&str>) -> Option<Answer> {
        let line = line.map(str::trim);
        match self {
            Self::Approval { call, .. } => {
                let deny = |reason: &str| Decision::Deny { reason: reason.to_owned() };
                let decision = match line.map(str::to_lowercase).as_deref() {
                    None => deny("nobody answered"),
                    Some("") => return None,
                    Some("y" | "yes") => Decision::Allow,
                    Some("s" | "session") => Decision::AllowSession,
                    Some("a" | "always") => Decision::AllowAlways,
                    Some("n" | "no") => deny(""),
                    Some(_) => deny(line.unwrap_or_default()),
                };
                Some(Answer::Approval { call_id: call.call_id.clone(), decision })
            }
            Self::Question { id, question } => {
                let chosen = |line: &str| -> Option<String> {
                    let by_number = line.parse::<usize>().ok().and_then(|n| question.choices.get(n.wrapping_sub(1)));
                    let by_name = question.choices.iter().find(|choice| choice.eq_ignore_ascii_case(line));
                    match by_number.or(by_name) {
                        Some(choice) => Some(choice.clone()),
                        None => (!question.closed && !line.is_empty()).then(|| line.to_owned()),
                    }
                };
                let answer = match line {
                    None => None,
                    Some(line) => Some(chosen(line)?),
                };
                Some(Answer::Question { id: id.clone(), answer })
            }
        }
    }
}
