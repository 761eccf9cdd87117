//! A conversation line by line, for a terminal without drawing, or a pipe.

use super::{
    Chat, ChatArgs,
    commands::{self, After},
    stops::Stop,
    turn::Terminal,
};
use crate::{
    agent::broken_off,
    cli::{CliError, Cx, Exit},
    domain::{Content, TurnOutcome},
    tui::commands::Line,
    ui::{events::EventFormat, printable, style},
};

/// Takes messages until the input ends, or somebody leaves.
pub(super) async fn converse(
    chat: &mut Chat,
    terminal: &mut Terminal,
    args: &ChatArgs,
    cx: &Cx,
) -> Result<Exit, CliError> {
    if let Some(welcome) = &chat.about.welcome {
        terminal.printer.stderr(&format!("{}\n", printable(welcome.trim_end())));
    }
    if args.goes_on()
        && let Some(text) = broken_off(&chat.talk(cx).said().await.unwrap_or_default().0)
    {
        let warning = terminal.printer.err_style(style::WARNING);
        terminal.printer.stderr(&format!("{warning}{text}{warning:#}\n"));
    }
    terminal.typed_ahead.extend(args.prompt.clone());
    let mut said = false;
    let exit = loop {
        // Told while a turn or a command ran, which was let end.
        if terminal.stops.is_ending() {
            break Exit::Interrupted;
        }
        let Some(line) = next_line(terminal).await else { break Exit::Interrupted };
        let Some(line) = line else { break Exit::Done };
        let message = match Line::read(&line) {
            Line::Message(text) if text.trim().is_empty() => continue,
            Line::Message(text) => text.to_owned(),
            Line::Shell(text) => {
                commands::shell_line(chat, terminal, text, cx).await;
                continue;
            }
            Line::Command { name, arguments } => match commands::command(chat, terminal, name, arguments, cx).await? {
                After::Line => continue,
                After::Leave => break Exit::Done,
                After::Send(text) => text,
            },
        };
        let mut input = vec![Content::text(message)];
        input.append(&mut chat.attachments);
        let report = chat.turn(terminal, input).await?;
        said = true;
        if report.outcome == TurnOutcome::Canceled {
            terminal.discard_ahead();
        }
        // A failed turn is told, and the conversation goes on.
        if let Err(error) = chat.judge(&report) {
            error.report(&terminal.printer);
        }
    };
    if said && chat.format == EventFormat::Text {
        let dim = terminal.printer.err_style(style::DIM);
        terminal.printer.stderr(&format!("{dim}{}{dim:#}\n", chat.farewell().await));
    }
    Ok(exit)
}

/// `None` when a signal came, `Some(None)` at the end of the input.
async fn next_line(terminal: &mut Terminal) -> Option<Option<String>> {
    let ahead = terminal.typed_ahead.pop_front();
    if terminal.printer.interactive {
        let shown = ahead.as_ref().map(|line| format!("{}\n", printable(line))).unwrap_or_default();
        terminal.printer.stderr(&format!("> {shown}"));
    }
    match ahead {
        Some(line) => Some(Some(line)),
        None => read(terminal).await,
    }
}

/// As [`next_line`], of somebody who was asked for it.
pub(super) async fn read(terminal: &mut Terminal) -> Option<Option<String>> {
    tokio::select! {
        line = terminal.lines.next() => Some(line),
        stop = terminal.stops.next() => {
            if terminal.printer.interactive && stop == Stop::Work {
                terminal.printer.stderr("\n");
            }
            None
        }
    }
}
