//! From the agent file to a deployment.

use super::{DeployArgs, DeployOutput, arguments::Chosen, docker, plan, report, steps};
use crate::{
    agent,
    cli::{CliError, Cx, Exit, build, source::AgentSource},
    deploy::{
        DeployError, DeployRequest, Deployer as _, Publish,
        image::{Assets, Image},
        plan::{Plan, diff},
        variables,
    },
    model::DefaultModel,
};

/// # Errors
/// Whatever keeps the agent from being deployed; nothing is changed then, or all is as before.
pub(super) async fn deploy(args: &DeployArgs, chosen: &Chosen, cx: &Cx) -> Result<Exit, CliError> {
    let steps = steps(cx);
    // Given variables count as if they were set here.
    let here = cx.with_variables(&chosen.given);
    let source = AgentSource::find(&chosen.agent, cx)?;
    let (loaded, keys) = source.load(chosen.agent.profile.as_deref(), &here)?;
    let found = match &loaded.file.agent.model {
        None => Some(DefaultModel::find(&keys, &cx.paths, &cx.http).await?.reference),
        Some(_) => None,
    };
    let mut assets = Assets::gather(&loaded, &cx.env.cwd)?;
    if let Some(found) = &found {
        assets.needs_model(found);
    }
    if !args.plan {
        agent::require_all(&loaded, found.as_deref(), &["/storage/", "/serve/", "/telemetry/"])?;
    }
    if let Some(lacking) = assets.lacking().into_iter().next().filter(|_| args.base.is_none()) {
        return Err(
            CliError::usage(lacking).hint("name an image of a registry that has it with `--base HOST/PATH:TAG`")
        );
    }
    let secrets = variables::gather(&assets, &keys, &chosen.given)?;
    let making = build::Making {
        base: args.base.as_deref(),
        profile: chosen.agent.profile.as_deref(),
        revision: None,
        runtime_binary: args.runtime_binary.as_deref(),
    };
    let image = build::make(&making, &assets, cx, &steps).await?;
    let docker = docker(cx).await?;
    let name = args.name.clone().unwrap_or_else(|| loaded.file.name.clone());
    fits(&image, docker.engine().architecture())?;
    let mut notes = image.warnings.clone();
    if let Some(found) = &found {
        notes.push(format!("the agent file names no model; from what is found here it would be `{found}`"));
    }
    // Its digest is in the name, which every engine knows it by.
    let label = format!("agentscope/{name}:{}", image.tag());
    let settings = &loaded.file.deploy;
    let request = DeployRequest {
        name: name.clone(),
        image: label.clone(),
        agent_hash: image.agent_hash.to_string(),
        port: assets.port,
        secrets,
        smoke: settings.smoke.clone(),
        memory: settings.docker.memory,
        cpu: settings.docker.cpu,
        publish: Publish { host: args.host, port: args.port },
        notes,
    };
    let plan = diff(docker.render(&request)?, docker.observe(&name).await?);
    if args.plan {
        drop(steps);
        return planned(args, &plan, cx);
    }
    if plan.changed() {
        docker.engine().load(&image, &label, &build::cache(cx), &*steps).await?;
    }
    let done = docker.apply(plan, args.patience(), &*steps).await?;
    drop(steps);
    report::deployed(&done, args.output, cx)
}

fn planned(args: &DeployArgs, planned: &Plan, cx: &Cx) -> Result<Exit, CliError> {
    match args.output {
        DeployOutput::Text => cx.printer.stdout(&plan::text(planned))?,
        DeployOutput::Markdown => cx.printer.stdout(&plan::markdown(planned))?,
        DeployOutput::Json => cx.printer.json(&plan::document(planned))?,
        DeployOutput::Yaml => cx.printer.stdout(&plan::yaml(planned)?)?,
    }
    Ok(if args.detailed_exitcode && planned.changed() { Exit::Of(10) } else { Exit::Done })
}

fn fits(image: &Image, engine: &str) -> Result<(), DeployError> {
    if image.architecture == engine {
        return Ok(());
    }
    Err(DeployError::Failed {
        what: format!("the executable is for {}, and the engine is for {engine}", image.architecture),
        hint: Some("name a static one for it with `--runtime-binary FILE`".to_owned()),
    })
}
