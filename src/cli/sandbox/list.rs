//! `agentscope sandbox list`.

use clap::Args;
use jiff::Timestamp;

use super::{human, others, select::By};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    sandbox::{Filter, SandboxInfo, Sandboxes, Status},
    ui::{printable, table},
};

/// Show the sandboxes there are; as root, those of every user
///
/// Of other users known are those in the folders that they have by default, and all that run on this machine. Where
/// AGENTSCOPE_HOME is set, only those in that folder are shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope sandbox list --all --label job=nightly
  agentscope sandbox list --state paused -o json | jq -r '.[].id'")]
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
    let filter = args.by.filter(args.all);
    let mut found = all.list(&Filter { all: true, ..Filter::default() }).await?;
    let none = found.is_empty();
    found.retain(|info| filter.fits(info));
    let others = others::list(&filter, cx).await;
    let every = !others.is_empty();
    found.extend(others);
    if args.output == Output::Json {
        cx.printer.json(&found)?;
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        cx.printer.stderr(if none {
            "no sandboxes; `agentscope sandbox create` makes one\n"
        } else {
            "no sandbox fits; `agentscope sandbox list --all` shows those that exist\n"
        });
        return Ok(Exit::Done);
    }
    let now = Timestamp::now();
    let head = ["ID", "TYPE", "BACKEND", "TIER", "STATE", "SESSION", "AGE", "CPU", "MEMORY", "IDLE"];
    let text = if every {
        let rows: Vec<_> = found.iter().map(|info| beside(printable(&info.user), row(info, now))).collect();
        table(beside("USER", head), &rows)
    } else {
        let rows: Vec<_> = found.iter().map(|info| row(info, now)).collect();
        table(head, &rows)
    };
    cx.printer.stdout(&text)?;
    Ok(Exit::Done)
}

/// The same with one more in front.
fn beside<T>(first: T, rest: [T; 10]) -> [T; 11] {
    let mut all = std::iter::once(first).chain(rest);
    std::array::from_fn(|_| all.next().expect("eleven of them"))
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
