//! `agentscope schema`: the JSON Schema of the agent file.

use clap::Args;

use super::{CliError, Cx, Exit};
use crate::config::agent_file;

/// Print the JSON Schema of the agent file, for editors
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {}

pub(super) fn run(_args: &SchemaArgs, cx: &Cx) -> Result<Exit, CliError> {
    cx.printer.json(&agent_file::json_schema())?;
    Ok(Exit::Done)
}
