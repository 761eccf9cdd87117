//! `agentscope sandbox logs`.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
    time::Duration,
};

use clap::Args;

use crate::{
    cli::{CliError, Cx, Exit, Output},
    sandbox::{Action, AuditRecord, Sandboxes, Status},
    ui::printable,
};

/// Between two looks at a log that is followed.
const LOOK: Duration = Duration::from_millis(200);

/// Show what the daemon of a sandbox says, or who did what in which sandbox
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope sandbox logs -f 3f2a
  agentscope sandbox logs --audit 3f2a
  agentscope sandbox logs --audit -f -o json | jq .argv")]
pub(super) struct LogsArgs {
    /// An id, or the start of one
    #[arg(value_name = "ID", required_unless_present = "audit")]
    id: Option<String>,
    /// Who did what: of one sandbox, or of all
    #[arg(long)]
    audit: bool,
    /// Go on as more comes, until the sandbox ends; without an ID, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// The form of --audit: text, or a JSON array; with -f, JSON lines
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM", requires = "audit")]
    output: Output,
}

pub(super) async fn run(args: &LogsArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    if args.audit { audit(args, all, cx).await } else { daemon(args, all, cx).await }
}

async fn audit(args: &LogsArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let prefix = args.id.clone().unwrap_or_default();
    let failed = |error: io::Error| CliError::failed("could not read the audit log").because(&error);
    let mut position = None;
    loop {
        // Looked at first: what comes before the end is then never missed.
        let over = !args.follow || (args.id.is_some() && !runs(&prefix, all).await);
        let first = position.is_none();
        let mut records = all.audit().read_on(&mut position).map_err(failed)?;
        records.retain(|record| record.sandbox.as_str().starts_with(&prefix));
        // Sandboxes that are gone are in the log, which is all there is of them.
        if first && records.is_empty() && args.id.is_some() {
            all.find(&prefix).await?;
        }
        match args.output {
            Output::Text => cx.printer.stdout(&records.iter().map(line).collect::<String>())?,
            Output::Json if args.follow => records.iter().try_for_each(|record| cx.printer.json_line(record))?,
            Output::Json => cx.printer.json(&records)?,
        }
        if over {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether there may be more to come.
async fn runs(id: &str, all: &Sandboxes) -> bool {
    let Ok(sandbox) = all.find(id).await else { return false };
    matches!(all.info(sandbox.id()).await, Ok(info) if !matches!(info.state, Status::Stopped | Status::Unknown))
}

fn line(record: &AuditRecord) -> String {
    let what = match &record.action {
        Action::Create { backend } => format!("created with `{backend}`"),
        Action::Exec { argv } => format!("ran {}", argv.join(" ")),
        Action::Cell { code } => format!("ran Python: {code}"),
        Action::File { operation, path } => format!("{operation} {path}"),
        Action::Copy { from, to } => format!("copied {from} to {to}"),
        Action::Refused { host, reason } => format!("was refused {host}: {reason}"),
        Action::Pause => "paused".to_owned(),
        Action::Resume => "resumed".to_owned(),
        Action::Renew { until } => format!("renewed until {}", until.strftime("%F %T UTC")),
        Action::Stop => "stopped".to_owned(),
        Action::Remove => "removed".to_owned(),
    };
    let session = record.session.as_ref().map(|session| format!(" {session}")).unwrap_or_default();
    let exit = record.exit.map(|code| format!(", exit {code}")).unwrap_or_default();
    let time = record.time.strftime("%F %T UTC");
    let text = format!("{time}  {}  {}{session}  {what}{exit}", record.sandbox, record.user);
    format!("{}\n", printable(&text).replace('\n', " "))
}

async fn daemon(args: &LogsArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let sandbox = all.find(args.id.as_deref().unwrap_or_default()).await?;
    let path = sandbox.folder().join("log");
    let mut from = 0;
    loop {
        // Looked at first: what comes before the end is then never missed.
        let over = !args.follow || !runs(sandbox.id().as_str(), all).await;
        let text = since(&path, &mut from).map_err(|error| {
            CliError::failed(format!("could not read the log of `{}`", sandbox.id())).because(&error)
        })?;
        cx.printer.stdout(&printable(&text))?;
        if over && from == 0 {
            let id = sandbox.id();
            cx.printer.stderr(&format!(
                "its daemon said nothing; `agentscope sandbox logs --audit {id}` shows what was done\n"
            ));
        }
        if over {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What was added to the file since `from`; nothing where there is no file.
fn since(path: &Path, from: &mut u64) -> io::Result<String> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        other => other?,
    };
    file.seek(SeekFrom::Start(*from))?;
    let mut bytes = vec![];
    *from += file.read_to_end(&mut bytes)? as u64;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
