//! `agentscope chat`: one message, or a conversation line by line.

mod input;
mod line;
mod lines;
mod turn;

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::Value;

use self::{
    lines::Lines,
    turn::{Attended, Terminal},
};
use super::{
    AgentArgs, CliError, Cx, Exit,
    boxes::{self, InChat, WorkspaceChoice},
    cx::signals,
    default_model,
    source::AgentSource,
};
use crate::{
    agent::{self, Agent, AgentDeps, AgentOptions, ApproveMode, KeptRules, Surface},
    config::{Keys, Rule, Settings, agent_file::Loaded},
    domain::{Content, FailureCode, SessionId, SessionKey, TurnOutcome},
    store::{self, Store},
    ui::events::{EventFormat, EventPrinter, TurnReport},
};

/// Talk to an agent: one message with -q, else a conversation
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope chat                                the agent of this folder, or the built-in one
  agentscope chat ./team -q \"What is new?\"       one message, the answer on standard output
  git diff | agentscope chat -q \"Review this\" --file -
  agentscope chat --continue -q \"And then?\"      go on with the last session")]
pub(super) struct ChatArgs {
    #[command(flatten)]
    agent: AgentArgs,
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
    /// Line by line, without drawing on the screen; without a terminal each line of standard input is a message
    #[arg(long, conflicts_with = "query")]
    plain: bool,
}

/// A conversation that can begin: all that the arguments named was found.
struct Chat {
    agent: Agent,
    loaded: Arc<Loaded>,
    key: SessionKey,
    format: EventFormat,
    /// For the first message.
    attachments: Vec<Content>,
}

pub(super) fn run(args: &ChatArgs, cx: &Cx) -> Result<Exit, CliError> {
    let source = AgentSource::find(&args.agent, cx)?;
    let (loaded, keys) = source.load(args.agent.profile.as_deref(), cx)?;
    // Read before anything is started: input that cannot be sent is wrong usage, whatever the model.
    let one_shot = one_shot(args, cx)?;
    let attachments = input::attachments(&args.file, cx)?;
    cx.block_on(async {
        let mut chat = Chat::open(args, Arc::new(loaded), keys, attachments, cx).await?;
        let attended = cx.env.stdin_tty && cx.env.stderr_tty || args.plain;
        let mut terminal = Terminal {
            printer: cx.printer,
            signals: signals()?,
            lines: Lines::default(),
            attended: if attended { Attended::Yes } else { Attended::No },
            keyboard: cx.env.stdin_tty,
            typed_ahead: VecDeque::new(),
        };
        chat.agent.start();
        let result = match one_shot {
            Some(text) => chat.one_shot(&mut terminal, text).await,
            None => line::converse(&mut chat, &mut terminal, args.prompt.clone()).await,
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
    async fn open(
        args: &ChatArgs,
        loaded: Arc<Loaded>,
        keys: Keys,
        attachments: Vec<Content>,
        cx: &Cx,
    ) -> Result<Self, CliError> {
        let stores = store::open(&loaded.file.storage, &cx.paths, &loaded.dir)?;
        let user = args.user_id.clone().unwrap_or_else(|| cx.env.user().to_owned());
        let session = match &args.session_id {
            Some(id) => id.clone(),
            None if args.continue_last => last_session(&*stores.sessions, &user, &loaded).await?,
            None => SessionId::new(),
        };
        let default_model = match (&args.model, &loaded.file.agent.model) {
            (None, None) => Some(default_model::said(&keys, cx).await?),
            _ => None,
        };
        let in_chat = InChat { workspace: args.workspace, one_shot: args.query.is_some() };
        let boxes = boxes::of_chat(&loaded, in_chat, cx);
        let deps = AgentDeps {
            env: cx.env.clone(),
            paths: cx.paths.clone(),
            http: Arc::clone(&cx.http),
            keys,
            store: stores.sessions,
            notes: stores.notes,
            models: agent::models(Arc::clone(&cx.http)),
            boxes: Arc::clone(&boxes),
            kept: kept_rules(&loaded, cx)?,
            tools: vec![],
            options: AgentOptions {
                model: args.model.clone(),
                default_model,
                workspace: cx.env.cwd.clone(),
                context_files: true,
                approve: args.approve,
                surface: Surface::Chat { contained: boxes.settings().contained() },
                now: jiff::Zoned::now,
            },
        };
        let agent = Agent::open(&loaded, deps)?;
        boxes.warm(&user);
        Ok(Self { agent, loaded, key: SessionKey { user, session }, format: args.output, attachments })
    }

    async fn one_shot(&mut self, terminal: &mut Terminal, text: String) -> Result<Exit, CliError> {
        let mut input = vec![Content::text(text)];
        input.append(&mut self.attachments);
        let report = self.turn(terminal, input).await?;
        self.judge(&report)
    }

    async fn turn(&self, terminal: &mut Terminal, input: Vec<Content>) -> Result<TurnReport, CliError> {
        let shown = EventPrinter::new(terminal.printer, self.format, self.loaded.file.agent.output.is_some());
        let report = terminal.turn(&self.agent, &self.key, input, shown).await?;
        let taken = self.loaded.file.models.values().any(|model| model.text_tool_calls);
        if self.format == EventFormat::Text && report.tool_calls.is_empty() && !taken && is_call(&report.text) {
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

    /// The command that goes on with this session.
    fn resume_command(&self) -> String {
        let agent = self.loaded.path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default();
        format!("agentscope chat{agent} --session-id {}", self.key.session)
    }
}

/// The rules that the user said "always" to for this agent file. An agent that is in no file has none.
fn kept_rules(loaded: &Loaded, cx: &Cx) -> Result<KeptRules, CliError> {
    let Some(file) = loaded.path.as_ref().map(|path| cx.env.cwd.join(path)) else { return Ok(KeptRules::default()) };
    let file = file.canonicalize().unwrap_or(file);
    let settings = Settings::load(&cx.paths).map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    let rules = settings.allowed(&file).to_owned();
    let paths = cx.paths.clone();
    let keep = move |rules: &[Rule]| match Settings::allow(&paths, &file, rules) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    Ok(KeptRules { rules, keep: Some(Arc::new(keep)) })
}

/// Whether a whole answer is a tool call as small local models write it: JSON, bare or fenced.
fn is_call(answer: &str) -> bool {
    let json = answer.trim().trim_start_matches("```json").trim_matches('`');
    serde_json::from_str::<Value>(json).is_ok_and(|value| value["name"].is_string() && value["arguments"].is_object())
}

/// The session that was used last with this agent.
async fn last_session(store: &dyn Store, user: &str, loaded: &Loaded) -> Result<SessionId, CliError> {
    let sessions = store.sessions(Some(user)).await?;
    let last = sessions.into_iter().find(|session| session.agent == loaded.file.name);
    last.map(|session| session.id).ok_or_else(|| {
        CliError::not_found(format!("there is no session of `{}` to go on with", loaded.file.name))
            .hint("leave out `--continue` to begin one; `agentscope session list` shows all")
    })
}
