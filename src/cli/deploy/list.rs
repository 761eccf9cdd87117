//! `agentscope list`.

use clap::Args;

use super::{docker, until_told};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    deploy::{Deployer as _, plan::Observed},
    ui::table,
};

/// List what is deployed, as the container engine says
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope list
  agentscope list -o json | jq -r '.[].url'")]
pub(in crate::cli) struct ListArgs {
    /// The form of the list
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

pub(in crate::cli) fn run(args: &ListArgs, cx: &Cx) -> Result<Exit, CliError> {
    until_told(cx, async { Ok(docker(cx).await?.list().await?) }, |all| {
        match args.output {
            Output::Json => cx.printer.json(&all)?,
            Output::Text if all.is_empty() => {
                cx.printer.stderr("nothing is deployed; `agentscope deploy docker` deploys an agent\n");
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
