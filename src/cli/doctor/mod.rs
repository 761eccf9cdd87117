//! `agentscope doctor`.

mod agent;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{AgentArgs, CliError, Cx, Exit, Output, source::AgentSource};
use crate::{
    config::{
        Env, Keys,
        catalog::{KeyUse, PROVIDERS},
    },
    model,
    ui::style,
};

/// Show what this machine can do, what is missing, and how to mend it
#[derive(Debug, Args)]
#[command(after_help = "The exit code is 1 where the agent cannot run as it is.")]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    agent: AgentArgs,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    /// Not there, which matters only to who wants it.
    Absent,
    /// Works, but not as it could.
    Warning,
    /// The agent cannot run.
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    topic: String,
    status: Status,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Finding {
    fn new(topic: impl Into<String>, status: Status, what: impl Into<String>) -> Self {
        Self { topic: topic.into(), status, what: what.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

pub(super) fn run(args: &DoctorArgs, cx: &Cx) -> Result<Exit, CliError> {
    let source = AgentSource::find(&args.agent, cx)?;
    let keys = source.keys(cx)?;
    let found = cx.block_on(async {
        let mut found = machine(cx);
        found.extend(providers(&keys, cx).await);
        found.extend(agent::look(&source, args.agent.profile.as_deref(), &keys, cx).await?);
        Ok(found)
    })?;
    match args.output {
        Output::Json => cx.printer.json(&found)?,
        Output::Text => cx.printer.stdout(&text(&found, cx))?,
    }
    let failed = found.iter().any(|finding| finding.status == Status::Failed);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn machine(cx: &Cx) -> Vec<Finding> {
    let program =
        format!("agentscope {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    let folders = [
        ("config folder", &cx.paths.config),
        ("data folder", &cx.paths.data),
        ("state folder", &cx.paths.state),
        ("cache folder", &cx.paths.cache),
    ];
    let folders = folders.map(|(topic, folder)| writable(topic, folder));
    std::iter::once(Finding::new("program", Status::Ok, program)).chain(folders).collect()
}

/// Whether files can be made in `folder`, or in the nearest folder above it that exists. Makes nothing.
fn writable(topic: &str, folder: &Path) -> Finding {
    let shown = folder.display().to_string();
    let existing = folder.ancestors().find(|folder| folder.exists());
    match existing.map(tempfile::tempfile_in) {
        Some(Ok(_)) => Finding::new(topic, Status::Ok, shown),
        Some(Err(error)) => Finding::new(topic, Status::Failed, format!("{shown}: {error}"))
            .hint("make it writable, or set AGENTSCOPE_HOME to another folder"),
        None => Finding::new(topic, Status::Failed, format!("{shown}: there is no such place")),
    }
}

async fn providers(keys: &Keys, cx: &Cx) -> Vec<Finding> {
    let mut found: Vec<Finding> = vec![];
    for provider in PROVIDERS.iter().filter(|provider| provider.key == KeyUse::Needed) {
        let finding = match provider.key_variables.iter().find_map(|name| Some((name, keys.find(name)?.1))) {
            Some((name, source)) => Finding::new(provider.name, Status::Ok, format!("{name} from {source}")),
            None => {
                let what = format!("{} is not set", provider.key_variables.join(" or "));
                Finding::new(provider.name, Status::Absent, what)
            }
        };
        // Two wires of one provider share a key.
        if found.last().is_none_or(|last| last.what != finding.what) {
            found.push(finding);
        }
    }
    for server in model::local_servers(keys, &cx.http).await {
        let what = format!("runs at {} with {} model(s)", server.base_url, server.models.len());
        found.push(Finding::new(server.provider.name, Status::Ok, what));
    }
    found
}

/// Where `program` is: itself, where it is a path, else the first of its name in PATH.
fn on_path(program: &str, env: &Env, folder: &Path) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(folder.join(program)).filter(|path| path.is_file());
    }
    env.var("PATH")?.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}

fn text(found: &[Finding], cx: &Cx) -> String {
    let width = found.iter().map(|finding| finding.topic.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for finding in found {
        let (mark, style) = match finding.status {
            Status::Ok => ("ok", style::SUCCESS),
            Status::Absent => ("-", style::DIM),
            Status::Warning => ("warn", style::WARNING),
            Status::Failed => ("FAIL", style::ERROR),
        };
        let style = cx.printer.out_style(style);
        text.push_str(&format!("{style}{mark:<4}{style:#}  {:<width$}  {}\n", finding.topic, finding.what));
        if let Some(hint) = &finding.hint {
            text.push_str(&format!("      {:<width$}  {hint}\n", ""));
        }
    }
    text
}
