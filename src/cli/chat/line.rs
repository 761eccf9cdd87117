//! A conversation line by line, for a terminal without drawing, or a pipe.

use super::{Chat, turn::Terminal};
use crate::{
    cli::{CliError, Exit},
    domain::{Content, SessionId},
    runtime::shutdown::Signal,
    ui::{events::EventFormat, printable, style},
};

const HELP: &str = "\
/help      this list
/new       begin a new session
/exit      leave; so does the end of the input
Ctrl-C     stop the answer; twice, or at the prompt, leave
";

/// Takes messages until the input ends, or somebody leaves.
pub(super) async fn converse(
    chat: &mut Chat,
    terminal: &mut Terminal,
    first: Option<String>,
) -> Result<Exit, CliError> {
    if let Some(welcome) = &chat.about.welcome {
        terminal.printer.stderr(&format!("{}\n", printable(welcome.trim_end())));
    }
    terminal.typed_ahead.extend(first);
    let mut said = false;
    let exit = loop {
        let Some(line) = next_line(terminal).await else { break Exit::Interrupted };
        let Some(line) = line else { break Exit::Done };
        let message = match line.trim() {
            "" => continue,
            "/exit" | "/quit" => break Exit::Done,
            "/help" => {
                terminal.printer.stderr(&(HELP.to_owned() + &commands(chat)));
                continue;
            }
            "/new" => {
                chat.key.session = SessionId::new();
                terminal.printer.stderr(&format!("new session {}\n", chat.key.session));
                continue;
            }
            command if command.starts_with('/') => match fill(chat, command) {
                Ok(prompt) => prompt,
                Err(problem) => {
                    terminal.printer.warn(&problem);
                    continue;
                }
            },
            _ => line,
        };
        let mut input = vec![Content::text(message)];
        input.append(&mut chat.attachments);
        let report = chat.turn(terminal, input).await?;
        said = true;
        // A failed turn is told, and the conversation goes on.
        if let Err(error) = chat.judge(&report) {
            error.report(&terminal.printer);
        }
    };
    if said && chat.format == EventFormat::Text {
        let dim = terminal.printer.err_style(style::DIM);
        terminal.printer.stderr(&format!("{dim}{}{dim:#}\n", chat.resume_command()));
    }
    Ok(exit)
}

/// `None` when a signal came, `Some(None)` at the end of the input.
async fn next_line(terminal: &mut Terminal) -> Option<Option<String>> {
    if let Some(line) = terminal.typed_ahead.pop_front() {
        return Some(Some(line));
    }
    if terminal.printer.interactive {
        terminal.printer.stderr("> ");
    }
    tokio::select! {
        line = terminal.lines.next() => Some(line),
        signal = terminal.signals.recv() => {
            if terminal.printer.interactive && signal == Signal::Interrupt {
                terminal.printer.stderr("\n");
            }
            None
        }
    }
}

fn commands(chat: &Chat) -> String {
    chat.about
        .commands
        .iter()
        .map(|(name, command)| format!("{:<10} {}\n", format!("/{name}"), printable(&command.description)))
        .collect()
}

/// The prompt that a slash command of the agent file stands for.
fn fill(chat: &Chat, line: &str) -> Result<String, String> {
    let (name, arguments) = line[1..].split_once(char::is_whitespace).unwrap_or((&line[1..], ""));
    match chat.about.commands.get(name) {
        Some(command) => Ok(command.fill(arguments)),
        None => Err(format!("there is no command /{name}: /help lists them")),
    }
}
