//! `agentscope list`.

use clap::Args;

use super::{
    targets::{Asked, Target},
    until_told,
};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    deploy::plan::Observed,
    ui::table,
};

/// List what is deployed, as the targets say
#[derive(Debug, Args)]
#[command(
    after_help = "Every target that this machine knows of is asked. One that does not answer is shown as unknown.

Examples:
  agentscope list
  agentscope list --target docker
  agentscope list -o json | jq -r '.[].url'"
)]
pub(in crate::cli) struct ListArgs {
    /// Ask this one alone; that it does not answer is an error then
    #[arg(long, value_enum, value_name = "TARGET")]
    target: Option<Target>,
    /// The form of the list
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

pub(in crate::cli) fn run(args: &ListArgs, cx: &Cx) -> Result<Exit, CliError> {
    let ask = async {
        match args.target {
            Some(target) => {
                let mut asked = Asked::one(target, cx).await;
                match asked.silent.pop() {
                    Some((_, error)) => Err(error),
                    None => Ok(asked.all()),
                }
            }
            None => {
                let asked = Asked::every(cx).await;
                asked.say_silent(cx);
                Ok(asked.all())
            }
        }
    };
    until_told(cx, ask, |all| {
        match args.output {
            Output::Json => cx.printer.json(&all)?,
            Output::Text if all.is_empty() => {
                cx.printer.stderr("nothing is deployed; `agentscope deploy local` deploys an agent\n");
            }
            Output::Text => {
                let rows: Vec<_> = all.iter().map(row).collect();
                cx.printer.stdout(&table(["ID", "STATE", "REVISION", "URL"], &rows))?;
            }
        }
        Ok(Exit::Done)
    })
}

fn row(one: &Observed) -> [String; 4] {
    [
        one.id.clone(),
        one.state.name().to_owned(),
        one.current().map_or_else(|| "-".to_owned(), |current| current.number.to_string()),
        one.url.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}
