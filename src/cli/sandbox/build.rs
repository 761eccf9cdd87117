//! `agentscope sandbox build`.

use clap::Args;
use serde_json::json;

use super::progress::Shown;
use crate::{
    cli::{AgentArgs, CliError, Cx, Exit, Output, source::AgentSource},
    runtime::shutdown::Signal,
    sandbox::{DEFAULT_IMAGE, Recipe, Sandboxes},
};

/// Make an image with packages, without a Dockerfile, and print its name
///
/// What is asked for once is there the next time. An agent with packages in its file gets its image by itself; this
/// makes it beforehand.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  agentscope sandbox build --python pandas --python 'numpy>=2' --system git
  agentscope sandbox build --image debian:12 --system ripgrep --name tools:1
  agentscope sandbox build agent.yaml
  agentscope sandbox run --image \"$(agentscope sandbox build --system git)\" -- git --version")]
pub(super) struct BuildArgs {
    #[command(flatten)]
    agent: AgentArgs,
    /// The image to begin with [default: that of the agent file, else python:3.13-slim]
    #[arg(long, value_name = "BASE")]
    image: Option<String>,
    /// Install this with pip, besides what the agent file names; may be given several times
    #[arg(long, value_name = "PACKAGE")]
    python: Vec<String>,
    /// Install this with the package manager of the image: apt, apk, dnf or microdnf
    #[arg(long, value_name = "PACKAGE")]
    system: Vec<String>,
    /// Also give the image this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

pub(super) async fn run(args: &BuildArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    let recipe = recipe(args, cx)?;
    let mut signals = super::signals()?;
    let made = {
        let progress = Shown::new(cx);
        tokio::select! {
            made = all.build(&recipe, args.name.as_deref(), &progress) => made?,
            // What it was made in ends with us.
            Signal::Interrupt | Signal::Terminate = signals.recv() => return Ok(Exit::Interrupted),
        }
    };
    match args.output {
        Output::Text => cx.printer.stdout(&format!("{made}\n"))?,
        Output::Json => cx.printer.json(&json!({
            "image": made,
            "base": recipe.base,
            "packages": { "python": recipe.python, "system": recipe.system },
        }))?,
    }
    Ok(Exit::Done)
}

fn recipe(args: &BuildArgs, cx: &Cx) -> Result<Recipe, CliError> {
    let mut recipe = Recipe { base: DEFAULT_IMAGE.to_owned(), ..Recipe::default() };
    if args.agent.agent.is_some() || args.agent.config.is_some() {
        let (loaded, _) = AgentSource::find(&args.agent, cx)?.load(args.agent.profile.as_deref(), cx)?;
        let sandbox = loaded.file.agent.sandbox;
        recipe.base = sandbox.image.unwrap_or(recipe.base);
        recipe.python = sandbox.packages.python;
        recipe.system = sandbox.packages.system;
    }
    if let Some(base) = &args.image {
        recipe.base.clone_from(base);
    }
    recipe.python.extend(args.python.iter().cloned());
    recipe.system.extend(args.system.iter().cloned());
    if recipe.is_empty() {
        return Err(CliError::usage("there is nothing to install")
            .hint("name packages with --python and --system, or an agent whose file has `sandbox.packages`"));
    }
    Ok(recipe)
}
