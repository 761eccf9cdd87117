//! `agentscope invoke`.

use clap::{Args, ValueEnum as _};

use super::find::{addressed, with_token};
use crate::{
    cli::{CliError, Cx, Exit, chat_with},
    domain::SessionId,
    ui::events::EventFormat,
};

/// Say one thing to a deployment, and print the answer
#[derive(Debug, Args)]
#[command(after_help = "The token is fetched from where the deployment keeps it.

Examples:
  agentscope invoke demo -q \"What is new?\"")]
pub(in crate::cli) struct InvokeArgs {
    /// The deployment: its id, its name, or the beginning of one
    #[arg(value_name = "ID")]
    id: String,
    /// What to say
    #[arg(short, long, value_name = "TEXT")]
    query: String,
    /// Go on with this session, or begin it
    #[arg(long, value_name = "ID", value_parser = SessionId::parse)]
    session_id: Option<SessionId>,
    /// Whose session it is
    #[arg(long, value_name = "USER")]
    user_id: Option<String>,
    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: EventFormat,
}

pub(in crate::cli) fn run(args: &InvokeArgs, cx: &Cx) -> Result<Exit, CliError> {
    let reached = addressed(&args.id, cx)?;
    // As `--flag=value`: a text may begin with a dash.
    let mut words = vec![reached.url.clone(), format!("--query={}", args.query)];
    words.extend(args.session_id.iter().map(|id| format!("--session-id={}", id.as_str())));
    words.extend(args.user_id.iter().map(|user| format!("--user-id={user}")));
    words.extend(args.output.to_possible_value().map(|form| format!("--output={}", form.get_name())));
    chat_with(words, &with_token(cx, reached.token.clone()))
}
