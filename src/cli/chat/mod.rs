//! `agentscope chat`: one message, or a conversation line by line.

mod commands;
mod input;
mod line;
mod lines;
mod open;
mod screen;
mod stops;
mod turn;

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use serde_json::Value;

use self::{
    lines::Lines,
    stops::Stops,
    turn::{Attended, Terminal},
};
use super::{AgentArgs, CliError, Cx, Exit, boxes::WorkspaceChoice};
use crate::{
    agent::{Agent, ApproveMode},
    config::{
        Keys,
        agent_file::{Loaded, SlashCommand},
    },
    domain::{Content, FailureCode, SessionId, SessionKey, TurnOutcome},
    tui::commands::{in_short, mark, usage},
    ui::events::{EventFormat, EventPrinter, TurnReport},
};

/// How long a server may take to say what a session used, at the end.
const ASKING: Duration = Duration::from_secs(2);

/// Talk to an agent: one message with -q, else a conversation
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope chat                                the agent of this folder, or the built-in one
  agentscope chat ./team -q \"What is new?\"       one message, the answer on standard output
  git diff | agentscope chat -q \"Review this\" --file -
  agentscope chat --continue -q \"And then?\"      go on with the last session
  agentscope chat http://127.0.0.1:8090          an agent that is served; AGENTSCOPE_TOKEN is its token")]
pub(super) struct ChatArgs {
    #[command(flatten)]
    pub(super) agent: AgentArgs,
    /// Open the conversation with this message; goes after AGENT
    #[arg(value_name = "PROMPT", requires = "agent", conflicts_with = "query")]
    prompt: Option<String>,
    /// Send one message, print the answer and end; `-` reads it from standard input
    #[arg(short, long, value_name = "TEXT")]
    query: Option<String>,
    /// Attach a text file or an image to the first message; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Use this model: PROVIDER/MODEL, or a name of the agent file
    #[arg(short, long)]
    model: Option<String>,
    /// Go on with this session, or begin it
    #[arg(long, value_name = "ID", value_parser = SessionId::parse, conflicts_with = "continue_last")]
    session_id: Option<SessionId>,
    /// Whose session it is; the user of the operating system where absent
    #[arg(long, value_name = "USER", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    user_id: Option<String>,
    /// Go on with the last session of this agent
    #[arg(long = "continue")]
    continue_last: bool,
    /// What the agent's programs may do with the current folder, or the one of the agent file
    #[arg(short, long, value_enum, value_name = "MODE")]
    workspace: Option<WorkspaceChoice>,
    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: EventFormat,
    /// What becomes of a tool call that has to be asked about; off a terminal `permissions.unattended` decides
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    approve: ApproveMode,
    /// Line by line, without drawing on the screen; without a terminal each line of standard input is a message, or the
    /// answer to what is asked when its turn comes
    #[arg(long, conflicts_with = "query")]
    plain: bool,
    /// The deployment whose address stands in place of AGENT: it leads here again, with its token
    #[arg(skip)]
    pub(super) deployment: Option<String>,
}

impl ChatArgs {
    /// Whether something may have been said in the session before.
    fn goes_on(&self) -> bool {
        self.session_id.is_some() || self.continue_last
    }
}

/// A conversation that can begin: all that the arguments named was found.
struct Chat {
    agent: Agent,
    about: About,
    key: SessionKey,
    format: EventFormat,
    /// For the first message.
    attachments: Vec<Content>,
}

/// What a chat says of its agent, and goes by.
struct About {
    name: String,
    /// What its programs may do; `None` behind a server.
    sandbox: Option<String>,
    mode: ApproveMode,
    welcome: Option<String>,
    /// Slash commands of the agent file.
    commands: BTreeMap<String, SlashCommand>,
    /// The answer is one JSON value.
    structured: bool,
    /// Calls that a model writes as text are run.
    text_calls: bool,
    /// Of the server that it is behind.
    url: Option<String>,
    /// AGENT and what else leads to its sessions, as words of a shell; empty for the built-in one.
    spelled: String,
}

/// Where the agent is.
enum Found {
    Here(Box<Loaded>, Keys),
    /// Behind this address.
    There(String, Keys),
}

pub(super) fn run(args: &ChatArgs, cx: &Cx) -> Result<Exit, CliError> {
    let found = open::find(args, cx)?;
    // Read before anything is started: input that cannot be sent is wrong usage, whatever the model.
    let one_shot = one_shot(args, cx)?;
    let attachments = input::attachments(&args.file, cx)?;
    cx.block_on(async {
        let mut chat = open::chat(args, found, attachments, cx).await?;
        chat.agent.start();
        let draws = one_shot.is_none() && !args.plain && args.output == EventFormat::Text && screen::can_draw(cx);
        if draws {
            return screen::converse(&mut chat, args, cx).await;
        }
        let attended = cx.env.stdin_tty && cx.env.stderr_tty || args.plain;
        let mut terminal = Terminal {
            printer: cx.printer,
            stops: Stops::new()?,
            lines: if cx.env.stdin_tty { Lines::of_keyboard() } else { Lines::of_script() },
            attended: if attended { Attended::Yes } else { Attended::No },
            typed_ahead: VecDeque::new(),
        };
        let result = match one_shot {
            Some(text) => chat.one_shot(&mut terminal, text).await,
            None => line::converse(&mut chat, &mut terminal, args, cx).await,
        };
        // Also after a failure: what happened is saved, and no server of a tool is left behind.
        chat.agent.drained().await;
        result
    })
}

/// The one message to send; `None` where a conversation is wanted.
fn one_shot(args: &ChatArgs, cx: &Cx) -> Result<Option<String>, CliError> {
    let text = match (&args.query, &args.prompt) {
        (Some(query), _) if query == "-" => input::standard_input()?,
        (Some(query), _) => query.clone(),
        (None, _) if args.plain || cx.env.stdin_tty => return Ok(None),
        (None, Some(prompt)) => prompt.clone(),
        (None, None) => input::standard_input()?,
    };
    if text.trim().is_empty() {
        return Err(CliError::usage("the message is empty").hint("say something with `-q TEXT`"));
    }
    Ok(Some(text))
}

impl Chat {
    async fn one_shot(&mut self, terminal: &mut Terminal, text: String) -> Result<Exit, CliError> {
        let mut input = vec![Content::text(text)];
        input.append(&mut self.attachments);
        let report = self.turn(terminal, input).await?;
        self.judge(&report)
    }

    async fn turn(&self, terminal: &mut Terminal, input: Vec<Content>) -> Result<TurnReport, CliError> {
        let shown = EventPrinter::new(terminal.printer, self.format, self.about.structured);
        mark(&self.agent, &self.key).await;
        let report = terminal.turn(&self.agent, &self.key, input, shown).await?;
        if self.format == EventFormat::Text
            && report.tool_calls.is_empty()
            && !self.about.text_calls
            && is_call(&report.text)
        {
            let hint = "the model wrote a tool call as text; `text_tool_calls: true` under `models` in the agent file has \
                        such calls run";
            terminal.printer.stderr(&format!("hint: {hint}\n"));
        }
        Ok(report)
    }

    /// The exit code that a turn stands for.
    ///
    /// # Errors
    /// What to say of a turn that failed.
    fn judge(&self, report: &TurnReport) -> Result<Exit, CliError> {
        match &report.outcome {
            TurnOutcome::Completed { .. } if report.denied => Ok(Exit::Denied),
            TurnOutcome::Completed { .. } | TurnOutcome::ToolCalls { .. } => Ok(Exit::Done),
            TurnOutcome::Canceled => Ok(Exit::Interrupted),
            TurnOutcome::Failed { code, message, hint } => {
                let error = match code {
                    FailureCode::TimeLimit => CliError::timed_out(message),
                    _ => CliError::failed(message),
                };
                Err(match hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
        }
    }

    /// What is said when it ends: what the session used, and the command that goes on with it.
    async fn farewell(&self) -> String {
        // It is no failure of the chat that the server is gone.
        let used = tokio::time::timeout(ASKING, usage(&self.agent, &self.key)).await;
        let used = used.ok().and_then(Result::ok).map(|used| in_short(&used)).filter(|used| !used.is_empty());
        let used = used.map(|used| format!("{used}\n")).unwrap_or_default();
        format!("{used}go on with: {}", self.resume_command())
    }

    /// The command that goes on with this session.
    fn resume_command(&self) -> String {
        format!("agentscope chat{} --session-id {}", self.about.spelled, self.key.session)
    }
}

/// Whether a whole answer is a tool call as small local models write it: JSON, bare or fenced.
fn is_call(answer: &str) -> bool {
    let json = answer.trim().trim_start_matches("```json").trim_matches('`');
    serde_json::from_str::<Value>(json).is_ok_and(|value| value["name"].is_string() && value["arguments"].is_object())
}
