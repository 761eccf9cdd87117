//! `agentscope build`: an OCI image of an agent, without Docker.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{AgentArgs, CliError, Cx, Exit, cx::signals, source::AgentSource};
use crate::{
    deploy::{
        DeployError, Progress,
        engine::{Engine, Loaded},
        image::{self, Assets, Base, Cache, Image, Layer, Recipe},
        registry::{self, Pushed, Reference},
    },
    runtime::shutdown::Signal,
    sandbox,
    ui::Steps,
};

/// Make an OCI image of an agent, without Docker
///
/// The image holds this program, the agent file and what it names: skills, instructions, OpenAPI documents, the files of
/// local MCP servers, other agents. The same input gives the same image. Secrets never get in: what looks like one is
/// refused, and keys are given to the agent where it runs.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --push and --output-oci the image is loaded into the container engine of this machine. In the
container the agent runs as an ordinary user, keeps what it keeps below /data, and listens on all addresses,
so its file needs `serve.tokens`.

Examples:
  agentscope build
  agentscope build agent.yaml --output-oci agent.tar
  agentscope build agent.yaml --push registry.example/agents/demo:1
  agentscope build agent.yaml --base registry.example/python:3.13-slim --tag demo:dev"
)]
pub(super) struct BuildArgs {
    #[command(flatten)]
    agent: AgentArgs,
    /// Write an OCI image layout here: a tar where it ends in .tar, a folder otherwise
    #[arg(long, value_name = "PATH")]
    output_oci: Option<PathBuf>,
    /// Send the image to this repository of a registry, HOST/PATH[:TAG], with the login of Docker
    #[arg(long, value_name = "REPOSITORY")]
    push: Option<String>,
    /// What the container engine calls the image [default: agentscope/NAME:HASH]
    #[arg(long, value_name = "NAME:TAG", conflicts_with = "push")]
    tag: Option<String>,
    /// Begin with this image of a registry, HOST/PATH[:TAG], as one that has Python or Node.js [default: nothing at all]
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,
    /// The revision of the sources, such as a commit, for the labels of the image
    #[arg(long, value_name = "TEXT")]
    revision: Option<String>,
    /// A static agentscope of this version for Linux; also AGENTSCOPE_RUNTIME_BINARY [default: itself]
    #[arg(long, value_name = "FILE")]
    runtime_binary: Option<PathBuf>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: BuildOutput,
}

/// The form of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum BuildOutput {
    /// The name of the image
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// Where the image went.
#[derive(Default)]
struct Went {
    path: Option<PathBuf>,
    pushed: Option<Pushed>,
    loaded: Option<Loaded>,
}

pub(super) fn run(args: &BuildArgs, cx: &Cx) -> Result<Exit, CliError> {
    let source = AgentSource::find(&args.agent, cx)?;
    let (loaded, _) = source.load(args.agent.profile.as_deref(), cx)?;
    let assets = Assets::gather(&loaded, &cx.env.cwd)?;
    // What cannot be asked for is told before anything is done.
    let push = args.push.as_deref().map(Reference::parse).transpose()?;
    cx.block_on(async {
        let mut signals = signals()?;
        let steps: Arc<dyn Progress> = Arc::new(Shown(Steps::new(cx.printer)));
        let work = async {
            let image = make(&args.making(), &assets, cx, &steps).await?;
            let went = send(args, push.as_ref(), &image, cx, &*steps).await?;
            Ok::<_, CliError>((image, went))
        };
        let (image, went) = tokio::select! {
            done = work => done?,
            Signal::Interrupt | Signal::Terminate = signals.recv() => return Ok(Exit::Interrupted),
        };
        drop(steps);
        for warning in &image.warnings {
            cx.printer.warn(warning);
        }
        match args.output {
            BuildOutput::Text => cx.printer.stdout(&format!("{}\n", name(&image, &went)))?,
            BuildOutput::Json => cx.printer.json(&document(&image, &went))?,
        }
        Ok(Exit::Done)
    })
}

/// What an image is made with, besides the agent.
pub(super) struct Making<'a> {
    pub(super) base: Option<&'a str>,
    pub(super) profile: Option<&'a str>,
    pub(super) revision: Option<&'a str>,
    pub(super) runtime_binary: Option<&'a Path>,
}

impl BuildArgs {
    fn making(&self) -> Making<'_> {
        Making {
            base: self.base.as_deref(),
            profile: self.agent.profile.as_deref(),
            revision: self.revision.as_deref(),
            runtime_binary: self.runtime_binary.as_deref(),
        }
    }
}

/// Makes the image, into the cache.
///
/// # Errors
/// An executable that cannot run in it; a base that cannot be had.
pub(super) async fn make(
    making: &Making<'_>,
    assets: &Assets,
    cx: &Cx,
    progress: &Arc<dyn Progress>,
) -> Result<Image, CliError> {
    let binary = sandbox::runtime_binary(&cx.env, making.runtime_binary);
    let cache = cache(cx);
    let base = match making.base {
        Some(base) => Some(pull(base, &binary, &cache, cx, &**progress).await?),
        None => None,
    };
    let (assets, progress) = (assets.clone(), Arc::clone(progress));
    let (profile, revision) = (making.profile.map(str::to_owned), making.revision.map(str::to_owned));
    let built = tokio::task::spawn_blocking(move || {
        let recipe = Recipe {
            binary: &binary,
            assets: &assets,
            base: base.as_ref(),
            profile: profile.as_deref(),
            revision: revision.as_deref(),
        };
        image::build(&recipe, &cache, &*progress)
    });
    Ok(built.await.map_err(|error| CliError::failed("could not build the image").because(&error))??)
}

async fn pull(base: &str, binary: &Path, cache: &Cache, cx: &Cx, progress: &dyn Progress) -> Result<Base, CliError> {
    let architecture = sandbox::architecture(binary).map_err(DeployError::from)?;
    let reference = Reference::parse(base)?;
    Ok(registry::pull_base(&reference, &architecture, cache, (&cx.http, &cx.env), progress).await?)
}

async fn send(
    args: &BuildArgs,
    push: Option<&Reference>,
    image: &Image,
    cx: &Cx,
    steps: &dyn Progress,
) -> Result<Went, CliError> {
    let cache = cache(cx);
    let name = args.tag.clone().unwrap_or_else(|| format!("agentscope/{}:{}", image.name, image.tag()));
    let mut went = Went::default();
    if let Some(path) = &args.output_oci {
        steps.step(&format!("writing {}", path.display()), None, None);
        image::write_layout(image, &name, &cache, &cx.env.cwd.join(path))?;
        went.path = Some(path.clone());
    }
    if let Some(to) = push {
        went.pushed = Some(registry::push(image, to, &cache, (&cx.http, &cx.env), steps).await?);
    }
    if went.path.is_none() && went.pushed.is_none() {
        let engine = Engine::connect(&cx.env).await.map_err(|error| match error {
            DeployError::NoEngine { reason, .. } => DeployError::NoEngine {
                reason,
                hint: "the image needs none: write it with `--output-oci PATH`, or send it with `--push REPOSITORY`"
                    .to_owned(),
            },
            other => other,
        })?;
        went.loaded = Some(engine.load(image, &name, &cache, steps).await?);
    }
    Ok(went)
}

/// The layers of this user.
pub(super) fn cache(cx: &Cx) -> Cache {
    Cache::new(image::cache_folder(&cx.paths.cache))
}

/// What a next command can use.
fn name(image: &Image, went: &Went) -> String {
    match went {
        Went { pushed: Some(pushed), .. } => pushed.reference.pinned(&image.digest()),
        Went { loaded: Some(loaded), .. } => loaded.name.clone(),
        Went { path, .. } => {
            path.as_ref().map_or_else(|| image.digest().to_string(), |path| path.display().to_string())
        }
    }
}

fn document(image: &Image, went: &Went) -> Value {
    let layer = |layer: &Layer| {
        json!({
            "digest": layer.blob.digest.to_string(),
            "size": layer.blob.size,
            "reused": layer.reused,
        })
    };
    json!({
        "image": name(image, went),
        "agent": image.name,
        "digest": image.digest().to_string(),
        "id": image.id().to_string(),
        "agent_hash": image.agent_hash.to_string(),
        "platform": format!("linux/{}", image.architecture),
        "size": image.size(),
        "layers": image.layers.iter().map(layer).collect::<Vec<_>>(),
        "path": went.path,
        "pushed": went.pushed.as_ref().map(|pushed| json!({
            "reference": pushed.reference.to_string(),
            "blobs": pushed.blobs,
            "bytes": pushed.bytes,
            "unchanged": pushed.unchanged,
        })),
        "loaded": went.loaded.as_ref().map(|loaded| json!({
            "name": loaded.name,
            "layers": loaded.layers,
            "bytes": loaded.bytes,
        })),
        "warnings": image.warnings,
    })
}

/// Steps on standard error.
pub(super) struct Shown(pub(super) Steps);

impl Progress for Shown {
    fn step(&self, what: &str, done: Option<u64>, total: Option<u64>) {
        self.0.step(what, done, total);
    }
}

impl From<DeployError> for CliError {
    fn from(error: DeployError) -> Self {
        let exit = match &error {
            // Another executable has to be named.
            DeployError::Usage { .. } | DeployError::PortTaken { .. } | DeployError::Binary(_) => Exit::Usage,
            DeployError::NotFound { .. } => Exit::NotFound,
            DeployError::Interrupted { .. } => Exit::Interrupted,
            _ => Exit::Failed,
        };
        match error {
            DeployError::Agent(diagnostics) => diagnostics.into(),
            error => {
                let this = Self::from_error(exit, &error);
                match error.hint() {
                    Some(hint) => this.hint(hint),
                    None => this,
                }
            }
        }
    }
}
