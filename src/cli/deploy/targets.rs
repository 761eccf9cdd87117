//! The targets that there are, and all of them asked at once.

use clap::ValueEnum;
use futures_util::future::join_all;

use crate::{
    cli::{CliError, Cx, Exit},
    config::Keys,
    deploy::{
        Deployer,
        docker::Docker,
        engine::Engine,
        kubernetes::{self, Knative, Kubernetes},
        local::Local,
        plan::{Observed, State},
    },
};

/// Where an agent can be deployed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    Local,
    Docker,
    Kubernetes,
    Knative,
}

impl Target {
    /// The one that examples are about.
    pub(super) const FIRST: Self = Self::Local;

    /// As in `TARGET/NAME`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
            Self::Knative => "knative",
        }
    }

    /// The target of that name.
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|target| target.name() == word)
    }

    /// The target that an id such as `docker/demo` begins with, and the rest of it.
    pub(super) fn of_id(id: &str) -> Option<(Self, &str)> {
        let (target, place) = id.split_once('/')?;
        Some((Self::of(target)?, place))
    }

    /// How many names a place there has at most.
    pub(super) fn parts(self) -> usize {
        match self {
            Self::Local | Self::Docker => 1,
            Self::Kubernetes | Self::Knative => 2,
        }
    }

    /// All of them, for messages: `docker, local`.
    pub(super) fn all() -> String {
        Self::value_variants().iter().map(|target| target.name()).collect::<Vec<_>>().join(", ")
    }

    /// Whether this machine knows of one to ask, which need not answer. One that is absent has no deployments.
    fn is_known(self, cx: &Cx) -> bool {
        match self {
            Self::Local => true,
            Self::Docker => Engine::is_named(&cx.env),
            Self::Kubernetes | Self::Knative => kubernetes::is_known(&cx.env),
        }
    }

    /// # Errors
    /// One that is absent or cannot be reached.
    pub(super) async fn open(self, cx: &Cx) -> Result<Box<dyn Deployer>, CliError> {
        Ok(match self {
            Self::Local => Box::new(local(cx)?),
            Self::Docker => Box::new(docker(cx).await?),
            Self::Kubernetes => Box::new(cluster(cx).await?),
            Self::Knative => Box::new(knative(cx).await?),
        })
    }

    /// All that is deployed there.
    ///
    /// # Errors
    /// One that cannot be asked.
    async fn ask(self, cx: &Cx) -> Result<(Box<dyn Deployer>, Vec<Observed>), CliError> {
        let deployer = self.open(cx).await?;
        let all = deployer.list().await?;
        Ok((deployer, all))
    }
}

/// # Errors
/// A file of keys that cannot be used.
pub(super) fn local(cx: &Cx) -> Result<Local, CliError> {
    let keys = Keys::load(&cx.env, &cx.paths, None).map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    Ok(Local::new(&cx.env, &cx.paths, keys, cx.interrupt.clone()))
}

/// # Errors
/// No engine that answers.
pub(super) async fn docker(cx: &Cx) -> Result<Docker, CliError> {
    Ok(Docker::new(Engine::connect(&cx.env).await?, cx.paths.state.clone(), cx.interrupt.clone()))
}

/// # Errors
/// No kubeconfig, or one that is wrong.
pub(super) async fn cluster(cx: &Cx) -> Result<Kubernetes, CliError> {
    Ok(Kubernetes::open(&cx.env, &cx.http, cx.paths.state.clone(), cx.interrupt.clone()).await?)
}

/// # Errors
/// No kubeconfig, or one that is wrong.
pub(super) async fn knative(cx: &Cx) -> Result<Knative, CliError> {
    Ok(Knative::open(&cx.env, &cx.http, cx.paths.state.clone(), cx.interrupt.clone()).await?)
}

/// What several targets said.
pub(super) struct Asked {
    pub(super) told: Vec<(Box<dyn Deployer>, Vec<Observed>)>,
    /// Those that could not be asked, and why.
    pub(super) silent: Vec<(Target, CliError)>,
}

impl Asked {
    /// Every target that this machine knows of, at the same time.
    pub(super) async fn every(cx: &Cx) -> Self {
        Self::these(Target::value_variants().iter().copied().filter(|target| target.is_known(cx)), cx).await
    }

    /// One alone.
    pub(super) async fn one(target: Target, cx: &Cx) -> Self {
        Self::these([target].into_iter(), cx).await
    }

    async fn these(targets: impl Iterator<Item = Target>, cx: &Cx) -> Self {
        let asked = join_all(targets.map(|target| async move { (target, target.ask(cx).await) })).await;
        let mut this = Self { told: vec![], silent: vec![] };
        for (target, answer) in asked {
            match answer {
                Ok(answer) => this.told.push(answer),
                Err(error) => this.silent.push((target, error)),
            }
        }
        this
    }

    /// Says on standard error what could not be asked.
    pub(super) fn say_silent(&self, cx: &Cx) {
        for (target, error) in &self.silent {
            cx.printer.warn(&format!("{} cannot be asked: {}", target.name(), error.text()));
        }
    }

    /// All deployments, and one that is unknown for each target that could not be asked.
    pub(super) fn all(&self) -> Vec<Observed> {
        let told = self.told.iter().flat_map(|(_, all)| all.iter().cloned());
        told.chain(self.silent.iter().map(|(target, _)| unknown(*target))).collect()
    }
}

fn unknown(target: Target) -> Observed {
    Observed {
        id: target.name().to_owned(),
        name: String::new(),
        target: target.name(),
        state: State::Unknown,
        url: None,
        revisions: vec![],
        drift: vec![],
    }
}
