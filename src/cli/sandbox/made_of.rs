//! The flags that say what a sandbox is made of; the same as under `sandbox` in an agent file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use crate::{
    cli::{CliError, Cx, boxes::WorkspaceChoice},
    config::{
        Secret,
        agent_file::{self, AllowedHosts, Bytes, Cpu, Network, Span},
    },
    sandbox::{Asked, BackendKind, Confinement, SandboxSpec, Sandboxes, Tier, WorkspaceMode},
};

#[derive(Debug, Args)]
pub(super) struct MadeOf {
    /// Who makes it; `auto` is `local`, else `docker`
    #[arg(long, value_enum, default_value_t, value_name = "BACKEND")]
    backend: BackendChoice,
    /// The image, for backends with images; with `auto`, `docker` is chosen
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// For containers: a static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY [default: itself]
    #[arg(long, value_name = "FILE")]
    runtime_binary: Option<PathBuf>,
    /// What is in it
    #[arg(long = "type", value_name = "TYPE", default_value = "base")]
    kind: String,
    /// The folder that programs see as /workspace: a private copy of it, unless --workspace says otherwise
    #[arg(short = 'w', long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// What programs may do with the folder, which is the current one without -w
    #[arg(long, value_enum, value_name = "MODE")]
    workspace: Option<WorkspaceChoice>,
    /// Also show this inside: HOST_PATH:PATH or HOST_PATH:PATH:ro
    #[arg(long, value_name = "MOUNT")]
    mount: Vec<String>,
    /// The network: none, full, or the hosts that may be reached, with commas between them
    #[arg(long, value_name = "NET", default_value = "none", value_parser = network)]
    net: Network,
    /// Memory, such as 512Mi
    #[arg(long, value_name = "SIZE")]
    memory: Option<Bytes>,
    /// Processors, such as 0.5 or 2
    #[arg(long, value_name = "NUMBER")]
    cpus: Option<Cpu>,
    /// Most processes at once
    #[arg(long, value_name = "NUMBER")]
    pids: Option<u32>,
    /// Most bytes written to the workspace and /tmp, such as 1Gi
    #[arg(long, value_name = "SIZE")]
    disk: Option<Bytes>,
    /// A Python package for programs to import, such as pandas or 'pandas>=2': installed once, with network
    #[arg(long, value_name = "PACKAGE")]
    python_package: Vec<String>,
    /// A variable for the programs; without a value, the one of this shell
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Refuse to start with less isolation than this
    #[arg(long, value_enum, value_name = "TIER")]
    min_tier: Option<TierChoice>,
    /// A label to choose it by later
    #[arg(long, value_name = "NAME=VALUE", value_parser = super::select::label)]
    label: Vec<(String, Option<String>)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum BackendChoice {
    #[default]
    Auto,
    /// Namespaces, landlock and seccomp of this machine's kernel
    Local,
    /// A container
    Docker,
    /// A container whose system calls gVisor answers
    Gvisor,
    /// No isolation at all
    Host,
}

impl BackendChoice {
    /// The one that is named.
    pub(super) fn kind(self) -> Option<BackendKind> {
        match self {
            Self::Auto => None,
            Self::Local => Some(BackendKind::Local),
            Self::Docker => Some(BackendKind::Docker),
            Self::Gvisor => Some(BackendKind::Gvisor),
            Self::Host => Some(BackendKind::Host),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TierChoice {
    #[value(name = "A", alias = "a")]
    A,
    #[value(name = "B", alias = "b")]
    B,
}

fn network(text: &str) -> Result<Network, String> {
    match text {
        "none" => Ok(Network::None),
        "full" => Ok(Network::Full),
        "" => Err("write none, full, or the names of hosts".to_owned()),
        hosts => Ok(Network::Allow(AllowedHosts { allow: hosts.split(',').map(str::to_owned).collect() })),
    }
}

/// How long a sandbox lasts; nothing stands for the defaults.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lasting {
    pub(super) idle: Option<Span>,
    pub(super) age: Option<Span>,
    /// Ends with this command.
    pub(super) tied: bool,
}

impl MadeOf {
    /// What is to be put into containers.
    pub(super) fn runtime_binary(&self) -> Option<&Path> {
        self.runtime_binary.as_deref()
    }

    /// What the flags mean on this machine.
    pub(super) async fn spec(&self, lasting: Lasting, all: &Sandboxes, cx: &Cx) -> Result<SandboxSpec, CliError> {
        self.consistent()?;
        let given = self.dir.is_some() || self.workspace.is_some_and(|mode| mode != WorkspaceChoice::None);
        let dir = cx.env.cwd.join(self.dir.as_deref().unwrap_or(&cx.env.cwd));
        let sandbox = agent_file::Sandbox {
            backend: match self.backend {
                BackendChoice::Auto if self.image.is_some() => agent_file::Backend::Docker,
                BackendChoice::Auto => agent_file::Backend::Auto,
                BackendChoice::Local => agent_file::Backend::Local,
                BackendChoice::Docker => agent_file::Backend::Docker,
                BackendChoice::Gvisor => agent_file::Backend::Gvisor,
                BackendChoice::Host => agent_file::Backend::Host,
            },
            kind: Some(self.kind.clone()),
            image: self.image.clone(),
            workspace: agent_file::Workspace {
                mode: self.workspace.map(Into::into),
                ..agent_file::Workspace::default()
            },
            mounts: self.mount.clone(),
            env: self.environment(cx)?,
            packages: agent_file::Packages { python: self.python_package.clone(), system: vec![] },
            min_tier: self.min_tier.map(|tier| match tier {
                TierChoice::A => agent_file::Tier::A,
                TierChoice::B => agent_file::Tier::B,
            }),
            network: self.net.clone(),
            limits: agent_file::SandboxLimits { cpu: self.cpus, memory: self.memory, pids: self.pids, disk: self.disk },
            idle_timeout: lasting.idle,
            max_age: lasting.age,
            ..agent_file::Sandbox::default()
        };
        let mut spec = all
            .resolve(&Asked {
                sandbox: &sandbox,
                folder: &cx.env.cwd,
                mode: if given { WorkspaceMode::Copy } else { WorkspaceMode::None },
                workspace: &dir,
                user: cx.env.user(),
                session: None,
                agent: "",
                tied: lasting.tied,
            })
            .await?;
        for (name, value) in &self.label {
            spec.labels.insert(name.clone(), value.clone().unwrap_or_default());
        }
        announce(&spec, cx);
        Ok(spec)
    }

    /// Flags that cannot both be meant.
    fn consistent(&self) -> Result<(), CliError> {
        if self.dir.is_some() && self.workspace == Some(WorkspaceChoice::None) {
            return Err(CliError::usage("-w names a folder, and `--workspace none` wants none"));
        }
        if self.image.is_some() && matches!(self.backend, BackendChoice::Local | BackendChoice::Host) {
            return Err(no_images());
        }
        Ok(())
    }

    fn environment(&self, cx: &Cx) -> Result<BTreeMap<String, Secret>, CliError> {
        variables(&self.env, cx).map(|vars| vars.into_iter().map(|(name, value)| (name, value.into())).collect())
    }
}

pub(super) fn no_images() -> CliError {
    CliError::usage("the `local` and `host` backends have no images")
        .hint("leave --image out, or use `--backend docker`")
}

/// The variables that `-e` names.
pub(super) fn variables(given: &[String], cx: &Cx) -> Result<BTreeMap<String, String>, CliError> {
    let mut variables = BTreeMap::new();
    for text in given {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, value),
            None => match cx.env.var(text) {
                Some(value) => (text.as_str(), value),
                None => return Err(CliError::usage(format!("`-e {text}`: there is no such variable here"))),
            },
        };
        if name.is_empty() || name.contains('\0') || value.contains('\0') {
            return Err(CliError::usage("`-e` takes NAME=VALUE, or the NAME of a variable of this shell"));
        }
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

/// Says what has no isolation.
fn announce(spec: &SandboxSpec, cx: &Cx) {
    if spec.backend == BackendKind::Host {
        cx.printer.warn("the `host` backend isolates nothing: programs run with all your rights");
    }
}

/// Says what isolation there is where it is not all that could be.
pub(super) fn weaker(confinement: Option<&Confinement>, cx: &Cx) {
    if confinement.is_some_and(|confinement| confinement.tier == Tier::B) {
        cx.printer.warn("tier B: no namespaces here, only landlock and seccomp; `agentscope sandbox doctor` says why");
    }
}
