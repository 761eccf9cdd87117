//! `agentscope session list`.

use clap::Args;
use jiff::tz::TimeZone;

use super::{Sessions, title};
use crate::{
    cli::{CliError, Cx, Exit, Output},
    ui::style,
};

/// Show the sessions there are, last used first
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only those of the agent of this name
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The form of the list
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

pub(super) async fn run(args: &ListArgs, sessions: &Sessions, cx: &Cx) -> Result<Exit, CliError> {
    let mut all = sessions.all().await?;
    all.retain(|info| args.agent.as_ref().is_none_or(|agent| info.agent == *agent));
    if args.output == Output::Json {
        cx.printer.json(&all)?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        cx.printer.stderr("no sessions yet; `agentscope chat` begins one\n");
        return Ok(Exit::Done);
    }
    let heading = cx.printer.out_style(style::HEADING);
    let id = all.iter().map(|info| info.id.as_str().len()).max().unwrap_or(0);
    let agent = all.iter().map(|info| info.agent.len()).max().unwrap_or(0).max("AGENT".len());
    let mut text = format!(
        "{heading}{:<id$}  {:<16}  {:>8}  {:<agent$}  TITLE{heading:#}\n",
        "ID", "LAST USED", "MESSAGES", "AGENT"
    );
    let zone = TimeZone::system();
    for info in &all {
        let used = info.updated_at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M");
        text.push_str(&format!(
            "{:<id$}  {used:<16}  {:>8}  {:<agent$}  {}\n",
            info.id.as_str(),
            info.messages,
            info.agent,
            title(info)
        ));
    }
    cx.printer.stdout(&text)?;
    Ok(Exit::Done)
}
