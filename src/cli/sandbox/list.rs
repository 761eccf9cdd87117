//! `agentscope sandbox list`.

use clap::Args;
use jiff::Timestamp;

use super::{human, select::By};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    sandbox::{SandboxInfo, Sandboxes, Status},
    ui::{printable, table},
};

/// Show the sandboxes there are
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    by: By,
    /// Those that are stopped, too
    #[arg(short, long)]
    all: bool,
    /// The form of the list
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

pub(super) async fn run(args: &ListArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let found = all.list(&args.by.filter(args.all)).await?;
    if args.output == Output::Json {
        cx.printer.json(&found)?;
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        cx.printer.stderr("no sandboxes; `agentscope sandbox create` makes one\n");
        return Ok(Exit::Done);
    }
    let now = Timestamp::now();
    let rows: Vec<_> = found.iter().map(|info| row(info, now)).collect();
    let head = ["ID", "TYPE", "BACKEND", "TIER", "STATE", "SESSION", "AGE", "CPU", "MEMORY", "IDLE"];
    cx.printer.stdout(&table(head, &rows))?;
    Ok(Exit::Done)
}

fn row(info: &SandboxInfo, now: Timestamp) -> [String; 10] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let alive = matches!(info.state, Status::Running | Status::Paused);
    [
        info.id.to_string(),
        printable(&info.kind),
        info.backend.to_string(),
        or_none(info.tier.map(|tier| tier.to_string())),
        info.state.to_string(),
        or_none(info.session.as_deref().map(printable)),
        human::since(info.created, now),
        or_none(info.cpu.map(human::cpu)),
        or_none(info.memory.map(human::bytes)),
        or_none(alive.then(|| human::since(info.used, now))),
    ]
}
