//! `agentscope session show`.

use std::collections::HashMap;

use clap::Args;

use super::{Sessions, title};
use crate::{
    cli::{CliError, Cx, Exit},
    domain::{CallId, Content, Message, Role, ToolOutcome},
    store::Store as _,
    ui::{Printer, events::outcome_line, printable, style},
};

/// Print a conversation, with its tool calls in one line each
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// An id, the start or the end of one, or `last`
    #[arg(value_name = "ID", default_value = "last")]
    id: String,
}

pub(super) async fn run(args: &ShowArgs, sessions: &Sessions, cx: &Cx) -> Result<Exit, CliError> {
    let info = sessions.find(&args.id).await?;
    let messages = sessions.store.history(&sessions.key(&info)).await?;
    let (heading, dim) = (cx.printer.out_style(style::HEADING), cx.printer.out_style(style::DIM));
    let mut text = format!(
        "{heading}{}{heading:#}\n{dim}{}, agent {}, {} messages{dim:#}\n",
        title(&info),
        info.id,
        printable(&info.agent),
        info.messages
    );
    text.push_str(&transcript(&messages, &cx.printer));
    cx.printer.stdout(&text)?;
    Ok(Exit::Done)
}

fn transcript(messages: &[Message], printer: &Printer) -> String {
    let (heading, dim) = (printer.out_style(style::HEADING), printer.out_style(style::DIM));
    let outcomes: HashMap<&CallId, &ToolOutcome> = messages
        .iter()
        .flat_map(|message| &message.content)
        .filter_map(|part| match part {
            Content::ToolResult { call_id, outcome } => Some((call_id, outcome)),
            _ => None,
        })
        .collect();
    let mut text = String::new();
    let mut speaker = None;
    for message in messages.iter().filter(|message| message.role != Role::Tool) {
        // An answer that is broken by tool calls is still one answer.
        if speaker != Some(message.role) || message.role == Role::User {
            let name = if message.role == Role::User { "You" } else { "Assistant" };
            text.push_str(&format!("\n{heading}{name}{heading:#}\n"));
            speaker = Some(message.role);
        }
        for part in &message.content {
            match part {
                Content::Text { text: said } => text.push_str(&format!("{}\n", printable(said.trim_end()))),
                Content::Reasoning { .. } | Content::ToolResult { .. } => {}
                Content::Image(image) => text.push_str(&format!("[image, {}]\n", printable(&image.media_type))),
                Content::ToolCall(call) => {
                    let arguments = one_line(&call.arguments.to_string(), 60);
                    let outcome = outcomes
                        .get(&call.call_id)
                        .map_or_else(|| "no result".to_owned(), |outcome| printable(&outcome_line(outcome)));
                    text.push_str(&format!("{dim}[{}] {arguments}: {outcome}{dim:#}\n", printable(&call.name)));
                }
                Content::Summary { text: summary, .. } => {
                    text.push_str(&format!("{dim}[summary of what came before] {}{dim:#}\n", one_line(summary, 200)));
                }
            }
        }
        if message.broken_off {
            text.push_str(&format!("{dim}[the answer broke off here]{dim:#}\n"));
        }
    }
    text
}

/// The start of `text`, at most `most` characters of it, on one line.
fn one_line(text: &str, most: usize) -> String {
    let text = printable(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
