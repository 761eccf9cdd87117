//! `agentscope sandbox`: where code that nobody vouches for runs.

mod build;
mod cp;
mod create;
mod doctor;
mod each;
mod exec;
mod human;
mod inspect;
mod list;
mod logs;
mod made_of;
mod making;
mod others;
mod pause;
mod progress;
mod prove;
mod prune;
mod renew;
mod rm;
mod run;
mod select;
mod stop;
mod stream;

use std::path::Path;

use clap::{Args, Subcommand};

use super::{CliError, Cx, Exit, cx::signals};
use crate::{
    sandbox::{Layer, Network, SandboxError, Sandboxes},
    ui::{printable, style},
};

/// Run programs in isolation; see and control every sandbox
///
/// A sandbox is named by its id or the start of it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope sandbox run -- python3 -c 'print(2 ** 64)'
  agentscope sandbox run -w . --net docs.example.com -- curl -s https://docs.example.com/
  agentscope sandbox create --label job=nightly
  agentscope sandbox exec -it 3f2a bash
  agentscope sandbox stop --label job=nightly")]
pub(super) struct SandboxArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Build(build::BuildArgs),
    Cp(cp::CpArgs),
    Create(create::CreateArgs),
    Doctor(doctor::DoctorArgs),
    Exec(exec::ExecArgs),
    Inspect(inspect::InspectArgs),
    List(list::ListArgs),
    Logs(logs::LogsArgs),
    Pause(pause::PauseArgs),
    Prune(prune::PruneArgs),
    Renew(renew::RenewArgs),
    Resume(pause::ResumeArgs),
    Rm(rm::RmArgs),
    Run(run::RunArgs),
    Shell(exec::ShellArgs),
    Stop(stop::StopArgs),
}

impl Verb {
    /// What is to be put into containers.
    fn runtime_binary(&self) -> Option<&Path> {
        match self {
            Self::Create(args) => args.made_of.runtime_binary(),
            Self::Run(args) => args.made_of.runtime_binary(),
            _ => None,
        }
    }
}

pub(super) fn run(args: &SandboxArgs, cx: &Cx) -> Result<Exit, CliError> {
    let all = Sandboxes::open_with(&cx.env, &cx.paths, args.verb.runtime_binary());
    cx.block_on(async {
        match &args.verb {
            Verb::Build(args) => build::run(args, &all, cx).await,
            Verb::Cp(args) => cp::run(args, &all, cx).await,
            Verb::Create(args) => create::run(args, &all, cx).await,
            Verb::Doctor(args) => doctor::run(args, &all, cx).await,
            Verb::Exec(args) => exec::run(args, &all, cx).await,
            Verb::Inspect(args) => inspect::run(args, &all, cx).await,
            Verb::List(args) => list::run(args, &all, cx).await,
            Verb::Logs(args) => logs::run(args, &all, cx).await,
            Verb::Pause(args) => pause::pause(args, &all, cx).await,
            Verb::Prune(args) => prune::run(args, &all, cx).await,
            Verb::Renew(args) => renew::run(args, &all, cx).await,
            Verb::Resume(args) => pause::resume(args, &all, cx).await,
            Verb::Rm(args) => rm::run(args, &all, cx).await,
            Verb::Run(args) => run::run(args, &all, cx).await,
            Verb::Shell(args) => exec::shell(args, &all, cx).await,
            Verb::Stop(args) => stop::run(args, &all, cx).await,
        }
    })
}

impl From<SandboxError> for CliError {
    fn from(error: SandboxError) -> Self {
        let exit = match &error {
            SandboxError::NotFound { .. } => Exit::NotFound,
            SandboxError::Ambiguous { .. } => Exit::Usage,
            SandboxError::Silent(_) => Exit::TimedOut,
            _ => Exit::Failed,
        };
        let this = Self::from_error(exit, &error);
        match error.hint() {
            Some(hint) => this.hint(hint),
            None => this,
        }
    }
}

/// One layer of isolation, or one limit, as a line.
fn layer(layer: &Layer, cx: &Cx) -> String {
    let (mark, color) = if layer.active { ("ok", style::SUCCESS) } else { ("no", style::WARNING) };
    let color = cx.printer.out_style(color);
    format!("  {color}{mark}{color:#}  {:<22}  {}\n", printable(&layer.name), printable(&layer.detail))
}

fn network(network: &Network) -> String {
    match network {
        Network::None => "none".to_owned(),
        Network::Full => "full".to_owned(),
        Network::Allow(hosts) => format!("only {}", hosts.join(", ")),
    }
}
