//! `agentscope session export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;

use super::Sessions;
use crate::{
    cli::{CliError, Cx, Exit},
    domain::{Content, Message, Role},
    store::{SessionInfo, Store as _},
    ui::printable,
};

/// Write a whole conversation as Markdown or JSON
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// An id, the start or the end of one, or `last`
    #[arg(value_name = "ID")]
    id: String,
    /// The form of the conversation
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: ExportFormat,
    /// Write into this file, which must not be there yet, rather than to standard output
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// Markdown, for people
    #[default]
    Md,
    /// Everything that is kept, for programs
    Json,
}

/// The JSON form.
#[derive(Serialize)]
struct Export {
    session: SessionInfo,
    state: Value,
    messages: Vec<Message>,
}

pub(super) async fn run(args: &ExportArgs, sessions: &Sessions, cx: &Cx) -> Result<Exit, CliError> {
    let session = sessions.find(&args.id).await?;
    let key = sessions.key(&session);
    let export =
        Export { messages: sessions.store.history(&key).await?, state: sessions.store.state(&key).await?, session };
    let text = match args.output {
        ExportFormat::Md => markdown(&export),
        ExportFormat::Json => {
            serde_json::to_string_pretty(&export)
                .map_err(|error| CliError::failed("could not write the session as JSON").because(&error))?
                + "\n"
        }
    };
    match &args.file {
        // A file or a program gets the bytes as they are.
        None if cx.printer.terminal => cx.printer.stdout(&printable(&text))?,
        None => cx.printer.stdout(&text)?,
        Some(file) => {
            let path = cx.env.cwd.join(file);
            let mut options = std::fs::OpenOptions::new();
            let opened = options.write(true).create_new(true).open(&path);
            let written = opened.and_then(|mut opened| std::io::Write::write_all(&mut opened, text.as_bytes()));
            written.map_err(|error| {
                let failed = CliError::failed(format!("could not write `{}`", file.display())).because(&error);
                match error.kind() {
                    std::io::ErrorKind::AlreadyExists => failed.hint("name a file that is not there yet"),
                    _ => failed,
                }
            })?;
        }
    }
    Ok(Exit::Done)
}

fn markdown(export: &Export) -> String {
    let Export { session, messages, .. } = export;
    let mut text = format!(
        "# {}\n\n- Session: `{}`\n- Agent: `{}`\n- Begun: {}\n",
        if session.title.is_empty() { session.id.as_str() } else { &session.title },
        session.id,
        session.agent,
        session.created_at.strftime("%Y-%m-%d %H:%M UTC")
    );
    for message in messages {
        let heading = match message.role {
            Role::User => "You",
            Role::Assistant => "Assistant",
            Role::Tool => "Tool results",
        };
        text.push_str(&format!("\n## {heading}\n"));
        for part in &message.content {
            text.push('\n');
            match part {
                Content::Text { text: said } => text.push_str(&format!("{}\n", said.trim_end())),
                Content::Reasoning { text: thought, .. } => text.push_str(&quoted(thought)),
                Content::Summary { text: summary, .. } => text.push_str(&quoted(&format!("Summary: {summary}"))),
                Content::Image(image) => {
                    text.push_str(&format!("![image](data:{};base64,{})\n", image.media_type, image.data))
                }
                Content::ToolCall(call) => {
                    let arguments = serde_json::to_string_pretty(&call.arguments).unwrap_or_default();
                    text.push_str(&format!(
                        "Call of `{}` (`{}`):\n\n{}",
                        call.name,
                        call.call_id,
                        fenced("json", &arguments)
                    ));
                }
                Content::ToolResult { call_id, outcome } => {
                    text.push_str(&format!("`{call_id}`:\n\n{}", fenced("", &outcome.text())));
                }
            }
        }
    }
    text
}

fn quoted(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("> {line}\n")).collect()
}

/// A code block that nothing in `text` can end.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}
