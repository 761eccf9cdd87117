//! Slash commands and shell lines in a conversation line by line: lists are numbered, questions are answered by a line.

use super::{Chat, line, stops::Stop, turn::Terminal};
use crate::{
    cli::{CliError, Cx},
    tui::commands::{Confirm, Effect, Failure, Next, Part, Pick, Place, Talk, shell},
    ui::printable,
};

/// Up to so many choices are shown with what would become of each.
const WITH_PREVIEW: usize = 3;

/// How the conversation goes on after a command.
pub(super) enum After {
    /// With the next line.
    Line,
    /// With this message.
    Send(String),
    Leave,
}

impl Chat {
    /// The conversation as commands see it.
    pub(super) fn talk(&self, cx: &Cx) -> Talk {
        Talk {
            agent: self.agent.clone(),
            key: self.key.clone(),
            commands: self.about.commands.clone(),
            cwd: cx.env.cwd.clone(),
            place: Place::Anywhere,
        }
    }
}

/// Does what was typed after the slash, and all that follows from it.
pub(super) async fn command(
    chat: &mut Chat,
    terminal: &mut Terminal,
    name: &str,
    arguments: &str,
    cx: &Cx,
) -> Result<After, CliError> {
    let mut talk = chat.talk(cx);
    let Some(mut result) = unless_stopped(terminal, talk.perform(name, arguments)).await else {
        return Ok(After::Line);
    };
    loop {
        let effect = match result {
            Ok(effect) => effect,
            Err(failure) => {
                told(terminal, &failure);
                return Ok(After::Line);
            }
        };
        show(terminal, &effect);
        talk.enter(&effect.next);
        chat.key = talk.key.clone();
        let next = match effect.next {
            Next::Pick(pick) => match choose(terminal, &pick).await {
                Some(key) => unless_stopped(terminal, talk.perform(pick.command, &key)).await,
                None => None,
            },
            Next::Confirm(Confirm { question, then }) => {
                if agreed(terminal, &question).await {
                    unless_stopped(terminal, talk.confirmed(then)).await
                } else {
                    None
                }
            }
            Next::Send(text) => return Ok(After::Send(text)),
            Next::Leave => return Ok(After::Leave),
            Next::Session(entered) => {
                if let Some(prompt) = entered.prompt {
                    terminal.printer.stderr(&format!("the message was: {}\n", printable(prompt.trim_end())));
                }
                None
            }
            // What is for a screen is not offered here.
            Next::Nothing
            | Next::Speaker
            | Next::Mode(_)
            | Next::Copy(_)
            | Next::Theme(_)
            | Next::Keys
            | Next::Editor
            | Next::Clear => None,
        };
        match next {
            Some(next) => result = next,
            None => return Ok(After::Line),
        }
    }
}

/// Runs a line of the user's own shell. What it wrote goes with the next message.
pub(super) async fn shell_line(chat: &mut Chat, terminal: &mut Terminal, text: &str, cx: &Cx) {
    let program = cx.env.var("SHELL").filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh");
    match unless_stopped(terminal, shell(text, program, &cx.env.cwd)).await {
        Some(Ok(done)) => {
            terminal.printer.stderr(&printable(&done.output));
            chat.attachments.push(done.content);
        }
        Some(Err(failure)) => told(terminal, &failure),
        None => {}
    }
}

/// Drops the work where the user stops it.
async fn unless_stopped<T>(terminal: &mut Terminal, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        stop = terminal.stops.next() => {
            if stop == Stop::Work {
                terminal.printer.stderr("stopped\n");
            }
            None
        }
    }
}

fn told(terminal: &Terminal, failure: &Failure) {
    terminal.printer.warn(&failure.text);
    if let Some(hint) = &failure.hint {
        terminal.printer.stderr(&format!("hint: {}\n", printable(hint)));
    }
}

fn show(terminal: &Terminal, effect: &Effect) {
    for part in &effect.parts {
        match part {
            Part::Text(text) | Part::Patch(text) => terminal.printer.stderr(&printable(text)),
            Part::Warning(text) => terminal.printer.warn(text),
        }
    }
}

/// Has the user choose by number; `None` for none of them.
async fn choose(terminal: &mut Terminal, pick: &Pick) -> Option<String> {
    let mut text = format!("{}\n", pick.title);
    for (number, choice) in (1..).zip(&pick.choices) {
        let current = if pick.current.as_ref() == Some(&choice.key) { " *" } else { "" };
        let about = choice.unavailable.as_deref().unwrap_or(&choice.about);
        let about = if about.is_empty() { String::new() } else { format!("  ({about})") };
        text.push_str(&format!("{number:>3}. {}{current}{about}\n", choice.title.replace('\n', " ")));
        if pick.choices.len() <= WITH_PREVIEW && choice.unavailable.is_none() {
            let lines = choice.preview.lines().filter(|line| !line.trim().is_empty() && *line != choice.title);
            lines.for_each(|line| text.push_str(&format!("       {line}\n")));
        }
    }
    text.push_str("number, or an empty line for none: ");
    let answer = ask(terminal, &text).await?;
    let answer = answer.trim();
    if answer.is_empty() {
        return None;
    }
    let chosen = answer.parse::<usize>().ok().and_then(|number| pick.choices.get(number.checked_sub(1)?));
    match chosen {
        Some(choice) => match &choice.unavailable {
            Some(why) => {
                terminal.printer.warn(why);
                None
            }
            None => Some(choice.key.clone()),
        },
        None => {
            terminal.printer.warn(&format!("`{answer}` is none of the numbers"));
            None
        }
    }
}

async fn agreed(terminal: &mut Terminal, question: &str) -> bool {
    let answer = ask(terminal, &format!("{question}? [y]es or [n]o: ")).await;
    answer.is_some_and(|answer| matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The line that follows a question; `None` at the end of the input, or where the user stops.
async fn ask(terminal: &mut Terminal, question: &str) -> Option<String> {
    terminal.set_aside();
    terminal.printer.stderr(&printable(question));
    if !terminal.printer.interactive {
        terminal.printer.stderr("\n");
    }
    line::read(terminal).await.flatten()
}
