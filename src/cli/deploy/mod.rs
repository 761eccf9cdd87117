//! `agentscope deploy` and the verbs of what is deployed.

mod arguments;
mod find;
pub(super) mod invoke;
pub(super) mod list;
pub(super) mod logs;
mod make;
mod plan;
mod report;
pub(super) mod rm;
pub(super) mod rollback;
mod sources;
pub(super) mod status;
pub(super) mod stop;
mod targets;

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, ValueEnum};

use self::arguments::Chosen;
use super::{CliError, Cx, Exit, build::Shown, cx::signals};
use crate::{deploy::Progress, runtime::shutdown::Signal, ui::Steps};

pub(super) use find::chat;

/// Deploy an agent: to this machine, to containers of Docker, or to a Kubernetes cluster, with Knative or without
///
/// What is there already stays as it is: deploying the same agent again changes nothing. A new revision is tried where
/// nobody reaches it, then put in the place of the old one, which goes on if the new one does not answer. Keys that the
/// agent file refers to are taken from here, and kept where only the agent reads them.
#[derive(Debug, Args)]
#[command(
    after_help = "The targets: local, a process of this machine that keeps the agent running; docker, the container engine of this
machine or of DOCKER_HOST; kubernetes, the cluster of the kubeconfig's current context; knative, Knative in that cluster.
The exit code is 1 where the new revision did not answer; --plan with --detailed-exitcode gives 10 for changes.

Examples:
  agentscope deploy local
  agentscope deploy docker agent.yaml --name demo --plan
  agentscope deploy kubernetes --registry registry.example/agents
  agentscope deploy --mode docker --config agent.yaml -E OPENAI_API_KEY=...
  agentscope invoke demo -q \"What is new?\""
)]
pub(super) struct DeployArgs {
    /// The target, and an agent file or a folder with an agent.yaml; ./agent.yaml where absent
    #[arg(value_name = "TARGET] [AGENT", num_args = 0..=2)]
    words: Vec<String>,
    /// The same as TARGET
    #[arg(long, value_name = "TARGET")]
    mode: Option<String>,
    /// The same as AGENT
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Merge this profile of the agent file over it
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The name of the deployment [default: that of the agent]
    #[arg(long, value_name = "NAME", value_parser = arguments::name)]
    name: Option<String>,
    /// Only show what would be done
    #[arg(long, visible_alias = "dry-run")]
    plan: bool,
    /// With --plan: exit with 10 where there are changes
    #[arg(long, requires = "plan")]
    detailed_exitcode: bool,
    /// Give the agent this variable; may be given several times
    #[arg(short = 'E', long = "env", value_name = "NAME=VALUE", value_parser = arguments::variable)]
    env: Vec<(String, String)>,
    /// Give the agent the variables of this file
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// The port of the host [default: the one it has, else the next that is free]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The address of the host that callers may come by [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<std::net::IpAddr>,
    /// Send the image to this place of a registry, HOST/PATH, which a cluster can pull from; also `deploy.registry`
    #[arg(long, value_name = "HOST/PATH")]
    registry: Option<String>,
    /// Begin the image with this one of a registry, HOST/PATH[:TAG] [default: nothing at all]
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,
    /// For knative: percent of the calls that the revision gets; also `deploy.knative.traffic` [default: 100]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
    traffic: Option<u32>,
    /// Wait also where nothing changes, until what is there answers; a new revision is waited for in any case
    #[arg(long)]
    wait: bool,
    /// How long the new revision may take until it answers, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// A static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY [default: itself]
    #[arg(long, value_name = "FILE")]
    runtime_binary: Option<PathBuf>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: DeployOutput,
}

/// The form of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DeployOutput {
    #[default]
    Text,
    /// One YAML document
    Yaml,
    /// One JSON document
    Json,
    /// For a comment on a change
    Markdown,
}

pub(super) fn run(args: &DeployArgs, cx: &Cx) -> Result<Exit, CliError> {
    let chosen = Chosen::of(args, cx)?;
    in_order(cx, |steps| make::deploy(args, &chosen, cx, steps))
}

impl DeployArgs {
    fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// Runs `work`, until a signal.
fn until_told<T>(
    cx: &Cx,
    work: impl Future<Output = Result<T, CliError>>,
    done: impl FnOnce(T) -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    cx.block_on(async {
        let mut signals = signals()?;
        tokio::select! {
            result = work => done(result?),
            Signal::Interrupt | Signal::Terminate = signals.recv() => Ok(Exit::Interrupted),
        }
    })
}

/// Runs `work`, which a first signal has take back what it began; a second one ends it at once.
fn in_order<W: Future<Output = Result<Exit, CliError>>>(
    cx: &Cx,
    work: impl FnOnce(Arc<dyn Progress>) -> W,
) -> Result<Exit, CliError> {
    cx.block_on(async {
        let signals = signals()?;
        let steps = steps(cx);
        // Not held: what they have shown goes before the result is told.
        let shown = Arc::downgrade(&steps);
        let told = async {
            signals.told().await;
            if let Some(steps) = shown.upgrade() {
                steps.step("interrupted: tidying up; a second signal ends this at once", None, None);
            }
            cx.interrupt.raise();
            std::future::pending().await
        };
        tokio::select! {
            done = work(steps) => done,
            never = told => never,
        }
    })
}

/// Steps on standard error.
fn steps(cx: &Cx) -> Arc<dyn Progress> {
    Arc::new(Shown(Steps::new(cx.printer)))
}
